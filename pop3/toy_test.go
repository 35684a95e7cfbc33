package pop3

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/mailwire/mailwire/internal/transcript"
)

// stamp and the secret are the example of RFC 1939, section 7.
const (
	stamp  = "<1896.697170952@dbc.mtview.ca.us>"
	secret = "tanstaaf"
)

// exampleMessages are of the sizes of RFC 1939, section 10. Their line ends are
// bare, as a store on disk may have them.
func exampleMessages() []string {
	return []string{
		"Subject: first\n\n" + strings.Repeat("a", 100) + "\n",
		"Subject: second\n\n." + strings.Repeat("b", 178) + "\n",
	}
}

// fixtures are the configurations that the transcripts are played with, by the
// first word of their file names.
var fixtures = map[string]ServerConfig{
	"apop": {Stamp: stamp, Cleartext: true},
	"clear": {
		Mechanisms: []string{"PLAIN"}, StartTLS: true, Cleartext: true,
		Delay: Period{Set: true, PerUser: true, N: 900}, Expire: Period{Set: true, PerUser: true, N: 60},
		Implementation: "Shlemazle-Plotz-v302",
		Languages: []Language{
			{"en", "English"}, {"en-boont", "English Boontling dialect"}, {"de", "Deutsch"}, {"es", "Español"},
		},
	},
	"tls": {Mechanisms: []string{"PLAIN"}, StartTLS: true},
}

// A toy is a driver of a ServerSession without a connection: one maildrop, whose
// owner is mrose.
type toy struct {
	s        *ServerSession
	r        *Reader
	held     []byte // not yet a whole line: a Reader cannot be interrupted
	in       bytes.Buffer
	messages []string

	out    []byte
	events []string
}

func newToy(c ServerConfig, messages []string) *toy {
	t := &toy{s: NewServerSession(c, false), messages: messages}
	t.r = NewReader(&t.in)
	t.reply(t.s.Greet(Reply{OK: true, Text: "POP3 server ready"}))
	return t
}

// session makes t a peer for transcripts.
func (t *toy) session() transcript.Session {
	return transcript.Session{Feed: t.feed, Take: t.take, StartTLS: func() error {
		t.s.TLSDone()
		return t.r.Upgrade(&t.in)
	}}
}

func (t *toy) take() transcript.Output {
	o := transcript.Output{Octets: t.out, Events: t.events, Closed: t.s.State() == Closed}
	t.out, t.events = nil, nil
	return o
}

func (t *toy) feed(octets []byte) {
	t.held = append(t.held, octets...)
	if end := bytes.LastIndexByte(octets, '\n'); end >= 0 {
		t.hand(len(t.held) - len(octets) + end + 1)
	} else if len(t.held) > maxSkip+4096 {
		t.hand(len(t.held))
	}
	for t.s.State() != Closed && t.s.State() != Upgrading {
		line, err := t.r.ReadLine(t.s.LineLimit())
		switch {
		case err == nil:
			t.handle(t.s.Step(line))
		case err == io.EOF, err == io.ErrUnexpectedEOF:
			return
		default:
			t.handle(t.s.BadLine(err))
		}
	}
}

// hand lets the Reader have the first n octets that are held.
func (t *toy) hand(n int) {
	t.in.Write(t.held[:n])
	t.held = append(t.held[:0], t.held[n:]...)
}

func (t *toy) reply(r Reply) { t.out = AppendReply(t.out, r) }

func (t *toy) event(format string, args ...any) {
	t.events = append(t.events, fmt.Sprintf(format, args...))
}

func (t *toy) handle(e Event) {
	switch e := e.(type) {
	case *Refused:
		t.reply(t.s.Settle(e.Reply))
	case *Answer:
		t.reply(t.s.Settle(e.Reply))
		for more := e.Multi; more; {
			t.out, more = t.s.AppendLines(t.out)
		}
	case *PassEvent:
		t.login(e.User == "mrose" && e.Password == secret || e.User == "spacey" && e.Password == " lead in trail ")
	case *ApopEvent:
		t.event("apop %s", e.User)
		t.login(e.User == "mrose" && e.Digest == Digest(e.Stamp, []byte(secret)))
	case *AuthEvent:
		if e.Response == nil {
			t.out = t.s.Challenge(t.out, nil)
			return
		}
		t.login(string(e.Response) == "\x00mrose\x00"+secret)
	case *StlsEvent:
		t.reply(t.s.Settle(Reply{OK: true}))
	case *LangEvent:
		text := map[string]string{"es": "Idioma cambiado", "de": "Sprache geändert"}[e.Tag]
		if text == "" {
			text = "language changed"
		}
		t.reply(t.s.Settle(Reply{OK: true, Text: text}))
	case *RetrEvent:
		t.event("retr %d", e.Entry.N)
		t.send(e)
	case *UpdateEvent:
		t.event("update %v", e.Deleted)
		t.reply(t.s.Settle(Reply{OK: true}))
	}
}

func (t *toy) login(ok bool) {
	if !ok {
		t.reply(t.s.Settle(Reply{Code: BadCredentials}))
		return
	}
	t.s.SetPolicy(Period{Set: t.s.Config.Delay.Set, N: 300}, t.s.Config.Expire)
	r, err := t.s.Open(entries(t.messages), Reply{OK: true})
	if err != nil {
		t.event("open %v", err)
	}
	t.reply(r)
}

func (t *toy) send(e *RetrEvent) {
	n, w := e.Entry.N, BodyWriter{Top: e.Lines >= 0, Lines: e.Lines}
	t.reply(t.s.Settle(Reply{OK: true}))
	t.out, _ = w.Append(t.out, []byte(t.messages[n-1]))
	t.out = w.Finish(t.out)
	t.s.Sent(nil)
}

// entries are the entries of a maildrop with these messages.
func entries(messages []string) []Entry {
	out := make([]Entry, len(messages))
	for i, m := range messages {
		size, err := Size(strings.NewReader(m))
		if err != nil {
			panic(err)
		}
		out[i] = Entry{Size: size, UID: fmt.Sprintf("uid-%d", i+1)}
	}
	return out
}

var errBroken = errors.New("broken")
