package imap

import "math/rand/v2"

// ListStatus is STATUS of each row of LIST. The parameter's Arg is StatusItems.
var ListStatus = &Feature{
	Name: "LIST-STATUS", RFC: 5819,
	Caps: []Cap{CapListStatus, CapRev2},
	Params: []ParamSpec{{Where: ListReturn, Name: "STATUS", Value: Value{
		Parse: func(p *Parser) any { return p.statusItems() },
		Append: func(e *Encoder, v any) {
			if items, ok := argument[StatusItems](e, v); ok {
				e.statusItems(items)
			}
		},
		Sample: func(r *rand.Rand) any { return sampleStatusItems(r) },
	}}},
}
