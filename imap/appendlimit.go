package imap

import "math/rand/v2"

// AppendLimit is how large a message may be: APPENDLIMIT=n for all mailboxes, or
// APPENDLIMIT alone and an item of STATUS for each.
var AppendLimit = &Feature{
	Name: "APPENDLIMIT", RFC: 7889,
	Always: true, // the capability has a value, so its name alone is not offered
	Status: []StatusSpec{{
		Name: "APPENDLIMIT",
		Parse: func(p *Parser, s *MailboxStatus) {
			if !p.TryNIL() {
				n := p.Number64()
				s.AppendLimit = &n
			}
		},
		Append: func(e *Encoder, s *MailboxStatus) {
			if s.AppendLimit == nil {
				e.Raw("NIL")
				return
			}
			e.Number(*s.AppendLimit)
		},
		Sample: func(r *rand.Rand, s *MailboxStatus) {
			if r.IntN(2) == 0 {
				n := uint64(sampleNumber(r))
				s.AppendLimit = &n
			}
		},
	}},
}
