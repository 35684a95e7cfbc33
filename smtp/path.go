package smtp

import (
	"bytes"
	"net/netip"
	"strings"
	"unicode/utf8"

	"github.com/mailwire/mailwire/internal/ascii"
)

// A Path is an address of the envelope: RFC 5321, section 4.1.2. The zero Path
// is the null reverse-path <>.
type Path struct {
	Local  string // the local part, unquoted
	Domain string // a domain as it came, or an address literal "[...]"; "" only in <> and <postmaster>
}

// The greatest lengths in octets: RFC 5321, sections 4.5.3.1.1 to 4.5.3.1.3.
const (
	maxLocal  = 64
	maxDomain = 255
	maxPath   = 256 // with its brackets
)

// IsNull reports whether p is <>.
func (p Path) IsNull() bool { return p == Path{} }

// String returns p as people write it, local@domain, quoted where needed; "<>"
// for the null path. For a Path that Check refuses the result is only a hint.
func (p Path) String() string {
	if p.IsNull() {
		return "<>"
	}
	b := appendLocal(nil, p.Local)
	if p.Domain != "" {
		b = append(append(b, '@'), p.Domain...)
	}
	return string(b)
}

// Check reports why p cannot be put on the wire: a *SyntaxError, or ErrUTF8 if
// nothing but the missing SMTPUTF8 is in the way.
func (p Path) Check(utf8OK bool) error {
	if p.IsNull() {
		return nil
	}
	if p.Domain == "" && !ascii.EqualFold(p.Local, "postmaster") {
		return &SyntaxError{What: "path", Want: "a domain", Got: quote(p.Local)}
	}
	if p.Domain != "" {
		if err := checkDomain(p.Domain, true); err != nil {
			return err
		}
	}
	if err := checkLocal(p.Local); err != nil {
		return err
	}
	if n := len("<@>") + localLen(p.Local) + len(p.Domain); n > maxPath {
		return &SyntaxError{What: "path", Offset: maxPath, Want: "at most 256 octets", Got: quote(p.Local)}
	}
	if !utf8OK && (!isASCII(p.Local) || !isASCII(p.Domain)) {
		return ErrUTF8
	}
	return nil
}

// AppendPath appends p in its brackets, the local part quoted if it needs to
// be. It appends nothing that could be read as anything else: on error, see
// Path.Check with UTF-8 allowed, dst is returned as it was given.
func AppendPath(dst []byte, p Path) ([]byte, error) {
	if p.IsNull() {
		return append(dst, "<>"...), nil
	}
	if err := p.Check(true); err != nil {
		return dst, err
	}
	dst = appendLocal(append(dst, '<'), p.Local)
	if p.Domain != "" {
		dst = append(append(dst, '@'), p.Domain...)
	}
	return append(dst, '>'), nil
}

// ParsePath parses all of b as a path in its brackets: <>, a mailbox, or
// <postmaster> in any case. A source route is checked and dropped: RFC 5321,
// section 4.1.1.3. The error is a *SyntaxError, or ErrUTF8 if the path would be
// right with SMTPUTF8.
func ParsePath(b []byte, utf8OK bool) (Path, error) {
	raw, rest, err := cutPath(b)
	if err != nil {
		return Path{}, err
	}
	if len(rest) > 0 {
		return Path{}, &SyntaxError{What: "path", Offset: len(raw), Want: "nothing behind >", Got: quote(rest)}
	}
	inner := raw[1 : len(raw)-1]
	mailbox, err := dropRoute(inner)
	if err != nil {
		return Path{}, err
	}
	p, err := parseMailbox(mailbox, utf8OK, true)
	if err == nil && !utf8OK && !ascii.All(ascii.Print, inner) { // the route
		return Path{}, ErrUTF8
	}
	return p, err
}

// ParseMailbox parses local@domain without brackets, as people write it. UTF-8
// is allowed; where it may go is decided when the address is used.
func ParseMailbox(s string) (Path, error) {
	if s == "" {
		return Path{}, &SyntaxError{What: "mailbox", Want: "local@domain", Got: `""`}
	}
	return parseMailbox([]byte(s), true, false)
}

// cutPath cuts a path in its brackets off the front of b. Inside quotes neither
// > nor space ends anything: RFC 5321, section 4.1.2.
func cutPath(b []byte) (raw, rest []byte, err error) {
	if len(b) == 0 || b[0] != '<' {
		return nil, b, &SyntaxError{What: "path", Want: "<", Got: quote(b)}
	}
	quoted := false
	for i := 1; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == '>' && !quoted:
			return b[:i+1], b[i+1:], nil
		}
	}
	return nil, b, &SyntaxError{What: "path", Offset: len(b), Want: ">", Got: quote(b)}
}

// dropRoute removes a source route, "@a,@b:", which nobody follows any more.
// RFC 5321, appendix C.
func dropRoute(b []byte) ([]byte, error) {
	if len(b) == 0 || b[0] != '@' {
		return b, nil
	}
	route, mailbox, ok := bytes.Cut(b, []byte(":"))
	if !ok {
		return nil, &SyntaxError{What: "source route", Offset: len(b), Want: ":", Got: quote(b)}
	}
	for hop := range bytes.SplitSeq(route, []byte(",")) {
		if len(hop) == 0 || hop[0] != '@' {
			return nil, &SyntaxError{What: "source route", Want: "@", Got: quote(hop)}
		}
		if err := checkDomain(string(hop[1:]), false); err != nil {
			return nil, err
		}
	}
	if len(mailbox) == 0 {
		return nil, &SyntaxError{What: "source route", Offset: len(b), Want: "a mailbox", Got: quote(b)}
	}
	return mailbox, nil
}

