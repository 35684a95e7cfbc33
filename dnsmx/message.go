package dnsmx

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/net/dns/dnsmessage"
)

// Type is the type of a DNS record.
type Type = dnsmessage.Type

// The types that this package reads.
const (
	TypeA     = dnsmessage.TypeA
	TypeAAAA  = dnsmessage.TypeAAAA
	TypeCNAME = dnsmessage.TypeCNAME
	TypeMX    = dnsmessage.TypeMX
	TypeNS    = dnsmessage.TypeNS
	TypePTR   = dnsmessage.TypePTR
	TypeSRV   = dnsmessage.TypeSRV
	TypeTXT   = dnsmessage.TypeTXT
	TypeTLSA  = Type(52) // RFC 6698, section 7.1
)

// typeName returns "MX", "TLSA", or "TYPE99".
func typeName(t Type) string {
	if t == TypeTLSA {
		return "TLSA"
	}
	s := t.String()
	if len(s) > 4 && s[:4] == "Type" {
		return s[4:]
	}
	return "TYPE" + s
}

// readable reports whether records of this type have a value in Record.
func readable(t Type) bool {
	switch t {
	case TypeA, TypeAAAA, TypeCNAME, TypeMX, TypeNS, TypePTR, TypeSRV, TypeTXT, TypeTLSA:
		return true
	}
	return false
}

// QueryOptions change what AppendQuery writes. The zero value is right for UDP
// and TCP.
type QueryOptions struct {
	// NoEDNS leaves the OPT record out, for servers that choke on it. RFC 6891,
	// section 7.
	NoEDNS bool
	// Case holds random bits; bit i puts octet i of the name into upper case if it
	// is a letter. nil: all in lower case. ParseResponse does not compare case.
	Case []byte
}

// udpSize is the size of answer that we ask for: one that no common path has to
// fragment, and so one of which no fragment can be forged.
const udpSize = 1232

// headerLen is the length of the header of a message: RFC 1035, section 4.1.1.
const headerLen = 12

// AppendQuery appends a query to dst: recursion desired, the AD bit set to say
// that we understand it in the answer (RFC 6840, section 5.7), and an OPT record
// for answers of 1232 octets. The message has no length in front of it, which
// TCP wants. An error means a zero Name or a type that Record has no field for.
func AppendQuery(dst []byte, id uint16, name Name, typ Type, o QueryOptions) ([]byte, error) {
	if name.IsZero() || !readable(typ) {
		return dst, fmt.Errorf("dnsmx: cannot ask for %s of %s", typeName(typ), quote(name.s))
	}
	return appendQuery(dst, id, name.s+".", typ, o)
}

// appendQuery is AppendQuery for any absolute name, also that of the root.
func appendQuery(dst []byte, id uint16, absolute string, typ Type, o QueryOptions) ([]byte, error) {
	q := dnsmessage.Question{Type: typ, Class: dnsmessage.ClassINET}
	var err error
	if q.Name, err = dnsmessage.NewName(absolute); err != nil {
		return dst, err
	}
	for i, c := range q.Name.Data[:q.Name.Length] {
		if i/8 < len(o.Case) && o.Case[i/8]>>(i%8)&1 == 1 && c >= 'a' && c <= 'z' {
			q.Name.Data[i] = c - 'a' + 'A'
		}
	}
	b := dnsmessage.NewBuilder(dst, dnsmessage.Header{ID: id, RecursionDesired: true, AuthenticData: true})
	err = errors.Join(b.StartQuestions(), b.Question(q))
	if !o.NoEDNS {
		var opt dnsmessage.ResourceHeader
		err = errors.Join(err, b.StartAdditionals(), opt.SetEDNS0(udpSize, dnsmessage.RCodeSuccess, false),
			b.OPTResource(opt, dnsmessage.OPTResource{}))
	}
	if err != nil {
		return dst, err
	}
	return b.Finish()
}

