package transcript_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/internal/transcript"
)

// toy is a server for these tests. It says what it is told to say.
type toy struct {
	in  []byte
	out transcript.Output
	tls bool
}

func newToy() *toy { return &toy{out: transcript.Output{Octets: []byte("220 toy ready\r\n")}} }

func (s *toy) feed(octets []byte) {
	s.in = append(s.in, octets...)
	for !s.out.Closed {
		line, rest, ok := bytes.Cut(s.in, []byte("\r\n"))
		if !ok {
			return
		}
		s.command(string(line))
		s.in = rest
	}
}

func (s *toy) command(line string) {
	verb, arg, _ := strings.Cut(line, " ")
	switch verb {
	case "SAY": // the reply as a Go string
		octets, _ := strconv.Unquote(arg)
		s.reply(octets)
	case "SEE":
		s.out.Events = append(s.out.Events, arg)
		s.reply("250 OK\r\n")
	case "TLS?":
		s.reply(strconv.FormatBool(s.tls) + "\r\n")
	case "QUIT":
		s.reply("221 bye\r\n")
		s.out.Closed = true
	case "DIE":
		s.out.Closed = true
	default:
		s.reply("500 " + strconv.Quote(line) + "\r\n")
	}
}

func (s *toy) reply(octets string) { s.out.Octets = append(s.out.Octets, octets...) }

func (s *toy) take() transcript.Output {
	o := s.out
	s.out = transcript.Output{Closed: o.Closed}
	return o
}

func (s *toy) session() transcript.Session {
	return transcript.Session{
		Feed:     s.feed,
		Take:     s.take,
		End:      func() { s.out.Events = append(s.out.Events, "end") },
		StartTLS: func() error { s.tls = true; return nil },
	}
}

// serve is the toy behind a connection. Events go out before the reply does.
func (s *toy) serve(c net.Conn, events chan<- string) {
	defer c.Close()
	buf := make([]byte, 4096)
	for {
		o := s.take()
		for _, e := range o.Events {
			events <- e
		}
		if _, err := c.Write(o.Octets); err != nil || o.Closed {
			return
		}
		n, err := c.Read(buf)
		if err != nil {
			s.out.Events = append(s.out.Events, "end")
			for _, e := range s.out.Events {
				events <- e
			}
			return
		}
		s.feed(buf[:n])
	}
}

// playToy plays a script against the toy behind a connection, in fake time.
func playToy(t *testing.T, s *transcript.Script, split int) (err error) {
	synctest.Test(t, func(t *testing.T) {
		client, server := memnet.Pipe(memnet.Options{})
		defer client.Close()
		toy, events := newToy(), make(chan string, 100)
		go toy.serve(server, events)
		err = s.PlayClient(client, &transcript.Options{
			Split:  split,
			Events: events,
			TLS:    func(c net.Conn) (net.Conn, error) { toy.tls = true; return c, nil },
		})
	})
	return err
}

