package imap

import (
	"math/rand/v2"
)

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
