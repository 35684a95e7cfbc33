package imapserver

import (
	"bytes"
	"strings"

	"github.com/mailwire/mailwire/imap"
)

// firstRead is how much of a message is read to find its header; nearly all fit.
const firstRead = 2 << 10

// fields prints HEADER.FIELDS or HEADER.FIELDS.NOT of the message itself, which
// lists of messages are made of, straight from its octets: no index is loaded
// and nothing is allocated. done is false for a header that is long or in any way
// unusual, of which package mime knows what its fields are.
func (r *Row) fields(it *imap.FetchItem, s *imap.Section) (done bool, err error) {
	content, err := r.open(r.Message)
	if err != nil {
		return false, err
	}
	room := rooms.Get().(*[maxCopied]byte)
	defer rooms.Put(room)
	n := 0
	for want := firstRead; want <= maxCopied && int64(n) < r.Size; want *= 2 {
		m := int(min(int64(want), r.Size))
		if _, err := readFull(content, room[n:m], int64(n)); err != nil {
			return false, err
		}
		n = m
		if end := bytes.Index(room[:n], headerEnd); end >= 0 {
			header := room[:end+len(headerEnd)]
			selected, ok := selectFields(header, s.Fields, s.Kind == imap.SectionFields)
			if ok {
				r.literal(it, selected)
			}
			return ok, nil
		}
	}
	return false, nil
}

var headerEnd = []byte("\r\n\r\n")

// selectFields keeps those fields of a header that are named, or those that are
// not, and the empty line, moved to the front. ok: every line of the header is a
// plain one; else nothing has been moved.
func selectFields(header []byte, names []string, named bool) (kept []byte, ok bool) {
	if !plainHeader(header) {
		return nil, false
	}
	keep, end := false, len(header)-len("\r\n")
	kept = header[:0]
	for i := 0; i < end; {
		line := header[i : i+bytes.IndexByte(header[i:], '\n')+1]
		i += len(line)
		if line[0] != ' ' && line[0] != '\t' {
			keep = isNamed(line[:bytes.IndexByte(line, ':')], names) == named
		}
		if keep {
			kept = append(kept, line...)
		}
	}
	return append(kept, "\r\n"...), true
}

// plainHeader reports whether all lines are fields, as RFC 5322, section 2.2, has
// them, or their continuations, and end in CRLF. The empty line is at the end.
func plainHeader(header []byte) bool {
	for i, end := 0, len(header)-len("\r\n"); i < end; {
		n := bytes.IndexByte(header[i:], '\n')
		line := header[i : i+n]
		i += n + 1
		if n < 2 || line[n-1] != '\r' {
			return false
		}
		if fold := line[0] == ' ' || line[0] == '\t'; fold && i > n+1 {
			continue
		}
		colon := bytes.IndexByte(line, ':')
		if colon < 1 || bytes.ContainsFunc(line[:colon], notVisible) {
			return false
		}
	}
	return true
}

// notVisible: what is in no name of a field. RFC 5322, section 3.6.8.
func notVisible(c rune) bool { return c < '!' || c > '~' }

// isNamed compares names in any case. name is ASCII, of which the other lengths that
// Unicode folds to have no part.
func isNamed(name []byte, names []string) bool {
	for _, s := range names {
		if len(name) == len(s) && strings.EqualFold(string(name), s) {
			return true
		}
	}
	return false
}

// literal prints octets, or the part of them that is asked for.
func (r *Row) literal(it *imap.FetchItem, b []byte) {
	if it.Partial != nil {
		off, n := it.Partial.Slice(uint64(len(b)))
		b = b[off : off+n]
	}
	r.Enc.ItemName(it)
	r.Enc.Literal(b)
}
