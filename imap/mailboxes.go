package imap

import (
	"math/rand/v2"
)

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
