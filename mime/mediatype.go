package mime

import (
	"strings"

	"github.com/mailwire/mailwire/internal/ascii"
)

// A Param is one parameter of a Content-Type or Content-Disposition. Value is
// decoded, valid UTF-8, without CR, LF and NUL; Charset and Lang are set if it
// came in the extended form of RFC 2231. Name is as written, without the marks
// of that form.
type Param struct{ Name, Value, Charset, Lang string }

// Params are parameters in the order of the field.
type Params []Param

// Get returns the value of the first parameter of that name, in any case, or "".
func (p Params) Get(name string) string {
	for i := range p {
		if ascii.EqualFold(p[i].Name, name) {
			return p[i].Value
		}
	}
	return ""
}

// A MediaType is the value of a Content-Type, or of a Content-Disposition, which
// has no Subtype. Type and Subtype are in lower case.
type MediaType struct {
	Type, Subtype string
	Params        Params
}

// Is reports whether t matches a pattern: "text/plain", "text/*", "*/*", in any case.
func (t MediaType) Is(pattern string) bool { return matchType(pattern, t.Type, t.Subtype) }

func matchType(pattern, typ, sub string) bool {
	pt, ps, _ := strings.Cut(pattern, "/")
	return (pt == "*" || ascii.EqualFold(pt, typ)) && (ps == "*" || ascii.EqualFold(ps, sub))
}

// String returns the type as AppendMediaType writes it, on one line if it fits.
func (t MediaType) String() string { return string(AppendMediaType(nil, t, 0)) }

// ParseMediaType reads the body of a Content-Type, folded or not. What cannot be
// read is text/plain, with a defect. RFC 2045, section 5.1; RFC 2231.
func ParseMediaType(s string) (MediaType, []Defect) { return parseMediaType(s, nil) }

func parseMediaType(s string, o *Options) (MediaType, []Defect) {
	typ, sub, i := cutType(s)
	if i < 0 {
		return MediaType{Type: "text", Subtype: "plain"}, []Defect{{Kind: DefectBadMediaType, Note: note(s)}}
	}
	t := MediaType{Type: lower(typ), Subtype: lower(sub)}
	var list []Defect
	t.Params, list = parseParams(s, i, o)
	return t, list
}

// ParseDisposition reads the body of a Content-Disposition. Type is as written,
// in lower case; it is "attachment" with a defect if there is none: RFC 2183,
// section 2.8 takes what is unknown for an attachment.
func ParseDisposition(s string) (MediaType, []Defect) { return parseDisposition(s, nil) }

func parseDisposition(s string, o *Options) (MediaType, []Defect) {
	i := skipCFWS(s, 0)
	n := ascii.Span(ascii.Token, s[i:])
	t := MediaType{Type: lower(s[i : i+n])}
	// "filename=x" without a type: all of it is parameters.
	if j := skipCFWS(s, i+n); n == 0 || j < len(s) && s[j] == '=' {
		t.Type, n = "attachment", 0
	}
	var list []Defect
	t.Params, list = parseParams(s, i+n, o)
	if n == 0 {
		list = append(list, Defect{Kind: DefectBadMediaType, Note: note(s)})
	}
	return t, list
}

// lower returns s itself if it is in lower case.
func lower(s string) string {
	for i := range len(s) {
		if s[i] != ascii.Lower(s[i]) {
			return strings.ToLower(s)
		}
	}
	return s
}

// cutType reads type and subtype and returns the place after them, or -1.
func cutType(s string) (typ, sub string, next int) {
	i := skipCFWS(s, 0)
	n := ascii.Span(ascii.Token, s[i:])
	typ = s[i : i+n]
	i = skipCFWS(s, i+n)
	if typ == "" || i == len(s) || s[i] != '/' {
		return "", "", -1
	}
	i = skipCFWS(s, i+1)
	n = ascii.Span(ascii.Token, s[i:])
	if n == 0 {
		return "", "", -1
	}
	return typ, s[i : i+n], i + n
}

// A typeFacts is what the scan asks of a Content-Type.
type typeFacts struct {
	multipart, digest, message bool
	value                      string // lent
	params                     int
}

// parseType reads no more than the scan needs and allocates nothing.
func parseType(v []byte) typeFacts {
	s := view(v)
	typ, sub, i := cutType(s)
	switch {
	case i < 0:
	case ascii.EqualFold(typ, "multipart"):
		return typeFacts{multipart: true, digest: ascii.EqualFold(sub, "digest"), value: s, params: i}
	case ascii.EqualFold(typ, "message"):
		return typeFacts{message: isMessageType(sub)}
	}
	return typeFacts{}
}

// isMessageType holds the types of whole messages. RFC 6532, section 3.7.
func isMessageType(sub string) bool {
	return ascii.EqualFold(sub, "rfc822") || ascii.EqualFold(sub, "global")
}

