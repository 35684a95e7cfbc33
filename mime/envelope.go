package mime

import (
	"bytes"
	"sync"
	"unsafe"
)

// An Envelope is ENVELOPE of IMAP as plain data: octets as they stand in the
// header, unfolded with single spaces; encoded-words are not decoded. A nil
// string is NIL, an empty one is a field that is there and empty. The slices must
// not be changed.
// RFC 9051, section 7.5.2.
type Envelope struct {
	Date, Subject, InReplyTo, MessageID []byte
	From, Sender, ReplyTo, To, Cc, Bcc  []EnvelopeAddress
}

// An EnvelopeAddress is one address structure. A nil Host starts a group, whose
// name is Mailbox, and with a nil Mailbox ends it. Name is without quotes, Route
// (at-domain-list) with its "@".
type EnvelopeAddress struct{ Name, Route, Mailbox, Host []byte }

// Envelope reads the envelope from the header of the message, in one read.
// Sender and Reply-To are those of From where the message has none.
func (m *Message) Envelope() Envelope {
	l := lookupPool.Get().(*lookup)
	defer l.release()
	m.parseHeader(&l.h, 0)
	return l.envelope()
}

// A lookup is what is needed while a header is read for IMAP.
type lookup struct {
	h     Header
	boxes []Address
}

var lookupPool = sync.Pool{New: func() any { return new(lookup) }}

// release forgets the octets of the message and goes back to the pool.
func (l *lookup) release() {
	if cap(l.h.fields) <= 64 && cap(l.boxes) <= 64 {
		clear(l.h.fields[:cap(l.h.fields)])
		clear(l.boxes[:cap(l.boxes)])
		l.h = Header{fields: l.h.fields[:0]}
		lookupPool.Put(l)
	}
}

// envelopeNames are the fields of an Envelope: texts, then lists.
var envelopeNames = [...]string{"Date", "Subject", "In-Reply-To", "Message-ID",
	"From", "Sender", "Reply-To", "To", "Cc", "Bcc"}

const envelopeTexts = 4

// envelope copies the fields it needs into one stretch of memory and one list
// of addresses. A second field of the same name counts nothing.
func (l *lookup) envelope() (e Envelope) {
	var first [len(envelopeNames)]Field
	size, ats := 0, 0
	for _, f := range l.h.Fields() {
		for i, name := range envelopeNames {
			if f.Is(name) && first[i].f.raw == nil {
				first[i] = f
				size += len(f.Body())
				if i >= envelopeTexts {
					ats += bytes.Count(f.Body(), []byte{'@'})
				}
				break
			}
		}
	}
	octets := make([]byte, 0, size)
	for i, to := range [...]*[]byte{&e.Date, &e.Subject, &e.InReplyTo, &e.MessageID} {
		if f := first[i]; f.f.raw != nil {
			from := len(octets)
			octets = appendUnfolded(octets, view(f.Body()))
			*to = octets[from:len(octets):len(octets)]
		}
	}
	all := make([]EnvelopeAddress, 0, min(ats, 16))
	for i, to := range [...]*[]EnvelopeAddress{&e.From, &e.Sender, &e.ReplyTo, &e.To, &e.Cc, &e.Bcc} {
		if f := first[envelopeTexts+i]; f.f.raw != nil {
			from := len(octets)
			octets = append(octets, f.Body()...)
			*to, all = l.addresses(all, view(octets[from:]), f.o)
		}
	}
	if len(e.Sender) == 0 {
		e.Sender = e.From
	}
	if len(e.ReplyTo) == 0 {
		e.ReplyTo = e.From
	}
	return e
}

// lend returns the octets of a string that was made for the caller alone.
func lend(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// addresses returns the addresses of one field, whose octets they share. They
// lie in room if that is enough, and what is left of it comes back.
func (l *lookup) addresses(room []EnvelopeAddress, s string, o *Options) (out, rest []EnvelopeAddress) {
	p := addressParser{o: o, raw: true}
	p.out.Mailboxes = l.boxes[:0]
	p.field(s)
	l.boxes = p.out.Mailboxes
	groups := p.out.Groups
	n := len(l.boxes) + 2*len(groups)
	switch {
	case n == 0:
		return nil, room
	case n > cap(room):
		out = make([]EnvelopeAddress, 0, n)
	default:
		out, room = room[:0:n], room[n:cap(room)]
	}
	end := -1 // of the group that is open
	for i := 0; ; i++ {
		for {
			if end == i {
				out = append(out, EnvelopeAddress{})
				end = -1
			}
			if len(groups) == 0 || groups[0].From != i {
				break
			}
			out = append(out, EnvelopeAddress{Mailbox: notNil(groups[0].Name)})
			end = groups[0].To
			groups = groups[1:]
		}
		if i == len(l.boxes) {
			return out, room
		}
		a := &l.boxes[i]
		e := EnvelopeAddress{Mailbox: notNil(a.Local), Host: notNil(a.Domain)}
		if a.Name != "" {
			e.Name = lend(a.Name)
		}
		if a.Route != "" {
			e.Route = lend(a.Route)
		}
		out = append(out, e)
	}
}

func notNil(s string) []byte {
	if s == "" {
		return []byte{}
	}
	return lend(s)
}
