package pop3

import (
	"strings"

	"github.com/mailwire/mailwire/internal/ascii"
)

// stepLang: RFC 6856, section 3.2.
func (s *ServerSession) stepLang(arg []byte) Event {
	if len(arg) == 0 {
		return s.answer("language listing follows", true)
	}
	tag := s.match(string(arg))
	if tag == "" {
		return s.decline("", "language not offered")
	}
	s.events.lang = LangEvent{Range: string(arg), Tag: tag}
	return s.ask(&s.events.lang)
}

// match returns the tag of the first language that a basic language range fits:
// "*" any, else the range itself or anything more specific. RFC 4647, section
// 3.3.1.
func (s *ServerSession) match(wanted string) string {
	for _, l := range s.Config.Languages {
		switch {
		case !ascii.All(ascii.VChar, l.Tag):
		case wanted == "*", ascii.EqualFold(l.Tag, wanted),
			ascii.HasPrefixFold(l.Tag, wanted) && l.Tag[len(wanted)] == '-':
			return l.Tag
		}
	}
	return ""
}

// settleLang: from here on texts are UTF-8.
func (s *ServerSession) settleLang(e *LangEvent, v Reply) Reply {
	if v.OK {
		s.lang = e.Tag
		v.Text = e.Tag + " " + strings.TrimLeft(v.Text, " ")
	}
	return v
}

// appendLanguages appends language listings: RFC 6856, section 3.2.
func (s *ServerSession) appendLanguages(dst []byte) []byte {
	for _, l := range s.Config.Languages {
		line := strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7F {
				return '?'
			}
			return r
		}, strings.TrimRight(l.Tag+" "+l.Name, " "))
		if line == "" || line[0] == '.' {
			continue
		}
		dst = append(append(dst, line...), "\r\n"...)
	}
	return dst
}
