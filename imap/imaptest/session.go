package imaptest

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/mailwire/mailwire/auth"
)

// A session is one connection of a dialogue. What it is told goes through a
// mirror, so that every case also tests that the numbers are right.
type session struct {
	d    *dialogue
	name string
	conn net.Conn
	r    io.Reader // conn, or what decompresses
	w    io.Writer // conn, or what compresses
	tls  bool
	in   []byte // read and not yet used

	ended    bool // the server has closed
	mayEnd   bool // and that is in order
	tags     int
	greeting *response
	utf8     bool
	secret   bool     // the next line is not shown
	running  string   // the command in progress; "?": several
	caps     []string // nil: not known
	mirror   mirror
}

func (s *session) fail(format string, args ...any) { s.d.fail(s.name+": "+format, args...) }

func (s *session) over() bool { return s.d.over() }

// raw sends octets, in one write.
func (s *session) raw(octets string) {
	if s.may(octets) {
		s.write(octets)
	}
}

// eachOctet sends octets, each in a write of its own.
func (s *session) eachOctet(octets string) {
	if !s.may(octets) {
		return
	}
	for i := range len(octets) {
		s.write(octets[i : i+1])
	}
}

// may says whether octets may go out, and notes them.
func (s *session) may(octets string) bool {
	harm := s.d.harmOf(octets)
	if !s.tls && s.d.target.TLS != nil && s.d.log.Secret(octets) {
		harm |= Exposes
	}
	if err := s.d.guard.Send(octets, harm); err != nil {
		s.fail("%w", err)
	}
	if s.over() || s.ended {
		return false
	}
	s.note("C", octets)
	return true
}

// harmful are the words of commands, and of items, that change something.
var harmful = regexp.MustCompile(`(?i)\b(CREATE|DELETE|RENAME|SUBSCRIBE|UNSUBSCRIBE|APPEND|STORE|EXPUNGE|CLOSE|COPY|MOVE|REPLACE|SETACL|DELETEACL|SETQUOTA|SETMETADATA|BODY\[|RFC822\b|BINARY\[)`)

// aboutInbox matches what a case that changes mail does to the INBOX.
var aboutInbox = regexp.MustCompile(`(?i)\b(SELECT|RENAME|DELETE|APPEND|COPY|MOVE|REPLACE|SETMETADATA|SUBSCRIBE|UNSUBSCRIBE) .*INBOX`)

// harmOf says what octets do to a server that takes any part of them for a
// command. SELECT takes \Recent away, as every client does, and is nothing else.
func (d *dialogue) harmOf(octets string) (h Harm) {
	if d.guard.Allowed&Empties != 0 {
		return 0 // there is nothing that it may not
	}
	if d.guard.Allowed&Changes != 0 || harmful.MatchString(octets) {
		h |= Changes
	}
	// Contents may be large, and are no food for regular expressions.
	if h != 0 && strings.Contains(strings.ToUpper(octets), "INBOX") && aboutInbox.MatchString(octets) {
		h |= Empties
	}
	return h
}

func (s *session) write(octets string) {
	s.conn.SetWriteDeadline(s.d.deadline())
	// A server may refuse and close before it has read all.
	if _, err := io.WriteString(s.w, octets); err != nil && !gone(err) {
		s.fail("sending: %w", err)
	}
}

// note writes octets into the transcript. Passwords and lines of SASL are not
// shown.
func (s *session) note(side, octets string) {
	s.d.log.Between(s.name)
	if s.secret && side == "C" {
		s.d.log.Note("C: %d octets", len(octets))
		return
	}
	s.d.log.Octets(side, octets)
}

// sample quotes the beginning of a line. CRLF at its end is not shown.
func sample(line string) string {
	line = strings.TrimSuffix(line, "\r\n")
	if len(line) > 160 {
		return fmt.Sprintf("%.160q... (%d octets)", line, len(line))
	}
	return fmt.Sprintf("%q", line)
}

// gone reports whether err says that the server has closed.
func gone(err error) bool {
	return err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, net.ErrClosed)
}

// fill reads once. It reports whether there was something.
func (s *session) fill() bool {
	s.conn.SetReadDeadline(s.d.deadline())
	buf := make([]byte, 32<<10)
	n, err := s.r.Read(buf)
	s.in = append(s.in, buf[:n]...)
	switch {
	case n > 0, err == nil:
		return true
	case gone(err):
		if len(s.in) > 0 {
			s.fail("the connection ends inside %s", sample(string(s.in)))
		}
		if !s.ended {
			s.d.log.Between(s.name)
			s.d.log.Closed()
		}
		s.ended = true
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.fail("no answer")
	default:
		s.fail("reading: %w", err)
	}
	return false
}

