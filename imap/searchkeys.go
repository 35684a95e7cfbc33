package imap

import (
	"math/rand/v2"
)

// A shape is what the entries of keys of one type have in common.
type shape struct {
	parse  func(p *Parser, name string) SearchKey
	append func(e *Encoder, k SearchKey)
	sample func(r *rand.Rand, name string) SearchKey
}

func (s shape) keys(traits Traits, names ...string) []SearchSpec {
	var specs []SearchSpec
	for _, name := range names {
		specs = append(specs, SearchSpec{name, traits, s.parse, s.append, s.sample})
	}
	return specs
}

var (
	testShape = shape{
		func(_ *Parser, name string) SearchKey { return Test(name) },
		nil,
		func(_ *rand.Rand, name string) SearchKey { return Test(name) },
	}
	containsShape = shape{
		func(p *Parser, name string) SearchKey {
			p.SP()
			return Contains{name, string(p.AString())}
		},
		func(e *Encoder, k SearchKey) {
			if k, ok := argument[Contains](e, k); ok {
				e.SP()
				e.AString(k.Text)
			}
		},
		func(r *rand.Rand, name string) SearchKey { return Contains{name, sampleString(r)} },
	}
	headerShape = shape{
		func(p *Parser, _ string) SearchKey {
			p.SP()
			field := string(p.AString())
			p.SP()
			return Header{field, string(p.AString())}
		},
		func(e *Encoder, k SearchKey) {
			if k, ok := argument[Header](e, k); ok {
				e.SP()
				e.AString(k.Field)
				e.SP()
				e.AString(k.Text)
			}
		},
		func(r *rand.Rand, _ string) SearchKey { return Header{sampleAtom(r), sampleString(r)} },
	}
	keywordShape = shape{
		func(p *Parser, name string) SearchKey {
			p.SP()
			return HasKeyword{name, internFlag(p.Atom())}
		},
		func(e *Encoder, k SearchKey) {
			if k, ok := argument[HasKeyword](e, k); ok {
				e.SP()
				e.Atom(string(k.Flag))
			}
		},
		func(r *rand.Rand, name string) SearchKey { return HasKeyword{name, Flag(sampleAtom(r))} },
	}
	dateShape = shape{
		func(p *Parser, name string) SearchKey {
			p.SP()
			return OnDate{name, p.Date()}
		},
		func(e *Encoder, k SearchKey) {
			if k, ok := argument[OnDate](e, k); ok {
				e.SP()
				e.Date(k.Date)
			}
		},
		func(r *rand.Rand, name string) SearchKey { return OnDate{name, sampleDate(r)} },
	}
	sizeShape = shape{
		func(p *Parser, name string) SearchKey {
			p.SP()
			return Compare{name, p.Number64()}
		},
		appendCompare,
		func(r *rand.Rand, name string) SearchKey { return Compare{name, uint64(sampleNumber(r))} },
	}
	notShape = shape{
		func(p *Parser, _ string) SearchKey {
			p.SP()
			return Not{p.searchKey()}
		},
		func(e *Encoder, k SearchKey) {
			if k, ok := argument[Not](e, k); ok {
				e.SP()
				e.searchKey(k.Of)
			}
		},
		func(r *rand.Rand, _ string) SearchKey { return Not{sampleKey(r, 2)} },
	}
	orShape = shape{
		func(p *Parser, _ string) SearchKey {
			p.SP()
			a := p.searchKey()
			p.SP()
			return Or{a, p.searchKey()}
		},
		func(e *Encoder, k SearchKey) {
			if k, ok := argument[Or](e, k); ok {
				e.SP()
				e.searchKey(k.A)
				e.SP()
				e.searchKey(k.B)
			}
		},
		func(r *rand.Rand, _ string) SearchKey { return Or{sampleKey(r, 2), sampleKey(r, 2)} },
	}
	uidShape = shape{
		func(p *Parser, _ string) SearchKey {
			p.SP()
			if p.Try('$') { // RFC 9051, section 9: "$" is a sequence-set
				p.traits |= UsesSaved
				return InSet{SavedResult(false)}
			}
			return InSet{InUIDs(p.UIDSet())}
		},
		func(e *Encoder, k SearchKey) {
			if k, ok := argument[InSet](e, k); ok {
				e.SP()
				e.Ref(k.Ref)
			}
		},
		func(r *rand.Rand, _ string) SearchKey { return InSet{InUIDs(sampleSet[UID](r, true))} },
	}
)

func appendCompare(e *Encoder, k SearchKey) {
	if k, ok := argument[Compare](e, k); ok {
		e.SP()
		e.Number(k.N)
	}
}

// coreSearch: RFC 9051, section 6.4.4, and NEW, OLD and RECENT of RFC 3501,
// section 6.4.4.
var coreSearch = concat(
	testShape.keys(0, "ALL"),
	testShape.keys(ReadsFlags, "ANSWERED", "DELETED", "DRAFT", "FLAGGED", "SEEN", "UNANSWERED", "UNDELETED", "UNDRAFT",
		"UNFLAGGED", "UNSEEN", "NEW", "OLD", "RECENT"),
	containsShape.keys(0, "BCC", "BODY", "CC", "FROM", "SUBJECT", "TEXT", "TO"),
	headerShape.keys(0, "HEADER"),
	keywordShape.keys(ReadsFlags, "KEYWORD", "UNKEYWORD"),
	dateShape.keys(0, "BEFORE", "ON", "SINCE", "SENTBEFORE", "SENTON", "SENTSINCE"),
	sizeShape.keys(0, "LARGER", "SMALLER"),
	uidShape.keys(0, "UID"),
)

// nestingSearch is the keys that hold others.
var nestingSearch = concat(notShape.keys(0, "NOT"), orShape.keys(0, "OR"))

func concat[T any](lists ...[]T) []T {
	var all []T
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}
