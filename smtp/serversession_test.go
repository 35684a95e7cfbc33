package smtp_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/mailwire/mailwire/smtp"
)

// A turn is one command of a dialogue and what becomes of it.
type turn struct {
	in      string // a line; or one of the words of play
	event   string // as showEvent has it
	verdict string // of the application; "": 250. Several, for several replies, with "|" between
	want    string // the replies, with "|" between their lines
	state   smtp.State
}

// Words that are no lines.
const (
	received  = "(content received)"
	condemned = "(content received, with a bare line end)"
	tlsDone   = "(TLS is on)"
	tooLong   = "(a line too long)"
	bareLF    = "(a line with a bare LF)"
	bareCR    = "(a line with a bare CR)"
	nul       = "(a line with NUL)"
	endless   = "(a line without end)"
)

var badLines = map[string]error{tooLong: smtp.ErrLineTooLong, bareLF: smtp.ErrBareLF, bareCR: smtp.ErrBareCR, nul: smtp.ErrNUL, endless: smtp.ErrEndless}

func showEvent(e smtp.Event) string {
	switch e := e.(type) {
	case *smtp.HelloEvent:
		return fmt.Sprintf("%v %s", e.Verb, e.Name)
	case *smtp.MailEvent:
		return "MAIL " + e.From.String()
	case *smtp.RcptEvent:
		return fmt.Sprintf("RCPT %d %s", e.Index, e.To)
	case *smtp.DataEvent:
		return "DATA"
	case *smtp.ChunkEvent:
		s := fmt.Sprintf("chunk %d", e.Size)
		if e.First {
			s += " first"
		}
		if e.Last {
			s += " last"
		}
		return s
	case *smtp.EndEvent:
		s := fmt.Sprintf("end %d", e.Replies)
		if e.Last {
			s += " last"
		}
		return s
	case *smtp.AuthEvent:
		if e.Response == nil {
			return "AUTH " + e.Mechanism + " nil"
		}
		return fmt.Sprintf("AUTH %s %q", e.Mechanism, e.Response)
	case *smtp.StartTLSEvent:
		return "STARTTLS"
	case *smtp.ResetEvent:
		return "RSET"
	case *smtp.NoopEvent:
		return "NOOP"
	case *smtp.QueryEvent:
		s := fmt.Sprintf("%v %q", e.Verb, e.Arg)
		if e.UTF8 {
			s += " UTF-8"
		}
		return s
	case *smtp.CommandEvent:
		return fmt.Sprintf("command %s %q", e.Name, e.Arg)
	case *smtp.XClientEvent:
		return fmt.Sprintf("XCLIENT %v %s", e.Addr, e.Login)
	case *smtp.QuitEvent:
		return "QUIT"
	case *smtp.Refused:
		s := "refused"
		if e.Skip > 0 {
			s += fmt.Sprintf(" skip %d", e.Skip)
		}
		if e.Close {
			s += " close"
		}
		return s
	}
	return fmt.Sprintf("%T", e)
}

