package imap

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mailwire/mailwire/internal/ascii"
)

// INBOX is the mailbox that every user has. In this package's values it is
// always spelled so. RFC 9051, section 5.1.
const INBOX = "INBOX"

// CanonicalMailbox returns name with its INBOX spelled as such: alone, or in
// front of the delimiter. Delimiter 0: there is no hierarchy.
func CanonicalMailbox(name string, delim rune) string {
	if !ascii.HasPrefixFold(name, INBOX) {
		return name
	}
	rest := name[len(INBOX):]
	if rest == "" || delim != 0 && strings.HasPrefix(rest, string(delim)) {
		return INBOX + rest
	}
	return name
}

// decodeMailbox returns the name that octets of the wire mean: UTF-8 where that
// is agreed on (RFC 6855, section 3; RFC 9051, section 5.1), else modified UTF-7.
func decodeMailbox(b []byte, utf8OK bool) (string, error) {
	if ascii.EqualFold(b, INBOX) {
		return INBOX, nil
	}
	if !utf8OK {
		return ParseUTF7(b)
	}
	// U+2028, U+2029, C0 and C1 controls are no Net-Unicode: RFC 5198, section 2.
	for s := b; len(s) > 0; {
		r, n := utf8.DecodeRune(s)
		if r == utf8.RuneError && n == 1 || r < ' ' || r >= 0x7F && r < 0xA0 || r == 0x2028 || r == 0x2029 {
			return "", ErrMailboxName
		}
		s = s[n:]
	}
	return string(b), nil
}

// An Attr is an attribute of a mailbox in LIST, compared without regard to
// ASCII case: RFC 9051, section 7.3.1.
type Attr string

// The attributes of RFC 9051, section 7.3.1, and RFC 8457, section 3.
const (
	AttrNonExistent   Attr = `\NonExistent`
	AttrNoinferiors   Attr = `\Noinferiors`
	AttrNoselect      Attr = `\Noselect`
	AttrHasChildren   Attr = `\HasChildren`
	AttrHasNoChildren Attr = `\HasNoChildren`
	AttrMarked        Attr = `\Marked`
	AttrUnmarked      Attr = `\Unmarked`
	AttrSubscribed    Attr = `\Subscribed`
	AttrRemote        Attr = `\Remote`
	AttrAll           Attr = `\All`
	AttrArchive       Attr = `\Archive`
	AttrDrafts        Attr = `\Drafts`
	AttrFlagged       Attr = `\Flagged`
	AttrJunk          Attr = `\Junk`
	AttrSent          Attr = `\Sent`
	AttrTrash         Attr = `\Trash`
	AttrImportant     Attr = `\Important`
)

var knownAttrs = [...]Attr{
	AttrNonExistent, AttrNoinferiors, AttrNoselect, AttrHasChildren, AttrHasNoChildren, AttrMarked,
	AttrUnmarked, AttrSubscribed, AttrRemote, AttrAll, AttrArchive, AttrDrafts, AttrFlagged, AttrJunk,
	AttrSent, AttrTrash, AttrImportant,
}

// Is reports whether both name the same attribute.
func (a Attr) Is(b Attr) bool { return ascii.EqualFold(a, b) }

// SpecialUse reports whether the attribute says what the mailbox is for.
// RFC 6154, section 2; RFC 8457, section 3.
func (a Attr) SpecialUse() bool {
	return slices.ContainsFunc(knownAttrs[9:], a.Is)
}

// internAttr returns the known attribute that b spells, or b as one.
func internAttr(b []byte) Attr {
	for _, a := range knownAttrs {
		if a.Is(Attr(b)) {
			return a
		}
	}
	return Attr(b)
}

// A MailboxInfo is a row of LIST or LSUB. RFC 9051, section 7.3.1.
type MailboxInfo struct {
	Name      string // UTF-8
	Delim     rune   // 0: NIL, a flat name
	Attrs     []Attr
	ChildInfo []string // CHILDINFO: which selection options descendants match. RFC 5258, section 4
	OldName   string   // OLDNAME: RFC 5465, section 5.4
	Extra     []Param  // other extended items, Arg is []byte as it came
}

// Has reports whether the mailbox has the attribute.
func (m *MailboxInfo) Has(a Attr) bool {
	for _, b := range m.Attrs {
		if b.Is(a) {
			return true
		}
	}
	return false
}
