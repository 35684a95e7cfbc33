package imap

import (
	"math/rand/v2"
)

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
