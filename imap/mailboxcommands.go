package imap

import "math/rand/v2"

// SelectArgs are the arguments of SELECT and EXAMINE. RFC 9051, section 6.3.2.
type SelectArgs struct {
	Mailbox string
	Params  Params
}

func parseSelect(p *Parser, c *Command) {
	p.SP()
	a := &SelectArgs{Mailbox: p.Mailbox()}
	if p.Try(' ') {
		a.Params = p.Parameters(SelectParam)
	}
	c.Args = a
}

func appendSelect(e *Encoder, v any) {
	a, ok := argument[*SelectArgs](e, v)
	if !ok {
		return
	}
	e.SP()
	e.Mailbox(a.Mailbox)
	if len(a.Params) > 0 {
		e.SP()
		e.Parameters(SelectParam, a.Params)
	}
}

func sampleSelect(r *rand.Rand, _ bool) any {
	return &SelectArgs{sampleMailbox(r), sampleParams(r, SelectParam)}
}

// CreateArgs are the arguments of CREATE. RFC 9051, section 6.3.4.
type CreateArgs struct {
	Mailbox string
	Params  Params
}

func parseCreate(p *Parser, c *Command) {
	p.SP()
	a := &CreateArgs{Mailbox: p.Mailbox()}
	if p.Try(' ') {
		a.Params = p.Parameters(CreateParam)
	}
	c.Args = a
}

func appendCreate(e *Encoder, v any) {
	a, ok := argument[*CreateArgs](e, v)
	if !ok {
		return
	}
	e.SP()
	e.Mailbox(a.Mailbox)
	if len(a.Params) > 0 {
		e.SP()
		e.Parameters(CreateParam, a.Params)
	}
}

func sampleCreate(r *rand.Rand, _ bool) any {
	return &CreateArgs{sampleMailbox(r), sampleParams(r, CreateParam)}
}

// MailboxArgs is the one argument of DELETE, SUBSCRIBE and UNSUBSCRIBE. RFC 9051,
// sections 6.3.5, 6.3.7 and 6.3.8.
type MailboxArgs struct{ Mailbox string }

func parseMailboxArgs(p *Parser, c *Command) {
	p.SP()
	c.Args = &MailboxArgs{p.Mailbox()}
}

func appendMailboxArgs(e *Encoder, v any) {
	if a, ok := argument[*MailboxArgs](e, v); ok {
		e.SP()
		e.Mailbox(a.Mailbox)
	}
}

func sampleMailboxArgs(r *rand.Rand, _ bool) any { return &MailboxArgs{sampleMailbox(r)} }

// RenameArgs are the arguments of RENAME. RFC 9051, section 6.3.6.
type RenameArgs struct{ From, To string }

func parseRename(p *Parser, c *Command) {
	p.SP()
	a := &RenameArgs{From: p.Mailbox()}
	p.SP()
	a.To = p.Mailbox()
	c.Args = a
}

func appendRename(e *Encoder, v any) {
	if a, ok := argument[*RenameArgs](e, v); ok {
		e.SP()
		e.Mailbox(a.From)
		e.SP()
		e.Mailbox(a.To)
	}
}

func sampleRename(r *rand.Rand, _ bool) any { return &RenameArgs{sampleMailbox(r), sampleMailbox(r)} }

// CopyArgs are the arguments of COPY and MOVE. RFC 9051, sections 6.4.7 and 6.4.8.
type CopyArgs struct {
	Ref     Ref
	Mailbox string
}

func parseCopy(p *Parser, c *Command) {
	p.SP()
	a := &CopyArgs{Ref: p.Ref(c.UID)}
	p.SP()
	a.Mailbox = p.Mailbox()
	c.Args = a
}

func appendCopy(e *Encoder, v any) {
	if a, ok := argument[*CopyArgs](e, v); ok {
		e.SP()
		e.Ref(a.Ref)
		e.SP()
		e.Mailbox(a.Mailbox)
	}
}

func sampleCopy(r *rand.Rand, uid bool) any { return &CopyArgs{sampleRef(r, uid), sampleMailbox(r)} }

// StoreArgs are the arguments of STORE. RFC 9051, section 6.4.6; RFC 7162,
// section 3.1.3.
type StoreArgs struct {
	Ref Ref
	Op  FlagOp
}

func parseStore(p *Parser, c *Command) {
	p.SP()
	a := &StoreArgs{Ref: p.Ref(c.UID)}
	p.SP()
	if p.Peek() == '(' {
		if v, ok := p.Parameters(StoreParam).Get("UNCHANGEDSINCE"); ok {
			since := v.(ModSeq)
			a.Op.UnchangedSince = &since
		}
		p.SP()
	}
	switch {
	case p.Try('+'):
		a.Op.Mode = FlagsAdd
	case p.Try('-'):
		a.Op.Mode = FlagsRemove
	}
	a.Op.Silent = p.TryWord("FLAGS.SILENT")
	if !a.Op.Silent && !p.TryWord("FLAGS") {
		p.Fail("FLAGS or FLAGS.SILENT")
	}
	p.SP()
	if p.Peek() == '(' {
		a.Op.Flags = p.Flags()
	} else {
		a.Op.Flags = []Flag{p.Flag()}
		for p.Try(' ') {
			a.Op.Flags = append(a.Op.Flags, p.Flag())
		}
	}
	c.Args = a
}

func appendStore(e *Encoder, v any) {
	a, ok := argument[*StoreArgs](e, v)
	if !ok {
		return
	}
	e.SP()
	e.Ref(a.Ref)
	e.SP()
	if a.Op.UnchangedSince != nil {
		e.Parameters(StoreParam, Params{{"UNCHANGEDSINCE", *a.Op.UnchangedSince}})
		e.SP()
	}
	if a.Op.Mode > FlagsRemove {
		e.Fail("a mode of STORE that there is not")
	}
	e.Raw(a.Op.Mode.String())
	if a.Op.Silent {
		e.Raw(".SILENT")
	}
	e.SP()
	e.Flags(a.Op.Flags)
}

func sampleStore(r *rand.Rand, uid bool) any {
	a := &StoreArgs{sampleRef(r, uid), FlagOp{Mode: FlagMode(r.IntN(3)), Silent: r.IntN(2) == 0, Flags: sampleFlags(r)}}
	if len(a.Op.Flags) == 0 {
		a.Op.Flags = nil
	}
	if r.IntN(2) == 0 {
		since := ModSeq(r.Uint64N(1 << 62))
		a.Op.UnchangedSince = &since
	}
	return a
}
