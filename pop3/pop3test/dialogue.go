package pop3test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/mailwire/mailwire/internal/suite"
)

// A dialogue is what a case has with the server. The first thing that goes wrong
// is kept in err, and from then on nothing more is said: cases need not look.
type dialogue struct {
	ctx     context.Context
	target  *Target
	conn    net.Conn
	tls     bool
	in      []byte // read and not yet used
	log     suite.Log
	guard   suite.Guard
	err     error
	skipped string // why the case says nothing about this server

	greeting string
	caps     []string // lines of CAPA, in capitals; nil: not asked
	opened   []net.Conn
}

func newDialogue(ctx context.Context, t *Target, allowed Harm) *dialogue {
	d := &dialogue{ctx: ctx, target: t, guard: suite.Guard{Allowed: allowed}}
	if l := t.Login; l != nil {
		d.log.Hide(string(l.Password))
		d.log.Hide(response(l.Username, string(l.Password)))
	}
	return d
}

func (d *dialogue) close() {
	for _, c := range d.opened {
		c.Close()
	}
	d.opened, d.conn = nil, nil
}

func (d *dialogue) fail(format string, args ...any) {
	if d.err == nil {
		d.err = d.log.Error(format, args...)
	}
}

func (d *dialogue) skip(format string, args ...any) {
	if d.skipped == "" {
		d.skipped = fmt.Sprintf(format, args...)
	}
}

func (d *dialogue) over() bool { return d.err != nil || d.skipped != "" }

// fill makes the maildrop hold these messages. All connections are closed before,
// and the server has noticed.
func (d *dialogue) fill(messages ...string) {
	d.close()
	if d.target.Reset == nil {
		d.skip("the Target has no Reset")
	}
	if err := d.guard.Send("Target.Reset", Empties); err != nil {
		d.fail("%w", err)
	}
	d.unlocked()
	if d.over() {
		return
	}
	switch err := d.target.Reset(d.ctx, messages); {
	case errors.Is(err, errors.ErrUnsupported):
		d.skip("Target.Reset: %v", err)
	case err != nil:
		d.fail("Target.Reset: %w", err)
	}
}

// unlocked waits until nobody has the maildrop.
func (d *dialogue) unlocked() {
	d.wantFree()
	d.close()
	if d.err == nil {
		d.log.Reset()
	}
}

// start makes a connection, which is the current one from then on, and reads the
// greeting.
func (d *dialogue) start() {
	if err := d.guard.Dial(); err != nil {
		d.fail("%w", err)
	}
	if d.over() {
		return
	}
	c, err := d.target.Dial(d.ctx)
	if err != nil {
		d.fail("dialling: %w", err)
		return
	}
	d.conn, d.in, d.caps = c, nil, nil
	d.opened = append(d.opened, c)
	d.log.Note("connection %d", len(d.opened))
	_, d.tls = c.(*tls.Conn)
	d.greeting = d.want("+OK")
}

// A peer is a connection that is not the current one.
type peer struct {
	conn net.Conn
	tls  bool
	in   []byte
	caps []string
}

// swap makes another connection the current one, and returns the one that was.
func (d *dialogue) swap(p peer) peer {
	was := peer{d.conn, d.tls, d.in, d.caps}
	d.conn, d.tls, d.in, d.caps = p.conn, p.tls, p.in, p.caps
	return was
}

// send sends lines, in one write.
func (d *dialogue) send(lines ...string) { d.raw(strings.Join(lines, "\r\n") + "\r\n") }

// raw sends octets.
func (d *dialogue) raw(octets string) {
	harm := harmOf(octets)
	if !d.tls && d.target.TLS != nil && d.log.Secret(octets) {
		harm |= Exposes
	}
	if err := d.guard.Send(octets, harm); err != nil {
		d.fail("%w", err)
	}
	if d.over() {
		return
	}
	d.log.Octets("C", octets)
	d.conn.SetWriteDeadline(d.deadline())
	// A server may refuse and close before it has read all.
	if _, err := io.WriteString(d.conn, octets); err != nil && !gone(err) {
		d.fail("sending: %w", err)
	}
}

// harmOf says what octets do to a server that takes any line of them for a
// command. Some servers put away what was read.
func harmOf(octets string) (h Harm) {
	for line := range strings.FieldsFuncSeq(octets, func(c rune) bool { return c == '\r' || c == '\n' }) {
		verb, _, _ := strings.Cut(line, " ")
		switch strings.ToUpper(verb) {
		case "DELE", "RETR", "TOP":
			h |= Empties
		}
	}
	return h
}

// sample quotes the beginning of a line. CRLF at its end is not shown.
func sample(line string) string {
	line = strings.TrimSuffix(line, "\r\n")
	if len(line) > 120 {
		return fmt.Sprintf("%.120q... (%d octets)", line, len(line))
	}
	return fmt.Sprintf("%q", line)
}

// gone reports whether err says that the server has closed.
func gone(err error) bool {
	return err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, net.ErrClosed)
}

