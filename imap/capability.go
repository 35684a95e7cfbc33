package imap

import (
	"slices"
	"strings"

	"github.com/mailwire/mailwire/internal/ascii"
)

// A Cap is the name of a capability, compared without regard to ASCII case.
// RFC 9051, section 6.1.1. Parsed ones are in upper case.
type Cap string

// The capabilities that this package knows rules of.
const (
	CapRev1             Cap = "IMAP4REV1"
	CapRev2             Cap = "IMAP4REV2"
	CapStartTLS         Cap = "STARTTLS"
	CapLoginDisabled    Cap = "LOGINDISABLED"
	CapAppendLimit      Cap = "APPENDLIMIT"
	CapBinary           Cap = "BINARY"
	CapChildren         Cap = "CHILDREN"
	CapCompressDeflate  Cap = "COMPRESS=DEFLATE"
	CapCondstore        Cap = "CONDSTORE"
	CapCreateSpecialUse Cap = "CREATE-SPECIAL-USE"
	CapEnable           Cap = "ENABLE"
	CapESearch          Cap = "ESEARCH"
	CapID               Cap = "ID"
	CapIdle             Cap = "IDLE"
	CapListExtended     Cap = "LIST-EXTENDED"
	CapListStatus       Cap = "LIST-STATUS"
	CapLiteralMinus     Cap = "LITERAL-"
	CapLiteralPlus      Cap = "LITERAL+"
	CapMove             Cap = "MOVE"
	CapMultiAppend      Cap = "MULTIAPPEND"
	CapNamespace        Cap = "NAMESPACE"
	CapQResync          Cap = "QRESYNC"
	CapSASLIR           Cap = "SASL-IR"
	CapSearchRes        Cap = "SEARCHRES"
	CapSpecialUse       Cap = "SPECIAL-USE"
	CapStatusSize       Cap = "STATUS=SIZE"
	CapUIDOnly          Cap = "UIDONLY"
	CapUIDPlus          Cap = "UIDPLUS"
	CapUnauthenticate   Cap = "UNAUTHENTICATE"
	CapUnselect         Cap = "UNSELECT"
	CapUTF8Accept       Cap = "UTF8=ACCEPT"
	CapWithin           Cap = "WITHIN"
)

// Is reports whether both name the same capability.
func (c Cap) Is(d Cap) bool { return ascii.EqualFold(c, d) }

// Auth returns the mechanism that an AUTH= capability offers.
func (c Cap) Auth() (mechanism string, ok bool) {
	if !ascii.HasPrefixFold(c, "AUTH=") || len(c) == len("AUTH=") {
		return "", false
	}
	return string(ascii.AppendUpper(nil, c[len("AUTH="):])), true
}

// wireName returns the spelling that the RFCs use on the wire. Some clients of
// old look for it in a way that minds case.
func (c Cap) wireName() string {
	switch {
	case c.Is(CapRev1):
		return "IMAP4rev1"
	case c.Is(CapRev2):
		return "IMAP4rev2"
	}
	return string(c)
}

// Caps is a list of capabilities, in the order in which they are announced.
type Caps []Cap

// Has reports whether c is in the list.
func (s Caps) Has(c Cap) bool {
	for _, d := range s {
		if d.Is(c) {
			return true
		}
	}
	return false
}

// HasAny reports whether any of cs is in the list.
func (s Caps) HasAny(cs ...Cap) bool {
	return slices.ContainsFunc(cs, s.Has)
}

// Value returns what stands behind "name=", as the number of APPENDLIMIT=.
func (s Caps) Value(name Cap) (value string, ok bool) {
	for _, c := range s {
		if len(c) > len(name) && c[len(name)] == '=' && ascii.HasPrefixFold(c, name) {
			return string(c[len(name)+1:]), true
		}
	}
	return "", false
}

// Mechanisms returns what the AUTH= capabilities offer, in upper case.
func (s Caps) Mechanisms() []string {
	var out []string
	for _, c := range s {
		if m, ok := c.Auth(); ok {
			out = append(out, m)
		}
	}
	return out
}

func (s Caps) String() string {
	var b strings.Builder
	for i, c := range s {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(c.wireName())
	}
	return b.String()
}
