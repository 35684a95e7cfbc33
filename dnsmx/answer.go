package dnsmx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// Status says what an answer knows.
type Status uint8

const (
	Found    Status = iota // there are records
	NoData                 // the name exists, but has no record of the type
	NXDomain               // the name does not exist, nor does any below it
)

func (s Status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return fmt.Sprintf("Status(%d)", uint8(s))
}

var statusNames = [...]string{"Found", "NoData", "NXDomain"}

// An Answer is what is known about a name and a type. Denials are answers too:
// what is not known is an error. Answers may be shared with other callers, so
// their slices are for reading.
type Answer struct {
	Status    Status
	Canonical Name          // the end of the chain of CNAMEs; the name asked if there is none
	Aliases   []Name        // the names that were aliases: the one asked, and so on
	Records   []Record      // those of the type asked that Canonical owns, in their order
	Secure    bool          // validated by DNSSEC, says a server that is trusted; for chain and denial too
	TTL       time.Duration // the least of chain and records; for denials by the SOA record
}

// A Response is what a message says. Its Answer is set only if RCode is success
// or a name error and TC is not set, and is never Secure: who trusts whose AD bit
// is for the transport to say.
type Response struct {
	Answer
	RCode  dnsmessage.RCode // with the upper bits from the OPT record
	AD, TC bool
	EDNS   bool   // there was an OPT record
	EDE    uint16 // extended error, RFC 8914; meaningful if Info or EDE is set
	Info   string // its text, as it came
}

// ErrMismatch is returned by ParseResponse for a message that does not answer the
// query. It may be a forgery; the answer may still come.
var ErrMismatch = errors.New("dnsmx: the message does not answer this query")

const (
	maxHops    = 16            // of a chain of CNAMEs
	maxAliases = 64            // CNAME records looked at in one message
	maxRecords = 256           // records of one answer
	maxDenial  = 3 * time.Hour // RFC 2308, section 5
)

// ParseResponse reads the answer to a query from msg, of which nothing is kept.
// ErrMismatch means that the message is about something else. Any other error means that it
// is about this query and cannot be believed in any part. RFC 5452, section 9.1.
//
// The answer is found by following CNAME records from the name asked, whatever
// the order of records. Records of other owners do not exist, nor does the
// additional section except for OPT.
func ParseResponse(msg []byte, id uint16, name Name, typ Type) (Response, error) {
	w := wire(msg)
	if !w.answers(id, name, typ) {
		return Response{}, ErrMismatch
	}
	r, err := w.response(name, typ)
	if err != nil {
		return Response{}, fmt.Errorf("dnsmx: answer for %s %s: %w", typeName(typ), name, err)
	}
	return r, nil
}

// The bits of the header: RFC 1035, section 4.1.1; RFC 4035, section 3.2.3.
const (
	bitsQR     = 1 << 15
	bitsOpcode = 0xF << 11
	bitsTC     = 1 << 9
	bitsAD     = 1 << 5
	bitsRCode  = 0xF
)

func (w wire) uint16(off int) uint16 { return binary.BigEndian.Uint16(w[off:]) }

// answers reports whether a message is a response to this query.
func (w wire) answers(id uint16, name Name, typ Type) bool {
	if len(w) < headerLen || w.uint16(0) != id || w.uint16(2)&(bitsQR|bitsOpcode) != bitsQR || w.uint16(4) != 1 {
		return false
	}
	var t textName
	off, err := w.name(headerLen, &t)
	return err == nil && string(t.bytes()) == name.s && off+4 <= len(w) &&
		Type(w.uint16(off)) == typ && dnsmessage.Class(w.uint16(off+2)) == dnsmessage.ClassINET
}

