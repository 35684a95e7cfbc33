package smtp

import (
	"bytes"
	"testing"
)

// A duet is a ClientSession and a ServerSession with a wire between them that
// holds lines and replies, for as long as the opcodes want.
type duet struct {
	t       *testing.T
	client  ClientSession
	server  ServerSession
	toServe []byte  // octets that the server has not read
	replies []Reply // that the client has not read
	verdict byte    // what the server's application says next
}

// FuzzClientSession plays any sequence of commands against the server's machine,
// with any verdicts, and replies that come at once or late. Whatever happens the
// two agree: every reply answers the command that drew it, none is left over,
// and the state that the client believes in is the server's.
func FuzzClientSession(f *testing.F) {
	for proto := range byte(3) {
		f.Add(proto|4, []byte("\x00\x13\x24\x24\x35\xf0\xf0\xf0\xf0\xf0\x06\xf0\xf0"))
		f.Add(proto|4, []byte("\x00\x13\x2c\x24\x35\xf0\xf0\xf0\xf0\xf0\x06\xf0\xf0\xf0\x13\x24\x4a\x48\xf0\xf0"))
		f.Add(proto, []byte("\x00\xf0\x13\xf0\x24\xf0\x35\xf0\x06\xf0\x57\xf0\x68\xf0"))
	}
	f.Fuzz(func(t *testing.T, setup byte, ops []byte) {
		d := &duet{t: t}
		d.client.Config.Protocol = Protocol(setup % 3)
		d.server.Config = ServerConfig{Protocol: Protocol(setup % 3), StartTLS: true, Hostname: "mx.example"}
		d.server.Config.Limits.Errors, d.server.Config.Limits.BadRcpts = -1, -1
		if d.server.Config.Protocol == Submission { // without AUTH nothing would come of it
			d.server.Config.Protocol = SMTP
		}
		if setup&4 == 0 {
			d.server.Config.Offer.Hide = []string{"PIPELINING"}
		}
		d.replies = append(d.replies, d.server.Greet(Reply{Code: 220}))
		for _, op := range ops[:min(len(ops), 200)] {
			d.verdict = op >> 3 & 1
			d.do(op)
			if d.client.State() == Closed {
				return
			}
		}
		d.drain()
		d.agree()
	})
}

// do tries one command, or moves what is on the wire.
func (d *duet) do(op byte) {
	c, before := &d.client, d.client
	path := Path{Local: "a", Domain: "x.example"}
	out, err := []byte(nil), error(nil)
	switch op >> 4 {
	case 0:
		hello := EHLO
		if c.Config.Protocol == LMTP {
			hello = LHLO
		}
		out, err = c.Hello(nil, hello, "me.example")
	case 1:
		out, err = c.Mail(nil, path, &MailOptions{})
	case 2:
		out, err = c.Rcpt(nil, path, &RcptOptions{})
	case 3:
		out, err = c.Data(nil)
	case 4:
		if out, err = c.Bdat(nil, int64(op&7), op&4 != 0); err == nil {
			out = append(out, "NOOP\r\n."[:op&7]...)
		}
	case 5:
		out, err = c.Command(nil, "RSET", "")
	case 6:
		out, err = c.Command(nil, "NOOP", "x")
	case 7:
		out, err = c.Command(nil, "VRFY", "a")
	case 8:
		out, err = c.StartTLS(nil)
	case 9:
		d.serve()
		return
	default:
		d.step()
		return
	}
	if err != nil {
		if len(out) > 0 || c.Pending() != before.Pending() || c.State() != before.State() {
			d.t.Fatalf("op %#x: refused with %v, and yet something happened", op, err)
		}
		return
	}
	d.toServe = append(d.toServe, out...)
	if op&1 != 0 {
		d.serve()
	}
}

// serve lets the server read all that is on the wire.
func (d *duet) serve() {
	s := &d.server
	for len(d.toServe) > 0 {
		if s.State() == Receiving { // DATA: the test's content is always one octet and the end
			if !bytes.HasPrefix(d.toServe, []byte(".\r\n")) {
				d.t.Fatalf("content %q", d.toServe)
			}
			d.toServe = d.toServe[3:]
			d.end(s.Received(nil))
			continue
		}
		line, rest, ok := bytes.Cut(d.toServe, []byte("\r\n"))
		if !ok {
			d.t.Fatalf("the client wrote %q", d.toServe)
		}
		d.toServe = rest
		switch e := s.Step(line).(type) {
		case *ChunkEvent:
			d.toServe = d.toServe[e.Size:]
			d.end(s.Received(nil))
		case *Refused:
			d.toServe = d.toServe[e.Skip:]
			for range e.Replies {
				d.replies = append(d.replies, s.Settle(e.Reply))
			}
		case *HelloEvent, *ResetEvent, *NoopEvent, *StartTLSEvent:
			d.replies = append(d.replies, s.Settle(Reply{Code: 250}))
		default:
			d.replies = append(d.replies, s.Settle(d.decide()))
		}
	}
}

