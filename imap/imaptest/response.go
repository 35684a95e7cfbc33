package imaptest

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A kind is what a value was written as: the suite looks at it, since NIL and
// "NIL" are not the same.
type kind uint8

const (
	atom kind = iota
	quoted
	literal
	literal8
	list
	null // NIL
)

// A value is one of the things that responses are made of.
type value struct {
	kind kind
	text string // of all but lists
	list []value
}

func (v value) String() string {
	switch v.kind {
	case list:
		var parts []string
		for _, e := range v.list {
			parts = append(parts, e.String())
		}
		return "(" + strings.Join(parts, " ") + ")"
	case atom, null:
		return v.text
	}
	return strconv.Quote(v.text)
}

// isNString reports whether the value is a string or NIL.
func (v value) isNString() bool { return v.kind != atom && v.kind != list }

// number is an atom of digits, or -1.
func (v value) number() int64 {
	n, err := strconv.ParseInt(v.text, 10, 64)
	if v.kind != atom || err != nil || v.text != strconv.FormatInt(n, 10) {
		return -1
	}
	return n
}

// words returns the atoms of a list, in capitals, and in order.
func (v value) words() []string {
	var out []string
	for _, e := range v.list {
		out = append(out, strings.ToUpper(e.text))
	}
	return out
}

// at returns an element of a list, or the zero value.
func (v value) at(path ...int) value {
	for _, i := range path {
		if i >= len(v.list) {
			return value{}
		}
		v = v.list[i]
	}
	return v
}

// A response is a line of the server with its literals.
type response struct {
	tag  string // "*", "+", or of a command
	num  int64  // as in "* 3 EXISTS"; -1: none
	name string // OK, NO, BAD, BYE, FETCH …, in capitals
	args []value

	// Of OK, NO, BAD, BYE, PREAUTH and "+".
	code     string // in capitals
	codeArgs []value
	text     string
}

func (r *response) isStatus() bool {
	switch r.name {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		return true
	}
	return false
}

// item returns the value of an item of a FETCH row.
func (r *response) item(name string) (value, bool) {
	if r.name != "FETCH" || len(r.args) == 0 {
		return value{}, false
	}
	row := r.args[0].list
	for i := 0; i+1 < len(row); i += 2 {
		if strings.EqualFold(row[i].text, name) {
			return row[i+1], true
		}
	}
	return value{}, false
}

// statusLine reports whether a line has text for people at its end, which may
// look like the announcement of a literal and is none.
func statusLine(line []byte) bool {
	fields := bytes.SplitN(bytes.TrimRight(line, "\r\n"), []byte(" "), 3)
	if len(fields) > 0 && string(fields[0]) == "+" {
		return true
	}
	return len(fields) > 1 && (&response{name: strings.ToUpper(string(fields[1]))}).isStatus()
}

// announced returns the size of the literal that a line ends with the
// announcement of, or -1. sync: it waits for "+".
func announced(line []byte) (size int, sync bool) {
	line, ok := bytes.CutSuffix(line, []byte("}\r\n"))
	i := bytes.LastIndexByte(line, '{')
	if !ok || i < 0 {
		return -1, false
	}
	digits, plus := bytes.CutSuffix(line[i+1:], []byte("+"))
	n, err := strconv.Atoi(string(digits))
	if err != nil || n < 0 {
		return -1, false
	}
	return n, !plus
}

// A scanner takes a response apart. It is tolerant only where nothing can be
// misunderstood: the first offence is kept in err.
type scanner struct {
	b      []byte
	i      int
	utf8   bool // 8 bits may be in quotes
	inCode bool
	err    error
}

func parseResponse(b []byte, utf8 bool) (*response, error) {
	s := &scanner{b: bytes.TrimSuffix(b, []byte("\r\n")), utf8: utf8}
	r := &response{num: -1}
	r.tag = s.word()
	if r.tag == "+" {
		s.skip(' ')
		r.text = string(s.b[s.i:])
		return r, s.err
	}
	s.space()
	r.name = s.word()
	if n, err := strconv.ParseUint(r.name, 10, 32); err == nil {
		r.num = int64(n)
		s.space()
		r.name = s.word()
	}
	r.name = strings.ToUpper(r.name)
	if r.name == "" {
		s.fail("no name")
	}
	if r.isStatus() {
		s.status(r)
		return r, s.err
	}
	for s.err == nil && s.i < len(s.b) {
		s.space()
		if r.name == "SEARCH" && s.i == len(s.b) { // "SEARCH " without numbers is everywhere
			break
		}
		r.args = append(r.args, s.value(0))
	}
	return r, s.err
}

