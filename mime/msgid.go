package mime

import "strings"

// ParseMessageIDs returns the message ids of a Message-ID, References or
// In-Reply-To, folded or not, in order and without their brackets. Text between
// them is skipped; of a field without brackets the words that have an "@" count.
// RFC 5322, section 3.6.4.
func ParseMessageIDs(s string) []string {
	var ids []string
	for i := 0; i < len(s); {
		a := strings.IndexByte(s[i:], '<')
		if a < 0 {
			break
		}
		a += i + 1
		b := strings.IndexAny(s[a:], "<>")
		if b < 0 {
			break
		}
		if s[a+b] == '<' { // not closed: the inner one counts
			i = a + b
			continue
		}
		if id := cleanID(s[a : a+b]); id != "" {
			ids = append(grow(ids), id)
		}
		i = a + b + 1
	}
	if ids != nil {
		return ids
	}
	for _, w := range strings.FieldsFunc(s, func(r rune) bool { return r < 0x80 && isSpace(byte(r)) || r == ',' }) {
		if w = cleanID(strings.Trim(w, "<>")); strings.Contains(w, "@") {
			ids = append(grow(ids), w)
		}
	}
	return ids
}

// cleanID removes white space, which folding may have brought into an id.
func cleanID(s string) string {
	if !strings.ContainsAny(s, " \t\r\n\x00") {
		return toValid(s)
	}
	return toValid(strings.Map(func(r rune) rune {
		if r < 0x80 && (isSpace(byte(r)) || r == 0) {
			return -1
		}
		return r
	}, s))
}

// firstID is the first of ParseMessageIDs, as a copy.
func firstID(b []byte) string {
	s := view(b)
	if i := strings.IndexByte(s, '<'); i >= 0 {
		if n := strings.IndexAny(s[i+1:], "<>"); n > 0 && s[i+1+n] == '>' {
			if id := cleanID(s[i+1 : i+1+n]); id != "" {
				return own(id, b)
			}
		}
	}
	if ids := ParseMessageIDs(s); len(ids) > 0 {
		return own(ids[0], b)
	}
	return ""
}