func (d *dialogue) deadline() time.Time {
	patience := d.target.Patience
	if patience == 0 {
		patience = 10 * time.Second
	}
	return time.Now().Add(patience)
}

// fillBuffer reads once. ended: the server has closed.
func (d *dialogue) fillBuffer() (ended bool) {
	d.conn.SetReadDeadline(d.deadline())
	buf := make([]byte, 32<<10)
	n, err := d.conn.Read(buf)
	d.in = append(d.in, buf[:n]...)
	switch {
	case n > 0, err == nil:
		return false
	case gone(err):
		return true
	case errors.Is(err, os.ErrDeadlineExceeded):
		d.fail("no answer")
	default:
		d.fail("reading: %w", err)
	}
	return true
}

// line reads a line, without CRLF. ok: there was one.
func (d *dialogue) line() (text string, ok bool) {
	for searched := 0; !d.over(); {
		if i := bytes.IndexByte(d.in[searched:], '\n'); i >= 0 {
			line := string(d.in[:searched+i+1])
			d.in = d.in[len(line):]
			text, ok = strings.CutSuffix(line, "\r\n")
			if !ok || strings.ContainsRune(text, '\r') {
				d.fail("a line of the server does not end in CRLF: %s", sample(line))
			}
			return text, ok
		}
		searched = len(d.in)
		if d.fillBuffer() {
			return "", false
		}
	}
	return "", false
}

// reply reads a reply. It is "" where the server has closed.
func (d *dialogue) reply() string {
	text, ok := d.line()
	if !ok {
		if !d.over() {
			d.log.Closed()
		}
		return ""
	}
	d.log.Octets("S", text+"\r\n")
	status, _, _ := strings.Cut(text, " ")
	switch {
	case status != "+OK" && status != "-ERR" && status != "+":
		d.fail("%s is no reply: RFC 1939, section 3 has +OK and -ERR", sample(text))
	case len(text) > 510:
		d.fail("a reply of %d octets, where RFC 2449, section 4, has 512 at most", len(text)+2)
	}
	return text
}

// want reads a reply, which has to begin like this.
func (d *dialogue) want(begin string) string {
	if d.over() {
		return ""
	}
	got := d.reply()
	if !strings.HasPrefix(got, begin) {
		if got == "" {
			got = "the end of the connection"
		}
		d.fail("want %s, got %s", begin, sample(got))
	}
	return got
}

// ok sends commands one by one, each of which has to succeed. The last reply is
// returned.
func (d *dialogue) ok(commands ...string) (last string) {
	for _, c := range commands {
		d.send(c)
		last = d.want("+OK")
	}
	return last
}

// refused sends commands one by one, each of which has to fail and must not end
// the session.
func (d *dialogue) refused(commands ...string) (last string) {
	for _, c := range commands {
		d.send(c)
		last = d.want("-ERR")
	}
	return last
}

// body reads the body of a multi-line answer, unstuffed.
func (d *dialogue) body() string {
	var b strings.Builder
	lines := 0
	for !d.over() {
		text, ok := d.line()
		if !ok {
			d.fail("the connection ended inside a body")
			break
		}
		if lines++; lines <= 6 {
			d.log.Octets("S", text+"\r\n")
		}
		if text == "." {
			if lines > 6 {
				d.log.Note("S: ... and %d lines more", lines-6)
			}
			break
		}
		if rest, dot := strings.CutPrefix(text, "."); dot {
			if text[:2] != ".." {
				d.fail("a line that begins with one dot: %s", sample(text))
			}
			text = rest
		}
		b.WriteString(text)
		b.WriteString("\r\n")
	}
	return b.String()
}

// listing sends a command and reads the lines of its body.
func (d *dialogue) listing(command string) []string {
	d.ok(command)
	body := d.body()
	if body == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(body, "\r\n"), "\r\n")
}

// retr reads a message.
func (d *dialogue) retr(command string) string {
	d.ok(command)
	return d.body()
}

// wantEnd expects that the server closes, and says nothing before.
func (d *dialogue) wantEnd() {
	for !d.over() {
		if len(d.in) > 0 {
			d.fail("want the end of the connection, got %s", sample(string(d.in)))
			return
		}
		if d.fillBuffer() {
			return
		}
	}
}

// drop ends the current connection as a cut cable does: without QUIT, and on TLS
// without close_notify.
func (d *dialogue) drop() {
	if d.conn == nil {
		return
	}
	d.log.Note("the client drops the connection")
	if tc, is := d.conn.(*tls.Conn); is {
		tc.NetConn().Close()
	} else {
		d.conn.Close()
	}
}