// parseMailbox parses Mailbox, and what else may stand in a path if bare says so.
func parseMailbox(b []byte, utf8OK, bare bool) (Path, error) {
	if len(b) == 0 {
		return Path{}, nil
	}
	local, rest, err := cutLocal(b)
	if err != nil {
		return Path{}, err
	}
	p := Path{Local: local}
	switch {
	case len(rest) > 1 && rest[0] == '@':
		p.Domain = string(rest[1:])
	case len(rest) > 0 || !bare || local == "": // <""> is not the null path
		return Path{}, &SyntaxError{What: "path", Offset: len(b) - len(rest), Want: "@ and a domain", Got: quote(rest)}
	}
	if err := p.Check(utf8OK); err != nil {
		return Path{}, err
	}
	return p, nil
}

// cutLocal cuts the local part off the front of b and unquotes it.
func cutLocal(b []byte) (local string, rest []byte, err error) {
	if b[0] != '"' {
		n := bytes.IndexByte(b, '@')
		if n < 0 {
			n = len(b)
		}
		for part := range bytes.SplitSeq(b[:n], []byte(".")) {
			if len(part) == 0 || !ascii.All(atextUTF8, part) {
				return "", b, &SyntaxError{What: "local part", Want: "atoms separated by dots, or a quoted string", Got: quote(b)}
			}
		}
		return string(b[:n]), b[n:], nil
	}
	var unquoted []byte
	for i := 1; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return string(unquoted), b[i+1:], nil
		case c == '\\' && i+1 < len(b) && ascii.Print[b[i+1]]:
			i++
			unquoted = append(unquoted, b[i])
		case qtextUTF8[c]:
			unquoted = append(unquoted, c)
		default:
			return "", b, &SyntaxError{What: "quoted local part", Offset: i, Want: "printable text", Got: quote(b[i:])}
		}
	}
	return "", b, &SyntaxError{What: "quoted local part", Offset: len(b), Want: `"`, Got: quote(b)}
}

// The classes with UTF-8 in them: RFC 6531, section 3.3.
var (
	atextUTF8  = ascii.Atext.Or(ascii.High)
	qtextUTF8  = ascii.QText.Or(ascii.High)
	letDigUTF8 = ascii.LetDig.Or(ascii.High)
	printUTF8  = ascii.Print.Or(ascii.High)
)

// checkLocal looks at an unquoted local part.
func checkLocal(s string) error {
	switch {
	case len(s) > maxLocal:
		return &SyntaxError{What: "local part", Offset: maxLocal, Want: "at most 64 octets", Got: quote(s)}
	case !ascii.All(printUTF8, s):
		n := ascii.Span(printUTF8, s)
		return &SyntaxError{What: "local part", Offset: n, Want: "printable text", Got: quote(s[n:])}
	case !utf8.ValidString(s):
		return &SyntaxError{What: "local part", Want: "UTF-8", Got: quote(s)}
	}
	return nil
}

// isDotString reports whether s needs no quotes: RFC 5321, section 4.1.2, Dot-string.
func isDotString(s string) bool {
	for {
		n := ascii.Span(atextUTF8, s)
		if n == 0 || n < len(s) && s[n] != '.' {
			return false
		}
		if n == len(s) {
			return true
		}
		s = s[n+1:]
	}
}

func appendLocal(dst []byte, s string) []byte {
	if isDotString(s) {
		return append(dst, s...)
	}
	dst = append(dst, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, s[i])
	}
	return append(dst, '"')
}

// localLen is the length of what appendLocal appends.
func localLen(s string) int {
	if isDotString(s) {
		return len(s)
	}
	return len(s) + 2 + strings.Count(s, `"`) + strings.Count(s, `\`)
}

// checkDomain looks at a domain or, if literal says so, an address literal.
func checkDomain(s string, literal bool) error {
	bad := func() error {
		return &SyntaxError{What: "domain", Want: "labels of letters, digits and hyphens", Got: quote(s)}
	}
	switch {
	case len(s) > maxDomain:
		return &SyntaxError{What: "domain", Offset: maxDomain, Want: "at most 255 octets", Got: quote(s)}
	case literal && strings.HasPrefix(s, "["):
		return checkLiteral(s)
	case !utf8.ValidString(s):
		return bad()
	}
	for label := range strings.SplitSeq(s, ".") {
		for i := range len(label) {
			if c := label[i]; !letDigUTF8[c] && (c != '-' || i == 0 || i == len(label)-1) {
				return bad()
			}
		}
		if label == "" {
			return bad()
		}
	}
	return nil
}

// literalClass is dcontent less the brackets of a path: software that looks for
// the first > would take what is behind it for parameters.
var literalClass = ascii.DContent.Without("<>")

// checkLiteral looks at an address literal: RFC 5321, section 4.1.3.
func checkLiteral(s string) error {
	bad := func() error {
		return &SyntaxError{What: "address literal", Want: "[IPv4], [IPv6:address] or [tag:content]", Got: quote(s)}
	}
	inner, ok := strings.CutSuffix(s[1:], "]")
	if !ok {
		return bad()
	}
	tag, content, tagged := strings.Cut(inner, ":")
	switch {
	case !tagged:
		if a, err := netip.ParseAddr(inner); err != nil || !a.Is4() {
			return bad()
		}
	case ascii.EqualFold(tag, "IPv6"):
		if a, err := netip.ParseAddr(content); err != nil || !a.Is6() || a.Zone() != "" {
			return bad()
		}
	default: // General-address-literal
		if tag == "" || !ascii.All(keywordClass, tag) || tag[len(tag)-1] == '-' || content == "" || !ascii.All(literalClass, content) {
			return bad()
		}
	}
	return nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
