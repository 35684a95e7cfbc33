package imap

import "math/rand/v2"

// The grammars of values that stand in several places. Each says the Go type of
// what it parses and appends.
var (
	// number32: uint32, not 0.
	number32 = Value{
		Parse:  func(p *Parser) any { return p.NZNumber() },
		Append: func(e *Encoder, v any) { encodeNumber[uint32](e, v) },
		Sample: func(r *rand.Rand) any { return sampleNumber(r) },
	}

	// modSeqValue: ModSeq.
	modSeqValue = Value{
		Parse:  func(p *Parser) any { return p.ModSeq() },
		Append: func(e *Encoder, v any) { encodeNumber[ModSeq](e, v) },
		Sample: func(r *rand.Rand) any { return sampleModSeq(r) },
	}

	// capabilities: Caps, with spaces between.
	capabilities = Value{
		Parse: func(p *Parser) any {
			caps := Caps{}
			for p.Peek() != 0 {
				caps = append(caps, p.capability())
				if !p.AtEnd() {
					p.SP()
					if p.Lenient && p.AtEnd() {
						break // a trailing space
					}
				}
			}
			return caps
		},
		Append: func(e *Encoder, v any) {
			caps, ok := argument[Caps](e, v)
			if !ok {
				return
			}
			for i, c := range caps {
				if i > 0 {
					e.SP()
				}
				e.Atom(c.wireName())
			}
		},
		Sample: func(r *rand.Rand) any {
			return Caps{CapRev1, CapRev2, "AUTH=PLAIN", Cap(upper(sampleAtom(r)))}
		},
	}

	// flagList: []Flag, in parentheses, as a server sends it.
	flagList = Value{
		Parse: func(p *Parser) any { return p.AnyFlags() },
		Append: func(e *Encoder, v any) {
			if flags, ok := argument[[]Flag](e, v); ok {
				e.Flags(flags)
			}
		},
		Sample: func(r *rand.Rand) any { return append(sampleFlags(r), FlagWildcard) },
	}

	// charsets: []string, in parentheses.
	charsets = Value{
		Parse: func(p *Parser) any {
			var list []string
			p.NonEmptyList(func() { list = append(list, string(p.AString())) })
			return list
		},
		Append: func(e *Encoder, v any) {
			if list, ok := argument[[]string](e, v); ok {
				e.encodeList(len(list), func(i int) { e.AString(list[i]) })
			}
		},
		Sample: func(r *rand.Rand) any { return []string{"US-ASCII", sampleAtom(r)} },
	}
)

// capability takes one capability, in upper case.
func (p *Parser) capability() Cap {
	b := p.Atom()
	for _, c := range knownCaps {
		if c.Is(Cap(b)) {
			return c
		}
	}
	return Cap(upper(b))
}

var knownCaps = [...]Cap{
	CapRev1, CapRev2, CapStartTLS, CapLoginDisabled, CapIdle, CapEnable, CapCondstore, CapQResync, CapMove,
	CapUIDPlus, CapNamespace, CapID, CapLiteralPlus, CapLiteralMinus, CapSASLIR, CapESearch, CapUnselect,
}

func encodeNumber[N ~uint32 | ~uint64](e *Encoder, v any) {
	if n, ok := argument[N](e, v); ok {
		e.Number(uint64(n))
	}
}
