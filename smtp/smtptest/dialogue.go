package smtptest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/mailwire/mailwire/internal/suite"
	"github.com/mailwire/mailwire/smtp"
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
	skipped string // why the case says nothing about this server; err is set too

	offered map[string]string // keywords of EHLO, in capitals, and their parameters
	token   string            // in the content of every message that is sent here
	opened  []net.Conn
	ended   bool // QUIT was the last word, or the connection is known to be over
}

func newDialogue(ctx context.Context, t *Target, allowed Harm) *dialogue {
	d := &dialogue{ctx: ctx, target: t, token: "smtptest-" + rand.Text(), guard: suite.Guard{Allowed: allowed}}
	if t.Login != nil {
		d.log.Hide(string(t.Login.Password))
	}
	return d
}

func (d *dialogue) close() {
	for _, c := range d.opened {
		c.Close()
	}
}

func (d *dialogue) fail(format string, args ...any) {
	if d.err == nil {
		d.err = d.log.Error(format, args...)
	}
}

func (d *dialogue) skip(why string) {
	if d.err == nil {
		d.skipped, d.err = why, errors.New(why)
	}
}

// dial makes a connection and says nothing.
func (d *dialogue) dial() {
	if err := d.guard.Dial(); err != nil {
		d.fail("%w", err)
	}
	if d.err != nil {
		return
	}
	c, err := d.target.Dial(d.ctx)
	if err != nil {
		d.fail("dialling: %w", err)
		return
	}
	d.conn, d.in, d.offered, d.ended = c, nil, nil, false
	_, d.tls = c.(*tls.Conn)
	d.opened = append(d.opened, c)
	d.log.Note("connection %d", len(d.opened))
	if d.target.Proxy {
		d.send("PROXY TCP4 192.0.2.7 192.0.2.25 4711 25\r\n")
	}
}

// open makes a connection and takes the greeting.
func (d *dialogue) open() reply {
	d.dial()
	return d.want("220")
}

// start makes a connection that is ready for MAIL.
func (d *dialogue) start() {
	d.open()
	d.hello()
	if d.target.Encrypt {
		d.private()
	}
	if d.target.Protocol == smtp.Submission && d.target.Login != nil {
		d.login()
	}
}

// hello says EHLO, or LHLO, and takes note of what is offered.
func (d *dialogue) hello() {
	r := d.do(d.ehlo()+" client.example", "250")
	d.offered = make(map[string]string)
	for i, line := range r.lines {
		if i > 0 {
			keyword, value, _ := strings.Cut(line.text, " ")
			d.offered[strings.ToUpper(keyword)] = value
		}
	}
}

func (d *dialogue) ehlo() string {
	if d.target.Protocol == smtp.LMTP {
		return "LHLO"
	}
	return "EHLO"
}

func (d *dialogue) offers(keyword string) bool {
	_, ok := d.offered[keyword]
	return ok
}

// secure starts TLS, if AUTH or the case wants it and it can be had.
func (d *dialogue) secure() {
	if d.tls || d.target.TLS == nil || !d.offers("STARTTLS") {
		return
	}
	d.startTLS()
	d.hello()
}

// private is secure, and skips the case where TLS is not to be had, though the
// Target is for it.
func (d *dialogue) private() {
	d.secure()
	if !d.tls && d.target.TLS != nil {
		d.skip("the server does not offer STARTTLS, and the Target wants TLS")
	}
}

// startTLS is STARTTLS with the handshake.
func (d *dialogue) startTLS() {
	d.do("STARTTLS", "220")
	d.handshake()
}

func (d *dialogue) handshake() {
	if d.err != nil {
		return
	}
	if len(d.in) > 0 {
		d.fail("octets behind the reply to STARTTLS: %q", d.in)
		return
	}
	tc := tls.Client(d.conn, d.target.TLS)
	d.conn.SetDeadline(time.Now().Add(d.patience()))
	if err := tc.HandshakeContext(d.ctx); err != nil {
		d.fail("TLS handshake: %w", err)
		return
	}
	d.conn, d.tls = tc, true
	d.log.TLS()
}

