package imap

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

// skipAtom takes what stands between spaces and parentheses, a section in
// brackets as one, since it may hold both.
func (p *Parser) skipAtom() {
	start := p.pos
	brackets := 0
	for ; p.pos < len(p.buf); p.pos++ {
		switch c := p.buf[p.pos]; {
		case c == '[':
			brackets++
		case c == ']' && brackets > 0:
			brackets--
		case brackets > 0 && c != '\r' && c != '\n':
		case c <= ' ' || c == '(' || c == ')' || c == '"' || c == 0x7F:
			if p.pos == start {
				p.Fail("a value")
			}
			return
		}
	}
	if p.pos == start {
		p.Fail("a value")
	}
}
