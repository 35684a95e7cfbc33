// Package ascii holds what the mail protocols share below their grammars:
// classes of octets with their ABNF, letter case, decimal numbers and strict
// base64. Everything here looks at octets only; text in UTF-8 passes as octets
// of 0x80 and above, which belong to no class unless its comment says so.
package ascii

// A Class is a set of octets, indexed by octet. Classes are built once, at
// start, and only read afterwards.
type Class [256]bool

// Of returns the class of the octets in s.
func Of(s string) *Class {
	var c Class
	for i := range len(s) {
		c[s[i]] = true
	}
	return &c
}

// Range returns the class of the octets lo to hi, both included.
func Range(lo, hi byte) *Class {
	var c Class
	for i := int(lo); i <= int(hi); i++ {
		c[i] = true
	}
	return &c
}

// Or returns the class of the octets in c or in any of more.
func (c *Class) Or(more ...*Class) *Class {
	u := *c
	for _, m := range more {
		for i, in := range m {
			u[i] = u[i] || in
		}
	}
	return &u
}

// Without returns c less the octets of s.
func (c *Class) Without(s string) *Class {
	d := *c
	for i := range len(s) {
		d[s[i]] = false
	}
	return &d
}

// Span returns the length of the longest prefix of s that is of class c alone.
func Span[T ~string | ~[]byte](c *Class, s T) int {
	for i := range len(s) {
		if !c[s[i]] {
			return i
		}
	}
	return len(s)
}

// All reports whether every octet of s is of class c. It is true of "".
func All[T ~string | ~[]byte](c *Class, s T) bool {
	return Span(c, s) == len(s)
}

// The classes that several protocols share, by their ABNF names.
var (
	// Alpha is ALPHA = %x41-5A / %x61-7A. RFC 5234, appendix B.1.
	Alpha = Range('A', 'Z').Or(Range('a', 'z'))
	// Digit is DIGIT = %x30-39. RFC 5234, appendix B.1.
	Digit = Range('0', '9')
	// HexDigit is HEXDIG in either case. RFC 5234, appendix B.1.
	HexDigit = Digit.Or(Range('A', 'F'), Range('a', 'f'))
	// LetDig is Let-dig = ALPHA / DIGIT. RFC 5321, section 4.1.2.
	LetDig = Alpha.Or(Digit)
	// VChar is VCHAR = %x21-7E: printable, without space. RFC 5234, appendix B.1.
	VChar = Range(0x21, 0x7E)
	// Print is VCHAR / SP: what may stand in a line of text for people.
	Print = Range(0x20, 0x7E)
	// Control is CTL = %x00-1F / %x7F. RFC 5234, appendix B.1.
	Control = Range(0x00, 0x1F).Or(Of("\x7f"))
	// High is every octet of 0x80 and above: parts of UTF-8 sequences, or 8-bit data.
	High = Range(0x80, 0xFF)
	// Atext is atext. RFC 5322, section 3.2.3.
	Atext = LetDig.Or(Of("!#$%&'*+-/=?^_`{|}~"))
	// QText is qtextSMTP = %d32-33 / %d35-91 / %d93-126. RFC 5321, section 4.1.2.
	QText = Print.Without(`"\`)
	// DContent is dcontent = %d33-90 / %d94-126. RFC 5321, section 4.1.3.
	DContent = VChar.Without(`[\]`)
	// Token is token of MIME: VCHAR without tspecials. RFC 2045, section 5.1.
	Token = VChar.Without(`()<>@,;:\"/[]?=`)
)
