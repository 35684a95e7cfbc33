package imap

import "math/rand/v2"

// SpecialUse is what mailboxes are for, as attributes of LIST.
var SpecialUse = &Feature{
	Name: "SPECIAL-USE", RFC: 6154,
	Caps: []Cap{CapSpecialUse, CapRev2},
	Params: []ParamSpec{
		{Where: ListSelect, Name: "SPECIAL-USE"},
		{Where: ListReturn, Name: "SPECIAL-USE"},
	},
}

// CreateSpecialUse is CREATE (USE (…)). The parameter's Arg is []Attr.
var CreateSpecialUse = &Feature{
	Name: "CREATE-SPECIAL-USE", RFC: 6154,
	Params: []ParamSpec{{Where: CreateParam, Name: "USE", Value: Value{
		Parse: func(p *Parser) any {
			attrs := []Attr{}
			p.List(func() {
				start := p.pos
				p.Expect('\\')
				p.Atom()
				if p.err == nil {
					attrs = append(attrs, internAttr(p.buf[start:p.pos]))
				}
			})
			return attrs
		},
		Append: func(e *Encoder, v any) {
			if attrs, ok := argument[[]Attr](e, v); ok {
				e.encodeList(len(attrs), func(i int) { e.Flag(Flag(attrs[i])) })
			}
		},
		Sample: func(r *rand.Rand) any { return []Attr{AttrSent, AttrTrash, `\Custom`}[:r.IntN(4)] },
	}}},
	Codes: []CodeSpec{{Name: "USEATTR"}},
}