// frame reads a line with its literals.
func (s *session) frame() []byte {
	from, searched := 0, 0
	for !s.over() {
		i := bytes.IndexByte(s.in[searched:], '\n')
		if i < 0 {
			searched = len(s.in)
			if !s.fill() {
				return nil
			}
			continue
		}
		end := searched + i + 1
		line := s.in[from:end]
		if !bytes.HasSuffix(line, []byte("\r\n")) || bytes.IndexByte(line, '\r') != len(line)-2 {
			s.fail("a line of the server does not end in CRLF: %s", sample(string(line)))
			return nil
		}
		size, _ := announced(line)
		if size < 0 || statusLine(s.in[:end]) {
			out := bytes.Clone(s.in[:end])
			s.in = s.in[end:]
			return out
		}
		for len(s.in) < end+size {
			if !s.fill() {
				return nil
			}
		}
		from, searched = end+size, end+size
	}
	return nil
}

// read reads a response. It is nil when the server has closed, and when
// something is wrong.
func (s *session) read() *response {
	if s.over() || s.ended {
		return nil
	}
	b := s.frame()
	if b == nil {
		return nil
	}
	s.note("S", string(b))
	r, err := parseResponse(b, s.utf8)
	if err != nil {
		s.fail("%s is not grammatical: %w", sample(string(b)), err)
		return nil
	}
	if err := s.mirror.take(r, s.running); err != nil {
		s.fail("%s: %w", sample(string(b)), err)
		return nil
	}
	if r.code == "CAPABILITY" {
		s.learn(r.codeArgs)
	}
	if r.name == "CAPABILITY" {
		s.learn(r.args)
	}
	return r
}

func (s *session) learn(args []value) { s.caps = value{list: args}.words() }

// done notes that a command has ended. Of several, nobody knows the last one.
func (s *session) done() {
	if s.running != "?" {
		s.running = ""
	}
}

// An answer is all that came up to a tagged response.
type answer struct {
	lines     []*response // untagged
	*response             // the tagged one; of the name "" where the connection ended
}

func newAnswer() *answer { return &answer{response: &response{num: -1}} }

// until reads up to the response of this tag. Another tag is an offence: the
// server has taken something for a command.
func (s *session) until(tag string) *answer {
	a := newAnswer()
	for !s.over() {
		r := s.read()
		switch {
		case r == nil:
			return a
		case r.tag == tag:
			if !r.isStatus() || r.name == "BYE" || r.name == "PREAUTH" {
				s.fail("the command %s ends in %s", tag, r.name)
			}
			s.done()
			a.response = r
			return a
		case r.tag == "*":
			a.lines = append(a.lines, r)
		default:
			s.fail("a response of the tag %q, while %q is the command", r.tag, tag)
		}
	}
	return a
}

// plus reads up to a continuation request. It is false where the command ended
// instead, which a holds then.
func (s *session) plus(tag string, a *answer) bool {
	for !s.over() {
		r := s.read()
		switch {
		case r == nil:
			return false
		case r.tag == "+":
			return true
		case r.tag == tag:
			s.done()
			a.response = r
			return false
		case r.tag == "*":
			a.lines = append(a.lines, r)
		default:
			s.fail("a response of the tag %q, while %q is the command", r.tag, tag)
		}
	}
	return false
}

func (s *session) newTag() string {
	s.tags++
	return strings.ToLower(s.name) + strconv.Itoa(s.tags)
}

// lit announces a literal that waits for "+", and has it follow.
func lit(octets string) string { return fmt.Sprintf("{%d}\r\n%s", len(octets), octets) }

// litPlus is a literal that does not wait.
func litPlus(octets string) string { return fmt.Sprintf("{%d+}\r\n%s", len(octets), octets) }

// quote is a quoted string.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// verb returns the name of a command, with UID.
func verb(text string) string {
	fields := strings.Fields(strings.ToUpper(text))
	switch {
	case len(fields) > 1 && fields[0] == "UID":
		return "UID " + fields[1]
	case len(fields) > 0:
		return fields[0]
	}
	return ""
}