func (d *duet) end(e *EndEvent) {
	for range e.Replies {
		d.replies = append(d.replies, d.server.Settle(d.decide()))
	}
}

func (d *duet) decide() Reply {
	if d.verdict != 0 {
		return Reply{Code: 550, Text: "no"}
	}
	return Reply{Code: 250}
}

// step lets the client read one reply, if there is one.
func (d *duet) step() {
	d.serve()
	if len(d.replies) == 0 {
		return
	}
	r := d.replies[0]
	d.replies = d.replies[1:]
	o, err := d.client.Step(r)
	if err != nil {
		d.t.Fatalf("reply %v: %v", r, err)
	}
	switch o.Next {
	case SendContent:
		if d.server.tx.rcpts != len(d.client.tx.accepted) {
			d.t.Fatalf("the client counts %d recipients, the server %d", len(d.client.tx.accepted), d.server.tx.rcpts)
		}
		fallthrough
	case SendLoneDot:
		d.toServe = append(d.toServe, ".\r\n"...)
		d.client.ContentSent()
	case BeginTLS:
		if len(d.toServe) > 0 || len(d.replies) > 0 {
			d.t.Fatalf("before TLS there are still %q and %v", d.toServe, d.replies)
		}
		d.client.TLSDone()
		d.server.TLSDone()
	}
}

func (d *duet) drain() {
	for range 10_000 {
		if d.serve(); len(d.replies) == 0 {
			return
		}
		d.step()
	}
	d.t.Fatal("no end of replies")
}

// agree compares the two once nothing is on the wire.
func (d *duet) agree() {
	if n := d.client.Pending(); n > 0 {
		d.t.Fatalf("the client waits for %d replies that will not come", n)
	}
	c, s := d.client.State(), d.server.State()
	if c == s || c == Failed || c == Addressed && s == Mailing {
		return // in Failed the client does not care; it learns of refused recipients, but may still name others
	}
	d.t.Fatalf("the client believes in %v, the server is in %v", c, s)
}

// FuzzClientSessionReplies lets a server answer whatever it likes. The machine
// never waits for more than it asked for, keeps no more than that, and nothing
// is sent behind a 421 or an error.
func FuzzClientSessionReplies(f *testing.F) {
	f.Add(byte(0), []byte("\x00\x10\x20\x30\x00\x00"))
	f.Add(byte(2), []byte("\x00\x10\x21\x22\x35\x04\x05"))
	codes := []int{250, 220, 354, 334, 235, 421, 452, 550, 552, 221, 251, 503}
	f.Fuzz(func(t *testing.T, proto byte, ops []byte) {
		s := &ClientSession{Config: ClientConfig{Protocol: Protocol(proto % 3)}}
		for _, op := range ops[:min(len(ops), 500)] {
			err := error(nil)
			was := s.Pending()
			switch op >> 4 {
			case 1:
				_, err = s.Mail(nil, Path{}, &MailOptions{})
			case 2:
				_, err = s.Rcpt(nil, Path{"a", "x.example"}, &RcptOptions{})
			case 3:
				_, err = s.Data(nil)
			case 4:
				_, err = s.Bdat(nil, 1, op&1 != 0)
			case 5:
				_, err = s.Command(nil, "RSET", "")
			case 6:
				_, err = s.Hello(nil, EHLO, "me.example")
			case 7:
				_, err = s.Auth(nil, "PLAIN", nil)
			default:
				r := Reply{Code: codes[int(op&15)%len(codes)], Text: "x\nPIPELINING\nCHUNKING\nAUTH PLAIN"}
				o, err := s.Step(r)
				if (err != nil || o.Next == Retire) != (s.State() == Closed) && o.Verb != QUIT {
					t.Fatalf("%v: %v, %v, state %v", r, o.Next, err, s.State())
				}
				switch o.Next {
				case SendContent, SendLoneDot:
					s.ContentSent()
				case SendResponse, SendInitial, SendCancel:
					if _, err := s.Cancel(nil); err != nil {
						t.Fatal(err)
					}
				case BeginTLS:
					t.Fatal("TLS that was not asked for")
				}
				if s.State() == Closed {
					if s.Pending() > 0 || s.MaySend(QUIT) {
						t.Fatal("there is life behind the end")
					}
					return
				}
				continue
			}
			if got := s.Pending() - was; err == nil && got != 1 || err != nil && got != 0 {
				t.Fatalf("op %#x: %d more replies are due (%v)", op, got, err)
			}
		}
	})
}