// offers asks for capabilities once, and reports whether this is among them.
func (d *dialogue) offers(capability string) bool {
	if d.caps == nil && !d.over() {
		d.caps = []string{}
		d.send("CAPA")
		if strings.HasPrefix(d.reply(), "+OK") {
			d.caps = strings.Split(strings.ToUpper(d.body()), "\r\n")
		}
	}
	tag, arg, hasArg := strings.Cut(capability, " ")
	for _, line := range d.caps {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] != tag {
			continue
		}
		if !hasArg {
			return true
		}
		if slices.Contains(fields[1:], arg) {
			return true
		}
	}
	return false
}

// startTLS does STLS, which has to succeed.
func (d *dialogue) startTLS() {
	d.ok("STLS")
	d.handshake()
}

func (d *dialogue) handshake() (ok bool) {
	if d.over() {
		return false
	}
	if len(d.in) > 0 {
		d.fail("octets before the handshake: %s", sample(string(d.in)))
		return false
	}
	tc := tls.Client(d.conn, d.target.TLS)
	d.conn.SetDeadline(d.deadline())
	if err := tc.HandshakeContext(d.ctx); err != nil {
		if !gone(err) {
			d.log.Note("no TLS: %v", err)
		}
		return false
	}
	d.log.TLS()
	d.conn, d.tls, d.caps = tc, true, nil
	d.opened = append(d.opened, tc)
	return true
}

// secure goes where a login is possible: on to TLS if that is to be had. It skips
// the case where a password would be said without the TLS that the Target is for.
func (d *dialogue) secure() {
	if d.tls || d.target.TLS == nil {
		return
	}
	if !d.offers("STLS") {
		d.skip("the server does not offer STLS, and the Target wants TLS for its password")
		return
	}
	d.startTLS()
}

// login begins a session and logs in. The lock of a session that just ended may
// still be held for a moment.
func (d *dialogue) login() {
	d.needLogin()
	d.poll("the maildrop", func() bool {
		d.start()
		d.secure()
		reply := d.tryLogin()
		if strings.HasPrefix(reply, "+OK") {
			return true
		}
		if strings.HasPrefix(reply, "-ERR [AUTH") {
			d.fail("the login is refused: %q", reply)
		}
		d.conn.Close()
		return false
	})
}

// logIn logs in on the current connection, which has to go like this.
func (d *dialogue) logIn(want string) string {
	reply := d.tryLogin()
	if !d.over() && !strings.HasPrefix(reply, want) {
		d.fail("want %s, got %q", want, reply)
	}
	return reply
}

// tryLogin logs in on the current connection and returns the reply.
func (d *dialogue) tryLogin() string {
	name, password := d.user(), d.password()
	if d.offers("USER") || !d.offers("SASL PLAIN") {
		d.ok("USER " + name)
		d.send("PASS " + password)
	} else {
		d.send("AUTH PLAIN " + plain(name, password))
	}
	if d.over() {
		return ""
	}
	return d.reply()
}

// plain is the response of PLAIN, in base64.
func plain(name, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(response(name, password)))
}

// response is the response of PLAIN. RFC 4616, section 2.
func response(name, password string) string { return "\x00" + name + "\x00" + password }

// needLogin skips the case where there is no name to log in with.
func (d *dialogue) needLogin() {
	if d.target.Login == nil {
		d.skip("the Target has no Login")
	}
}

// user and password are those of the Login. Without one the case is skipped.
func (d *dialogue) user() string {
	if d.needLogin(); d.target.Login == nil {
		return ""
	}
	return d.target.Login.Username
}

func (d *dialogue) password() string {
	if d.needLogin(); d.target.Login == nil {
		return ""
	}
	return string(d.target.Login.Password)
}

// needUser skips the case where USER is not to be had.
func (d *dialogue) needUser() {
	d.needLogin()
	if !d.over() && !d.offers("USER") {
		d.skip("the server does not offer USER")
	}
}

// poll tries until try is content, or patience is at its end: a server may take
// its time to see that a connection is gone.
func (d *dialogue) poll(what string, try func() bool) {
	for end := d.deadline(); !d.over(); {
		if try() {
			return
		}
		if time.Now().After(end) {
			d.fail("%s does not come", what)
			return
		}
		timer := time.NewTimer(50 * time.Millisecond)
		select {
		case <-timer.C:
		case <-d.ctx.Done():
			d.fail("%w", d.ctx.Err())
		}
		timer.Stop()
	}
}

// normal is a message as a server has to send it: RFC 1939, section 11.
func normal(message string) string {
	s := strings.NewReplacer("\r\n", "\r\n", "\r", "\r\n", "\n", "\r\n").Replace(message)
	if s != "" && !strings.HasSuffix(s, "\r\n") {
		s += "\r\n"
	}
	return s
}

// wantText compares a message with what came of it.
func (d *dialogue) wantText(what, got, want string) {
	if !d.over() && got != want {
		i := 0
		for i < len(got) && i < len(want) && got[i] == want[i] {
			i++
		}
		from := max(0, i-20)
		d.fail("%s: %d octets, want %d; from octet %d got %.60q, want %.60q", what, len(got), len(want), from, got[from:], want[from:])
	}
}
