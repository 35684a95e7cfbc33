package imap

import (
	"bytes"
	"math"
	"unicode/utf8"

	"github.com/mailwire/mailwire/internal/ascii"
)

// The classes of RFC 9051, section 9, by their ABNF names.
var (
	atomChar    = ascii.VChar.Without(`(){%*"\]`)
	astringChar = atomChar.Or(ascii.Of("]"))
	listChar    = astringChar.Or(ascii.Of("%*"))
	tagChar     = astringChar.Without("+")
	labelChar   = ascii.LetDig.Or(ascii.Of("-_.:"))
	// lenientChar is what an atom of a server may hold: some send flags with
	// brackets or with 8-bit octets.
	lenientChar = ascii.VChar.Without(`(){"`).Or(ascii.High)
)

// A Parser reads one gathered command or response: lines and literals as they
// came, without the last CRLF. It copies nothing: what its methods return as
// []byte is a part of the input, or new if escapes had to be removed.
//
// Errors stick: after the first one every method returns its zero value at
// once, and Err says what went wrong and where. So a rule of the grammar reads
// as it is written in the RFC, and is checked once at its end.
type Parser struct {
	// UTF8: quoted strings may hold UTF-8, and names of mailboxes are UTF-8 and
	// not modified UTF-7. RFC 6855, section 3; RFC 9051, section 5.1.
	UTF8 bool
	// Lenient: the input comes from a server, and small mistakes of known ones
	// pass: 8-bit octets in quoted strings, unusual octets in atoms.
	Lenient bool
	// Depth is how deep parentheses may be nested: 0 means 50.
	Depth int
	// Grammar gives the items, keys and codes; nil: Full.
	Grammar *Grammar

	buf    []byte
	pos    int
	level  int // of parentheses
	err    error
	cut    bool        // err is that a literal is announced, and its octets are not here
	traits Traits      // that parts of the command have added
	nodes  int         // search keys parsed
	most   int         // and how many there may be; 0: 10000
	offer  uint64      // features in force, as bits of Grammar; 0: all
	owned  bool        // texts may be parts of buf
	slabs  *slabs      // of rows; nil: each is alone
	addrs  []Address   // of envelopes: each list is a part
	params []BodyParam // of bodies: likewise
	on     func(Cap) bool
}

// NewParser returns a Parser over input.
func NewParser(input []byte) *Parser { return &Parser{buf: input} }

// Reset makes p read input, and forgets its error but none of its settings.
func (p *Parser) Reset(input []byte) {
	p.buf, p.pos, p.level, p.err, p.cut, p.traits, p.nodes = input, 0, 0, nil, false, 0, 0
	p.addrs, p.params = nil, nil
}

// Err returns the first error, a *SyntaxError or a *Reject.
func (p *Parser) Err() error { return p.err }

// Rest returns what is not parsed yet.
func (p *Parser) Rest() []byte { return p.buf[p.pos:] }

// Fail records that want was expected here. Only the first failure counts.
func (p *Parser) Fail(want string) {
	if p.err == nil {
		p.err = &SyntaxError{Offset: p.pos, Want: want, Got: quote(p.buf[p.pos:])}
	}
}

// Refuse records that the input is right, but is refused with r all the same.
func (p *Parser) Refuse(r *Reject) {
	if p.err == nil {
		p.err = r
	}
}

// AddTraits says that the command has traits which depend on its arguments.
func (p *Parser) AddTraits(t Traits) { p.traits |= t }

// Peek returns the next octet, 0 at the end or after an error.
func (p *Parser) Peek() byte {
	if p.err != nil || p.pos == len(p.buf) {
		return 0
	}
	return p.buf[p.pos]
}

// AtEnd reports whether all input was parsed without error.
func (p *Parser) AtEnd() bool { return p.err == nil && p.pos == len(p.buf) }

