package imap

import "github.com/mailwire/mailwire/internal/ascii"

// Skip takes one value whose grammar nobody knows, with all that its
// parentheses hold, and returns its octets. RFC 4466, section 3; RFC 9051,
// section 2.2.2: what is not known is skipped.
func (p *Parser) Skip() []byte {
	start := p.pos
	level := 0
	for p.err == nil {
		switch c := p.Peek(); {
		case c == '(':
			p.pos++
			if level++; level > 10000 {
				p.Fail("fewer parentheses")
			}
			continue
		case c == ')' && level > 0:
			p.pos++
			level--
		case c == '"' || c == '{':
			p.Str()
		case c == '~' && p.pos+1 < len(p.buf) && p.buf[p.pos+1] == '{':
			p.Str8()
		default:
			p.skipAtom()
		}
		if level == 0 {
			break
		}
		if p.Peek() == ' ' {
			p.pos++
		}
	}
	if p.err != nil {
		return nil
	}
	return p.buf[start:p.pos]
}

// skipAtom takes what stands between spaces and parentheses.
func (p *Parser) skipAtom() { p.span(skipChar, "a value") }

var skipChar = ascii.VChar.Without(`()"`).Or(ascii.High)

// skipBrackets takes a section that no rule knows, with its brackets, between
// which spaces and quoted strings may stand.
func (p *Parser) skipBrackets() []byte {
	start := p.pos
	for level := 0; p.err == nil; {
		switch p.Peek() {
		case '[':
			level++
			p.pos++
		case ']':
			level--
			p.pos++
		case '"':
			p.Str()
		case 0, '\r', '\n':
			p.Fail("the end of the section")
		default:
			p.pos++
		}
		if level == 0 {
			break
		}
	}
	if p.err != nil {
		return nil
	}
	return p.buf[start:p.pos]
}
