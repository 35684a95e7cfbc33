package imap

import (
	"math/rand/v2"
)

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
