package imapserver

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/mailwire/mailwire/imap"
)

// maxName is the most octets that the name of a mailbox may have.
const maxName = 1000

// name returns a name as the backend gets it: NFC, INBOX spelled so, and
// without anything that a mailbox cannot be called. RFC 9051, section 5.1.
func (c *Conn) name(s string) (string, error) {
	s = imap.CanonicalMailbox(norm.NFC.String(s), c.delim)
	switch {
	case s == "" || len(s) > maxName || !utf8.ValidString(s):
		return "", imap.No("CANNOT", "a mailbox cannot be called that")
	case strings.ContainsFunc(s, unicode.IsControl), strings.ContainsAny(s, "\u2028\u2029"):
		return "", imap.No("CANNOT", "control characters in a name")
	}
	if c.delim != 0 {
		d := string(c.delim)
		if strings.HasPrefix(s, d) || strings.HasSuffix(s, d) || strings.Contains(s, d+d) {
			return "", imap.No("CANNOT", "a level of the hierarchy without a name")
		}
	}
	return s, nil
}

// newName is name for a mailbox that is to be: the delimiter at the end of a
// CREATE says that there will be mailboxes below it, which any may have.
// RFC 9051, section 6.3.4.
func (c *Conn) newName(s string) (string, error) {
	if c.delim != 0 {
		s = strings.TrimSuffix(s, string(c.delim))
	}
	if strings.ContainsAny(s, "*%") {
		return "", imap.No("CANNOT", "wildcards in a name")
	}
	return c.name(s)
}
