package imap

import "math/rand/v2"

// Within is the keys OLDER and YOUNGER, in seconds.
var Within = &Feature{
	Name: "WITHIN", RFC: 5032,
	Search: shape{
		func(p *Parser, name string) SearchKey {
			p.SP()
			return Compare{name, uint64(p.NZNumber())} // 0 is no interval: RFC 5032, section 5
		},
		appendCompare,
		func(r *rand.Rand, name string) SearchKey { return Compare{name, uint64(sampleNumber(r))} },
	}.keys(0, "OLDER", "YOUNGER"),
}
