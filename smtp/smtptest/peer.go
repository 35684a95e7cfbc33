package smtptest

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailwire/mailwire/smtp"
)

// A peer is the server of a clientCase. It takes what the client sends for what
// it is, strictly, and notes what no client may do.
type peer struct {
	c        *clientCase
	protocol smtp.Protocol
	addr     string
	listener net.Listener
	conns    sync.WaitGroup

	mu       sync.Mutex
	wire     []byte // all that the client sent
	log      strings.Builder
	verbs    []string
	lengths  []int // of the lines of verbs
	messages []peerMessage
	wrong    string // the first thing that no client may do
}

type peerMessage struct {
	to      []string // local parts
	content []byte   // without its stuffing
}

func startPeer(t *testing.T, c *clientCase, protocol smtp.Protocol) *peer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{c: c, protocol: protocol, addr: l.Addr().String(), listener: l}
	p.conns.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			p.conns.Go(func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(30 * time.Second))
				(&peerConn{peer: p, conn: conn, counts: make(map[string]int)}).serve()
			})
		}
	})
	t.Cleanup(p.stop)
	return p
}

func (p *peer) stop() {
	p.listener.Close()
	p.conns.Wait()
}

func (p *peer) complain(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.wrong == "" {
		p.wrong = fmt.Sprintf(format, args...)
		fmt.Fprintf(&p.log, "-- %s\n", p.wrong)
	}
}

// arrived checks that one message arrived, for these recipients.
func (p *peer) arrived(content string, to ...string) string {
	if len(p.messages) != 1 {
		return fmt.Sprintf("%d messages arrived, want 1", len(p.messages))
	}
	m := p.messages[0]
	if string(m.content) != content {
		return fmt.Sprintf("content %.200q, want %.200q", m.content, content)
	}
	if strings.Join(m.to, " ") != strings.Join(to, " ") {
		return fmt.Sprintf("recipients %v, want %v", m.to, to)
	}
	return ""
}

// A peerConn is one connection of the client.
type peerConn struct {
	*peer
	conn   net.Conn
	in     []byte
	counts map[string]int
	to     []string // accepted
	mailOK bool
}

func (c *peerConn) serve() {
	c.conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond)) // who talks now does not listen
	if c.read() == nil {
		c.complain("the client talks before it is greeted")
	}
	c.conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	if !c.answer("", "", "220 mx.example ESMTP\r\n") {
		return
	}
	for {
		line, ok := c.line()
		if !ok {
			return
		}
		verb, arg, _ := strings.Cut(line, " ")
		verb = strings.ToUpper(verb)
		c.mu.Lock()
		c.verbs = append(c.verbs, verb)
		c.lengths = append(c.lengths, len(line)+2)
		c.mu.Unlock()
		c.checkGroup(verb)
		if !c.command(verb, arg) {
			return
		}
	}
}

// checkGroup looks at what came behind a command before it was answered.
func (c *peerConn) checkGroup(verb string) {
	switch {
	case len(c.in) == 0, verb == "BDAT":
	case !c.offers("PIPELINING"):
		c.complain("%s is followed by %.60q, and PIPELINING is not offered", verb, c.in)
	case verb != "MAIL" && verb != "RCPT" && verb != "RSET":
		c.complain("%s is followed by %.60q, and does not end its group (RFC 2920, section 3.1)", verb, c.in)
	}
}

func (c *peerConn) offered() []string {
	if c.c.offers == nil {
		return []string{"PIPELINING", "8BITMIME"}
	}
	return c.c.offers
}

func (c *peerConn) offers(keyword string) bool {
	for _, k := range c.offered() {
		if strings.EqualFold(k, keyword) {
			return true
		}
	}
	return false
}

// command answers a command. It returns false at the end of the connection.
func (c *peerConn) command(verb, arg string) bool {
	switch verb {
	case "EHLO", "LHLO":
		if (verb == "LHLO") != (c.protocol == smtp.LMTP) {
			return c.answer(verb, arg, "500 5.5.1 not in this protocol\r\n")
		}
		var usual strings.Builder
		usual.WriteString("250-mx.example\r\n")
		for _, k := range c.offered() {
			usual.WriteString("250-" + k + "\r\n")
		}
		return c.answer(verb, arg, usual.String()+"250 HELP\r\n")
	case "MAIL":
		c.to, c.mailOK = nil, c.willDo(verb, arg)
		return c.answer(verb, arg, "250 2.1.0 OK\r\n")
	case "RCPT":
		usual := "250 2.1.5 OK\r\n"
		if !c.mailOK {
			usual = "503 5.5.1 MAIL first\r\n"
		}
		if c.mailOK && c.willDo(verb, arg) {
			local, _, _ := strings.Cut(strings.TrimPrefix(strings.ToUpper(arg), "TO:<"), "@")
			c.to = append(c.to, strings.ToLower(local))
		}
		return c.answer(verb, arg, usual)
	case "DATA":
		usual := "354 go\r\n"
		if len(c.to) == 0 {
			usual = "503 5.5.1 RCPT first\r\n"
		}
		takes := strings.HasPrefix(c.instead(verb, arg, usual), "354")
		return c.answer(verb, arg, usual) && (!takes || c.content())
	case "QUIT":
		c.answer(verb, arg, "221 2.0.0 bye\r\n")
		return false
	case "HELO", "RSET", "NOOP":
		return c.answer(verb, arg, "250 2.0.0 OK\r\n")
	}
	return c.answer(verb, arg, "500 5.5.1 what?\r\n")
}

