package pop3

import (
	"bytes"
	"math"
	"strconv"

	"github.com/mailwire/mailwire/internal/ascii"
)

// An Entry is what a listing says of one message.
type Entry struct {
	N         int    // its number, from 1, for this session only
	Size      int64  // octets with CRLF line ends, dots not stuffed. RFC 1939, section 11
	UID       string // its unique-id: see ValidUID. A client finds "" where the server names none
	NeedsUTF8 bool   // server: it cannot be sent without UTF8. RFC 6856, section 2.1
}

// maxUID is the length of a unique-id. RFC 1939, section 7.
const maxUID = 70

// ValidUID reports whether a server may send this unique-id: 1 to 70 octets of
// printable ASCII without space. RFC 1939, section 7.
func ValidUID(uid string) bool {
	return len(uid) > 0 && len(uid) <= maxUID && ascii.All(ascii.VChar, uid)
}

// ParseScan parses a scan listing: a message number and a size. Servers are
// known to put several spaces between and text behind them, and both is
// tolerated; numbers that are none, or cannot be, are not. The error is a
// *SyntaxError. RFC 1939, section 5.
func ParseScan(line []byte) (n int, size int64, err error) {
	n, rest, err := cutNumber("scan listing", line, math.MaxInt32)
	if err != nil {
		return 0, 0, err
	}
	size, _, err = cutNumber("scan listing", rest, int64(math.MaxInt64))
	if err == nil && n == 0 {
		err = &SyntaxError{What: "scan listing", Want: "a message number of 1 or more", Got: quote(line)}
	}
	if err != nil {
		return 0, 0, err
	}
	return n, size, nil
}

// ParseStat parses the text of a positive reply to STAT, a drop listing: the
// number of messages and the octets of all. RFC 1939, section 5.
func ParseStat(text string) (n int, size int64, err error) {
	n, rest, err := cutNumber("drop listing", []byte(text), math.MaxInt32)
	if err == nil {
		size, _, err = cutNumber("drop listing", rest, int64(math.MaxInt64))
	}
	if err != nil {
		return 0, 0, err
	}
	return n, size, nil
}

// ParseUnique parses a unique-id listing: a message number and a unique-id. A
// server that gives no unique-id is tolerated: uid is then "". So is one that
// ValidUID would refuse, as long as it is one word. RFC 1939, section 7.
func ParseUnique(line []byte) (n int, uid string, err error) {
	n, rest, err := cutNumber("unique-id listing", line, math.MaxInt32)
	if err == nil && n == 0 {
		err = &SyntaxError{What: "unique-id listing", Want: "a message number of 1 or more", Got: quote(line)}
	}
	if err != nil {
		return 0, "", err
	}
	word, _, _ := bytes.Cut(bytes.TrimLeft(rest, " "), []byte(" "))
	return n, string(word), nil
}

// cutNumber cuts a number of at most limit, and the spaces before it, off line.
func cutNumber[T int | int64](what string, line []byte, limit T) (n T, rest []byte, err error) {
	trimmed := bytes.TrimLeft(line, " ")
	digits := ascii.Span(ascii.Digit, trimmed)
	rest = trimmed[digits:]
	u, err := ascii.ParseUint(trimmed[:digits], uint64(limit))
	if err != nil || len(rest) > 0 && rest[0] != ' ' {
		return 0, nil, &SyntaxError{What: what, Offset: len(line) - len(trimmed), Want: "a number up to " + strconv.FormatUint(uint64(limit), 10), Got: quote(line)}
	}
	return T(u), rest, nil
}
