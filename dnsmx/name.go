package dnsmx

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
	"golang.org/x/text/unicode/norm"
)

// A Name is a validated domain name: absolute, in lower case, of A-labels, and
// without the final dot. Only parsing makes one, so that two Names are equal
// exactly if they are the same domain, whatever spelling they came in. The zero
// Name is no name.
type Name struct{ s string }

// The greatest lengths in octets: RFC 1035, section 2.3.4. That of a name is the
// 255 octets of its wire form as text without the final dot.
const (
	maxLabel = 63
	maxName  = 253
)

// A NameError says why a string is not a domain name.
type NameError struct {
	Name   string // as it came
	Reason string
}

func (e *NameError) Error() string {
	return fmt.Sprintf("dnsmx: bad domain name %s: %s", quote(e.Name), e.Reason)
}

// quote returns a sample of s that is safe in messages and logs.
func quote(s string) string {
	const most = 80
	if len(s) > most {
		return strconv.QuoteToASCII(s[:most]) + "..."
	}
	return strconv.QuoteToASCII(s)
}

// ParseName reads the domain of a mail address, or any other name of a host, in
// ASCII or in Unicode. It refuses address literals and whatever a resolver could
// take for an IP address, the underscore, a final dot, and an "xn--" label that
// is not the one spelling of its Unicode form. Unicode is mapped by UTS #46 first,
// so that "BÜCHER.example" and "xn--bcher-kva.example" are one Name. The error is
// a *NameError. RFC 1035, section 2.3.1; RFC 5890, section 2.3.1.
func ParseName(s string) (Name, error) {
	ascii := s
	if !isASCII(s) {
		// Beside an error, idna returns a value that was not checked.
		a, err := idna.Lookup.ToASCII(s)
		if err != nil || disguised(s) {
			return Name{}, &NameError{s, "not a name of IDNA"}
		}
		ascii = a
	}
	// Mapping makes dots and digits out of other characters, so all checks are
	// made on its result.
	found, reason := checkHost(ascii, strictSet)
	if reason != "" {
		return Name{}, &NameError{s, reason}
	}
	n := Name{lower(ascii, found)}
	if found&ace != 0 && !n.roundTrips() {
		return Name{}, &NameError{s, "an A-label that stands for nothing, or not alone"}
	}
	return n, nil
}

// ParseNameLax reads a name as it stands in DNS data: ASCII, with underscores,
// hyphens anywhere, "xn--" labels unseen, and with or without the final dot. IP
// addresses are refused here too. The error is a *NameError.
func ParseNameLax(s string) (Name, error) {
	t := strings.TrimSuffix(s, ".")
	found, reason := checkHost(t, laxSet)
	if reason != "" {
		return Name{}, &NameError{s, reason}
	}
	return Name{lower(t, found)}, nil
}

// labelSet says which octets a label may have.
type labelSet uint8

const (
	strictSet labelSet = 1 << iota // letters, digits, inner hyphens: RFC 1123, section 2.1
	laxSet                         // also underscores, hyphens anywhere
	aliasSet                       // any visible ASCII that needs no escape, as RFC 2317 has slashes
)

// inSet has for each octet the sets that it belongs to.
var inSet = func() (t [256]labelSet) {
	for c := '!'; c <= '~'; c++ {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-':
			t[c] = strictSet | laxSet | aliasSet
		case c == '_':
			t[c] = laxSet | aliasSet
		case c != '.' && c != '\\':
			t[c] = aliasSet
		}
	}
	return t
}()

// finding is what checkLabels saw on its way.
type finding uint8

const (
	upper finding = 1 << iota // upper case
	ace                       // a label with the prefix of A-labels
)

// checkLabels checks a name of ASCII, and returns the reason if it is none.
func checkLabels(s string, set labelSet) (found finding, reason string) {
	if s == "" {
		return 0, "empty"
	}
	if len(s) > maxName {
		return 0, "longer than 253 octets"
	}
	start := 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) && s[i] != '.' {
			if inSet[s[i]]&set == 0 {
				return 0, "an octet that no name may have"
			}
			if s[i] >= 'A' && s[i] <= 'Z' {
				found |= upper
			}
			continue
		}
		label := s[start:i]
		switch {
		case label == "":
			return 0, "an empty label"
		case len(label) > maxLabel:
			return 0, "a label longer than 63 octets"
		case set == strictSet && (label[0] == '-' || label[len(label)-1] == '-'):
			return 0, "a hyphen at the edge of a label"
		case len(label) >= 4 && label[2] == '-' && label[3] == '-' && label[0]|0x20 == 'x' && label[1]|0x20 == 'n':
			found |= ace
		}
		start = i + 1
	}
	return found, ""
}

// checkHost is checkLabels for the name of a host, which is not an IP address.
func checkHost(s string, set labelSet) (found finding, reason string) {
	found, reason = checkLabels(s, set)
	if reason == "" && endsInNumber(s) {
		reason = "an IP address"
	}
	return found, reason
}