// status reads what is behind OK and its like. The text may be missing: many
// servers forget it, and it misleads nobody.
func (s *scanner) status(r *response) {
	if !s.skip(' ') {
		return
	}
	if s.skip('[') {
		s.inCode = true
		r.code = strings.ToUpper(s.word())
		for s.err == nil && !s.skip(']') {
			s.space()
			if s.i == len(s.b) {
				s.fail("no end of the response code")
				return
			}
			r.codeArgs = append(r.codeArgs, s.value(0))
		}
		s.inCode = false
		s.skip(' ')
	}
	r.text = string(s.b[min(s.i, len(s.b)):])
}

func (s *scanner) fail(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf("octet %d: "+format, append([]any{s.i}, args...)...)
	}
}

func (s *scanner) skip(c byte) bool {
	if s.i < len(s.b) && s.b[s.i] == c {
		s.i++
		return true
	}
	return false
}

func (s *scanner) space() {
	if !s.skip(' ') {
		s.fail("no space")
	}
}

// word reads an atom: up to a space or what ends atoms. "]" is one of them in
// response codes only.
func (s *scanner) word() string {
	stops := " ()\"{"
	if s.inCode {
		stops += "]"
	}
	from := s.i
	for s.i < len(s.b) && strings.IndexByte(stops, s.b[s.i]) < 0 {
		if c := s.b[s.i]; (c < ' ' || c >= 0x7f) && !(c >= 0x80 && s.utf8) {
			s.fail("octet %#x in an atom", c)
			break
		}
		s.i++
	}
	return string(s.b[from:s.i])
}

// value reads one value.
func (s *scanner) value(depth int) value {
	if s.i >= len(s.b) {
		s.fail("a value is missing")
		return value{}
	}
	switch s.b[s.i] {
	case '(':
		return s.list(depth + 1)
	case '"':
		return s.quoted()
	case '{':
		return s.literal(literal)
	case '~':
		if s.i+1 < len(s.b) && s.b[s.i+1] == '{' {
			s.i++
			return s.literal(literal8)
		}
	}
	return s.atom()
}

func (s *scanner) list(depth int) value {
	v := value{kind: list}
	if s.i++; depth > 2000 {
		s.fail("2000 parentheses in each other")
	}
	for s.err == nil && !s.skip(')') {
		// Bodies of a multipart stand without space between. RFC 9051, section 9: body-type-mpart.
		if n := len(v.list); n > 0 && (v.list[n-1].kind != list || s.i >= len(s.b) || s.b[s.i] != '(') {
			s.space()
		}
		v.list = append(v.list, s.value(depth))
	}
	return v
}

func (s *scanner) quoted() value {
	var b strings.Builder
	for s.i++; s.i < len(s.b); s.i++ {
		switch c := s.b[s.i]; {
		case c == '"':
			s.i++
			return value{kind: quoted, text: b.String()}
		case c == '\\':
			if s.i++; s.i == len(s.b) || s.b[s.i] != '"' && s.b[s.i] != '\\' {
				s.fail("a backslash before neither of \" and \\")
				return value{}
			}
			b.WriteByte(s.b[s.i])
		case c == 0 || c == '\r' || c == '\n':
			s.fail("octet %#x in quotes", c)
			return value{}
		case c >= 0x80 && !s.utf8:
			s.fail("8-bit octet %#x in quotes: RFC 9051, section 4.3.1", c)
			return value{}
		default:
			b.WriteByte(c)
		}
	}
	s.fail("no end of the quoted string")
	return value{}
}

func (s *scanner) literal(k kind) value {
	eol := bytes.Index(s.b[s.i:], []byte("\r\n"))
	if eol < 0 {
		s.fail("no literal behind {")
		return value{}
	}
	size, sync := announced(s.b[s.i : s.i+eol+2])
	from := s.i + eol + 2
	if size < 0 || !sync || from+size > len(s.b) {
		s.fail("bad literal")
		return value{}
	}
	s.i = from + size
	text := string(s.b[from:s.i])
	if k == literal && strings.Contains(text, "\x00") {
		s.fail("NUL in a literal: RFC 9051, section 4.3.1")
	}
	return value{kind: k, text: text}
}

// atom reads an atom, a flag, or the name of a section with all that stands in
// its brackets.
func (s *scanner) atom() value {
	from := s.i
	word := s.word()
	if name, _, hasSection := strings.Cut(strings.ToUpper(word), "["); hasSection && slices.Contains([]string{"BODY", "BINARY", "BINARY.SIZE"}, name) {
		s.i = from + len(name) + 1
		s.section()
		s.word() // <0>
	}
	text := string(s.b[from:s.i])
	switch {
	case text == "":
		s.fail("a value is missing")
	case strings.EqualFold(text, "NIL"):
		return value{kind: null, text: text}
	}
	return value{kind: atom, text: text}
}

// section reads up to the end of the brackets.
func (s *scanner) section() {
	for s.err == nil && s.i < len(s.b) {
		switch s.b[s.i] {
		case ']':
			s.i++
			return
		case '"', '{':
			s.value(0)
		default:
			s.i++
		}
	}
	s.fail("no end of a section")
}