// login authenticates with PLAIN.
func (d *dialogue) login() {
	d.private()
	if !d.offersPlain() {
		d.skip("the server does not offer AUTH PLAIN")
		return
	}
	d.do("AUTH PLAIN "+d.plain(string(d.target.Login.Password)), "235")
}

func (d *dialogue) offersPlain() bool {
	return strings.Contains(" "+d.offered["AUTH"]+" ", " PLAIN ")
}

// plain is the message of PLAIN: RFC 4616, section 2.
func (d *dialogue) plain(password string) string {
	user := "nobody"
	if d.target.Login != nil {
		user = d.target.Login.Username
	}
	response := "\x00" + user + "\x00" + password
	d.log.Hide(response)
	return base64.StdEncoding.EncodeToString([]byte(response))
}

func (d *dialogue) patience() time.Duration {
	if d.target.Patience > 0 {
		return d.target.Patience
	}
	return 10 * time.Second
}

// send sends octets in one write.
func (d *dialogue) send(octets string) {
	d.ended = strings.HasSuffix(octets, "QUIT\r\n")
	if err := d.write(octets); err != nil {
		d.fail("writing: %w", err)
	}
}

// trySend is send for what the server may cut short by closing.
func (d *dialogue) trySend(octets string) { d.write(octets) }

// write is where all octets go out.
func (d *dialogue) write(octets string) error {
	harm := harmOf(octets)
	if !d.tls && d.target.TLS != nil && d.log.Secret(octets) {
		harm |= Exposes
	}
	if err := d.guard.Send(octets, harm); err != nil {
		d.fail("%w", err)
	}
	if d.err != nil {
		return nil
	}
	d.log.Octets("C", octets)
	d.conn.SetWriteDeadline(time.Now().Add(d.patience()))
	_, err := io.WriteString(d.conn, octets)
	return err
}

// harmOf says what octets do to a server that takes any line of them for a
// command.
func harmOf(octets string) (h Harm) {
	for line := range strings.FieldsFuncSeq(octets, func(c rune) bool { return c == '\r' || c == '\n' }) {
		verb, _, _ := strings.Cut(line, " ")
		switch strings.ToUpper(verb) {
		case "RCPT", "DATA", "BDAT":
			h |= Delivers
		}
	}
	return h
}

// A reply is one reply as it came.
type reply struct {
	code  string
	lines []replyLine
}

type replyLine struct {
	enhanced string // "" if there is none
	text     string // behind the code, and the enhanced code
	octets   int    // with CRLF
}

func (r reply) String() string {
	if len(r.lines) == 0 {
		return r.code
	}
	s := r.code + " " + r.lines[0].enhanced + " " + r.lines[0].text
	return strings.Join(strings.Fields(s), " ")
}

// text returns all of the text.
func (r reply) text() string {
	var b strings.Builder
	for _, l := range r.lines {
		b.WriteString(l.text + "\n")
	}
	return b.String()
}

// reply reads the next reply. Whatever the case is about, it has to be one.
func (d *dialogue) reply() reply {
	return d.replyWithin(d.patience())
}

func (d *dialogue) replyWithin(t time.Duration) (r reply) {
	if d.err != nil {
		return r
	}
	d.conn.SetReadDeadline(time.Now().Add(t))
	for {
		line, err := d.line()
		if err != nil {
			d.fail("want a reply, got %w", err)
			return reply{}
		}
		if !isReplyLine(line) || r.code != "" && r.code != line[:3] {
			d.fail("not a line of a reply: %q (RFC 5321, section 4.2)", line)
			return reply{}
		}
		l := replyLine{octets: len(line) + 2}
		if len(line) > 4 {
			l.text = line[4:]
		}
		if word, rest, _ := strings.Cut(l.text, " "); isEnhanced(word) {
			l.enhanced, l.text = word, rest
		}
		r.code = line[:3]
		r.lines = append(r.lines, l)
		if len(line) == 3 || line[3] == ' ' {
			return r
		}
	}
}