// verdictOf reads a verdict as a table has it.
func verdictOf(t testing.TB, s string) smtp.Reply {
	t.Helper()
	if s == "" {
		return smtp.Reply{Code: 250}
	}
	r, err := smtp.ParseReply([]byte(s + "\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// newSession returns a session that has greeted.
func newSession(c smtp.ServerConfig) *smtp.ServerSession {
	s := &smtp.ServerSession{Config: c}
	s.Greet(smtp.Reply{Code: 220})
	return s
}

// play plays the turns and compares.
func play(t *testing.T, s *smtp.ServerSession, turns []turn) {
	t.Helper()
	for i, turn := range turns {
		var e smtp.Event
		replies := 1
		switch turn.in {
		case received, condemned:
			var err error
			if turn.in == condemned {
				err = &smtp.ContentError{Reason: smtp.BareLineEnd}
			}
			end := s.Received(err)
			e, replies = end, end.Replies
		case tlsDone:
			s.TLSDone()
			if s.State() != turn.state {
				t.Errorf("turn %d: TLSDone leads to %v, want %v", i, s.State(), turn.state)
			}
			continue
		default:
			if bad := badLines[turn.in]; bad != nil {
				e = s.BadLine(bad)
			} else {
				e = s.Step([]byte(turn.in))
			}
		}
		if got := showEvent(e); got != turn.event {
			t.Errorf("turn %d, %.60q: event %q, want %q", i, turn.in, got, turn.event)
		}
		if _, isChunk := e.(*smtp.ChunkEvent); isChunk {
			continue // Received is the next turn
		}
		verdicts := strings.Split(turn.verdict, "|")
		if r, ok := e.(*smtp.Refused); ok {
			replies = r.Replies
		}
		var got []string
		for j := range replies {
			v := replyTo(e, verdictOf(t, verdicts[min(j, len(verdicts)-1)]))
			wire := smtp.AppendReply(nil, s.Settle(v))
			checkReplyOnWire(t, wire)
			got = append(got, strings.ReplaceAll(strings.TrimSuffix(string(wire), "\r\n"), "\r\n", "|"))
		}
		if got := strings.Join(got, "|"); got != turn.want {
			t.Errorf("turn %d, %.60q: reply\n%q, want\n%q", i, turn.in, got, turn.want)
		}
		if s.State() != turn.state {
			t.Errorf("turn %d, %.60q: state %v, want %v", i, turn.in, s.State(), turn.state)
		}
	}
}

// Openings that many dialogues share.
var (
	ehlo = turn{"EHLO c", "EHLO c", "", "250-mx|250-PIPELINING|250-8BITMIME|250-ENHANCEDSTATUSCODES|250-CHUNKING|250-VRFY|250-HELP|250 SIZE 52428800", smtp.Ready}
	mail = turn{"MAIL FROM:<a@d>", "MAIL a@d", "", "250 2.1.0 sender OK", smtp.Mailing}
	rcpt = turn{"RCPT TO:<b@d>", "RCPT 0 b@d", "", "250 2.1.5 recipient OK", smtp.Addressed}
	quit = turn{"QUIT", "QUIT", "", "221 2.0.0 mx closing the connection", smtp.Closed}
)

const (
	firstMailAndRcpt = "503 5.5.1 send MAIL and RCPT first"
	tooBig           = "552 5.3.4 message too big"
	refusedAlready   = "503 5.5.1 the message was refused already"
	insideBdat       = "503 5.5.1 inside a message sent with BDAT: send BDAT or RSET"
)

func TestServerSession(t *testing.T) {
	type c = smtp.ServerConfig
	tests := []struct {
		name   string
		config smtp.ServerConfig
		turns  []turn
	}{
		{"a message", c{}, []turn{
			ehlo, mail, rcpt,
			{"DATA", "DATA", "", "354 send the message, end it with a line of one dot", smtp.Receiving},
			{received, "end 1 last", "250 2.0.0 OK queued as q1", "250 2.0.0 OK queued as q1", smtp.Ready},
			quit,
		}},
		{"SEQ-2: EHLO without argument", c{}, []turn{
			{"EHLO", "refused", "", "501 EHLO needs the name of the client", smtp.Greeted},
			{"EHLO ", "refused", "", "501 EHLO needs the name of the client", smtp.Greeted},
		}},
		{"SEQ-3: HELO offers nothing and has no enhanced code", c{}, []turn{
			{"HELO c x", "HELO c", "", "250 mx", smtp.Ready},
			{"MAIL FROM:<a@d> SIZE=1", "refused", "", "555 5.5.4 parameter not recognized or not offered", smtp.Ready},
		}},
		{"SEQ-4: a second EHLO clears the transaction", c{}, []turn{
			ehlo, mail, rcpt, ehlo,
			{"DATA", "refused", "", firstMailAndRcpt, smtp.Ready},
		}},
		{"SEQ-5, SEQ-6: order", c{}, []turn{
			{"MAIL FROM:<a@d>", "refused", "", "503 5.5.1 send EHLO first", smtp.Greeted},
			{"RCPT TO:<a@d>", "refused", "", "503 5.5.1 send EHLO first", smtp.Greeted},
			ehlo,
			{"RCPT TO:<a@d>", "refused", "", "503 5.5.1 send MAIL first", smtp.Ready},
			{"DATA", "refused", "", firstMailAndRcpt, smtp.Ready},
			mail,
			{"DATA", "refused", "", "503 5.5.1 no valid recipients", smtp.Mailing},
		}},
		{"SEQ-7: MAIL inside a transaction leaves it", c{}, []turn{
			ehlo, mail, rcpt,
			{"MAIL FROM:<evil@d>", "refused", "", "503 5.5.1 a transaction is open already", smtp.Addressed},
			{"RCPT TO:<c@d>", "RCPT 1 c@d", "", "250 2.1.5 recipient OK", smtp.Addressed},
			{"DATA", "DATA", "", "354 send the message, end it with a line of one dot", smtp.Receiving},
		}},
		{"SEQ-8: only refused recipients", c{}, []turn{
			ehlo, mail,
			{"RCPT TO:<b@d>", "RCPT 0 b@d", "550 5.1.1 no such user", "550 5.1.1 no such user", smtp.Mailing},
			{"DATA", "refused", "", "503 5.5.1 no valid recipients", smtp.Mailing},
		}},
		{"SEQ-9: RSET", c{}, []turn{
			{"RSET", "RSET", "", "250 2.0.0 OK", smtp.Greeted},
			ehlo, mail, rcpt,
			{"RSET", "RSET", "550 no", "250 2.0.0 no", smtp.Ready}, // cannot be refused
			{"RSET x", "refused", "", "501 5.5.4 RSET takes no argument", smtp.Ready},
			mail,
		}},
		{"SEQ-10: QUIT", c{}, []turn{
			{"QUIT x", "refused", "", "501 5.5.4 QUIT takes no argument", smtp.Greeted},
			quit,
		}},
		{"SEQ-11, SEQ-12, SEQ-88: before EHLO", c{Offer: smtp.Offer{ETRN: true}}, []turn{
			{"NOOP x", "NOOP", "", "250 2.0.0 OK", smtp.Greeted},
			{"VRFY joe", `VRFY "joe"`, "252 2.1.5 cannot verify", "252 2.1.5 cannot verify", smtp.Greeted},
			{"VRFY", "refused", "", "501 5.5.4 VRFY needs an argument", smtp.Greeted},
			{"EXPN list", `EXPN "list"`, "502 5.5.1 no", "502 5.5.1 no", smtp.Greeted},
			{"EXPN", "refused", "", "501 5.5.4 EXPN needs an argument", smtp.Greeted},
			{"HELP", `HELP ""`, "214-2.0.0 a\r\n214 2.0.0 b", "214-2.0.0 a|214 2.0.0 b", smtp.Greeted},
			{"HELP MAIL", `HELP "MAIL"`, "214 x", "214 2.0.0 x", smtp.Greeted},
			{"ETRN d", `ETRN "d"`, "250 OK", "250 2.0.0 OK", smtp.Greeted},
		}},
		{"SEQ-13, SEQ-15: unknown", c{}, []turn{
			{"", "refused", "", "500 5.5.2 command not recognized", smtp.Greeted},
			{"a", `command a ""`, "500 5.5.1 what?", "500 5.5.1 what?", smtp.Greeted},
			{"STARTTLSX", `command STARTTLSX ""`, "500 what?", "500 5.0.0 what?", smtp.Greeted},
			{"DATAX", `command DATAX ""`, "500 what?", "500 5.0.0 what?", smtp.Greeted},
			{"RSETTING a b", `command RSETTING "a b"`, "250 fine", "250 2.0.0 fine", smtp.Greeted},
			{"\x16\x03\x01", "refused", "", "500 5.5.2 command not recognized", smtp.Greeted},
		}},
		{"SEQ-16: arguments", c{StartTLS: true}, []turn{
			{"STARTTLS x", "refused", "", "501 5.5.4 STARTTLS takes no argument", smtp.Greeted},
			{"EHLO c", "EHLO c", "", strings.Replace(ehlo.want, "|250-VRFY", "|250-STARTTLS|250-VRFY", 1), smtp.Ready},
			mail, rcpt,
			{"DATA x", "refused", "", "501 5.5.4 DATA takes no argument", smtp.Addressed},
		}},
		{"SEQ-17: classes agree", c{}, []turn{
			ehlo,
			{"MAIL FROM:<a@d>", "MAIL a@d", "451 later", "451 4.0.0 later", smtp.Ready},
			{"MAIL FROM:<a@d>", "MAIL a@d", "550-a\r\n550 b", "550-5.0.0 a|550 5.0.0 b", smtp.Ready},
		}},
		{"verdicts that make no sense", c{}, []turn{
			{"EHLO c", "EHLO c", "354 x", strings.Replace(ehlo.want, "mx", "mx x", 1), smtp.Ready},
			{"VRFY a", `VRFY "a"`, "354 go ahead", "451 4.3.0 local error", smtp.Ready},
			{"XFOO", `command XFOO ""`, "334 ", "451 4.3.0 local error", smtp.Ready},
			{"MAIL FROM:<a@d>", "MAIL a@d", "200 x", "250 2.1.0 x", smtp.Mailing},
			{"RCPT TO:<b@d>", "RCPT 0 b@d", "251 will forward", "251 2.1.5 will forward", smtp.Addressed},
			{"DATA", "DATA", "250 go", "354 go", smtp.Receiving},
			{received, "end 1 last", "354 x", "250 2.0.0 x", smtp.Ready},
		}},
		{"SEQ-89: a refused EHLO leaves the state", c{}, []turn{
			{"EHLO c", "EHLO c", "550 5.7.1 no", "550 no", smtp.Greeted},
			ehlo, mail, rcpt,
			{"EHLO c", "EHLO c", "550 5.7.1 no", "550 no", smtp.Addressed},
			{"DATA", "DATA", "", "354 send the message, end it with a line of one dot", smtp.Receiving},
		}},
		{"the application's words are no keywords", c{}, []turn{
			{"EHLO c", "EHLO c", "250-hello\r\n250 STARTTLS", strings.Replace(ehlo.want, "mx", "mx hello", 1), smtp.Ready},
		}},
		{"421 ends the session whenever the application says it", c{}, []turn{
			ehlo, {"NOOP", "NOOP", "421 4.3.2 going down", "421 4.3.2 going down", smtp.Closed},
		}},
		{"RFC 2034: codes can be hidden", c{Offer: smtp.Offer{Hide: []string{"enhancedstatuscodes"}}}, []turn{
			{"EHLO c", "EHLO c", "", strings.Replace(ehlo.want, "|250-ENHANCEDSTATUSCODES", "", 1), smtp.Ready},
			{"MAIL FROM:<a@d>", "MAIL a@d", "550 5.7.1 no", "550 no", smtp.Ready},
			{"NOOP", "NOOP", "", "250 OK", smtp.Ready},
		}},

		{"PATH-21, PATH-22", c{}, []turn{
			ehlo,
			{"MAIL FROM:<>", "MAIL <>", "", "250 2.1.0 sender OK", smtp.Mailing},
			{"RCPT TO:<>", "refused", "", "501 5.1.3 <> is no recipient", smtp.Mailing},
			{"RCPT TO:<PostMaster>", "RCPT 0 PostMaster", "", "250 2.1.5 recipient OK", smtp.Addressed},
		}},
		{"PATH-26, PATH-27, PATH-30", c{}, []turn{
			ehlo,
			{"MAIL FROM:<\"a\x01\"@d>", "refused", "", "501 5.1.7 bad quoted local part: want printable text", smtp.Ready},
			{"MAIL FROM:<a..b@d>", "refused", "", "501 5.1.7 bad local part: want atoms separated by dots, or a quoted string", smtp.Ready},
			{"MAIL FROM:a@d", "refused", "", "501 5.1.7 bad path: want <", smtp.Ready},
			{`MAIL FROM:<"">`, "refused", "", "501 5.1.7 bad path: want @ and a domain", smtp.Ready},
			{"MAIL", "refused", "", "501 5.5.4 bad MAIL: want FROM:<path>", smtp.Ready},
			{"MAIL FROM: <a@d>", "MAIL a@d", "", "250 2.1.0 sender OK", smtp.Mailing},
			{"RCPT TO:<a@[999.1.1.1]>", "refused", "", "501 5.1.3 bad address literal: want [IPv4], [IPv6:address] or [tag:content]", smtp.Mailing},
		}},
		{"PATH-31, PATH-32, PATH-33: parameters", c{Limits: smtp.Limits{Message: 1000, Errors: 99}}, []turn{
			{"EHLO c", "EHLO c", "", strings.Replace(ehlo.want, "52428800", "1000", 1), smtp.Ready},
			{"MAIL FROM:<a@d> FOO=1", "refused", "", "555 5.5.4 parameter not recognized or not offered", smtp.Ready},
			{"MAIL FROM:<a@d> SMTPUTF8", "refused", "", "555 5.5.4 parameter not recognized or not offered", smtp.Ready},
			{"MAIL FROM:<a@d> SIZE=1 SIZE=1", "refused", "", "501 5.5.4 parameter given twice", smtp.Ready},
			{"MAIL FROM:<a@d> SIZE=abc", "refused", "", "501 5.5.4 bad SIZE: want a value as its RFC has it", smtp.Ready},
			{"MAIL FROM:<a@d> SIZE=1001", "refused", "", tooBig, smtp.Ready},
			{"MAIL FROM:<a@d> SIZE=5000000000", "refused", "", tooBig, smtp.Ready},
			{"MAIL FROM:<a@d> SIZE=99999999999999999999", "refused", "", tooBig, smtp.Ready},
			{"MAIL FROM:<a@d> SIZE=1000", "MAIL a@d", "", "250 2.1.0 sender OK", smtp.Mailing},
		}},
		{"PATH-34: BINARYMIME goes with BDAT", c{Offer: smtp.Offer{BinaryMIME: true}}, []turn{
			{"EHLO c", "EHLO c", "", strings.Replace(ehlo.want, "|250-VRFY", "|250-BINARYMIME|250-VRFY", 1), smtp.Ready},
			{"MAIL FROM:<a@d> BODY=BINARYMIME", "MAIL a@d", "", "250 2.1.0 sender OK", smtp.Mailing},
			rcpt,
			{"DATA", "refused", "", "503 5.5.1 BODY=BINARYMIME goes with BDAT", smtp.Addressed},
			{"BDAT 1 LAST", "chunk 1 first last", "", "", smtp.Receiving},
		}},
		{"PATH-35: UTF-8 without SMTPUTF8", c{Offer: smtp.Offer{SMTPUTF8: true}}, []turn{
			{"EHLO c", "EHLO c", "", strings.Replace(ehlo.want, "|250-VRFY", "|250-SMTPUTF8|250-VRFY", 1), smtp.Ready},
			{"MAIL FROM:<\u00f6@d>", "refused", "", "550 5.6.7 UTF-8 address without SMTPUTF8", smtp.Ready},
			mail,
			{"RCPT TO:<\u00f6@d>", "refused", "", "553 5.6.7 UTF-8 address without SMTPUTF8", smtp.Mailing},
			{"RSET", "RSET", "", "250 2.0.0 OK", smtp.Ready},
			{"MAIL FROM:<\u00f6@d> SMTPUTF8", "MAIL \u00f6@d", "", "250 2.1.0 sender OK", smtp.Mailing},
			{"RCPT TO:<\u00f6@d>", "RCPT 0 \u00f6@d", "", "250 2.1.5 recipient OK", smtp.Addressed},
			{"VRFY joe", `VRFY "joe"`, "252 x", "252 2.0.0 x", smtp.Addressed}, // RFC 6531, section 3.7.4.2: by its own parameter only
			{"VRFY joe smtputf8", `VRFY "joe" UTF-8`, "252 x", "252 2.0.0 x", smtp.Addressed},
			{"EXPN SMTPUTF8", `EXPN "SMTPUTF8"`, "502 x", "502 5.0.0 x", smtp.Addressed},
			{"HELP x SMTPUTF8", `HELP "x SMTPUTF8"`, "214 x", "214 2.0.0 x", smtp.Addressed},
		}},
		{"PATH-41: one recipient too many", c{Limits: smtp.Limits{Rcpts: 1, Errors: 1}}, []turn{
			ehlo, mail, rcpt,
			{"RCPT TO:<c@d>", "refused", "", "452 4.5.3 too many recipients", smtp.Addressed}, // and no error of the peer's
			{"DATA", "DATA", "", "354 send the message, end it with a line of one dot", smtp.Receiving},
		}},

		{"LINE-43, LINE-44, LINE-45", c{}, []turn{
			ehlo,
			{bareLF, "refused", "", "500 5.5.2 bare CR or LF in a command line: lines end in CRLF", smtp.Ready},
			{bareCR, "refused", "", "500 5.5.2 bare CR or LF in a command line: lines end in CRLF", smtp.Ready},
			{nul, "refused", "", "500 5.5.2 NUL in a command line", smtp.Ready},
			{tooLong, "refused", "", "500 5.5.2 line too long", smtp.Ready},
			mail,
			{endless, "refused close", "", "421 4.7.0 line without end", smtp.Closed},
		}},
		{"LINE-51: a browser", c{}, []turn{{"GET / HTTP/1.1", "refused close", "", "421 4.7.0 this is not a web server", smtp.Closed}}},
		{"LINE-51: only on the first line", c{}, []turn{ehlo, {"POST x", `command POST "x"`, "500 x", "500 5.0.0 x", smtp.Ready}}},

		{"DATA-59, refused content", c{}, []turn{
			ehlo, mail, rcpt,
			{"DATA", "DATA", "451 4.3.0 busy", "451 4.3.0 busy", smtp.Addressed},
			{"DATA", "DATA", "", "354 send the message, end it with a line of one dot", smtp.Receiving},
			{condemned, "end 1 last", "250 OK", "550 5.6.0 bare CR or LF in the message: lines end in CRLF", smtp.Ready},
			mail, rcpt,
			{"DATA", "DATA", "", "354 send the message, end it with a line of one dot", smtp.Receiving},
			{condemned, "end 1 last", "451 4.3.0 mine", "451 4.3.0 mine", smtp.Ready},
			mail,
		}},

		{"BDAT-67: chunks", c{}, []turn{
			ehlo, mail, rcpt,
			{"BDAT 0005", "chunk 5 first", "", "", smtp.Receiving},
			{received, "end 1", "", "250 2.0.0 OK", smtp.Chunking},
			{"bdat 0", "chunk 0", "", "", smtp.Receiving},
			{received, "end 1", "", "250 2.0.0 OK", smtp.Chunking},
			{"BDAT 0 last", "chunk 0 last", "", "", smtp.Receiving},
			{received, "end 1 last", "", "250 2.0.0 OK", smtp.Ready},
			mail,
		}},
		{"BDAT-68: before MAIL or RCPT", c{}, []turn{
			{"BDAT 7 LAST", "refused skip 7", "", firstMailAndRcpt, smtp.Greeted},
			ehlo,
			{"BDAT 7", "refused skip 7", "", firstMailAndRcpt, smtp.Ready},
			mail,
			{"BDAT 7 LAST", "refused skip 7", "", firstMailAndRcpt, smtp.Mailing},
			rcpt,
		}},
		{"BDAT-69: too big, then Failed", c{Limits: smtp.Limits{Message: 10}}, []turn{
			{"EHLO c", "EHLO c", "", strings.Replace(ehlo.want, "52428800", "10", 1), smtp.Ready},
			mail, rcpt,
			{"BDAT 6", "chunk 6 first", "", "", smtp.Receiving},
			{received, "end 1", "", "250 2.0.0 OK", smtp.Chunking},
			{"BDAT 4", "chunk 4", "", "", smtp.Receiving},
			{received, "end 1", "", "250 2.0.0 OK", smtp.Chunking},
			{"BDAT 9223372036854775807", "refused skip 9223372036854775807", "", tooBig, smtp.Failed},
			{"BDAT 1", "refused skip 1", "", refusedAlready, smtp.Failed},
			{"MAIL FROM:<x@d>", "refused", "", insideBdat, smtp.Failed},
			{"RCPT TO:<x@d>", "refused", "", insideBdat, smtp.Failed},
			{"DATA", "refused", "", insideBdat, smtp.Failed},
			{"NOOP", "NOOP", "", "250 2.0.0 OK", smtp.Failed},
			{"BDAT 0 LAST", "refused", "", refusedAlready, smtp.Ready},
			{"DATA", "refused", "", firstMailAndRcpt, smtp.Ready},
			mail, rcpt,
			{"BDAT 11 LAST", "refused skip 11", "", tooBig, smtp.Ready}, // a refused LAST ends the transaction
			mail, rcpt,
			{"BDAT 10", "chunk 10 first", "", "", smtp.Receiving},
			{received, "end 1", "451 4.3.1 disk full", "451 4.3.1 disk full", smtp.Failed},
			{"RSET", "RSET", "", "250 2.0.0 OK", smtp.Ready},
			mail, rcpt,
			{"BDAT 10 LAST", "chunk 10 first last", "", "", smtp.Receiving}, // sums do not outlive the message
			{condemned, "end 1 last", "", "550 5.6.0 bare CR or LF in the message: lines end in CRLF", smtp.Ready},
		}},
		{"BDAT-69: EHLO heals", c{}, []turn{
			ehlo, mail, rcpt,
			{"BDAT 1", "chunk 1 first", "", "", smtp.Receiving},
			{condemned, "end 1", "", "550 5.6.0 bare CR or LF in the message: lines end in CRLF", smtp.Failed},
			ehlo, mail, rcpt,
			{"BDAT 1 LAST", "chunk 1 first last", "", "", smtp.Receiving},
		}},
		{"BDAT-71: DATA, MAIL, RCPT behind a chunk", c{}, []turn{
			ehlo, mail, rcpt,
			{"BDAT 1", "chunk 1 first", "", "", smtp.Receiving},
			{received, "end 1", "", "250 2.0.0 OK", smtp.Chunking},
			{"DATA", "refused", "", insideBdat, smtp.Chunking},
			{"MAIL FROM:<x@d>", "refused", "", insideBdat, smtp.Chunking},
			{"RCPT TO:<x@d>", "refused", "", insideBdat, smtp.Chunking},
			{"VRFY x", `VRFY "x"`, "252 x", "252 2.0.0 x", smtp.Chunking},
			quit,
		}},
		{"CHUNKING hidden", c{Offer: smtp.Offer{Hide: []string{"chunking"}}}, []turn{
			{"EHLO c", "EHLO c", "", strings.Replace(ehlo.want, "|250-CHUNKING", "", 1), smtp.Ready},
			{"BDAT 5", "refused skip 5", "", "502 5.5.1 command not offered", smtp.Ready},
		}},
		{"BDAT and Message without limit", c{Limits: smtp.Limits{Message: -1}}, []turn{
			{"EHLO c", "EHLO c", "", strings.Replace(ehlo.want, "52428800", "0", 1), smtp.Ready},
			mail, rcpt,
			{"BDAT 9223372036854775807", "chunk 9223372036854775807 first", "", "", smtp.Receiving},
			{received, "end 1", "", "250 2.0.0 OK", smtp.Chunking},
			{"BDAT 1", "refused skip 1", "", tooBig, smtp.Failed}, // the sum would overflow
		}},

		{"TLS-75, TLS-77", c{StartTLS: true, TLSRequired: true}, []turn{
			{"HELO c", "refused", "", "530 send STARTTLS first", smtp.Greeted},
			{"EHLO c", "EHLO c", "", strings.Replace(ehlo.want, "|250-VRFY", "|250-STARTTLS|250-VRFY", 1), smtp.Ready},
			{"MAIL FROM:<a@d>", "refused", "", "530 5.7.0 send STARTTLS first", smtp.Ready},
			{"RSET", "refused", "", "530 5.7.0 send STARTTLS first", smtp.Ready},
			{"XFOO", "refused", "", "530 5.7.0 send STARTTLS first", smtp.Ready},
			{"BDAT 5", "refused skip 5", "", "530 5.7.0 send STARTTLS first", smtp.Ready},
			{"NOOP", "NOOP", "", "250 2.0.0 OK", smtp.Ready},
			{"STARTTLS", "STARTTLS", "454 4.3.0 no certificate", "454 4.3.0 no certificate", smtp.Ready},
			{"STARTTLS", "STARTTLS", "", "220 2.0.0 begin TLS", smtp.Upgrading},
			{tlsDone, "", "", "", smtp.Greeted},
			{"MAIL FROM:<a@d>", "refused", "", "503 5.5.1 send EHLO first", smtp.Greeted},
			{"STARTTLS", "refused", "", "503 5.5.1 TLS is on already", smtp.Greeted},
			ehlo, mail,
			{"STARTTLS", "refused", "", "503 5.5.1 not inside a transaction", smtp.Mailing},
		}},
		{"TLS-77: not configured", c{}, []turn{{"STARTTLS", "refused", "", "502 5.5.1 command not offered", smtp.Greeted}}},
		{"TLS-75: AUTH and the offers are gone", c{StartTLS: true, Mechanisms: []string{"PLAIN"}, AuthRequired: true}, []turn{
			{"EHLO c", "EHLO c", "", strings.Replace(ehlo.want, "|250-VRFY|250-HELP|250 SIZE 52428800", "|250-STARTTLS|250-VRFY|250-HELP|250-SIZE 52428800|250 AUTH PLAIN", 1), smtp.Ready},
			{"AUTH PLAIN =", `AUTH PLAIN ""`, "", "235 2.7.0 authenticated", smtp.Ready},
			mail,
			{"RSET", "RSET", "", "250 2.0.0 OK", smtp.Ready},
			{"STARTTLS", "STARTTLS", "", "220 2.0.0 begin TLS", smtp.Upgrading},
			{tlsDone, "", "", "", smtp.Greeted},
			{"HELO c", "HELO c", "", "250 mx", smtp.Ready},
			{"MAIL FROM:<a@d>", "refused", "", "530 5.7.0 authentication required", smtp.Ready},
		}},

		{"XCLIENT: off", c{}, []turn{{"XCLIENT ADDR=192.0.2.1", "refused", "", "550 5.7.0 you may speak for nobody else", smtp.Greeted}}},
		{"XCLIENT: another client, who is not greeted yet", c{AuthRequired: true, Mechanisms: []string{"PLAIN"}, Offer: smtp.Offer{XClient: true, Hide: []string{"XCLIENT", "AUTH"}}}, []turn{
			ehlo,
			{"AUTH PLAIN =", `AUTH PLAIN ""`, "", "235 2.7.0 authenticated", smtp.Ready},
			{"XCLIENT FOO=1", "refused", "", "501 5.5.4 want XCLIENT and attributes, each once", smtp.Ready},
			{"XCLIENT ADDR=192.0.2.1", "XCLIENT 192.0.2.1 ", "", "220 mx ESMTP ready", smtp.Greeted},
			{"MAIL FROM:<a@d>", "refused", "", "503 5.5.1 send EHLO first", smtp.Greeted},
			ehlo,
			{"MAIL FROM:<a@d>", "refused", "", "530 5.7.0 authentication required", smtp.Ready},
			{"XCLIENT ADDR=192.0.2.2 LOGIN=joe", "XCLIENT 192.0.2.2 joe", "", "220 mx ESMTP ready", smtp.Greeted},
			ehlo, mail,
			{"XCLIENT ADDR=192.0.2.1", "refused", "", "503 5.5.1 not inside a transaction", smtp.Mailing},
			{"RSET", "RSET", "", "250 2.0.0 OK", smtp.Ready},
			{"XCLIENT ADDR=192.0.2.3", "XCLIENT 192.0.2.3 ", "550 5.7.1 listed", "554 mx listed", smtp.Turned},
		}},

		{"LMTP-84", c{Protocol: smtp.LMTP}, []turn{
			{"HELO c", "refused", "", "500 this server speaks LMTP", smtp.Greeted},
			{"EHLO c", "refused", "", "500 this server speaks LMTP", smtp.Greeted},
			{"LHLO c", "LHLO c", "", ehlo.want, smtp.Ready},
		}},
		{"LMTP-84: LHLO on SMTP", c{}, []turn{{"LHLO c", "refused", "", "500 5.5.1 this server speaks SMTP", smtp.Greeted}}},
		{"LMTP-85, LMTP-86: a reply for each recipient", c{Protocol: smtp.LMTP}, []turn{
			{"LHLO c", "LHLO c", "", ehlo.want, smtp.Ready},
			mail, rcpt,
			{"RCPT TO:<no@d>", "RCPT 1 no@d", "550 5.1.1 no", "550 5.1.1 no", smtp.Addressed},
			{"RCPT TO:<b@d>", "RCPT 1 b@d", "", "250 2.1.5 recipient OK", smtp.Addressed},
			{"DATA", "DATA", "", "354 send the message, end it with a line of one dot", smtp.Receiving},
			{received, "end 2 last", "250|452 4.2.2 full", "250 2.0.0 OK|452 4.2.2 full", smtp.Ready},
			mail, rcpt,
			{"DATA", "DATA", "", "354 send the message, end it with a line of one dot", smtp.Receiving},
			{condemned, "end 1 last", "", "550 5.6.0 bare CR or LF in the message: lines end in CRLF", smtp.Ready},
		}},
		{"LMTP-87: chunks", c{Protocol: smtp.LMTP, Limits: smtp.Limits{Message: 10}}, []turn{
			{"LHLO c", "LHLO c", "", strings.Replace(ehlo.want, "52428800", "10", 1), smtp.Ready},
			mail, rcpt, {"RCPT TO:<c@d>", "RCPT 1 c@d", "", "250 2.1.5 recipient OK", smtp.Addressed},
			{"BDAT 1", "chunk 1 first", "", "", smtp.Receiving},
			{received, "end 1", "", "250 2.0.0 OK", smtp.Chunking},
			{"BDAT 1 LAST", "chunk 1 last", "", "", smtp.Receiving},
			{received, "end 2 last", "550 5.7.1 no|250", "550 5.7.1 no|250 2.0.0 OK", smtp.Ready},
			mail, rcpt, {"RCPT TO:<c@d>", "RCPT 1 c@d", "", "250 2.1.5 recipient OK", smtp.Addressed},
			{"BDAT 11 LAST", "refused skip 11", "", tooBig + "|" + tooBig, smtp.Ready},
			mail, rcpt, {"RCPT TO:<c@d>", "RCPT 1 c@d", "", "250 2.1.5 recipient OK", smtp.Addressed},
			{"BDAT 11", "refused skip 11", "", tooBig, smtp.Failed},
			{"BDAT 0 LAST", "refused", "", refusedAlready + "|" + refusedAlready, smtp.Ready},
		}},
		{"LMTP-96: all refused", c{Protocol: smtp.LMTP}, []turn{
			{"LHLO c", "LHLO c", "", ehlo.want, smtp.Ready},
			mail,
			{"RCPT TO:<no@d>", "RCPT 0 no@d", "550 5.1.1 no", "550 5.1.1 no", smtp.Mailing},
			{"DATA", "refused", "", "503 5.5.1 no valid recipients", smtp.Mailing},
		}},
		{"LMTP: 421 waits for the other recipients", c{Protocol: smtp.LMTP}, []turn{
			{"LHLO c", "LHLO c", "", ehlo.want, smtp.Ready},
			mail, rcpt, {"RCPT TO:<c@d>", "RCPT 1 c@d", "", "250 2.1.5 recipient OK", smtp.Addressed},
			{"DATA", "DATA", "", "354 send the message, end it with a line of one dot", smtp.Receiving},
			{received, "end 2 last", "421 4.3.2 down|250", "451 4.3.2 down|250 2.0.0 OK", smtp.Closed},
		}},
		{"LMTP: 421 to the last is 421", c{Protocol: smtp.LMTP}, []turn{
			{"LHLO c", "LHLO c", "", ehlo.want, smtp.Ready},
			mail, rcpt,
			{"BDAT 1", "chunk 1 first", "", "", smtp.Receiving},
			{received, "end 1", "421 4.3.2 down", "421 4.3.2 down", smtp.Closed},
		}},

		{"RFC 6409: submission", c{Protocol: smtp.Submission, Mechanisms: []string{"PLAIN"}}, []turn{
			{"EHLO c", "EHLO c", "", strings.Replace(ehlo.want, "250 SIZE 52428800", "250-SIZE 52428800|250 AUTH PLAIN", 1), smtp.Ready},
			{"MAIL FROM:<a@d.example>", "refused", "", "530 5.7.0 authentication required", smtp.Ready},
			{"AUTH PLAIN =", `AUTH PLAIN ""`, "", "235 2.7.0 authenticated", smtp.Ready},
			{"MAIL FROM:<a@d>", "refused", "", "554 5.1.8 domain of the sender is not fully qualified", smtp.Ready},
			{"MAIL FROM:<a@d.example>", "MAIL a@d.example", "", "250 2.1.0 sender OK", smtp.Mailing},
			{"RCPT TO:<b@d>", "refused", "", "554 5.1.2 domain of the recipient is not fully qualified", smtp.Mailing},
			{"RCPT TO:<b@[IPv6:::1]>", "RCPT 0 b@[IPv6:::1]", "", "250 2.1.5 recipient OK", smtp.Addressed},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.config.Hostname = "mx"
			play(t, newSession(tt.config), tt.turns)
		})
	}
}

// RFC 5321, section 3.1 and section 4.2: the greeting. SEQ-1.
func TestRFC5321_3_1_Greet(t *testing.T) {
	tests := []struct {
		name     string
		protocol smtp.Protocol
		verdict  smtp.Reply
		want     string
		state    smtp.State
	}{
		{"default", smtp.SMTP, smtp.Reply{Code: 250}, "220 mx ESMTP ready\r\n", smtp.Greeted},
		{"LMTP", smtp.LMTP, smtp.Reply{Code: 220}, "220 mx LMTP ready\r\n", smtp.Greeted},
		{"own text", smtp.SMTP, smtp.Reply{Code: 220, Enhanced: smtp.EnhancedCode{2, 0, 0}, Text: "hello"}, "220 mx hello\r\n", smtp.Greeted},
		{"refused", smtp.SMTP, smtp.Reply{Code: 550, Enhanced: smtp.EnhancedCode{5, 7, 1}, Text: "listed"}, "554 mx listed\r\n", smtp.Turned},
		{"421", smtp.SMTP, smtp.Reply{Code: 421, Text: "busy"}, "421 mx busy\r\n", smtp.Closed},
		{"nothing", smtp.SMTP, smtp.Reply{}, "554 mx\r\n", smtp.Turned},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &smtp.ServerSession{Config: smtp.ServerConfig{Hostname: "mx", Protocol: tt.protocol}}
			if got := string(smtp.AppendReply(nil, s.Greet(tt.verdict))); got != tt.want || s.State() != tt.state {
				t.Errorf("%q, %v; want %q, %v", got, s.State(), tt.want, tt.state)
			}
		})
	}
	if got := (&smtp.ServerSession{}).Greet(smtp.Reply{Code: 220}).Text; got != "localhost ESMTP ready" {
		t.Errorf("without host name: %q", got)
	}
}

// BDAT whose length cannot be known: what follows could be anything. BDAT-72.
func TestRFC3030_2_BdatArgument(t *testing.T) {
	for _, arg := range []string{"", " ", " -1", " +1", " 1x", " x", " 9223372036854775808", " 99999999999999999999", " 1 FIRST", " 1 LAST x", " 1  LAST", " 0x10", " 1,0", " LAST"} {
		t.Run(arg, func(t *testing.T) {
			s := newSession(smtp.ServerConfig{Hostname: "mx"})
			play(t, s, []turn{
				ehlo, mail, rcpt,
				{"BDAT" + arg, "refused close", "", "501 5.5.4 want BDAT size [LAST]; where the chunk ends is unknown", smtp.Closed},
			})
		})
	}
}

// SEQ-17: a code of the wrong class is corrected, in each line.
func TestRFC2034_4_ClassOfVerdict(t *testing.T) {
	s := newSession(smtp.ServerConfig{})
	for _, tt := range []struct {
		line string
		in   smtp.Reply
		want string
	}{
		{"EHLO c", smtp.Reply{Code: 250}, ""},
		{"MAIL FROM:<a@d>", smtp.Reply{Code: 451, Enhanced: smtp.EnhancedCode{5, 7, 1}, Text: "a\nb"}, "451-4.7.1 a\r\n451 4.7.1 b\r\n"},
		{"MAIL FROM:<a@d>", smtp.Reply{Code: 250, Enhanced: smtp.EnhancedCode{5, 1, 0}, Text: "a"}, "250 2.1.0 a\r\n"},
		{"RCPT TO:<a@d>", smtp.Reply{Code: 550, Enhanced: smtp.EnhancedCode{2, 1000, 5}, Text: "a\r\n250 b"}, "550-5.0.5 a\r\n550 5.0.5 250 b\r\n"},
		{"NOOP", smtp.Reply{Code: 550, Enhanced: smtp.EnhancedCode{5, 1, 1}, Text: "a"}, "250 2.0.0 a\r\n"},
	} {
		s.Step([]byte(tt.line))
		if got := string(smtp.AppendReply(nil, s.Settle(tt.in))); tt.want != "" && got != tt.want {
			t.Errorf("%q, %v: %q, want %q", tt.line, tt.in, got, tt.want)
		}
	}
}

func TestLongHelloText(t *testing.T) {
	s := newSession(smtp.ServerConfig{Hostname: "mx"})
	s.Step([]byte("EHLO c"))
	r := s.Settle(smtp.Reply{Code: 250, Text: strings.Repeat("word ", 300) + "STARTTLS"})
	parsed, err := smtp.ParseReply(smtp.AppendReply(nil, r))
	if x := smtp.ParseExtensions(parsed); err != nil || x.StartTLS || len(x.Extra) > 0 {
		t.Errorf("a long text became keywords: %+v, %v", x, err)
	}
}

// Why content is condemned decides the reply, whatever the application says.
func TestCondemned(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"content", &smtp.ContentError{Reason: smtp.Loop}, "554 5.4.6 too many Received fields: mail loop"},
		{"content, wrapped", fmt.Errorf("while reading: %w", &smtp.ContentError{Reason: smtp.TooBig}), "552 5.3.4 message too big"},
		{"a Reject", &smtp.Reject{Code: 450, Enhanced: smtp.EnhancedCode{4, 3, 1}, Text: "disk full"}, "450 4.3.1 disk full"},
		{"a Reject that is none", &smtp.Reject{Code: 250, Text: "fine"}, "451 4.3.0 local error"},
		{"a Reject of no code", &smtp.Reject{}, "451 4.3.0 local error"},
		{"what another server said", &smtp.ReplyError{Reply: smtp.Reply{Code: 550, Text: "their words"}}, "451 4.3.0 local error"},
		{"any other", io.ErrUnexpectedEOF, "451 4.3.0 local error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := inState(t, smtp.Receiving, smtp.SMTP)
			if e := s.Received(tt.err); e.Err != tt.err {
				t.Errorf("Err is %v", e.Err)
			}
			if got := s.Settle(smtp.Reply{Code: 250}).String(); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// TLS that starts with the connection: TLSDone comes before Greet.
func TestImplicitTLS(t *testing.T) {
	s := &smtp.ServerSession{Config: smtp.ServerConfig{
		Hostname: "mx", StartTLS: true, TLSRequired: true, AuthAfterTLS: true, Mechanisms: []string{"PLAIN"}, Offer: smtp.Offer{RequireTLS: true},
	}}
	s.TLSDone()
	s.Greet(smtp.Reply{Code: 220})
	play(t, s, []turn{
		{"EHLO c", "EHLO c", "", strings.Replace(ehlo.want, "|250-VRFY|250-HELP|250 SIZE 52428800", "|250-REQUIRETLS|250-VRFY|250-HELP|250-SIZE 52428800|250 AUTH PLAIN", 1), smtp.Ready},
		{"STARTTLS", "refused", "", "503 5.5.1 TLS is on already", smtp.Ready},
		{"AUTH PLAIN =", `AUTH PLAIN ""`, "", "235 2.7.0 authenticated", smtp.Ready},
		{"MAIL FROM:<a@d> REQUIRETLS", "MAIL a@d", "", "250 2.1.0 sender OK", smtp.Mailing},
	})
	s = &smtp.ServerSession{}
	s.TLSDone()
	s.Greet(smtp.Reply{Code: 220})
	play(t, s, []turn{{"CONNECT x:25 HTTP/1.1", "refused close", "", "421 4.7.0 this is not a web server", smtp.Closed}})
}

// Limits end the session with 421.
func TestServerSessionCounters(t *testing.T) {
	step := func(t *testing.T, s *smtp.ServerSession, line, verdict string) smtp.Reply {
		t.Helper()
		if s.State() == smtp.Closed {
			t.Fatalf("closed before %q", line)
		}
		e := s.Step([]byte(line))
		if r, ok := e.(*smtp.Refused); ok {
			return s.Settle(r.Reply)
		}
		return s.Settle(verdictOf(t, verdict))
	}
	tests := []struct {
		name    string
		config  smtp.ServerConfig
		before  []string
		line    string
		verdict string
		free    int // how often it passes
		want    string
	}{
		{"errors of the machine's", smtp.ServerConfig{Limits: smtp.Limits{Errors: 3}}, nil, "DATA", "", 2, "421 4.7.0 too many errors"},
		{"errors by default", smtp.ServerConfig{}, nil, "DATA", "", 19, "421 4.7.0 too many errors"},
		{"verbs that nobody knows", smtp.ServerConfig{Limits: smtp.Limits{Errors: 3}}, nil, "XFOO", "500 what?", 2, "421 4.7.0 too many errors"},
		{"verbs that somebody knows", smtp.ServerConfig{Limits: smtp.Limits{Errors: 3}}, nil, "XFOO", "550 no", 50, ""},
		{"the application's refusals", smtp.ServerConfig{Limits: smtp.Limits{Errors: 3}}, []string{"EHLO c"}, "MAIL FROM:<a@d>", "550 no", 50, ""},
		{"bad recipients", smtp.ServerConfig{Limits: smtp.Limits{BadRcpts: 4, Errors: 1}}, []string{"EHLO c", "MAIL FROM:<a@d>"}, "RCPT TO:<b@d>", "550 no", 3, "421 4.7.0 too many bad recipients"},
		{"bad recipients by default", smtp.ServerConfig{}, []string{"EHLO c", "MAIL FROM:<a@d>"}, "RCPT TO:<b@d>", "550 no", 99, "421 4.7.0 too many bad recipients"},
		{"failed AUTH", smtp.ServerConfig{Mechanisms: []string{"PLAIN"}}, []string{"EHLO c"}, "AUTH PLAIN", "535 5.7.8 no", 2, "421 4.7.0 too many failed authentications"},
		{"AUTH that fails for now", smtp.ServerConfig{Mechanisms: []string{"PLAIN"}}, []string{"EHLO c"}, "AUTH PLAIN", "454 4.7.0 later", 50, ""},
		{"cancelled AUTH is an error", smtp.ServerConfig{Mechanisms: []string{"PLAIN"}, Limits: smtp.Limits{Errors: 3}}, []string{"EHLO c"}, "AUTH PLAIN !", "", 2, "421 4.7.0 too many errors"},
		{"no limit", smtp.ServerConfig{Limits: smtp.Limits{Errors: -1}}, nil, "DATA", "", 500, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSession(tt.config)
			for _, line := range tt.before {
				step(t, s, line, "")
			}
			for i := range tt.free {
				if r := step(t, s, tt.line, tt.verdict); r.Code == 421 {
					t.Fatalf("421 at time %d", i+1)
				}
			}
			if tt.want == "" {
				return
			}
			if r := step(t, s, tt.line, tt.verdict); r.String() != tt.want || s.State() != smtp.Closed {
				t.Errorf("%v, %v; want %q", r, s.State(), tt.want)
			}
		})
	}
}

func TestRFC9422_MailMax(t *testing.T) {
	s := newSession(smtp.ServerConfig{Hostname: "mx", Limits: smtp.Limits{Mails: 2}})
	reset := turn{"RSET", "RSET", "", "250 2.0.0 OK", smtp.Ready}
	play(t, s, []turn{ehlo, mail, reset, mail, reset, {"MAIL FROM:<a@d>", "refused close", "", "421 4.7.0 too many messages in one session", smtp.Closed}})
}

// What the values of MAIL mean here: RFC 4865, section 5; RFC 2852, section 4. PATH-40.
func TestMailValues(t *testing.T) {
	until := time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)
	config := smtp.ServerConfig{
		Protocol: smtp.Submission, Mechanisms: []string{"PLAIN"},
		Offer: smtp.Offer{FutureRelease: &smtp.FutureRelease{MaxHold: time.Hour, MaxUntil: until}, DeliverBy: new(time.Minute)},
	}
	tests := []struct{ name, params, want string }{
		{"hold of the limit", "HOLDFOR=3600", "250"},
		{"hold over the limit", "HOLDFOR=3601", "554 5.7.0 cannot hold a message for so long"},
		{"until the limit", "HOLDUNTIL=2031-01-01T00:00:00Z", "250"},
		{"until the limit, elsewhere", "HOLDUNTIL=2031-01-01T01:00:00+01:00", "250"},
		{"until beyond the limit", "HOLDUNTIL=2031-01-01T00:00:01Z", "554 5.7.0 cannot hold a message for so long"},
		{"both", "HOLDFOR=1 HOLDUNTIL=2031-01-01T00:00:00Z", "501 5.5.4 bad HOLDUNTIL: want a value as its RFC has it"},
		{"return in the shortest time", "BY=60;R", "250"},
		{"return in less", "BY=59;R", "501 5.5.4 cannot deliver in so short a time"},
		{"notify in less", "BY=59;N", "250"},
		{"notify of what is late", "BY=-59;N", "250"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSession(config)
			for _, line := range []string{"EHLO c", "AUTH PLAIN ="} {
				s.Step([]byte(line))
				s.Settle(smtp.Reply{Code: 250})
			}
			r := s.Settle(replyTo(s.Step([]byte("MAIL FROM:<a@d.example> "+tt.params)), smtp.Reply{Code: 250}))
			if got := r.String(); !strings.HasPrefix(got, tt.want) {
				t.Errorf("%s: %q, want %q", tt.params, got, tt.want)
			}
		})
	}
}

