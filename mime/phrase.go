package mime

import (
	"strings"
)

// name returns the text of a phrase: quotes undone, comments dropped, white
// space collapsed outside quotes, words decoded.
func (p *addressParser) name(from, to int) string {
	s := p.s[from:to]
	plain := true
	space := false
	for i := 0; i < len(s) && plain; i++ {
		c := s[i]
		plain = c != '"' && c != '(' && c != '\\' && c != '\r' && c != '\n' && c != '\t' && !(space && c == ' ')
		space = c == ' '
	}
	if !plain {
		s = p.phrase(s)
	}
	if p.raw {
		return s
	}
	return decodeText(s, p.o)
}

func (p *addressParser) phrase(s string) string {
	if len(s) > 1 && s[0] == '"' {
		if escaped, next, closed := skipQuoted(s, 0); closed && next == len(s) && !escaped {
			return s[1 : len(s)-1]
		}
	}
	out := make([]byte, 0, len(s))
	noQuote, noComment := false, false // one that is not closed is looked for once
	gap := false
	for i := 0; i < len(s); {
		next := i + 1
		switch c := s[i]; {
		case isSpace(c):
			gap = true
			i++
			continue
		case c == '(' && !noComment:
			if end, closed := skipComment(s, i); closed {
				gap = true
				i = end
				continue
			}
			noComment = true
		}
		if gap && len(out) > 0 {
			out = append(out, ' ')
		}
		gap = false
		switch c := s[i]; {
		case c == '"':
			closed := false
			if !noQuote {
				_, next, closed = skipQuoted(s, i)
			}
			if !closed {
				noQuote = true
				i++
				continue
			}
			out = appendUnescaped(out, s[i+1:next-1])
		case c == '\\' && next < len(s):
			out = append(out, s[next])
			next++
		default:
			out = append(out, c)
		}
		i = next
	}
	return cleanText(string(out))
}

// commentName returns a comment as the name of the address in front of it.
func (p *addressParser) commentName(c span) string {
	s := p.s[c.from+1 : c.to]
	s = strings.TrimSuffix(s, ")")
	if strings.IndexByte(s, '\\') >= 0 {
		s = string(appendUnescaped(nil, s))
	}
	if s = unfold(s); p.raw {
		return s
	}
	return decodeText(s, p.o)
}
