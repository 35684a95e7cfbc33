package pop3_test

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mailwire/mailwire/pop3"
)

// A whole server without a socket: lines in, replies out. What needs the world,
// here a password and a message, comes as an event.
func ExampleServerSession() {
	const message = "Subject: hello\n\n.signature\n"
	size, _ := pop3.Size(strings.NewReader(message))
	s := pop3.NewServerSession(pop3.ServerConfig{}, true)
	out := pop3.AppendReply(nil, s.Greet(pop3.Reply{OK: true}))
	for _, line := range []string{"USER mrose", "PASS tanstaaf", "RETR 1", "DELE 1", "QUIT"} {
		switch e := s.Step([]byte(line)).(type) {
		case *pop3.PassEvent:
			if e.User != "mrose" || e.Password != "tanstaaf" {
				out = pop3.AppendReply(out, s.Settle(pop3.Reply{Code: pop3.BadCredentials}))
				break
			}
			v, _ := s.Open([]pop3.Entry{{UID: "1.1", Size: size}}, pop3.Reply{OK: true})
			out = pop3.AppendReply(out, v)
		case *pop3.RetrEvent:
			out = pop3.AppendReply(out, s.Settle(pop3.Reply{OK: true}))
			var w pop3.BodyWriter
			out, _ = w.Append(out, []byte(message))
			out = w.Finish(out)
			s.Sent(nil)
		case *pop3.UpdateEvent:
			fmt.Println("to be deleted:", e.Deleted)
			out = pop3.AppendReply(out, s.Settle(pop3.Reply{OK: true}))
		case *pop3.Answer:
			out = pop3.AppendReply(out, s.Settle(e.Reply))
			for more := e.Multi; more; {
				out, more = s.AppendLines(out)
			}
		default: // a refusal, or what this server does not offer
			out = pop3.AppendReply(out, s.Settle(pop3.Reply{Text: "no"}))
		}
	}
	fmt.Print(strings.ReplaceAll(string(out), "\r\n", "\n"))
	// Output:
	// to be deleted: [1]
	// +OK POP3 ready
	// +OK send PASS
	// +OK maildrop has 1 message (30 octets)
	// +OK 30 octets
	// Subject: hello
	//
	// ..signature
	// .
	// +OK marked for deletion
	// +OK bye
}

// The client's half knows which answers have a body.
func ExampleClientSession() {
	server := pop3.NewReader(strings.NewReader("+OK hello\r\n+OK\r\nTOP\r\nUIDL\r\n.\r\n"))
	s := pop3.NewClientSession(true)
	next := func() pop3.ClientEvent {
		line, _ := server.ReadLine(s.LineLimit())
		e, err := s.Step(line)
		if err != nil {
			panic(err)
		}
		return e
	}
	next()
	out, _ := s.Send(nil, pop3.CAPA)
	fmt.Printf("%q\n", out)
	if e := next().(*pop3.ReplyEvent); e.Body {
		for line := range server.Body(0).Lines(512) {
			fmt.Printf("%s\n", line)
		}
		s.BodyDone()
	}
	_, err := s.Send(nil, pop3.RETR, "1")
	fmt.Println(err)
	// Output:
	// "CAPA\r\n"
	// TOP
	// UIDL
	// pop3: command out of sequence
}

func ExampleBodyWriter() {
	w := pop3.BodyWriter{Top: true, Lines: 1}
	out, _ := w.Append(nil, []byte("Subject: dots\n\n.one\ntwo\n"))
	fmt.Printf("%q\n", w.Finish(out))
	// Output:
	// "Subject: dots\r\n\r\n..one\r\n.\r\n"
}

func ExampleBody() {
	r := pop3.NewReader(strings.NewReader("..one\r\ntwo\r\n.\r\n+OK next\r\n"))
	message, err := io.ReadAll(r.Body(0))
	fmt.Printf("%q %v\n", message, err)
	line, _ := r.ReadLine(512)
	fmt.Printf("%s\n", line)
	// Output:
	// ".one\r\ntwo\r\n" <nil>
	// +OK next
}