// STARTTLS is no way around the counters.
func TestCountersSurviveTLS(t *testing.T) {
	s := newSession(smtp.ServerConfig{Hostname: "mx", StartTLS: true, Limits: smtp.Limits{Errors: 2}})
	play(t, s, []turn{
		{"DATA", "refused", "", "503 5.5.1 send EHLO first", smtp.Greeted},
		{"STARTTLS", "STARTTLS", "", "220 2.0.0 begin TLS", smtp.Upgrading},
		{tlsDone, "", "", "", smtp.Greeted},
		{"DATA", "refused", "", "421 4.7.0 too many errors", smtp.Closed},
	})
}

// RFC 2920, section 3.2, items 5 and 6: what must not be held back. LINE-90.
func TestRFC2920_3_2_MustFlush(t *testing.T) {
	s := newSession(smtp.ServerConfig{})
	for _, tt := range []struct {
		line string
		want bool
	}{
		{"EHLO c", true},
		{"MAIL FROM:<a@d>", false},
		{"RCPT TO:<b@d>", false},
		{"RCPT TO:bad", false},
		{"RSET", false},
		{"NOOP", true},
		{"VRFY x", true},
		{"EXPN x", true},
		{"XFOO", true},
		{"not\ta verb", true},
		{"QUIT x", true},
		{"DATA", true},
		{"MAIL FROM:<a@d>", false},
		{"QUIT", true},
	} {
		s.Settle(replyTo(s.Step([]byte(tt.line)), smtp.Reply{Code: 250}))
		if got := s.MustFlush(); got != tt.want {
			t.Errorf("%q: MustFlush() = %v", tt.line, got)
		}
	}
}

