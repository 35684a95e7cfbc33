package imap

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mailwire/mailwire/internal/ascii"
)

// LiteralMode says how an Encoder announces literals.
type LiteralMode uint8

const (
	ServerLiterals LiteralMode = iota // {n}: a server just sends them
	SyncLiterals                      // {n}, and wait for "+": every server takes these
	MinusLiterals                     // {n+} up to 4096 octets, else as Sync. RFC 7888, section 5
	PlusLiterals                      // {n+}. RFC 7888, section 4
)

// maxMinusLiteral is the most that {n+} may announce under LITERAL-. RFC 7888,
// section 5.
const maxMinusLiteral = 4096

// maxQuoted is the length beyond which a string is better sent as a literal:
// some peers bound their lines.
const maxQuoted = 1000

// An Encoder puts values on the wire by appending to its buffer; it never
// writes by itself. The zero value is ready, for a server.
//
// It chooses between atom, quoted string and literal, so that no octets of a
// value can be taken for syntax: a string with CR, LF, or with 8-bit octets
// where they are not agreed on, is a literal, and NUL leaves in a literal8 or,
// where none is allowed, as 0x80.
//
// What cannot be encoded is remembered: see Err.
type Encoder struct {
	UTF8     bool // UTF8=ACCEPT is on: UTF-8 in quoted strings and names. RFC 6855, section 3
	Rev2     bool // IMAP4rev2 is on, which allows the same
	Literals LiteralMode
	Grammar  *Grammar // of codes, items and keys; nil: Full

	buf   []byte
	refs  []reference
	waits []int // where in buf the client waits for "+"
	inRow bool  // an item of a FETCH row was appended already
	err   error
}

// Reset empties the buffer and keeps its memory and the settings.
func (e *Encoder) Reset() {
	clear(e.refs)
	e.buf, e.refs, e.waits, e.err = e.buf[:0], e.refs[:0], e.waits[:0], nil
}

// Len returns how many octets are to be sent, those of references included.
func (e *Encoder) Len() int64 {
	n := int64(len(e.buf))
	for i := range e.refs {
		n += e.refs[i].n
	}
	return n
}

// Buffered returns how many octets are held in memory.
func (e *Encoder) Buffered() int { return len(e.buf) }

// Err returns the first error. What was encoded then is not to be sent.
func (e *Encoder) Err() error { return e.err }

// Fail records that a value cannot be encoded.
func (e *Encoder) Fail(what string) {
	if e.err == nil {
		e.err = &EncodeError{what}
	}
}

// argument returns v as a T, or fails.
func argument[T any](e *Encoder, v any) (t T, ok bool) {
	if t, ok = v.(T); !ok {
		e.Fail(fmt.Sprintf("a %T as a %T", v, t))
	}
	return t, ok
}

// Bytes returns the octets so far, of which those of references are missing.
// It is valid until the next change.
func (e *Encoder) Bytes() []byte { return e.buf }

// Truncate drops what was appended behind the first n octets of the buffer,
// references included.
func (e *Encoder) Truncate(n int) {
	e.buf = e.buf[:n]
	for len(e.refs) > 0 && e.refs[len(e.refs)-1].at > n {
		e.refs = e.refs[:len(e.refs)-1]
	}
	for len(e.waits) > 0 && e.waits[len(e.waits)-1] > n {
		e.waits = e.waits[:len(e.waits)-1]
	}
}

// Raw appends s as it is. It is for keywords and punctuation, never for values.
func (e *Encoder) Raw(s string) { e.buf = append(e.buf, s...) }

// RawBytes is Raw for octets that were encoded before, as a stored ENVELOPE.
func (e *Encoder) RawBytes(b []byte) { e.buf = append(e.buf, b...) }

// Byte appends one octet as it is.
func (e *Encoder) Byte(b byte) { e.buf = append(e.buf, b) }

