package imap

import "math/rand/v2"

// StatusSize is SIZE of STATUS.
var StatusSize = &Feature{
	Name: "STATUS=SIZE", RFC: 8438,
	Caps: []Cap{CapStatusSize, CapRev2},
	Status: []StatusSpec{{
		Name:   "SIZE",
		Parse:  func(p *Parser, s *MailboxStatus) { s.Size = p.Number64() },
		Append: func(e *Encoder, s *MailboxStatus) { e.Number(s.Size) },
		Sample: func(r *rand.Rand, s *MailboxStatus) { s.Size = r.Uint64N(1 << 63) },
	}},
}