// cmd sends a command and returns its answer. Literals in it wait for "+" where
// they have to.
func (s *session) cmd(text string) *answer {
	tag, a := s.newTag(), newAnswer()
	s.running = verb(text)
	s.mirror.command(s.running)
	rest := tag + " " + text + "\r\n"
	for searched := 0; !s.over(); {
		end := searched + strings.Index(rest[searched:], "\r\n") + 2
		size, sync := announced([]byte(rest[:end]))
		if size < 0 {
			break
		}
		if !sync {
			searched = end + size
			continue
		}
		s.raw(rest[:end])
		if !s.plus(tag, a) {
			return a
		}
		rest, searched = rest[end:], size
	}
	s.raw(rest)
	got := s.until(tag)
	got.lines = append(a.lines, got.lines...)
	return got
}

// want sends a command, which has to end in one of these: "OK", "NO", "BAD", or
// with a code, as "NO [TRYCREATE]".
func (s *session) want(text string, ends ...string) *answer {
	a := s.cmd(text)
	s.wantEnd(a, sample(text), ends...)
	return a
}

// wantEnd checks how a command ended.
func (s *session) wantEnd(a *answer, what string, ends ...string) {
	if s.over() {
		return
	}
	for _, end := range ends {
		name, code, _ := strings.Cut(end, " ")
		if a.name == name && (code == "" || "["+a.code+"]" == code) {
			return
		}
	}
	got := a.name
	if a.code != "" {
		got += " [" + a.code + "]"
	}
	if got == "" {
		got = "the end of the connection"
	}
	s.fail("%s: want %s, got %s", what, strings.Join(ends, " or "), got)
}

func (s *session) ok(text string) *answer      { return s.want(text, "OK") }
func (s *session) refused(text string) *answer { return s.want(text, "NO", "BAD") }

// no and bad want each of the commands to end so.
func (s *session) no(texts ...string) {
	for _, t := range texts {
		s.want(t, "NO")
	}
}

// bad has a NOOP behind each, as servers close after so many in a row.
func (s *session) bad(texts ...string) {
	for _, t := range texts {
		s.want(t, "BAD")
		s.ok("NOOP")
	}
}

// drop ends the connection without LOGOUT.
func (s *session) drop() {
	s.mayEnd = true
	s.conn.Close()
}

// closeWrite says that nothing more will be sent.
func (s *session) closeWrite() {
	if c, ok := s.conn.(interface{ CloseWrite() error }); ok {
		s.d.log.Note("%s sends no more", s.name)
		c.CloseWrite()
	}
}

// all returns the untagged responses of a name.
func (a *answer) all(name string) []*response {
	var out []*response
	for _, r := range a.lines {
		if r.name == name {
			out = append(out, r)
		}
	}
	return out
}

// withCode returns the response that has the code, or nil.
func (a *answer) withCode(code string) *response {
	for _, r := range append(slices.Clone(a.lines), a.response) {
		if r.code == code {
			return r
		}
	}
	return nil
}

// item returns an item of the message of this number, from the last row that has
// it.
func (a *answer) item(num int64, name string) (v value, ok bool) {
	for _, r := range a.all("FETCH") {
		if got, has := r.item(name); has && r.num == num {
			v, ok = got, true
		}
	}
	return v, ok
}

// found returns what SEARCH found.
func (a *answer) found() string {
	var out []string
	for _, r := range a.lines {
		switch r.name {
		case "SEARCH":
			for _, v := range r.args {
				if v.kind == atom {
					out = append(out, v.text)
				}
			}
		case "ESEARCH":
			for i, v := range r.args {
				if strings.EqualFold(v.text, "ALL") && i+1 < len(r.args) {
					out = append(out, expand(r.args[i+1].text)...)
				}
			}
		}
	}
	return strings.Join(out, " ")
}

// expand writes a set out, up to some thousands of numbers.
func expand(set string) []string {
	var out []string
	for part := range strings.SplitSeq(set, ",") {
		lo, hi, isRange := strings.Cut(part, ":")
		if !isRange {
			hi = lo
		}
		l, errLo := strconv.ParseUint(lo, 10, 32)
		h, errHi := strconv.ParseUint(hi, 10, 32)
		if errLo != nil || errHi != nil || h < l || h-l > 400_000 {
			return append(out, "bad set "+strconv.Quote(set))
		}
		for ; l <= h; l++ {
			out = append(out, strconv.FormatUint(l, 10))
		}
	}
	return out
}

// wantFound sends a SEARCH, which has to find these, separated by spaces.
func (s *session) wantFound(text, want string) {
	a := s.ok(text)
	if got := a.found(); !s.over() && got != want {
		s.fail("%s finds %q, want %q", sample(text), got, want)
	}
}