// replyTo is v, or what the session refuses with.
func replyTo(e smtp.Event, v smtp.Reply) smtp.Reply {
	if r, ok := e.(*smtp.Refused); ok {
		return r.Reply
	}
	return v
}

func TestFail(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"any error", io.ErrUnexpectedEOF, "421 4.3.0 mx closing the connection"},
		{"nil", nil, "421 4.3.0 mx closing the connection"},
		{"a 421", &smtp.Reject{Code: 421, Enhanced: smtp.EnhancedCode{4, 3, 2}, Text: "going down"}, "421 4.3.2 going down"},
		{"another Reject", &smtp.Reject{Code: 550, Text: "no"}, "421 4.3.0 mx closing the connection"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, lines := range [][]string{{}, {"EHLO c", "MAIL FROM:<a@d>"}, {"EHLO c", "MAIL FROM:<a@d>", "RCPT TO:<b@d>", "DATA"}} {
				s := newSession(smtp.ServerConfig{Hostname: "mx"})
				for _, line := range lines {
					s.Step([]byte(line))
					s.Settle(smtp.Reply{Code: 250})
				}
				if s.State() != smtp.Receiving {
					s.Step([]byte("NOOP")) // also with an event open
				}
				if got := s.Fail(tt.err).String(); got != tt.want || s.State() != smtp.Closed {
					t.Errorf("behind %q: %q, %v", lines, got, s.State())
				}
			}
		})
	}
}