// End fails unless all input was parsed.
func (p *Parser) End() {
	if p.err == nil && p.pos != len(p.buf) {
		p.Fail("end of line")
	}
}

// Try takes the octet b if it comes next.
func (p *Parser) Try(b byte) bool {
	if p.err != nil || p.pos == len(p.buf) || p.buf[p.pos] != b {
		return false
	}
	p.pos++
	return true
}

// Expect takes the octet b.
func (p *Parser) Expect(b byte) {
	if !p.Try(b) {
		p.Fail(quote([]byte{b}))
	}
}

// SP takes exactly one space: RFC 9051, section 9, note 2.
func (p *Parser) SP() {
	if !p.Try(' ') {
		p.Fail("a space")
	}
}

// span takes the longest run of octets of class c, at least one.
func (p *Parser) span(c *ascii.Class, what string) []byte {
	if p.err != nil {
		return nil
	}
	n := ascii.Span(c, p.buf[p.pos:])
	if n == 0 {
		p.Fail(what)
		return nil
	}
	p.pos += n
	return p.buf[p.pos-n : p.pos]
}

// Atom takes an atom.
func (p *Parser) Atom() []byte {
	if p.Lenient {
		return p.span(lenientChar, "an atom")
	}
	return p.span(atomChar, "an atom")
}

// Label takes a tagged-ext-label: the name of an option or item of an
// extension. RFC 4466, section 3.
func (p *Parser) Label() []byte { return p.span(labelChar, "a name") }

// TryWord takes the word if it comes next as a whole atom, in any case.
func (p *Parser) TryWord(word string) bool {
	if p.err != nil {
		return false
	}
	n := ascii.Span(labelChar, p.buf[p.pos:])
	if !ascii.EqualFold(p.buf[p.pos:p.pos+n], word) {
		return false
	}
	p.pos += n
	return true
}

// AString takes an astring. An atom NIL is the text "NIL" here.
func (p *Parser) AString() []byte {
	switch p.Peek() {
	case '"', '{':
		return p.Str()
	}
	if p.Lenient {
		return p.span(lenientChar, "a string")
	}
	return p.span(astringChar, "a string")
}

// Str takes a string: quoted, or a literal. RFC 9051, section 4.3.
func (p *Parser) Str() []byte {
	switch p.Peek() {
	case '"':
		return p.quoted()
	case '{':
		return p.literal(false)
	}
	p.Fail("a quoted string or a literal")
	return nil
}

// Str8 takes a string or a literal8. RFC 9051, section 4.3.1.
func (p *Parser) Str8() []byte {
	if p.Peek() == '~' {
		return p.literal(true)
	}
	return p.Str()
}

// NString takes a string or NIL, for which it returns nil.
func (p *Parser) NString() []byte {
	if p.Peek() != '"' && p.Peek() != '{' && p.TryNIL() {
		return nil
	}
	return p.Str()
}

// TryNIL takes NIL if it comes next.
func (p *Parser) TryNIL() bool { return p.TryWord("NIL") }

// quoted: only CR, LF and NUL are outside TEXT-CHAR; only `\"` and `\\` are
// escapes. RFC 9051, section 9.
func (p *Parser) quoted() []byte {
	start := p.pos + 1
	escaped := false
	for i := start; i < len(p.buf); i++ {
		switch b := p.buf[i]; {
		case b == '"':
			raw := p.buf[start:i]
			if !p.Lenient && p.UTF8 && !utf8.Valid(raw) {
				p.Fail("a quoted string of UTF-8")
				return nil
			}
			p.pos = i + 1
			if escaped {
				return unescape(raw)
			}
			return raw
		case b == '\\':
			if i++; i == len(p.buf) || p.buf[i] != '"' && p.buf[i] != '\\' {
				p.pos = i - 1
				if !p.Lenient {
					p.Fail(`\" or \\`)
					return nil
				}
				i-- // a server that does not escape means the octet itself
			} else {
				escaped = true
			}
		case b == 0 || b == '\r' || b == '\n' || b >= 0x80 && !p.UTF8 && !p.Lenient:
			p.pos = i
			p.Fail("an octet of a quoted string")
			return nil
		}
	}
	p.pos = len(p.buf)
	p.Fail("the end of the quoted string")
	return nil
}

