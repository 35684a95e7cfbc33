package imap

import "math/rand/v2"

// Enable is ENABLE, which the session answers by itself.
var Enable = &Feature{
	Name: "ENABLE", RFC: 5161,
	Caps: []Cap{CapEnable, CapRev2},
	Commands: []CommandSpec{
		{Name: "ENABLE", In: afterLogin, Parse: parseEnable, Append: appendEnable, Sample: sampleEnable},
	},
	Data: []DataSpec{{Name: "ENABLED", Value: spacedCaps}},
}

// EnableArgs are the arguments of ENABLE. RFC 9051, section 6.3.1.
type EnableArgs struct{ Caps Caps }

func parseEnable(p *Parser, c *Command) {
	p.SP()
	a := &EnableArgs{Caps: Caps{p.capability()}}
	for p.Try(' ') {
		a.Caps = append(a.Caps, p.capability())
	}
	c.Args = a
}

func appendEnable(e *Encoder, v any) {
	if a, ok := argument[*EnableArgs](e, v); ok {
		if len(a.Caps) == 0 {
			e.Fail("ENABLE of nothing")
		}
		e.SP()
		capabilities.Append(e, a.Caps)
	}
}

func sampleEnable(r *rand.Rand, _ bool) any {
	return &EnableArgs{Caps{CapCondstore, Cap(upper(sampleAtom(r)))}}
}

// enableable returns which of the wanted capabilities ENABLE can switch on where
// caps are offered and enabled is on already. QRESYNC brings CONDSTORE with it:
// RFC 7162, section 3.2.3. The order is that of the wish.
func (g *Grammar) enableable(wanted, caps, enabled Caps) (fresh, implied Caps) {
	for _, c := range wanted {
		e, ok := g.enable[string(c)]
		if !ok || !caps.Has(c) || enabled.Has(c) || fresh.Has(c) {
			continue
		}
		if e.bit&g.offered(caps) == 0 {
			continue
		}
		fresh = append(fresh, c)
		if c.Is(CapQResync) && !enabled.Has(CapCondstore) {
			implied = append(implied, CapCondstore)
		}
	}
	return fresh, implied
}
