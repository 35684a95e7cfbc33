package mime

import "unsafe"

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
	var h Header
	m.parseHeader(&h, 0)
	return h.envelope()
}

func (h *Header) envelope() (e Envelope) {
	lists := [...]struct {
		name string
		to   *[]EnvelopeAddress
		seen bool // a second field of the same name counts nothing
	}{{name: "From", to: &e.From}, {name: "Sender", to: &e.Sender}, {name: "Reply-To", to: &e.ReplyTo},
		{name: "To", to: &e.To}, {name: "Cc", to: &e.Cc}, {name: "Bcc", to: &e.Bcc}}
	texts := [...]struct {
		name string
		to   *[]byte
	}{{"Date", &e.Date}, {"Subject", &e.Subject}, {"In-Reply-To", &e.InReplyTo}, {"Message-ID", &e.MessageID}}
	for _, f := range h.Fields() {
		for i := range texts {
			if t := &texts[i]; *t.to == nil && f.Is(t.name) {
				*t.to = f.octets()
			}
		}
		for i := range lists {
			if l := &lists[i]; !l.seen && f.Is(l.name) {
				l.seen = true
				*l.to = envelopeAddresses(f)
			}
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

// octets returns the unfolded value, empty but never nil.
func (f Field) octets() []byte {
	b := lend(f.Value())
	if b == nil {
		b = []byte{}
	}
	return b
}

// lend returns the octets of a string that was made for the caller alone.
func lend(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

func envelopeAddresses(f Field) []EnvelopeAddress {
	l := parseAddresses(string(f.Body()), f.o, true)
	if len(l.Mailboxes)+len(l.Groups) == 0 {
		return nil
	}
	out := make([]EnvelopeAddress, 0, len(l.Mailboxes)+2*len(l.Groups))
	groups := l.Groups
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
		if i == len(l.Mailboxes) {
			return out
		}
		a := &l.Mailboxes[i]
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