// instead returns what is going to be answered.
func (c *peerConn) instead(verb, arg, usual string) string {
	if c.c.reply != nil {
		if r := c.c.reply(verb, arg, c.counts[verb]); r != "" {
			return r
		}
	}
	return usual
}

func (c *peerConn) willDo(verb, arg string) bool { return c.instead(verb, arg, "2")[0] == '2' }

// answer sends a reply. It returns false if the connection ends with it.
func (c *peerConn) answer(verb, arg, usual string) bool {
	r := c.instead(verb, arg, usual)
	c.counts[verb]++
	r, last := strings.CutSuffix(r, "!")
	c.mu.Lock()
	if len(r) < 4096 {
		for line := range strings.Lines(r) {
			c.log.WriteString("S: " + strings.TrimRight(line, "\r\n") + "\n")
		}
	} else {
		fmt.Fprintf(&c.log, "S: a reply of %d octets\n", len(r))
	}
	c.mu.Unlock()
	_, err := io.WriteString(c.conn, r)
	return err == nil && !last
}

// content takes a message. Only CRLF.CRLF ends it, and whatever else might pass
// for an end is wrong.
func (c *peerConn) content() bool {
	end := []byte("\r\n.\r\n")
	raw := []byte("\r\n") // of the line of DATA
	for {
		if i := bytes.Index(append(raw, c.in...), end); i >= 0 {
			all := append(raw, c.in...)
			raw, c.in = all[:i+2], all[i+len(end):]
			break
		}
		raw = append(raw, c.in...)
		c.in = nil
		if c.read() != nil {
			return false
		}
	}
	raw = raw[2:]
	if bare(raw) {
		c.complain("bare CR or LF in the content: %.200q", raw)
	}
	content := bytes.TrimPrefix(bytes.ReplaceAll(append([]byte("\r\n"), raw...), []byte("\r\n."), []byte("\r\n")), []byte("\r\n"))
	c.mu.Lock()
	c.messages = append(c.messages, peerMessage{c.to, content})
	fmt.Fprintf(&c.log, "C~ %.300q\nC: .\n", raw)
	c.mu.Unlock()
	if len(c.in) > 0 && !c.offers("PIPELINING") {
		c.complain("the content is followed by %.60q, and PIPELINING is not offered", c.in)
	}
	n := 1
	if c.protocol == smtp.LMTP {
		n = len(c.to)
	}
	for range n {
		if !c.answer(".", "", "250 2.0.0 OK\r\n") {
			return false
		}
	}
	c.to, c.mailOK = nil, false
	return true
}

// bare reports whether there is a CR or an LF that is not half of a CRLF.
func bare(b []byte) bool {
	b = bytes.ReplaceAll(b, []byte("\r\n"), nil)
	return bytes.ContainsAny(b, "\r\n")
}

// line reads a command line.
func (c *peerConn) line() (string, bool) {
	for {
		if i := bytes.IndexByte(c.in, '\n'); i >= 0 {
			line := string(c.in[:i+1])
			c.in = c.in[i+1:]
			c.mu.Lock()
			fmt.Fprintf(&c.log, "C~ %.300q\n", line)
			c.mu.Unlock()
			text, ok := strings.CutSuffix(line, "\r\n")
			if !ok || strings.ContainsAny(text, "\r\x00") {
				c.complain("a command line with a bare CR, LF or NUL: %.100q", line)
			}
			return text, true
		}
		if c.read() != nil {
			return "", false
		}
	}
}

func (c *peerConn) read() error {
	var buf [4096]byte
	n, err := c.conn.Read(buf[:])
	c.in = append(c.in, buf[:n]...)
	c.mu.Lock()
	c.wire = append(c.wire, buf[:n]...)
	c.mu.Unlock()
	if n > 0 {
		return nil
	}
	return err
}