// SP appends a space.
func (e *Encoder) SP() { e.buf = append(e.buf, ' ') }

// CRLF ends the line.
func (e *Encoder) CRLF() { e.buf = append(e.buf, '\r', '\n') }

// Number appends a number.
func (e *Encoder) Number(n uint64) { e.buf = strconv.AppendUint(e.buf, n, 10) }

// Atom appends s if it is an atom, and fails otherwise.
func (e *Encoder) Atom(s string) {
	if s == "" || !ascii.All(atomChar, s) {
		e.Fail("the atom " + quote(s))
		return
	}
	e.Raw(s)
}

// Label appends the name of an option or item.
func (e *Encoder) Label(s string) {
	if s == "" || !ascii.All(labelChar, s) {
		e.Fail("the name " + quote(s))
		return
	}
	e.Raw(s)
}

func (e *Encoder) eightBit() bool { return e.UTF8 || e.Rev2 }

// quotable reports whether s can stand in quotes. RFC 9051, section 9, quoted;
// RFC 6855, section 3.
func quotable[T ~string | ~[]byte](s T, eightBit bool) bool {
	high := false
	for i := range len(s) {
		switch b := s[i]; {
		case b == 0 || b == '\r' || b == '\n':
			return false
		case b >= 0x80:
			high = true
		}
	}
	return !high || eightBit && utf8.ValidString(string(s))
}

// appendString appends a string in quotes, or else as a literal.
func appendString[T ~string | ~[]byte](e *Encoder, s T) {
	if len(s) > maxQuoted || !quotable(s, e.eightBit()) {
		e.announce(int64(len(s)), false)
		n := len(e.buf)
		e.buf = append(e.buf, s...)
		CleanNUL(e.buf[n:])
		return
	}
	e.buf = append(e.buf, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			e.buf = append(e.buf, '\\')
		}
		e.buf = append(e.buf, s[i])
	}
	e.buf = append(e.buf, '"')
}

// Str appends a string: quoted, or a literal.
func (e *Encoder) Str(s string) { appendString(e, s) }

// Quoted appends a string that must not be a literal. One that cannot stand in
// quotes fails.
func (e *Encoder) Quoted(s string) {
	if !quotable(s, e.eightBit()) {
		e.Fail("the quoted string " + quote(s))
		return
	}
	e.buf = append(e.buf, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			e.buf = append(e.buf, '\\')
		}
		e.buf = append(e.buf, s[i])
	}
	e.buf = append(e.buf, '"')
}

// AString appends an astring. What reads as NIL goes in quotes, since some
// peers take the atom for nothing.
func (e *Encoder) AString(s string) {
	if s != "" && len(s) <= maxQuoted && ascii.All(astringChar, s) && !ascii.EqualFold(s, "NIL") {
		e.Raw(s)
		return
	}
	appendString(e, s)
}

// NString appends a string, or NIL if b is nil.
func (e *Encoder) NString(b []byte) {
	if b == nil {
		e.Raw("NIL")
		return
	}
	appendString(e, b)
}

// Str8 appends a string, as a literal8 if it holds NUL: for values that may be
// binary. RFC 9051, section 4.3.1.
func (e *Encoder) Str8(b []byte) {
	if bytes.IndexByte(b, 0) < 0 {
		appendString(e, b)
		return
	}
	e.announce(int64(len(b)), true)
	e.buf = append(e.buf, b...)
}

// Literal appends octets as a literal, also where quotes would do.
func (e *Encoder) Literal(b []byte) {
	e.announce(int64(len(b)), false)
	n := len(e.buf)
	e.buf = append(e.buf, b...)
	CleanNUL(e.buf[n:])
}

