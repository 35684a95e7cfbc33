package imap

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailwire/mailwire/internal/transcript"
)

// A toyServer is a driver with a backend of a few fixed answers: ann may log in
// with "secret", every mailbox exists but "missing" and those in it.
type toyServer struct {
	s       ServerSession
	r       *Reader
	e       Encoder
	pump    pump
	closed  bool
	events  []string
	tls     bool
	literal []byte // octets of the messages of one APPEND
}

// toyCaps is what it offers.
func toyCaps(st State, tls bool) []Cap {
	if st == NotAuthenticated {
		caps := Caps{CapRev1, CapRev2, CapID, CapSASLIR, CapLiteralPlus, "AUTH=PLAIN", "AUTH=X"}
		if !tls {
			caps = append(caps, CapStartTLS, CapLoginDisabled)
		}
		return caps
	}
	return Caps{CapRev1, CapRev2, CapID, CapEnable, CapIdle, CapCondstore, CapQResync, CapMove, CapUTF8Accept, CapBinary,
		CapMultiAppend, CapCompressDeflate, CapUnauthenticate, CapSearchRes, CapUIDPlus, CapLiteralPlus}
}

// pump carries octets to a Reader that waits for them in its own goroutine. One
// of the two runs at a time.
type pump struct {
	in    chan []byte
	idle  chan struct{}
	octet []byte
}

func (p *pump) Read(b []byte) (int, error) {
	if len(p.octet) == 0 {
		p.idle <- struct{}{}
		var ok bool
		if p.octet, ok = <-p.in; !ok {
			return 0, io.EOF
		}
	}
	n := copy(b, p.octet)
	p.octet = p.octet[n:]
	return n, nil
}

func newToy(tls bool, change func(s *ServerSession)) *toyServer {
	t := &toyServer{tls: tls, pump: pump{in: make(chan []byte), idle: make(chan struct{})}}
	t.s.Offer = toyCaps
	if change != nil {
		change(&t.s)
	}
	t.r = NewReader(&t.pump)
	t.e.Reply(t.s.Greet(Status{Text: "hello"}, tls))
	go func() {
		defer close(t.pump.idle)
		for t.s.State() != Closed {
			if !t.command() {
				break
			}
		}
		t.closed = true
	}()
	<-t.pump.idle
	return t
}

// command is one turn of the loop of a driver.
func (t *toyServer) command() bool {
	piece, err := t.r.Next(t.s.Bounds())
	if t.s.State() == Upgrading { // the handshake has not come
		t.e.Reply(t.s.Fail(&Reject{Kind: BYE, Text: "plaintext behind STARTTLS"}))
		return true
	}
	var ev Event
	switch e, refused := errors.AsType[*FrameError](err); {
	case refused:
		ev = t.s.BadLine(e)
	case err != nil:
		return false
	case piece.Announce != nil:
		a := piece.Announce
		v := t.s.Literal(a)
		t.r.Decide(v)
		if v.Do == Inline && !a.NonSync {
			t.e.Raw("+ go on\r\n")
		}
		if v.Do != Stream {
			return true
		}
		ev = t.s.Step(a.Head)
	default:
		ev = t.s.Step(piece.Command)
	}
	t.s.Configure(&t.e)
	t.handle(ev)
	return true
}

func (t *toyServer) log(format string, args ...any) {
	t.events = append(t.events, fmt.Sprintf(format, args...))
}