// appendBoundary appends the boundary's octets, without the white space that
// must not end it: RFC 2046, section 5.1.1.
func (t typeFacts) appendBoundary(dst []byte) []byte {
	from := len(dst)
	sc := paramScanner{s: t.value, i: t.params}
	for p := sc.next(); p.name != ""; p = sc.next() {
		switch {
		case ascii.EqualFold(p.name, "boundary"):
			if len(dst) == from {
				dst = appendUnquoted(dst, p)
			}
		case ascii.HasPrefixFold(p.name, "boundary*"):
			params, _ := parseParams(t.value, t.params, nil)
			dst = append(dst[:from], params.Get("boundary")...)
			return dst[:from+len(trimPadding(dst[from:]))]
		}
	}
	return dst[:from+len(trimPadding(dst[from:]))]
}

// A rawParam is a parameter as it stands in the field; quoted values are without
// their quotes, but escaped and folded as they were.
type rawParam struct {
	name, value string
	at          int
	quoted      bool
	escaped     bool // has backslash or line end
	defect      DefectKind
}

// A paramScanner reads parameters and always gets on.
type paramScanner struct {
	s         string
	i         int
	noComment int // parentheses before here are part of a value
}

// next returns the next parameter; at the end its name is empty. Text that is no
// parameter is skipped and leaves a defect on the one after it.
func (sc *paramScanner) next() (p rawParam) {
	s := sc.s
	for {
		i := sc.i
		for i = skipCFWS(s, i); i < len(s) && s[i] == ';'; {
			i = skipCFWS(s, i+1)
		}
		p.at = i
		from := i
		for i < len(s) && s[i] != '=' && s[i] != ';' && s[i] != '(' && s[i] != '"' && !isSpace(s[i]) {
			i++
		}
		p.name = s[from:i]
		if i = skipCFWS(s, i); i < len(s) && s[i] == '=' && p.name != "" {
			sc.i = i + 1
			sc.value(&p)
			return p
		}
		if i == len(s) {
			if p.name != "" {
				p.defect = DefectBadParameter
			}
			p.name, sc.i = "", i
			return p
		}
		p.defect = DefectBadParameter
		switch s[i] {
		case '"':
			_, i, _, _ = cutQuoted(s, i)
		case '=':
			i++
		}
		sc.i = i
	}
}

func (sc *paramScanner) value(p *rawParam) {
	i := skipSpace(sc.s, sc.i)
	if i < len(sc.s) && sc.s[i] == '"' {
		var closed bool
		p.quoted = true
		p.value, sc.i, p.escaped, closed = cutQuoted(sc.s, i)
		if !closed {
			p.defect = DefectUnclosed
		}
		return
	}
	sc.bareValue(p, i)
}

// bareValue reads a value without quotes. It ends at a semicolon; white space
// belongs to it unless "token=" follows, which is the next parameter without its
// semicolon; a comment is one that stands before a semicolon or the end.
func (sc *paramScanner) bareValue(p *rawParam, from int) {
	s, i, end := sc.s, from, from
loop:
	for i < len(s) && s[i] != ';' {
		switch c := s[i]; {
		case isSpace(c):
			i = skipSpace(s, i)
			t := i + ascii.Span(ascii.Token, s[i:])
			if u := skipSpace(s, t); t > i && u < len(s) && s[u] == '=' && s[t-1] != '?' {
				p.defect = DefectBadParameter
				break loop
			}
		case c == '(' && i >= sc.noComment:
			j := skipCFWS(s, i)
			if j == len(s) || s[j] == ';' {
				i = j
				break loop
			}
			sc.noComment = j
		default:
			i++
			end = i
			if !ascii.Token[c] {
				p.defect = DefectBadParameter
			}
		}
	}
	p.value, sc.i = s[from:end], i
	if !p.escaped && strings.IndexByte(p.value, '\n') >= 0 {
		p.escaped = true
	}
}

// cutQuoted reads the quoted string that starts at s[i]: its inside, the place
// after it, whether it has backslashes or line ends, whether it is closed.
func cutQuoted(s string, i int) (in string, next int, escaped, closed bool) {
	from := i + 1
	for i = from; i < len(s); i++ {
		switch s[i] {
		case '"':
			return s[from:i], i + 1, escaped, true
		case '\\':
			escaped = true
			if i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\') {
				i++
			}
		case '\n':
			escaped = true
		}
	}
	return s[from:], len(s), escaped, false
}

// appendUnquoted appends the octets that the value stands for. A backslash
// escapes only quotes and backslashes, so that paths of Windows senders
// survive; RFC 2045, section 5.1 would drop it everywhere.
func appendUnquoted(dst []byte, p rawParam) []byte {
	if !p.escaped {
		return append(dst, p.value...)
	}
	s := p.value
	if strings.IndexByte(s, '\n') >= 0 {
		s = unfold(s)
	}
	for i := 0; i < len(s); i++ {
		if p.quoted && s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\') {
			i++
		}
		dst = append(dst, s[i])
	}
	return dst
}
