package imap

import (
	"bytes"
	"math/rand/v2"

	"github.com/mailwire/mailwire/internal/ascii"
)

// A CodeSpec is the grammar of one response code. RFC 9051, section 7.1.
type CodeSpec struct {
	Name  string // in upper case
	Value        // of what stands behind the name; nothing may stand there where Parse is nil
	NoArg bool   // the argument may be left out, Arg is nil then
}

// Status appends a status response with its CRLF: tagged, or untagged with the
// tag "*". Text that could end the line is made harmless; a code whose argument
// cannot be encoded is left out rather than broken.
func (e *Encoder) Status(tag string, st Status) {
	e.Raw(tag)
	e.SP()
	e.Raw(st.Kind.String())
	e.SP()
	if st.Code.Name != "" {
		e.code(st.Code)
	}
	if st.Text == "" {
		st.Text = nameOf(defaultTexts[:], st.Kind)
	} else if st.Text[0] == '[' && st.Code.Name == "" {
		e.SP() // or the text would be read as a code
	}
	e.text(st.Text)
	e.CRLF()
}

var defaultTexts = [...]string{OK: "done", NO: "not done", BAD: "not understood", BYE: "closing the connection", PREAUTH: "ready"}

// code appends a code with its brackets and the space behind.
func (e *Encoder) code(c Code) {
	start, err := len(e.buf), e.err
	e.err = nil
	e.Byte('[')
	e.Atom(c.Name)
	spec := e.grammar().code(c.Name)
	switch {
	case c.Arg == nil && spec != nil && spec.Parse != nil && !spec.NoArg:
		e.Fail("the code " + c.Name + " without its argument")
	case c.Arg == nil:
	case spec != nil && spec.Append != nil:
		e.SP()
		spec.Append(e, c.Arg)
	default:
		e.SP()
		if raw, ok := argument[[]byte](e, c.Arg); ok {
			if len(raw) == 0 || bytes.ContainsAny(raw, "]\r\n\x00") || !quotable(raw, e.eightBit()) {
				e.Fail("the argument of code " + c.Name)
			}
			e.RawBytes(raw)
		}
	}
	e.Byte(']')
	if bytes.ContainsAny(e.buf[start:], "\r\n") { // a literal cannot be in a status line
		e.Fail("the argument of code " + c.Name)
	}
	if e.err != nil {
		e.buf = e.buf[:start]
	} else {
		e.SP()
	}
	e.err = err
}

func (e *Encoder) grammar() *Grammar {
	if e.Grammar == nil {
		return Full()
	}
	return e.Grammar
}

// Status takes what stands behind the tag of a status response whose kind is
// known already: code and text. RFC 9051, section 9, resp-text. It never fails:
// a code that is not well formed is kept with its octets, and what has no end
// is text.
func (p *Parser) status(kind Kind) Status {
	st := Status{Kind: kind}
	p.space() // some leave it out together with the text
	if p.Peek() == '[' {
		st.Code = p.code()
	}
	st.Text = string(p.Line())
	return st
}

// code takes a code with its brackets and the space behind.
func (p *Parser) code() Code {
	start := p.pos
	p.pos++
	n := ascii.Span(atomChar, p.buf[p.pos:])
	if n == 0 {
		p.pos = start
		return Code{}
	}
	name := string(ascii.AppendUpper(nil, p.buf[p.pos:p.pos+n]))
	p.pos += n
	end := codeEnd(p.buf[p.pos:])
	if end < 0 {
		p.pos = start
		return Code{}
	}
	arg := p.buf[p.pos : p.pos+end]
	p.pos += end + 1
	p.space()
	return Code{name, p.codeArg(name, bytes.TrimPrefix(arg, []byte(" ")))}
}

// space takes the space in front of a text for people, which servers are known to
// leave out where there is no text.
func (p *Parser) space() {
	if !p.Try(' ') && !p.Lenient {
		p.Fail("a space")
	}
}

// codeEnd returns where the "]" is that ends the code. One inside a quoted
// string does not: some servers put any text there.
func codeEnd(b []byte) int {
	inQuotes := false
	for i := 0; i < len(b); i++ {
		switch {
		case inQuotes && b[i] == '\\':
			i++
		case b[i] == '"':
			inQuotes = !inQuotes
		case b[i] == ']' && !inQuotes:
			return i
		}
	}
	return bytes.IndexByte(b, ']') // the quotes have no end: then they mean nothing
}

// codeArg returns the typed argument of a code that is known, else its octets.
func (p *Parser) codeArg(name string, arg []byte) any {
	spec := p.grammar().code(name)
	if spec != nil && spec.Parse != nil && len(arg) > 0 {
		q := Parser{buf: arg, UTF8: p.UTF8, Lenient: p.Lenient, Grammar: p.Grammar}
		v := spec.Parse(&q)
		if q.AtEnd() {
			return v
		}
		if !p.Lenient {
			p.err = q.err
			p.Fail("the argument of " + name)
		}
	}
	if len(arg) == 0 {
		return nil
	}
	return bytes.Clone(arg)
}

func (p *Parser) grammar() *Grammar {
	if p.Grammar == nil {
		return Full()
	}
	return p.Grammar
}

// coreCodes are the codes of RFC 9051, section 7.1, of RFC 5530, section 3, and
// those of RFC 3501, section 7.1, that went away since.
var coreCodes = []CodeSpec{
	{Name: "ALERT"},
	{Name: "ALREADYEXISTS"},
	{Name: "AUTHENTICATIONFAILED"},
	{Name: "AUTHORIZATIONFAILED"},
	{Name: "BADCHARSET", Value: charsets, NoArg: true},
	{Name: "CANNOT"},
	{Name: "CAPABILITY", Value: capabilities},
	{Name: "CLIENTBUG"},
	{Name: "CLOSED"},
	{Name: "CONTACTADMIN"},
	{Name: "CORRUPTION"},
	{Name: "EXPIRED"},
	{Name: "EXPUNGEISSUED"},
	{Name: "HASCHILDREN"},
	{Name: "INUSE"},
	{Name: "LIMIT"},
	{Name: "NONEXISTENT"},
	{Name: "NOPERM"},
	{Name: "OVERQUOTA"},
	{Name: "PARSE"},
	{Name: "PERMANENTFLAGS", Value: flagList},
	{Name: "PRIVACYREQUIRED"},
	{Name: "READ-ONLY"},
	{Name: "READ-WRITE"},
	{Name: "SERVERBUG"},
	{Name: "TRYCREATE"},
	{Name: "UIDNEXT", Value: number32},
	{Name: "UIDVALIDITY", Value: number32},
	{Name: "UNAVAILABLE"},
	{Name: "UNSEEN", Value: number32},
	{Name: "REFERRAL", Value: codeText},
}

// codeText is an argument that is kept as it came: a string without "]".
var codeText = Value{
	Parse: func(p *Parser) any { return string(p.Line()) },
	Append: func(e *Encoder, v any) {
		if s, ok := argument[string](e, v); ok {
			if s == "" || !ascii.All(ascii.Print.Without("]"), s) {
				e.Fail("the text " + quote(s))
			}
			e.Raw(s)
		}
	},
	Sample: func(r *rand.Rand) any { return "imap://h/" + sampleAtom(r) },
}