func ExampleParseCaps() {
	c := pop3.ParseCaps(slices.Values([][]byte{[]byte("SASL PLAIN SCRAM-SHA-256"), []byte("EXPIRE 30 USER")}))
	fmt.Println(c.SASL, c.Expire.N, c.Expire.PerUser, c.UIDL)
	// Output:
	// [PLAIN SCRAM-SHA-256] 30 true false
}

// The example of RFC 1939, section 7.
func ExampleDigest() {
	fmt.Println(pop3.Digest("<1896.697170952@dbc.mtview.ca.us>", []byte("tanstaaf")))
	// Output:
	// c4c9334bac560ecc979e58001b3e22fb
}

func ExampleRespCode_Within() {
	r, _ := pop3.ParseReply([]byte("-ERR [SYS/TEMP/DISK] come back later"))
	fmt.Println(r.Code.Within(pop3.SysTemp), r.Text)
	// Output:
	// true come back later
}

func ExampleParseCommand() {
	for _, line := range []string{"retr 12", "PASS two words", "MAIL FROM:<a@b.example>"} {
		c := pop3.ParseCommand([]byte(line))
		fmt.Printf("%v %q\n", c.Verb, c.Arg)
	}
	// Output:
	// RETR "12"
	// PASS "two words"
	// unknown "FROM:<a@b.example>"
}

// What a client says cannot become another command.
func ExampleAppendCommand() {
	line, err := pop3.AppendCommand(nil, pop3.USER, "mrose")
	fmt.Printf("%q %v\n", line, err)
	_, err = pop3.AppendCommand(nil, pop3.PASS, "secret\r\nDELE 1")
	fmt.Println(err)
	// Output:
	// "USER mrose\r\n" <nil>
	// pop3: bad argument of PASS at octet 6: want no CR, LF or NUL, got octet 13
}

func ExampleParseReply() {
	for _, line := range []string{"+OK 2 messages", "-ERR [IN-USE] another session has it", "* OK IMAP4rev1"} {
		r, err := pop3.ParseReply([]byte(line))
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Printf("%v %q %q\n", r.OK, r.Code, r.Text)
	}
	// Output:
	// true "" "2 messages"
	// false "IN-USE" "another session has it"
	// pop3: bad reply at octet 0: want +OK or -ERR, got "* OK IMAP4rev1"
}

func ExampleAppendReply() {
	r := pop3.Reply{Code: "IN-USE", Text: "locked by\r\nsomebody"}
	fmt.Printf("%q\n", pop3.AppendReply(nil, r))
	// Output: "-ERR [IN-USE] locked by??somebody\r\n"
}

// The lines of STAT, LIST and UIDL.
func ExampleParseScan() {
	n, size, err := pop3.ParseScan([]byte("1 120"))
	fmt.Println(n, size, err)
	n, uid, err := pop3.ParseUnique([]byte("2 QhdPYR:00WBw1Ph7x7"))
	fmt.Println(n, uid, err)
	n, size, err = pop3.ParseStat("2 320")
	fmt.Println(n, size, err)
	_, _, err = pop3.ParseScan([]byte("1 many"))
	fmt.Println(err)
	// Output:
	// 1 120 <nil>
	// 2 QhdPYR:00WBw1Ph7x7 <nil>
	// 2 320 <nil>
	// pop3: bad scan listing at octet 1: want a number up to 9223372036854775807, got " many"
}

func ExampleAppendCaps() {
	fmt.Printf("%q\n", pop3.AppendCaps(nil, pop3.Caps{UIDL: true, Pipelining: true, SASL: []string{"PLAIN"}}))
	// Output: "UIDL\r\nPIPELINING\r\nSASL PLAIN\r\n"
}

// The stamp that APOP is computed over.
func ExampleFindStamp() {
	fmt.Println(pop3.FindStamp("POP3 server ready <1896.697170952@dbc.mtview.ca.us>"))
	fmt.Println(pop3.ValidStamp("<no stamp>"))
	// Output:
	// <1896.697170952@dbc.mtview.ca.us>
	// false
}

// The size of a message is that of its lines as they travel.
func ExampleSize() {
	fmt.Println(pop3.Size(strings.NewReader("Subject: x\n\n.dot\nno line end")))
	// Output: 33 <nil>
}
