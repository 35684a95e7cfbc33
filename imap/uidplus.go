package imap

import "math/rand/v2"

// UIDPlus is UID EXPUNGE and the codes that tell the UIDs of new messages.
var UIDPlus = &Feature{
	Name: "UIDPLUS", RFC: 4315,
	Caps: []Cap{CapUIDPlus, CapRev2},
	Commands: []CommandSpec{
		{Name: "UID EXPUNGE", In: whileSelected, Traits: Writes | ReadsFlags, Parse: parseExpunge, Append: appendExpunge, Sample: sampleExpunge},
	},
	Codes: []CodeSpec{
		{Name: "APPENDUID", Value: appendUID},
		{Name: "COPYUID", Value: copyUID},
		{Name: "UIDNOTSTICKY"},
	},
}

// ExpungeArgs are the arguments of UID EXPUNGE. RFC 4315, section 2.1.
type ExpungeArgs struct{ Ref Ref }

func parseExpunge(p *Parser, c *Command) {
	p.SP()
	c.Args = &ExpungeArgs{p.Ref(true)}
}

func appendExpunge(e *Encoder, v any) {
	if a, ok := argument[*ExpungeArgs](e, v); ok {
		e.SP()
		e.Ref(a.Ref)
	}
}

func sampleExpunge(r *rand.Rand, _ bool) any { return &ExpungeArgs{sampleRef(r, true)} }

// A UIDCode is the argument of APPENDUID: the UIDVALIDITY of the mailbox and the
// UIDs given, in the order of the messages. RFC 4315, section 3; RFC 3502,
// section 6.3.11.
type UIDCode struct {
	Validity uint32
	UIDs     UIDList
}

// A CopyCode is the argument of COPYUID: the n-th of Source became the n-th of
// Dest. RFC 4315, section 3.
type CopyCode struct {
	Validity     uint32
	Source, Dest UIDList
}

var appendUID = Value{
	Parse: func(p *Parser) any {
		c := &UIDCode{Validity: p.NZNumber()}
		p.SP()
		c.UIDs = p.UIDList()
		return c
	},
	Append: func(e *Encoder, v any) {
		if c, ok := argument[*UIDCode](e, v); ok {
			e.Number(uint64(c.Validity))
			e.SP()
			e.UIDList(c.UIDs)
		}
	},
	Sample: func(r *rand.Rand) any { return &UIDCode{sampleNumber(r), sampleUIDList(r)} },
}

var copyUID = Value{
	Parse: func(p *Parser) any {
		c := &CopyCode{Validity: p.NZNumber()}
		p.SP()
		c.Source = p.UIDList()
		p.SP()
		c.Dest = p.UIDList()
		return c
	},
	Append: func(e *Encoder, v any) {
		if c, ok := argument[*CopyCode](e, v); ok {
			e.Number(uint64(c.Validity))
			e.SP()
			e.UIDList(c.Source)
			e.SP()
			e.UIDList(c.Dest)
		}
	},
	Sample: func(r *rand.Rand) any { return &CopyCode{sampleNumber(r), sampleUIDList(r), sampleUIDList(r)} },
}
