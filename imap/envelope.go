package imap

import (
	"math/rand/v2"
	"slices"
)

// An Envelope is the parsed header of a message, with texts as they stand in
// the header: unfolded, encoded-words and dates untouched. A field that is
// absent is nil, one that is empty is not. RFC 9051, section 7.5.2.
type Envelope struct {
	Date, Subject, InReplyTo, MessageID Text
	From, Sender, ReplyTo, To, Cc, Bcc  []Address
}

// An Address is one address of an Envelope. A nil Host marks a group: its start
// if Mailbox is its name, its end if Mailbox is nil too. RFC 9051, section 7.5.2.
type Address struct{ Name, Route, Mailbox, Host Text }

// Envelope appends an envelope. It prints what it is given: that Sender and
// Reply-To default to From is for whoever makes the value.
func (e *Encoder) Envelope(v *Envelope) {
	e.Byte('(')
	e.NString(v.Date)
	e.SP()
	e.NString(v.Subject)
	for _, list := range [...][]Address{v.From, v.Sender, v.ReplyTo, v.To, v.Cc, v.Bcc} {
		e.SP()
		e.addresses(list)
	}
	e.SP()
	e.NString(v.InReplyTo)
	e.SP()
	e.NString(v.MessageID)
	e.Byte(')')
}

func (e *Encoder) addresses(list []Address) {
	if len(list) == 0 {
		e.Raw("NIL")
		return
	}
	e.Byte('(')
	for i := range list { // no spaces between: 1*address
		a := &list[i]
		e.Byte('(')
		e.NString(a.Name)
		e.SP()
		e.NString(a.Route)
		e.SP()
		e.NString(a.Mailbox)
		e.SP()
		e.NString(a.Host)
		e.Byte(')')
	}
	e.Byte(')')
}

// Envelope takes an envelope. Its texts are copies.
func (p *Parser) Envelope() *Envelope {
	v := new(Envelope)
	p.Open()
	v.Date = p.text()
	p.SP()
	v.Subject = p.text()
	for _, list := range [...]*[]Address{&v.From, &v.Sender, &v.ReplyTo, &v.To, &v.Cc, &v.Bcc} {
		p.SP()
		*list = p.addresses()
	}
	p.SP()
	v.InReplyTo = p.text()
	p.SP()
	v.MessageID = p.text()
	p.Close()
	return v
}

// text takes an nstring and returns a copy.
func (p *Parser) text() Text { return p.own(p.NString()) }

// own returns what may be kept of a part of the input.
func (p *Parser) own(b []byte) Text {
	switch {
	case b == nil:
		return nil
	case p.owned:
		return b[:len(b):len(b)]
	}
	return append(Text{}, b...)
}

func (p *Parser) addresses() []Address {
	if p.TryNIL() {
		return nil
	}
	if p.addrs == nil {
		p.addrs = make([]Address, 0, 6) // what most envelopes have
	}
	start := len(p.addrs)
	p.Open()
	for p.err == nil && !p.Try(')') {
		var a Address
		p.Open()
		a.Name = p.text()
		p.SP()
		a.Route = p.text()
		p.SP()
		a.Mailbox = p.text()
		p.SP()
		a.Host = p.text()
		p.Close()
		p.addrs = append(p.addrs, a)
		if p.Lenient {
			p.Try(' ')
		}
	}
	p.level--
	if len(p.addrs) == start {
		return nil
	}
	return slices.Clip(p.addrs[start:])
}

var envelopeValue = Value{
	Parse: func(p *Parser) any { return p.Envelope() },
	Append: func(e *Encoder, v any) {
		if env, ok := argument[*Envelope](e, v); ok {
			e.Envelope(env)
		}
	},
	Sample: func(r *rand.Rand) any { return sampleEnvelope(r) },
}

func sampleEnvelope(r *rand.Rand) *Envelope {
	list := func() []Address {
		var l []Address
		for range r.IntN(3) {
			l = append(l, Address{sampleText(r), sampleText(r), sampleText(r), sampleText(r)})
		}
		return l
	}
	return &Envelope{
		Date: sampleText(r), Subject: sampleText(r), InReplyTo: sampleText(r), MessageID: sampleText(r),
		From: list(), Sender: list(), ReplyTo: list(), To: list(), Cc: list(), Bcc: list(),
	}
}
