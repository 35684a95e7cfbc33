package imap

import (
	"math/rand/v2"
	"strings"

	"github.com/mailwire/mailwire/internal/ascii"
)

// Condstore is mod-sequences: RFC 7162, section 3.1. Each of its parameters,
// items and keys enables it.
var Condstore = &Feature{
	Name: "CONDSTORE", RFC: 7162,
	Caps: []Cap{CapCondstore, CapQResync},
	Params: []ParamSpec{
		{Where: SelectParam, Name: "CONDSTORE", Traits: EnablesCondstore},
		{Where: FetchParam, Name: "CHANGEDSINCE", Traits: EnablesCondstore, Value: modSeqValue},
		{Where: StoreParam, Name: "UNCHANGEDSINCE", Traits: EnablesCondstore, Value: modSeqValzer},
	},
	Fetch: []FetchSpec{{Name: "MODSEQ", Traits: EnablesCondstore, Value: Value{
		Parse: func(p *Parser) any { return p.fetchModSeq() },
		Append: func(e *Encoder, v any) {
			e.Byte('(')
			encodeNumber[ModSeq](e, v)
			e.Byte(')')
		},
		Sample: modSeqValue.Sample,
	}}},
	Search: shape{parseModSeqKey, appendModSeqKey, sampleModSeqKey}.keys(EnablesCondstore|ReadsFlags, "MODSEQ"),
	Status: []StatusSpec{{
		Name: "HIGHESTMODSEQ", Traits: EnablesCondstore,
		Parse:  func(p *Parser, s *MailboxStatus) { s.HighestModSeq = ModSeq(p.Number64()) },
		Append: func(e *Encoder, s *MailboxStatus) { e.Number(uint64(s.HighestModSeq)) },
		Sample: func(r *rand.Rand, s *MailboxStatus) { s.HighestModSeq = sampleModSeq(r) },
	}},
	Codes: []CodeSpec{
		{Name: "HIGHESTMODSEQ", Value: modSeqValue},
		{Name: "NOMODSEQ"},
		{Name: "MODIFIED", Value: modifiedValue},
	},
	Enable: []Cap{CapCondstore},
}

// modSeqValzer is mod-sequence-valzer: 0 is allowed. RFC 7162, section 7.
var modSeqValzer = Value{
	Parse:  func(p *Parser) any { return ModSeq(p.Number64()) },
	Append: modSeqValue.Append,
	Sample: func(r *rand.Rand) any { return ModSeq(r.Uint64N(1 << 63)) },
}

// modifiedValue is the set of messages that a conditional STORE left alone, as
// numbers or UIDs like the command: NumSet[uint32]. RFC 7162, section 3.1.3.
var modifiedValue = Value{
	Parse: func(p *Parser) any { return parseSet[uint32](p) },
	Append: func(e *Encoder, v any) {
		if s, ok := argument[NumSet[uint32]](e, v); ok {
			encodeSet(e, s.IsEmpty(), s.Append)
		}
	},
	Sample: func(r *rand.Rand) any { return sampleSet[uint32](r, false) },
}

// ModSeqKey is the key MODSEQ: messages whose mod-sequence is at least ModSeq,
// or that of one flag, which servers may ignore. RFC 7162, section 3.1.5.
type ModSeqKey struct {
	Flag   Flag   // "": any change
	Type   string // "priv", "shared" or "all", of the flag
	ModSeq ModSeq
}

// Key: see SearchKey.
func (ModSeqKey) Key() string { return "MODSEQ" }

func parseModSeqKey(p *Parser, _ string) SearchKey {
	p.SP()
	var k ModSeqKey
	if p.Peek() == '"' {
		name, ok := strings.CutPrefix(string(p.Str()), "/flags/")
		if !ok {
			p.Fail("an entry /flags/")
		}
		k.Flag = internFlag([]byte(name))
		p.SP()
		for _, t := range []string{"priv", "shared", "all"} {
			if p.TryWord(t) {
				k.Type = t
			}
		}
		if k.Type == "" {
			p.Fail("priv, shared or all")
		}
		p.SP()
	}
	k.ModSeq = ModSeq(p.Number64())
	return k
}

func appendModSeqKey(e *Encoder, v SearchKey) {
	k, ok := argument[ModSeqKey](e, v)
	if !ok {
		return
	}
	e.SP()
	if k.Flag != "" {
		if !ascii.All(ascii.Print, k.Flag) {
			e.Fail("the flag " + quote(k.Flag))
		}
		e.Quoted("/flags/" + string(k.Flag))
		e.SP()
		e.Atom(k.Type)
		e.SP()
	}
	e.Number(uint64(k.ModSeq))
}

func sampleModSeqKey(r *rand.Rand, _ string) SearchKey {
	k := ModSeqKey{ModSeq: sampleModSeq(r)}
	if r.IntN(2) == 0 {
		k.Flag, k.Type = FlagDraft, "all"
	}
	return k
}
