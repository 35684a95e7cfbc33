package imap

import (
	"math/rand/v2"

	"github.com/mailwire/mailwire/internal/ascii"
)

// LoginArgs are the arguments of LOGIN. RFC 9051, section 6.2.3.
type LoginArgs struct {
	Username string
	Password []byte // the session overwrites it at Settle
}

func parseLogin(p *Parser, c *Command) {
	p.SP()
	user := p.AString()
	p.SP()
	password := p.AString()
	if p.err == nil && (!ascii.All(sevenBit, user) || !ascii.All(sevenBit, password)) {
		// RFC 6855, section 5: names and passwords in UTF-8 go by AUTHENTICATE.
		p.Refuse(Bad("", "use AUTHENTICATE for names and passwords that are not US-ASCII"))
	}
	c.Args = &LoginArgs{string(user), append([]byte{}, password...)}
}

var sevenBit = ascii.Range(0, 0x7F)

func appendLogin(e *Encoder, v any) {
	if a, ok := argument[*LoginArgs](e, v); ok {
		if !ascii.All(sevenBit, a.Username) || !ascii.All(sevenBit, a.Password) {
			e.Fail("LOGIN with octets that are not US-ASCII")
		}
		e.SP()
		e.AString(a.Username)
		e.SP()
		e.AString(string(a.Password))
	}
}

func sampleLogin(r *rand.Rand, _ bool) any {
	return &LoginArgs{sampleAtom(r), []byte([]string{"", "secret", `a"b\c`, "NIL", "two words", "{1}"}[r.IntN(6)])}
}

// AuthenticateArgs are the arguments of AUTHENTICATE. RFC 9051, section 6.2.2;
// RFC 4959, section 3.
type AuthenticateArgs struct {
	Mechanism string // in upper case
	Initial   []byte // decoded; nil: there is none, which is not the same as an empty one
}

func parseAuthenticate(p *Parser, c *Command) {
	p.SP()
	a := &AuthenticateArgs{Mechanism: upper(p.Atom())}
	if p.Try(' ') {
		b := p.span(base64Char, "base64, or =")
		if p.err == nil {
			a.Initial = p.base64(b)
		}
	}
	c.Args = a
}

var base64Char = ascii.LetDig.Or(ascii.Of("+/="))

// base64 decodes an initial response. "=" alone is the empty one.
func (p *Parser) base64(b []byte) []byte {
	if string(b) == "=" {
		return []byte{}
	}
	out, err := ascii.ParseBase64([]byte{}, b)
	if err != nil {
		p.Fail("base64")
	}
	return out
}

func appendAuthenticate(e *Encoder, v any) {
	a, ok := argument[*AuthenticateArgs](e, v)
	if !ok {
		return
	}
	e.SP()
	e.Atom(a.Mechanism)
	if a.Initial == nil {
		return
	}
	e.SP()
	if len(a.Initial) == 0 {
		e.Byte('=')
		return
	}
	e.buf = ascii.AppendBase64(e.buf, a.Initial)
}

func sampleAuthenticate(r *rand.Rand, _ bool) any {
	return &AuthenticateArgs{upper(sampleAtom(r)), [][]byte{nil, {}, []byte("\x00a\x00b"), []byte("x")}[r.IntN(4)]}
}
