package imap

import (
	"bytes"
	"math/rand/v2"
)

// ESearch is SEARCH RETURN and its response.
var ESearch = &Feature{
	Name: "ESEARCH", RFC: 4731,
	Caps: []Cap{CapESearch, CapRev2},
	Params: []ParamSpec{
		{Where: SearchReturn, Name: "MIN"},
		{Where: SearchReturn, Name: "MAX"},
		{Where: SearchReturn, Name: "ALL"},
		{Where: SearchReturn, Name: "COUNT"},
	},
	Data: []DataSpec{{Name: "ESEARCH", Value: esearchValue}},
}

// ESearchData is the value of ESEARCH. What is 0, nil or empty is not there.
// RFC 9051, section 7.3.4.
type ESearchData struct {
	Tag      string // of the command; "" if the response does not say
	UID      bool   // numbers are UIDs
	Min, Max uint32
	Count    *uint32
	All      NumSet[uint32]
	ModSeq   ModSeq // RFC 7162, section 3.1.10
	Extra    Params // items that nobody knows, Arg is []byte as it came
}

var esearchValue = Value{
	Parse: func(p *Parser) any {
		s := new(ESearchData)
		if p.pos+1 < len(p.buf) && p.buf[p.pos] == ' ' && p.buf[p.pos+1] == '(' {
			p.SP()
			p.Open()
			if !p.TryWord("TAG") {
				p.Fail("TAG")
			}
			p.SP()
			s.Tag = string(p.AString())
			p.Close()
		}
		for i := 0; p.Try(' '); i++ {
			if p.Lenient && p.AtEnd() {
				break
			}
			if i == 0 && p.TryWord("UID") {
				s.UID = true
				continue
			}
			p.esearchItem(s)
		}
		return s
	},
	Append: func(e *Encoder, v any) {
		if s, ok := argument[*ESearchData](e, v); ok {
			e.esearch(s)
		}
	},
	Sample: func(r *rand.Rand) any {
		s := &ESearchData{Tag: sampleAtom(r), UID: r.IntN(2) == 0}
		if r.IntN(2) == 0 {
			n := r.Uint32()
			s.Min, s.Max, s.Count, s.All = sampleNumber(r), sampleNumber(r), &n, sampleSet[uint32](r, false)
		}
		if r.IntN(2) == 0 {
			s.ModSeq = sampleModSeq(r)
			s.Extra = Params{{"X", []byte("(a 5)")}}
		}
		return s
	},
}

func (p *Parser) esearchItem(s *ESearchData) {
	name := upper(p.Label())
	p.SP()
	switch name {
	case "MIN":
		s.Min = p.NZNumber()
	case "MAX":
		s.Max = p.NZNumber()
	case "COUNT":
		n := p.Number()
		s.Count = &n
	case "ALL":
		s.All = parseSet[uint32](p)
	case "MODSEQ":
		s.ModSeq = p.ModSeq()
	default:
		s.Extra = append(s.Extra, Param{name, bytes.Clone(p.Skip())})
	}
}

func (e *Encoder) esearch(s *ESearchData) {
	if s.Tag != "" {
		e.Raw(" (TAG ")
		e.Str(s.Tag)
		e.Byte(')')
	}
	if s.UID {
		e.Raw(" UID")
	}
	number := func(name string, n uint64) {
		e.Raw(name)
		e.Number(n)
	}
	if s.Min != 0 {
		number(" MIN ", uint64(s.Min))
	}
	if s.Max != 0 {
		number(" MAX ", uint64(s.Max))
	}
	if !s.All.IsEmpty() {
		e.Raw(" ALL ")
		e.buf = s.All.Append(e.buf)
	}
	if s.Count != nil {
		number(" COUNT ", uint64(*s.Count))
	}
	if s.ModSeq != 0 {
		number(" MODSEQ ", uint64(s.ModSeq))
	}
	for _, x := range s.Extra {
		e.SP()
		e.Label(x.Name)
		e.SP()
		if raw, ok := argument[[]byte](e, x.Arg); ok {
			e.RawBytes(raw)
		}
	}
}
