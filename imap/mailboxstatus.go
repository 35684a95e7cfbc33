package imap

import (
	"math/rand/v2"
	"slices"

	"github.com/mailwire/mailwire/internal/ascii"
)

// StatusItems are names of items of STATUS, in upper case: an open set. RFC 9051,
// section 6.3.11.
type StatusItems []string

// Has reports whether the item is wanted, or is there.
func (s StatusItems) Has(name string) bool {
	for _, n := range s {
		if ascii.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// StatusArgs are the arguments of STATUS.
type StatusArgs struct {
	Mailbox string
	Items   StatusItems
}

// A MailboxStatus is what STATUS answers. Has says which fields count, in the
// order in which they are printed.
type MailboxStatus struct {
	Mailbox       string
	Has           StatusItems
	Messages      uint32
	Recent        uint32 // RFC 3501, section 6.3.10
	Unseen        uint32
	Deleted       uint32
	UIDNext       UID
	UIDValidity   uint32
	Size          uint64  // RFC 8438
	HighestModSeq ModSeq  // 0: the mailbox has none. RFC 7162, section 3.1.7
	AppendLimit   *uint64 // nil: none. RFC 7889, section 4
	Extra         Params  // of other Features
}

// Is reports whether the item is there.
func (s *MailboxStatus) Is(name string) bool { return s.Has.Has(name) }

// statusItems takes the list of items that STATUS asks for.
func (p *Parser) statusItems() StatusItems {
	var items StatusItems
	p.NonEmptyList(func() {
		start := p.pos
		name := p.Label()
		if p.err != nil {
			return
		}
		spec := lookup(p.grammar().status, name, p.offer)
		if spec == nil {
			p.pos = start
			p.Fail("an item of STATUS that is offered")
			return
		}
		p.traits |= spec.Traits
		if !slices.Contains(items, spec.Name) {
			items = append(items, spec.Name)
		}
	})
	return items
}

func (e *Encoder) statusItems(items StatusItems) {
	if len(items) == 0 {
		e.Fail("STATUS without items")
	}
	e.encodeList(len(items), func(i int) { e.Label(items[i]) })
}

func parseStatus(p *Parser, c *Command) {
	p.SP()
	a := &StatusArgs{Mailbox: p.Mailbox()}
	p.SP()
	a.Items = p.statusItems()
	c.Args = a
}

func appendStatus(e *Encoder, v any) {
	if a, ok := argument[*StatusArgs](e, v); ok {
		e.SP()
		e.Mailbox(a.Mailbox)
		e.SP()
		e.statusItems(a.Items)
	}
}

func sampleStatus(r *rand.Rand, _ bool) any {
	return &StatusArgs{sampleMailbox(r), sampleStatusItems(r)}
}

func sampleStatusItems(r *rand.Rand) StatusItems {
	all := StatusItems{"MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "DELETED", "SIZE", "HIGHESTMODSEQ", "APPENDLIMIT"}
	n := r.IntN(len(all))
	return slices.Clone(all[n:])
}

// statusRow is the value of STATUS: *MailboxStatus.
var statusRow = Value{
	Parse: func(p *Parser) any {
		p.SP()
		s := &MailboxStatus{Mailbox: p.Mailbox()}
		p.SP()
		p.List(func() {
			name := p.Label()
			p.SP()
			if spec := lookup(p.grammar().status, name, p.offer); spec != nil {
				s.Has = append(s.Has, spec.Name)
				spec.Parse(p, s)
				return
			}
			raw := p.Skip()
			s.Extra = append(s.Extra, Param{upper(name), append([]byte(nil), raw...)})
		})
		if p.Lenient {
			p.Try(' ')
		}
		return s
	},
	Append: func(e *Encoder, v any) {
		if s, ok := argument[*MailboxStatus](e, v); ok {
			e.statusRow(s)
		}
	},
	Sample: func(r *rand.Rand) any {
		s := &MailboxStatus{Mailbox: sampleMailbox(r), Has: sampleStatusItems(r)}
		for _, name := range s.Has {
			Full().status[name].spec.Sample(r, s)
		}
		return s
	},
}

func (e *Encoder) statusRow(s *MailboxStatus) {
	e.SP()
	e.Mailbox(s.Mailbox)
	e.Raw(" (")
	for i, name := range s.Has {
		spec := lookup(e.grammar().status, name, 0)
		if spec == nil {
			e.Fail("the item " + quote(name))
			return
		}
		if i > 0 {
			e.SP()
		}
		e.Raw(spec.Name)
		e.SP()
		spec.Append(e, s)
	}
	e.Byte(')')
}

// coreStatus: RFC 9051, section 6.3.11, and RECENT of RFC 3501, section 6.3.10.
var coreStatus = []StatusSpec{
	numberStatus("MESSAGES", func(s *MailboxStatus) *uint32 { return &s.Messages }),
	numberStatus("RECENT", func(s *MailboxStatus) *uint32 { return &s.Recent }),
	numberStatus("UNSEEN", func(s *MailboxStatus) *uint32 { return &s.Unseen }),
	numberStatus("DELETED", func(s *MailboxStatus) *uint32 { return &s.Deleted }),
	numberStatus("UIDNEXT", func(s *MailboxStatus) *UID { return &s.UIDNext }),
	numberStatus("UIDVALIDITY", func(s *MailboxStatus) *uint32 { return &s.UIDValidity }),
}

func numberStatus[N ~uint32](name string, field func(*MailboxStatus) *N) StatusSpec {
	return StatusSpec{
		Name:   name,
		Parse:  func(p *Parser, s *MailboxStatus) { *field(s) = N(p.Number()) },
		Append: func(e *Encoder, s *MailboxStatus) { e.Number(uint64(*field(s))) },
		Sample: func(r *rand.Rand, s *MailboxStatus) { *field(s) = N(sampleNumber(r)) },
	}
}