// mustPanic reports whether f panics.
func mustPanic(f func()) (panicked bool) {
	defer func() { panicked = recover() != nil }()
	f()
	return false
}

// Misuse is the driver's mistake, and says so at once.
func TestServerSessionMisuse(t *testing.T) {
	ok := smtp.Reply{Code: 250}
	at := func(lines ...string) func() *smtp.ServerSession {
		return func() *smtp.ServerSession {
			s := newSession(smtp.ServerConfig{StartTLS: true})
			for _, line := range lines {
				s.Step([]byte(line))
				s.Settle(ok)
			}
			return s
		}
	}
	tests := []struct {
		name  string
		start func() *smtp.ServerSession
		do    func(s *smtp.ServerSession)
	}{
		{"Step before Greet", func() *smtp.ServerSession { return new(smtp.ServerSession) }, func(s *smtp.ServerSession) { s.Step([]byte("NOOP")) }},
		{"BadLine before Greet", func() *smtp.ServerSession { return new(smtp.ServerSession) }, func(s *smtp.ServerSession) { s.BadLine(smtp.ErrNUL) }},
		{"Greet twice", at(), func(s *smtp.ServerSession) { s.Greet(ok) }},
		{"Settle without event", at(), func(s *smtp.ServerSession) { s.Settle(ok) }},
		{"Step twice", at(), func(s *smtp.ServerSession) { s.Step([]byte("NOOP")); s.Step([]byte("NOOP")) }},
		{"BadLine behind Step", at(), func(s *smtp.ServerSession) { s.Step([]byte("NOOP")); s.BadLine(smtp.ErrNUL) }},
		{"Settle twice", at(), func(s *smtp.ServerSession) { s.Step([]byte("NOOP")); s.Settle(ok); s.Settle(ok) }},
		{"Received without content", at("EHLO c"), func(s *smtp.ServerSession) { s.Received(nil) }},
		{"Received before DATA is settled", at("EHLO c", "MAIL FROM:<a@d>", "RCPT TO:<b@d>"), func(s *smtp.ServerSession) { s.Step([]byte("DATA")); s.Received(nil) }},
		{"Received twice", at("EHLO c", "MAIL FROM:<a@d>", "RCPT TO:<b@d>", "DATA"), func(s *smtp.ServerSession) { s.Received(nil); s.Received(nil) }},
		{"Step inside content", at("EHLO c", "MAIL FROM:<a@d>", "RCPT TO:<b@d>", "DATA"), func(s *smtp.ServerSession) { s.Step([]byte("NOOP")) }},
		{"Settle on a chunk", at("EHLO c", "MAIL FROM:<a@d>", "RCPT TO:<b@d>"), func(s *smtp.ServerSession) { s.Step([]byte("BDAT 1")); s.Settle(ok) }},
		{"TLSDone without STARTTLS", at("EHLO c"), func(s *smtp.ServerSession) { s.TLSDone() }},
		{"Step before TLSDone", at("STARTTLS"), func(s *smtp.ServerSession) { s.Step([]byte("NOOP")) }},
		{"Step when closed", at("QUIT"), func(s *smtp.ServerSession) { s.Step([]byte("NOOP")) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if s := tt.start(); !mustPanic(func() { tt.do(s) }) {
				t.Errorf("no panic, state %v", s.State())
			}
		})
	}
}