// response reads a message that answers.
func (w wire) response(name Name, typ Type) (r Response, err error) {
	flags := w.uint16(2)
	r.RCode = dnsmessage.RCode(flags & bitsRCode)
	r.AD, r.TC = flags&bitsAD != 0, flags&bitsTC != 0
	off, err := w.skipName(headerLen)
	if err != nil {
		return r, err
	}
	s := sections{answer: off + 4}
	if r.TC {
		// What there is may end anywhere. RFC 2181, section 9: none of it is used.
		return r, nil
	}
	if err := s.find(w, &r); err != nil {
		return r, err
	}
	if r.RCode != dnsmessage.RCodeSuccess && r.RCode != dnsmessage.RCodeNameError {
		return r, nil
	}
	r.Answer, err = s.read(w, name, typ)
	if err != nil {
		return r, err
	}
	switch {
	case len(r.Records) == 0 && r.RCode == dnsmessage.RCodeNameError:
		r.Status = NXDomain
	case len(r.Records) == 0:
		r.Status = NoData
	case r.RCode == dnsmessage.RCodeNameError:
		return r, errors.New("records of a name that is said not to exist")
	}
	if r.Status != Found {
		err = s.deny(w, &r.Answer)
	}
	return r, err
}

// sections is where the sections of a message start, and how many records each has.
type sections struct {
	answer, authority    int
	answers, authorities int
	aliases              int // CNAME records among the answers
}

// find goes through all records once, so that a message that breaks off anywhere
// is refused, and reads OPT.
func (s *sections) find(w wire, r *Response) error {
	s.answers, s.authorities = int(w.uint16(6)), int(w.uint16(8))
	off := s.answer
	var t textName
	for i := range s.answers + s.authorities + int(w.uint16(10)) {
		if i == s.answers {
			s.authority = off
		}
		rec, err := w.record(off)
		if err != nil {
			return err
		}
		if _, err := w.ownedBy(rec, Name{}, Name{}, &t); err != nil {
			return err
		}
		switch {
		case i < s.answers && rec.typ == TypeCNAME:
			s.aliases++
		case i >= s.answers+s.authorities && rec.typ == dnsmessage.TypeOPT:
			if err := w.opt(rec, r); err != nil {
				return err
			}
		}
		off = rec.end
	}
	return nil
}

// opt reads an OPT record: RFC 6891, section 6.1.
func (w wire) opt(rec rr, r *Response) error {
	if r.EDNS {
		return errTwoOPT
	}
	if w[rec.owner] != 0 {
		return errOPTName
	}
	r.EDNS = true
	r.RCode |= dnsmessage.RCode(rec.ttl >> 24 << 4)
	const optionEDE = 15 // RFC 8914, section 2
	for data := w[rec.data:rec.end]; len(data) > 0; {
		if len(data) < 4 || len(data) < 4+int(data.uint16(2)) {
			return errLength
		}
		value := data[4 : 4+int(data.uint16(2))]
		if data.uint16(0) == optionEDE && len(value) >= 2 && r.EDE == 0 && r.Info == "" {
			r.EDE, r.Info = value.uint16(0), string(value[2:])
		}
		data = data[4+len(value):]
	}
	return nil
}

// read follows the chain and reads the records at its end.
func (s *sections) read(w wire, name Name, typ Type) (Answer, error) {
	a := Answer{Canonical: name}
	ttl := uint32(1<<31 - 1)
	if typ != TypeCNAME && s.aliases > 0 {
		if err := s.follow(w, &a, &ttl); err != nil {
			return Answer{}, err
		}
	}
	off := s.answer
	var t textName
	for range s.answers {
		rec, err := w.record(off)
		if err != nil {
			return Answer{}, err
		}
		off = rec.end
		if rec.typ != typ || rec.class != dnsmessage.ClassINET {
			continue
		}
		mine, err := w.ownedBy(rec, name, a.Canonical, &t)
		if err != nil {
			return Answer{}, err
		}
		if !mine {
			continue
		}
		if len(a.Records) == maxRecords {
			return Answer{}, errors.New("more than 256 records")
		}
		out, err := w.value(rec, &t)
		if err != nil {
			return Answer{}, err
		}
		if a.Records == nil {
			a.Records = make([]Record, 0, min(s.answers, 8))
		}
		a.Records = append(a.Records, out)
		ttl = min(ttl, ttlOf(rec))
	}
	if len(a.Records) == 0 && len(a.Aliases) == 0 {
		ttl = 0
	}
	a.TTL = seconds(ttl)
	return a, nil
}

// ownedBy reports whether owner owns a record. Most owners are a pointer to the
// name in the question, which is known.
func (w wire) ownedBy(rec rr, asked, owner Name, t *textName) (bool, error) {
	if w.uint16(rec.owner) == 0xC000|headerLen {
		return asked == owner, nil
	}
	_, err := w.name(rec.owner, t)
	return err == nil && string(t.bytes()) == owner.s, err
}