// wantItem sends a FETCH of one item and wants it to be this for that message.
func (s *session) wantItem(set string, num int64, item, want string) value {
	return s.wantIn(s.ok("FETCH "+set+" ("+item+")"), num, strings.Replace(item, ".PEEK", "", 1), want)
}

// wantIn looks for an item in an answer.
func (s *session) wantIn(a *answer, num int64, item, want string) value {
	v, ok := a.item(num, item)
	if s.over() {
		return v
	}
	switch {
	case !ok:
		s.fail("no %s of message %d", item, num)
	case v.isNString() && v.kind != null && v.text != want:
		i := 0
		for i < len(v.text) && i < len(want) && v.text[i] == want[i] {
			i++
		}
		from := max(0, i-20)
		s.fail("%s of message %d: %d octets, want %d; from octet %d got %.60q, want %.60q", item, num, len(v.text), len(want), from, v.text[from:], want[min(from, len(want)):])
	case !(v.isNString() && v.kind != null) && !strings.EqualFold(v.String(), want):
		s.fail("%s of message %d is %.300s, want %.300s", item, num, v, want)
	}
	return v
}

// flags returns the flags of a message as told in an answer, sorted and without
// \Recent, or "-".
func (a *answer) flags(num int64) string {
	v, ok := a.item(num, "FLAGS")
	if !ok {
		return "-"
	}
	words := slices.DeleteFunc(v.words(), func(w string) bool { return w == `\RECENT` })
	slices.Sort(words)
	return strings.Join(words, " ")
}

// wantFlags asks for the flags of a message.
func (s *session) wantFlags(num int64, want string) {
	a := s.ok(fmt.Sprintf("FETCH %d (FLAGS)", num))
	if got := a.flags(num); !s.over() && got != strings.ToUpper(want) {
		s.fail("flags of message %d are %q, want %q", num, got, strings.ToUpper(want))
	}
}

// uids asks for the UIDs of all messages, separated by spaces.
func (s *session) uids() string { return s.ok("UID SEARCH ALL").found() }

// wantCount wants the mailbox to have so many messages, as told.
func (s *session) wantCount(want int) {
	if !s.over() && s.mirror.exists != want {
		s.fail("%d messages were told of, want %d", s.mirror.exists, want)
	}
}

// offers asks for capabilities once in a state, and reports whether this is
// among them.
func (s *session) offers(capability string) bool {
	if s.caps == nil {
		s.ok("CAPABILITY")
	}
	return slices.Contains(s.caps, capability)
}

// startTLS does STARTTLS, which has to succeed.
func (s *session) startTLS() {
	s.ok("STARTTLS")
	s.handshake()
}

func (s *session) handshake() (ok bool) {
	if s.over() {
		return false
	}
	if len(s.in) > 0 {
		s.fail("octets before the handshake: %s", sample(string(s.in)))
		return false
	}
	tc := tls.Client(s.conn, s.d.target.TLS)
	s.conn.SetDeadline(s.d.deadline())
	if err := tc.HandshakeContext(s.d.ctx); err != nil {
		s.d.log.Note("%s: no TLS: %v", s.name, err)
		return false
	}
	s.d.log.Between(s.name)
	s.d.log.TLS()
	s.conn, s.r, s.w, s.tls, s.caps = tc, tc, tc, true, nil
	return true
}

// secure goes where a login is possible: on to TLS if that is to be had.
func (s *session) secure() {
	if !s.tls && s.d.target.TLS != nil && s.offers("STARTTLS") {
		s.startTLS()
	}
}

// private is secure, and skips the case where a password would be said without
// the TLS that the Target is for.
func (s *session) private() {
	if s.secure(); !s.tls && s.d.target.TLS != nil && s.d.guard.Allowed&Exposes == 0 {
		s.d.skip("the server does not offer STARTTLS, and the Target wants TLS for its password")
	}
}

// login logs in.
func (s *session) login() {
	s.private()
	l := s.d.login()
	s.caps = nil
	s.ok("LOGIN " + quote(l.Username) + " " + quote(string(l.Password)))
}

// login returns the Login of the Target. Without one the case is skipped.
func (d *dialogue) login() *auth.Credentials {
	if d.target.Login == nil {
		d.skip("the Target has no Login")
		return new(auth.Credentials)
	}
	return d.target.Login
}

// plain is the response of PLAIN, in base64.
func (s *session) plain() string {
	return base64.StdEncoding.EncodeToString([]byte(plain(s.d.login())))
}

// plain is the response of PLAIN. RFC 4616, section 2.
func plain(l *auth.Credentials) string { return "\x00" + l.Username + "\x00" + string(l.Password) }