// hostErr reports why a name, which may come from the middle of DNS data, cannot be
// that of a host: nil, or a *NameError.
func (n Name) hostErr() error {
	if _, reason := checkHost(n.s, laxSet); reason != "" {
		return &NameError{n.s, reason}
	}
	return nil
}

// endsInNumber reports whether the last label is a number, decimal or
// hexadecimal. No top-level domain is, and the resolvers of C libraries read
// "127.1", "0x7f.1" and "2130706433" as addresses.
func endsInNumber(s string) bool {
	last := s[strings.LastIndexByte(s, '.')+1:]
	digits := last
	if len(last) >= 2 && last[0] == '0' && last[1]|0x20 == 'x' {
		digits = last[2:]
		return strings.Trim(digits, "0123456789abcdefABCDEF") == ""
	}
	return strings.Trim(digits, "0123456789") == ""
}

// disguised reports whether a label that is not ASCII has the prefix of A-labels
// among its ASCII, as U+24C7 followed by "n--" has. Package idna maps characters
// first and then decodes what looks like an A-label, whatever is in it.
func disguised(s string) bool {
	isDot := func(r rune) bool { return r == '.' || r == '\u3002' || r == '\uFF0E' || r == '\uFF61' }
	for label := range strings.FieldsFuncSeq(s, isDot) {
		folded := strings.Map(func(r rune) rune {
			if r >= 0x80 {
				return -1
			}
			return r
		}, norm.NFKC.String(strings.ToLower(label)))
		if !isASCII(label) && strings.HasPrefix(strings.ToLower(folded), "xn--") {
			return true
		}
	}
	return false
}

// roundTrips reports whether the Unicode form leads back to n and nowhere else.
func (n Name) roundTrips() bool {
	u, err := idna.Lookup.ToUnicode(n.s)
	if err != nil {
		return false
	}
	a, err := idna.Lookup.ToASCII(u)
	return err == nil && a == n.s
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func lower(s string, found finding) string {
	if found&upper == 0 {
		return s
	}
	return strings.ToLower(s)
}

// String returns the name without a final dot, "" for the zero Name.
func (n Name) String() string { return n.s }

// IsZero reports whether n is no name.
func (n Name) IsZero() bool { return n.s == "" }

// Unicode returns the name with U-labels, for people to read. A name with an
// A-label that is not valid stays as it is.
func (n Name) Unicode() string {
	if found, _ := checkLabels(n.s, aliasSet); found&ace == 0 || !n.roundTrips() {
		return n.s
	}
	u, err := idna.Lookup.ToUnicode(n.s)
	if err != nil {
		return n.s
	}
	return u
}

// Labels returns how many labels the name has; the zero Name has none.
func (n Name) Labels() int {
	if n.s == "" {
		return 0
	}
	return 1 + strings.Count(n.s, ".")
}

// errNoParent is the reason against a child of the zero Name: it would be a
// top-level domain by accident.
var errNoParent = errors.New("dnsmx: no name to put a label under")

// Child returns label.n. The label may be several, as "_25._tcp" or the selector
// of a DKIM key, and is held to the rules of ParseNameLax.
func (n Name) Child(label string) (Name, error) {
	if n.s == "" {
		return Name{}, errNoParent
	}
	found, reason := checkLabels(label, laxSet)
	if reason == "" && len(label)+1+len(n.s) > maxName {
		reason = "longer than 253 octets"
	}
	if reason != "" {
		return Name{}, &NameError{label + "." + n.s, reason}
	}
	return Name{lower(label, found) + "." + n.s}, nil
}

// Parent returns the name without its first label; false if that was the only one.
func (n Name) Parent() (Name, bool) {
	_, rest, ok := strings.Cut(n.s, ".")
	return Name{rest}, ok
}

// Under reports whether n is zone or lies below it. Nothing is under the zero Name.
func (n Name) Under(zone Name) bool {
	if zone.s == "" || len(n.s) < len(zone.s) {
		return false
	}
	cut := len(n.s) - len(zone.s)
	return n.s[cut:] == zone.s && (cut == 0 || n.s[cut-1] == '.')
}

// OrgDomain returns the name one label below the public suffix of n, by the part
// of the public suffix list that ICANN runs: "b.co.uk" for "a.b.co.uk", but
// "github.io" for "b.github.io". False if n is itself a public suffix. DMARC does
// not use it: RFC 9989 finds the organizational domain in the DNS.
func OrgDomain(n Name) (Name, bool) {
	if n.s == "" {
		return Name{}, false
	}
	suffix, icann := publicsuffix.PublicSuffix(n.s)
	for !icann && strings.Contains(suffix, ".") {
		// A suffix of the list's private section. The rule of ICANN's section is
		// the one that holds for the part above its first label.
		_, above, _ := strings.Cut(suffix, ".")
		suffix, icann = publicsuffix.PublicSuffix(above)
	}
	if n.s == suffix || !n.Under(Name{suffix}) {
		return Name{}, false
	}
	below := strings.TrimSuffix(n.s, "."+suffix)
	return Name{n.s[strings.LastIndexByte(below, '.')+1:]}, true
}