// isReplyLine is Reply-line without CRLF: RFC 5321, section 4.2.
func isReplyLine(line string) bool {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' || line[1] < '0' || line[1] > '9' || line[2] < '0' || line[2] > '9' {
		return false
	}
	return len(line) == 3 || line[3] == ' ' || line[3] == '-'
}

// isEnhanced is status-code: RFC 3463, section 2.
func isEnhanced(word string) bool {
	parts := strings.Split(word, ".")
	if len(parts) != 3 || len(parts[0]) != 1 || !strings.Contains("245", parts[0]) {
		return false
	}
	for _, p := range parts {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n > 999 || p != strconv.FormatUint(n, 10) {
			return false
		}
	}
	return true
}

// line reads a line up to CRLF. A bare CR or LF in it is an error.
func (d *dialogue) line() (string, error) {
	for {
		if i := bytes.Index(d.in, []byte("\r\n")); i >= 0 {
			line := string(d.in[:i])
			d.in = d.in[i+2:]
			d.log.Octets("S", line+"\r\n")
			if strings.ContainsAny(line, "\r\n\x00") {
				return "", fmt.Errorf("a reply with a bare CR, LF or NUL: %q", line)
			}
			return line, nil
		}
		if len(d.in) > 64<<10 {
			return "", errors.New("a reply line over 64 KiB")
		}
		if err := d.read(); err != nil {
			return "", err
		}
	}
}

func (d *dialogue) read() error {
	var buf [4096]byte
	n, err := d.conn.Read(buf[:])
	d.in = append(d.in, buf[:n]...)
	switch {
	case n > 0:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errors.New("nothing in time")
	case err == io.EOF:
		return errors.New("the end of the connection")
	}
	return err
}

// want reads a reply and checks its code: each of codes is a whole one, or its
// first digits.
func (d *dialogue) want(codes ...string) reply {
	r := d.reply()
	d.check(r, codes...)
	return r
}

func (d *dialogue) check(r reply, codes ...string) {
	if d.err != nil {
		return
	}
	for _, c := range codes {
		if strings.HasPrefix(r.code, c) {
			return
		}
	}
	if r.code == tlsFirst {
		d.skip("the server wants TLS, or a login, first: " + r.String())
	}
	d.fail("want %s, got %s", strings.Join(codes, " or "), r)
}

// do sends a line and checks its reply.
func (d *dialogue) do(line string, codes ...string) reply {
	d.send(line + "\r\n")
	return d.want(codes...)
}

// alive checks that the session goes on, and that no reply is left over.
func (d *dialogue) alive() {
	d.do("NOOP", "250")
	d.quiet()
}

// quiet checks that no reply is waiting.
func (d *dialogue) quiet() {
	if d.err == nil && len(d.in) > 0 {
		d.fail("a reply too many: %q", d.in)
	}
}

// closed waits for the end of the connection. Replies may come before it: they
// are returned.
func (d *dialogue) closed() []reply {
	return d.closedWithin(d.patience())
}

func (d *dialogue) closedWithin(t time.Duration) (rs []reply) {
	d.ended = true
	for d.err == nil {
		d.conn.SetReadDeadline(time.Now().Add(t))
		if len(d.in) == 0 {
			err := d.read()
			if err == nil {
				continue
			}
			if err.Error() == "nothing in time" {
				d.fail("want the end of the connection, got nothing")
			} else {
				d.log.Closed()
			}
			return rs
		}
		rs = append(rs, d.replyWithin(t))
	}
	return rs
}

// finish says QUIT, takes all replies that are still to come, and checks that
// they are of so many: the last of them is the one to QUIT.
func (d *dialogue) finish(n int, what string) []reply {
	d.trySend("QUIT\r\n")
	rs := d.closed()
	if d.err == nil && len(rs) != n+1 {
		d.fail("want %d replies before that to QUIT, got %d: %s", n, len(rs)-1, what)
	}
	return rs
}