// unescape removes the backslashes in front of quotes and backslashes.
func unescape(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+1 < len(b) && (b[i+1] == '"' || b[i+1] == '\\') {
			i++
		}
		out = append(out, b[i])
	}
	return out
}

// literal takes a literal, or with binary a literal8. A plain one cannot hold NUL.
func (p *Parser) literal(binary bool) []byte {
	size, n, ok := p.announcement(binary)
	if !ok {
		p.Fail("a literal")
		return nil
	}
	if size > uint64(len(p.buf)-p.pos-n) {
		p.cut = p.err == nil && p.pos+n == len(p.buf)
		p.Fail("the octets of the literal") // it is streamed, and not here
		return nil
	}
	b := p.buf[p.pos+n:][:size]
	if !binary && !p.Lenient && bytes.IndexByte(b, 0) >= 0 {
		p.Fail("a literal without NUL")
		return nil
	}
	p.pos += n + int(size)
	return b
}

// announcement looks at "{n}" CRLF, and returns its length with the CRLF.
func (p *Parser) announcement(binary bool) (size uint64, length int, ok bool) {
	if p.err != nil {
		return 0, 0, false
	}
	b := p.buf[p.pos:]
	i := 0
	if binary {
		if len(b) == 0 || b[0] != '~' {
			return 0, 0, false
		}
		i = 1
	}
	if i == len(b) || b[i] != '{' {
		return 0, 0, false
	}
	i++
	digits := ascii.Span(ascii.Digit, b[i:])
	size, err := ascii.ParseUint(b[i:i+digits], math.MaxInt64)
	if err != nil {
		return 0, 0, false
	}
	i += digits
	if i < len(b) && b[i] == '+' {
		i++
	}
	if !bytes.HasPrefix(b[i:], closing) {
		return 0, 0, false
	}
	return size, i + len(closing), true
}

var closing = []byte("}\r\n")

// Announced takes the announcement of a literal that ends the input because its
// octets are not gathered but streamed. RFC 9051, section 4.3.
func (p *Parser) Announced() (size uint64, binary, ok bool) {
	binary = p.Peek() == '~'
	size, n, ok := p.announcement(binary)
	if !ok || p.pos+n != len(p.buf) {
		return 0, false, false
	}
	p.pos += n
	return size, binary, true
}

// Open enters a parenthesis, Close leaves it. They bound the depth.
func (p *Parser) Open() {
	p.Expect('(')
	p.level++
	if depth := or(p.Depth, 50, 1000); p.level > depth {
		p.Refuse(Bad("LIMIT", "nested too deep"))
	}
}

// Close: see Open.
func (p *Parser) Close() {
	p.Expect(')')
	p.level--
}

// List takes a list in parentheses, whose items are parsed by item. It may be empty.
func (p *Parser) List(item func()) {
	p.Open()
	for p.err == nil && !p.Try(')') {
		start := p.pos
		item()
		if p.Peek() != ')' && p.err == nil {
			p.SP()
			if p.Peek() == ')' && !p.Lenient {
				p.Fail("an item of the list")
			}
		}
		if p.err == nil && p.pos == start {
			p.Fail("an item of the list")
		}
	}
	p.level--
}

// NonEmptyList is List for lists that need an item.
func (p *Parser) NonEmptyList(item func()) {
	n := 0
	p.List(func() { n++; item() })
	if n == 0 {
		p.Fail("an item of the list")
	}
}

// Line takes all that is left.
func (p *Parser) Line() []byte {
	if p.err != nil {
		return nil
	}
	b := p.buf[p.pos:]
	p.pos = len(p.buf)
	return b
}