// What a message can be refused for.
var (
	errCut     = errors.New("message ends inside a record")
	errPointer = errors.New("name pointer that does not lead backwards, or one too many")
	errLabel   = errors.New("label of a reserved kind, or with a dot in it")
	errLong    = errors.New("name longer than 255 octets")
	errLength  = errors.New("record data is not as long as it says")
	errTwoOPT  = errors.New("two OPT records")
	errOPTName = errors.New("OPT record that is not at the root")
)

// Pointers that one name may follow; dnsmessage has the same bound.
const maxPointers = 10

// A wire is a DNS message as it came. The names in it are read here and not by
// dnsmessage, which follows pointers forwards and does not compare the length of
// names and addresses with that of the record around them.
type wire []byte

// textName is the text of a name without its final dot: nothing for the root.
type textName struct {
	buf [maxName + 2]byte
	n   int
}

func (t *textName) bytes() []byte { return t.buf[:t.n] }

// name reads the name at off into t, in lower case, and returns the offset
// behind it. A pointer has to lead to before the name that it is in, as "a prior
// occurrence" does: so no chain of them can loop. RFC 1035, section 4.1.4.
func (w wire) name(off int, t *textName) (next int, err error) {
	t.n = 0
	start, pointers := off, 0
	for {
		if off >= len(w) {
			return 0, errCut
		}
		c := int(w[off])
		off++
		switch {
		case c == 0:
			if pointers == 0 {
				next = off
			}
			t.n = max(t.n-1, 0) // the dot behind the last label
			return next, nil
		case c <= maxLabel:
			if off+c > len(w) {
				return 0, errCut
			}
			if t.n+c > maxName {
				return 0, errLong
			}
			for _, b := range w[off : off+c] {
				if b == '.' {
					return 0, errLabel
				}
				if b >= 'A' && b <= 'Z' {
					b += 'a' - 'A'
				}
				t.buf[t.n] = b
				t.n++
			}
			t.buf[t.n] = '.'
			t.n++
			off += c
		case c >= 0xC0:
			if off >= len(w) {
				return 0, errCut
			}
			to := c&0x3F<<8 | int(w[off])
			off++
			if pointers == 0 {
				next = off
			}
			if pointers++; pointers > maxPointers || to >= start || to < headerLen {
				return 0, errPointer
			}
			start, off = to, to
		default:
			return 0, errLabel
		}
	}
}

// skipName returns the offset behind the name at off.
func (w wire) skipName(off int) (int, error) {
	for off < len(w) {
		c := int(w[off])
		switch {
		case c == 0:
			return off + 1, nil
		case c <= maxLabel:
			off += 1 + c
		case c >= 0xC0:
			return off + 2, nil
		default:
			return 0, errLabel
		}
	}
	return 0, errCut
}

// A rr is where a record lies in a message.
type rr struct {
	owner     int
	typ       Type
	class     dnsmessage.Class
	ttl       uint32
	data, end int
}

// record reads the frame of the record at off. The next one starts at rr.end.
func (w wire) record(off int) (rr, error) {
	fixed, err := w.skipName(off)
	if err != nil {
		return rr{}, err
	}
	if fixed+10 > len(w) {
		return rr{}, errCut
	}
	r := rr{
		owner: off,
		typ:   Type(binary.BigEndian.Uint16(w[fixed:])),
		class: dnsmessage.Class(binary.BigEndian.Uint16(w[fixed+2:])),
		ttl:   binary.BigEndian.Uint32(w[fixed+4:]),
		data:  fixed + 10,
	}
	r.end = r.data + int(binary.BigEndian.Uint16(w[fixed+8:]))
	if r.end > len(w) {
		return rr{}, errCut
	}
	return r, nil
}

// nameAtEnd reads a name that has to fill the data of r from off on.
func (w wire) nameAtEnd(r rr, off int, t *textName) error {
	if off >= r.end {
		return errLength
	}
	next, err := w.name(off, t)
	if err == nil && next != r.end {
		err = errLength
	}
	return err
}