// leave is the end of every case: one reply to QUIT, and none that was left over
// from before. A server may say 421 at any time, also behind that: RFC 5321,
// section 3.8.
func (d *dialogue) leave() {
	if d.err != nil || d.ended || d.conn == nil {
		return
	}
	d.trySend("QUIT\r\n")
	rs := d.closed()
	if len(rs) == 2 && rs[1].code == "421" {
		rs = rs[:1]
	}
	if d.err == nil && len(rs) > 1 {
		d.fail("%d replies were left over, the first of them %s", len(rs)-1, rs[0])
	}
	if len(rs) > 0 {
		d.check(rs[0], "221", "421")
	}
}

// path writes p with its brackets.
func path(p smtp.Path) string {
	b, err := smtp.AppendPath(nil, p)
	if err != nil {
		return "<" + p.String() + ">"
	}
	return string(b)
}

func (d *dialogue) good(i int) string { return path(d.target.Good[i]) }
func (d *dialogue) bad() string       { return path(d.target.Bad) }

// domain is one that the server delivers to.
func (d *dialogue) domain() string { return d.target.Good[0].Domain }

// sender is one that the server takes: <> if it knows no other.
func (d *dialogue) sender() string {
	if !d.target.From.IsNull() || len(d.target.Good) == 0 {
		return path(d.target.From)
	}
	return "<smtptest@" + d.domain() + ">"
}

// mail opens a transaction.
func (d *dialogue) mail() { d.do("MAIL FROM:"+d.sender(), "250") }

// rcpt adds the first n good recipients.
func (d *dialogue) rcpt(n int) {
	for i := range n {
		d.do("RCPT TO:"+d.good(i), "250")
	}
}

// content is up to the reply of 354.
func (d *dialogue) data(n int) {
	d.mail()
	d.rcpt(n)
	d.do("DATA", "354")
}

// header is the head of a message with the token, and its empty line.
func (d *dialogue) header() string {
	return "From: " + d.sender() + "\r\nSubject: test\r\nX-Token: " + d.token + "\r\n\r\n"
}

// accepted takes the replies to content for n recipients, which are all positive.
func (d *dialogue) accepted(n int) {
	for range d.finals(n) {
		d.want("250")
	}
}

// judged takes the replies to content that the server may accept or refuse.
func (d *dialogue) judged(n int) (r reply) {
	for range d.finals(n) {
		r = d.want("250", "5")
	}
	return r
}

// refused takes the replies to content that has to be refused.
func (d *dialogue) refused(n int, codes ...string) {
	for range d.finals(n) {
		d.want(codes...)
	}
}

// finals is how many replies content has: RFC 2033, section 4.2.
func (d *dialogue) finals(rcpts int) int {
	if d.target.Protocol == smtp.LMTP {
		return rcpts
	}
	return 1
}

// message sends a whole message to the first n recipients.
func (d *dialogue) message(n int, body string) {
	d.data(n)
	d.send(d.header() + body + "\r\n.\r\n")
	d.accepted(n)
}

// deliveries returns what arrived, once at least n messages have; nil if the
// target cannot tell.
func (d *dialogue) deliveries(n int) []Delivery {
	if d.err != nil || d.target.Delivered == nil {
		return nil
	}
	for end := time.Now().Add(d.patience()); ; {
		list, err := d.target.Delivered(d.ctx, d.token)
		if err != nil {
			d.fail("looking for deliveries: %w", err)
			return nil
		}
		if len(list) >= n || time.Now().After(end) {
			if len(list) != n {
				d.fail("want %d messages delivered, got %d", n, len(list))
				return nil
			}
			return list
		}
		timer := time.NewTimer(50 * time.Millisecond)
		select {
		case <-timer.C:
		case <-d.ctx.Done():
			d.fail("%w", d.ctx.Err())
			return nil
		}
	}
}

// arrived checks that one message arrived whose body, behind the blank line that
// ends its header, is this.
func (d *dialogue) arrived(body string) {
	for _, m := range d.deliveries(1) {
		_, got, _ := bytes.Cut(m.Content, []byte("\r\n\r\n"))
		if string(got) != body {
			d.fail("delivered with the body %.200q, want %.200q", got, body)
		}
	}
}

// nothingArrived checks that no message arrived.
func (d *dialogue) nothingArrived() { d.deliveries(0) }

// quote writes octets down for a failure.
func quote(octets string) string { return strconv.QuoteToASCII(octets) }