// ttlOf treats a TTL with its top bit set as zero: RFC 2181, section 8.
func ttlOf(r rr) uint32 {
	if r.ttl >= 1<<31 {
		return 0
	}
	return r.ttl
}

func seconds(n uint32) time.Duration { return time.Duration(n) * time.Second }

// follow moves a.Canonical to the end of the chain of CNAMEs. A CNAME beside
// other records of its owner wins: RFC 1034, section 3.6.2.
func (s *sections) follow(w wire, a *Answer, ttl *uint32) error {
	if s.aliases > maxAliases {
		return errors.New("more than 64 CNAME records")
	}
	var aliases []rr
	off := s.answer
	for range s.answers {
		rec, err := w.record(off)
		if err != nil {
			return err
		}
		if off = rec.end; rec.typ == TypeCNAME && rec.class == dnsmessage.ClassINET {
			aliases = append(aliases, rec)
		}
	}
	for len(aliases) > 0 {
		target, least, err := w.target(aliases, a.Canonical)
		if err != nil || target.IsZero() {
			return err
		}
		a.Aliases = append(a.Aliases, a.Canonical)
		if len(a.Aliases) > maxHops {
			return errors.New("chain of CNAMEs loops or is longer than 16")
		}
		a.Canonical = target
		*ttl = min(*ttl, least)
	}
	return nil
}

// target returns what owner is an alias of, the zero Name if it is none.
func (w wire) target(aliases []rr, owner Name) (target Name, ttl uint32, err error) {
	var t textName
	ttl = 1<<31 - 1
	for _, rec := range aliases {
		if _, err := w.name(rec.owner, &t); err != nil {
			return Name{}, 0, err
		}
		if string(t.bytes()) != owner.s {
			continue
		}
		if err := w.nameAtEnd(rec, rec.data, &t); err != nil {
			return Name{}, 0, err
		}
		to := Name{string(t.bytes())}
		if _, reason := checkLabels(to.s, aliasSet); reason != "" {
			return Name{}, 0, &NameError{to.s, reason}
		}
		if !target.IsZero() && target != to {
			return Name{}, 0, errors.New("two different CNAMEs of one name")
		}
		target, ttl = to, min(ttl, ttlOf(rec))
	}
	return target, ttl, nil
}

// deny finds how long a denial holds: the SOA record of the zone says so, and
// without one it is not to be kept. RFC 2308, sections 3 and 5.
func (s *sections) deny(w wire, a *Answer) error {
	chain := a.TTL
	a.TTL = 0
	off, referral := s.authority, false
	var t textName
	for range s.authorities {
		rec, err := w.record(off)
		if err != nil {
			return err
		}
		off = rec.end
		referral = referral || rec.typ == TypeNS
		if rec.typ != dnsmessage.TypeSOA || rec.class != dnsmessage.ClassINET {
			continue
		}
		if _, err := w.name(rec.owner, &t); err != nil {
			return err
		}
		// The SOA of the root has the root for its owner.
		if t.n != 0 && !a.Canonical.Under(Name{string(t.bytes())}) {
			continue
		}
		minimum, err := w.soaMinimum(rec)
		if err != nil {
			return err
		}
		a.TTL = min(seconds(min(ttlOf(rec), minimum)), maxDenial)
		if len(a.Aliases) > 0 {
			a.TTL = min(a.TTL, chain)
		}
		return nil
	}
	if referral && a.Status == NoData {
		// RFC 2308, section 2.2: this one denies nothing.
		return errors.New("a referral to other servers: this one does not recurse")
	}
	return nil
}

// soaMinimum reads the last field of a SOA record: RFC 1035, section 3.3.13.
func (w wire) soaMinimum(rec rr) (uint32, error) {
	off, err := w.skipName(rec.data)
	if err == nil {
		off, err = w.skipName(off)
	}
	if err != nil {
		return 0, err
	}
	if off+20 != rec.end {
		return 0, errLength
	}
	return ttlOf(rr{ttl: binary.BigEndian.Uint32(w[off+16:])}), nil
}