// handle asks the backend.
func (t *toyServer) handle(ev Event) {
	st := Status{Text: "done"}
	switch ev := ev.(type) {
	case *Answer:
		t.e.RawBytes(ev.Data)
		st = ev.Status
	case *LoginEvent:
		t.log("login %s %s", ev.Username, ev.Password)
		st = t.check(ev.Username, string(ev.Password))
	case *AuthEvent:
		t.log("auth %s %q", ev.Mechanism, ev.Initial)
		if ev.Initial == nil {
			t.e.Reply(t.s.Challenge(nil))
			return
		}
		st = t.plain(ev.Initial)
	case *AuthLine:
		t.log("response %q", ev.Response)
		st = t.plain(ev.Response)
	case *SelectEvent:
		t.log("select %s readonly=%v leaves=%v condstore=%v", ev.Mailbox, ev.ReadOnly, ev.Leaves, ev.FirstCondstore)
		if ev.Leaves {
			t.e.Status("*", Status{Code: Code{Name: "CLOSED"}, Text: "left"})
		}
		if ev.Mailbox == "missing" {
			st = No("NONEXISTENT", "no such mailbox").Status()
		}
		if ev.Mailbox == "public" {
			st.Code.Name = "READ-ONLY"
		}
	case *CloseEvent:
		t.log("close expunge=%v", ev.Expunge)
	case *AppendEvent:
		t.log("append %s %v", ev.Mailbox, ev.Message.Flags)
		if ev.Mailbox == "missing" {
			if t.r.Abandon(t.s.Bounds()) != nil {
				return
			}
			st = No("TRYCREATE", "no such mailbox").Status()
			break
		}
		t.receive()
		return
	case *AppendPart:
		t.receive()
		return
	case *AppendEnd:
		t.log("message %q refused=%v", t.literal, ev.Err != nil)
		t.literal = nil
	case *StartTLSEvent:
		t.e.Reply(t.s.Settle(st))
		if t.r.Upgrade(&t.pump) != nil {
			t.e.Reply(t.s.Fail(&Reject{Kind: BYE, Text: "plaintext behind STARTTLS"}))
		}
		return
	case *CompressEvent:
		t.e.Reply(t.s.Settle(st))
		t.s.Compressed()
		return
	case *IdleEvent, *IdleDone, *LogoutEvent, *UnauthenticateEvent:
		t.log("%s", strings.TrimPrefix(fmt.Sprintf("%T", ev), "*imap."))
	case *CommandEvent:
		name := ev.Spec.Name
		if ev.UID {
			name = "UID " + strings.TrimPrefix(name, "UID ")
		}
		t.log("%s %s condstore=%v", name, t.s.Tell(), ev.FirstCondstore)
	}
	t.e.Reply(t.s.Settle(st))
}

// receive takes the octets of a message, for which it asks if nobody has yet.
func (t *toyServer) receive() {
	if !t.r.announce.NonSync {
		t.e.Raw("+ send it\r\n")
	}
	b, err := io.ReadAll(t.r.Literal())
	if err == nil {
		t.literal = append(t.literal, b...)
	}
}

func (t *toyServer) check(user, password string) Status {
	if user == "ann" && password == "secret" {
		return Status{Text: "welcome"}
	}
	return No("AUTHENTICATIONFAILED", "wrong").Status()
}

func (t *toyServer) plain(b []byte) Status {
	f := strings.Split(string(b), "\x00")
	if len(f) != 3 {
		return Bad("", "no PLAIN").Status()
	}
	return t.check(f[1], f[2])
}

// feed gives it octets, and returns when it waits for more.
func (t *toyServer) feed(octets []byte) {
	if t.closed {
		return
	}
	t.pump.in <- bytes.Clone(octets)
	<-t.pump.idle
}

func (t *toyServer) take() transcript.Output {
	out := transcript.Output{Octets: bytes.Clone(t.e.Bytes()), Events: t.events, Closed: t.closed}
	t.e.Reset()
	t.events = nil
	return out
}

func (t *toyServer) end() {
	if !t.closed {
		close(t.pump.in)
		<-t.pump.idle
	}
}

func (t *toyServer) session() transcript.Session {
	return transcript.Session{Feed: t.feed, Take: t.take, End: t.end, StartTLS: func() error {
		if t.s.State() != Upgrading {
			return errors.New("STARTTLS was not accepted")
		}
		t.s.TLSDone()
		t.tls = true
		return nil
	}}
}

// TestTranscripts plays testdata, whole and octet by octet. Files whose names
// begin with "clear" begin without TLS.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		for _, split := range []int{0, 1} {
			t.Run(fmt.Sprintf("%s/%d", filepath.Base(file), split), func(t *testing.T) {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				script, err := transcript.Parse(file, text)
				if err != nil {
					t.Fatal(err)
				}
				toy := newToy(!strings.HasPrefix(filepath.Base(file), "clear"), nil)
				defer toy.end()
				if err := script.PlaySession(toy.session(), split); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