func parse(t *testing.T, lines ...string) *transcript.Script {
	t.Helper()
	s, err := transcript.Parse("x.txt", []byte("# the rule\n"+strings.Join(lines, "\n")+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPlay(t *testing.T) {
	transcript.Run(t, "testdata/toy*.txt", func(t *testing.T, s *transcript.Script) error {
		for _, split := range []int{0, 1, 7} {
			if err := s.PlaySession(newToy().session(), split); err != nil {
				t.Errorf("session, split %d: %v", split, err)
			}
			if err := playToy(t, s, split); err != nil {
				t.Errorf("conn, split %d: %v", split, err)
			}
		}
		return nil
	})
}

// TestPlayFails shows that each way to leave the script is seen, by both runners.
func TestPlayFails(t *testing.T) {
	tests := []struct {
		name   string
		script []string
		line   int
		want   string
		got    string
	}{
		{"other line", []string{`S: 220 hello`}, 2, `"220 hello\r\n"`, `"220 toy ready\r\n"`},
		{"longer line", []string{`S: 220 toy`}, 2, `"220 toy\r\n"`, `"220 toy ready\r\n"`},
		{"line too few", []string{`S: 220 ...`, `S: 250 x`}, 3, `"250 x\r\n"`, `nothing`},
		{"bare LF", []string{`S: 220 ...`, `C: SAY "250 x\n"`, `S: 250 x`}, 4, `"250 x\r\n"`, `"250 x\n"`},
		{"no CRLF", []string{`S: 220 ...`, `C: SAY "250 x"`, `S: 250 x`}, 4, `"250 x\r\n"`, `"250 x"`},
		{"skip finds nothing", []string{`S: ...`, `S: 250`}, 3, `"250\r\n"`, `nothing`},
		{"raw octets", []string{`S: 220 ...`, `C: SAY "abcd"`, `S~ "abxd"`}, 4, `"abxd"`, `"abcd"`},
		{"raw octets too few", []string{`S: 220 ...`, `C: SAY "ab"`, `S~ "abc"`}, 4, `"abc"`, `"ab"`},
		{"wild card in raw octets", []string{`S~ "220 ...\r\n"`}, 2, `"220 ...\r\n"`, `"220 toy r"`},
		{"not closed", []string{`S: 220 ...`, `S: <closed>`}, 3, `end of connection`, `nothing`},
		{"closed later", []string{`S: 220 ...`, `C: QUIT`, `S: <closed>`}, 4, `end of connection`, `"221 bye\r\n"`},
		{"closed too early", []string{`S: 220 ...`, `C: DIE`, `S: 221`}, 4, `"221\r\n"`, `nothing`},
		{"other event", []string{`S: 220 ...`, `C: SEE a`, `S: 250 OK`, `event: b`}, 5, `"b"`, `"a"`},
		{"event too few", []string{`S: 220 ...`, `C: SEE a`, `S: 250 OK`, `event: a`, `event: a`}, 6, `"a"`, `no event`},
		{"event too many", []string{`S: 220 ...`, `C: SEE a`, `S: 250 OK`, `event: a`, `C: SEE b`, `S: 250 OK`}, 7, `no further event`, `"b"`},
		{"line too many", []string{`S: 220 ...`, `C: SAY "a\r\nb\r\n"`, `S: a`}, 4, `nothing behind the last line`, `"b\r\n"`},
		{"octets before TLS", []string{`S: 220 ...`, `C: SAY "a\r\nb\r\n"`, `S: a`, `-- tls --`}, 5, `nothing before the handshake`, `"b\r\n"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := parse(t, tt.script...)
			for how, err := range map[string]error{
				"session": s.PlaySession(newToy().session(), 0),
				"conn":    playToy(t, s, 0),
			} {
				f, ok := errors.AsType[*transcript.Failure](err)
				if !ok {
					t.Errorf("%s: got %v, want a *Failure", how, err)
					continue
				}
				got := []any{f.File, f.Line, f.Rule, f.Want, f.Got}
				want := []any{"x.txt", tt.line, "the rule", tt.want, tt.got}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", how, diff)
				}
			}
		})
	}
}

// TestSessionIsStricter has the failures which only a peer in lock-step shows.
func TestSessionIsStricter(t *testing.T) {
	tests := []struct {
		name   string
		script []string
		want   string
	}{
		{"line before the next command", []string{`C: SAY "a\r\n"`, `S: 220 ...`}, `want no output before this line`},
		{"closed without a word", []string{`S: 220 ...`, `C: DIE`}, `want an open connection`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := parse(t, tt.script...).PlaySession(newToy().session(), 0)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestFailureText(t *testing.T) {
	s := parse(t, `S: 220 ...`, `C: SAY "250 \x01\r\n"`, `C~ "SEE a\r\n"`, `S: 250 x`)
	got := s.PlaySession(newToy().session(), 0).Error()
	want := `x.txt:5: the rule
want "250 x\r\n"
 got "250 \x01\r\n"
transcript so far:
    S: 220 toy ready
    C: SAY "250 \x01\r\n"
    C~ "SEE a\r\n"
    S~ "250 \x01\r\n"`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNotPlayable(t *testing.T) {
	tests := []struct {
		name, line, want string
	}{
		{"wild card", `C: SAY {{any}}`, `x.txt:3: the client cannot send a wild card: C: SAY {{any}}`},
		{"rest", `C: SAY ...`, `x.txt:3: the client cannot send a wild card: C: SAY ...`},
		{"TLS without a callback", `-- tls --`, `StartTLS is not set`},
		{"closing without a callback", `C: <close>`, `End is not set`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			toy := newToy()
			err := parse(t, `S: 220 ...`, tt.line).PlaySession(transcript.Session{Feed: toy.feed, Take: toy.take}, 0)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestPlayTLSFails(t *testing.T) {
	s := parse(t, `S: 220 ...`, `-- tls --`)
	broken := errors.New("handshake failed")
	for want, callback := range map[string]func(net.Conn) (net.Conn, error){
		"Options.TLS is not set": nil,
		"handshake failed":       func(net.Conn) (net.Conn, error) { return nil, broken },
	} {
		client, server := memnet.Pipe(memnet.Options{})
		server.Write([]byte("220 x\r\n"))
		err := s.PlayClient(client, &transcript.Options{TLS: callback})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}

// TestBatchIsOneWrite shows what "pipelined" means, and its contrary.
func TestBatchIsOneWrite(t *testing.T) {
	for split, want := range map[int]int{0: 1, 5: 4} {
		client, server := memnet.Pipe(memnet.Options{})
		err := parse(t, `C: NOOP`, `C: NOOP`, `C~ "QUIT\r\n"`).PlayClient(client, &transcript.Options{Split: split})
		if got := server.Received().Writes; got != want || err != nil {
			t.Errorf("split %d: %d writes, %v; want %d", split, got, err, want)
		}
	}
}

// TestFloodDoesNotDeadlock has a server that does not read on while nobody
// reads its replies.
func TestFloodDoesNotDeadlock(t *testing.T) {
	lines := []string{`S: 220 ...`}
	for range 2000 {
		lines = append(lines, `C: SEE`)
	}
	for range 2000 {
		lines = append(lines, `S: 250 OK`)
	}
	s := parse(t, lines...)
	client, server := memnet.Pipe(memnet.Options{ToServer: memnet.Flow{Window: 100}, ToClient: memnet.Flow{Window: 100}})
	go newToy().serve(server, make(chan string, 4000))
	if err := s.PlayClient(client, nil); err != nil {
		t.Error(err)
	}
	client.Close()
}

func TestServerClosesInABatch(t *testing.T) {
	s := parse(t, `S: 421 {{any}}`, `C: {{5000*a}}`, `S: 500 line too long`, `S: <closed>`)
	client, server := memnet.Pipe(memnet.Options{ToServer: memnet.Flow{Window: 100}})
	go func() {
		server.Write([]byte("421 but go on\r\n"))
		server.Read(make([]byte, 10))
		server.Write([]byte("500 line too long\r\n"))
		server.Close()
	}()
	if err := s.PlayClient(client, nil); err != nil {
		t.Error(err)
	}
}

func TestWriteErrorIsReported(t *testing.T) {
	client, _ := memnet.Pipe(memnet.Options{ToServer: memnet.Flow{Fault: memnet.FailWriteAt(3, io.ErrNoProgress)}})
	err := parse(t, `C: NOOP`).PlayClient(client, nil)
	if !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("got %v, want the error of Write", err)
	}
}

func TestTimeout(t *testing.T) {
	s := parse(t, `S: 421 time-out`, `S: <closed>`)
	for timeout, want := range map[time.Duration]bool{0: false, time.Minute: false, 6 * time.Minute: true, -1: true} {
		synctest.Test(t, func(t *testing.T) {
			client, server := memnet.Pipe(memnet.Options{})
			silence := time.AfterFunc(5*time.Minute, func() {
				server.Write([]byte("421 time-out\r\n"))
				server.Close()
			})
			defer silence.Stop()
			err := s.PlayClient(client, &transcript.Options{Timeout: timeout})
			if got := err == nil; got != want {
				t.Errorf("Timeout %v: got %v, want success to be %v", timeout, err, want)
			}
		})
	}
}

func TestPlayServer(t *testing.T) {
	s := parse(t, `S: 220 hi`, `C: EHLO {{any}}`, `S: 250-a`, `S: 250 b`, `C: QUIT`, `S: 221 bye`, `S: <closed>`)
	tests := []struct {
		name, says string
		want       string // in the error; "" for none
	}{
		{"as written", "EHLO x\r\nQUIT\r\n", ""},
		{"other command", "EHLO x\r\nRSET\r\n", "x.txt:6: the rule\nwant \"QUIT\\r\\n\"\n got \"RSET\\r\\n\""},
		{"gone", "EHLO x\r\n", "x.txt:6: the rule\nwant \"QUIT\\r\\n\"\n got nothing\nerror: EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client, server := memnet.Pipe(memnet.Options{})
			client.Write([]byte(tt.says))
			client.CloseWrite()
			err := s.PlayServer(server, nil)
			if tt.want == "" {
				got, _ := io.ReadAll(client)
				if want := string(s.Octets(transcript.Server)); string(got) != want || err != nil {
					t.Errorf("the client read %q, %v; want %q", got, err, want)
				}
			} else if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}