// announce appends the announcement of a literal of n octets.
func (e *Encoder) announce(n int64, binary bool) {
	if binary {
		e.buf = append(e.buf, '~')
	}
	e.buf = append(e.buf, '{')
	e.buf = strconv.AppendInt(e.buf, n, 10)
	switch {
	case e.Literals == ServerLiterals:
		e.buf = append(e.buf, "}\r\n"...)
	case e.Literals == PlusLiterals, e.Literals == MinusLiterals && n <= maxMinusLiteral:
		e.buf = append(e.buf, "+}\r\n"...)
	default:
		e.buf = append(e.buf, "}\r\n"...)
		e.waits = append(e.waits, len(e.buf))
	}
}

// Mailbox appends the name of a mailbox, given in UTF-8. RFC 3501, section
// 5.1.3; RFC 6855, section 3.
func (e *Encoder) Mailbox(name string) {
	if ascii.EqualFold(name, INBOX) {
		e.Raw(INBOX)
		return
	}
	if e.eightBit() || ascii.All(ascii.Print, name) && strings.IndexByte(name, '&') < 0 {
		e.AString(name)
		return
	}
	e.AString(string(AppendUTF7(nil, name)))
}

// Pattern appends a pattern of LIST.
func (e *Encoder) Pattern(pattern string) {
	if !e.eightBit() {
		pattern = string(AppendUTF7(nil, pattern))
	}
	if pattern != "" && ascii.All(listChar, pattern) {
		e.Raw(pattern)
		return
	}
	appendString(e, pattern)
}

// Flag appends a flag.
func (e *Encoder) Flag(f Flag) {
	atom := strings.TrimPrefix(string(f), `\`)
	if f != FlagWildcard && (atom == "" || !ascii.All(atomChar, atom)) {
		e.Fail("the flag " + quote(f))
		return
	}
	e.Raw(string(f))
}

// Flags appends a list of flags in parentheses.
func (e *Encoder) Flags(flags []Flag) {
	e.buf = append(e.buf, '(')
	for i, f := range flags {
		if i > 0 {
			e.buf = append(e.buf, ' ')
		}
		e.Flag(f)
	}
	e.buf = append(e.buf, ')')
}

// Date appends a date.
func (e *Encoder) Date(d Date) {
	if !validDay(d.Year, d.Month, d.Day) || d.Year < 0 || d.Year > 9999 {
		e.Fail("the date")
		return
	}
	e.buf = d.Append(e.buf)
}

// DateTime appends a date and time, in the zone of t.
func (e *Encoder) DateTime(t time.Time) { e.buf = AppendDateTime(e.buf, t) }

// SeqSet, UIDSet and Ref append sets, which must not be empty.
func (e *Encoder) SeqSet(s SeqSet) { encodeSet(e, s.IsEmpty(), s.Append) }

// UIDSet: see SeqSet.
func (e *Encoder) UIDSet(s UIDSet) { encodeSet(e, s.IsEmpty(), s.Append) }

// Ref: see SeqSet.
func (e *Encoder) Ref(r Ref) { encodeSet(e, r.IsEmpty(), r.Append) }

// UIDList appends a set whose order matters.
func (e *Encoder) UIDList(l UIDList) { encodeSet(e, len(l) == 0, l.Append) }

func encodeSet(e *Encoder, empty bool, appendTo func([]byte) []byte) {
	if empty {
		e.Fail("an empty message set")
		return
	}
	e.buf = appendTo(e.buf)
}

// encodeList appends n items with spaces between, in parentheses.
func (e *Encoder) encodeList(n int, item func(i int)) {
	e.Byte('(')
	for i := range n {
		if i > 0 {
			e.SP()
		}
		item(i)
	}
	e.Byte(')')
}

// text appends text for people up to the end of a line. What could end the
// line, or is 8-bit where that is not agreed on, becomes "?".
func (e *Encoder) text(s string) {
	utf8OK := e.eightBit() && utf8.ValidString(s)
	for i := range len(s) {
		b := s[i]
		if b < ' ' || b == 0x7F || b >= 0x80 && !utf8OK {
			b = '?'
		}
		e.buf = append(e.buf, b)
	}
}
