package imap

import "math/rand/v2"

// QResync is quick resynchronisation: RFC 7162, section 3.2.
var QResync = &Feature{
	Name: "QRESYNC", RFC: 7162,
	Params: []ParamSpec{
		{Where: SelectParam, Name: "QRESYNC", Enabled: CapQResync, Traits: EnablesCondstore, Value: qresyncValue},
		{Where: FetchParam, Name: "VANISHED", Enabled: CapQResync},
	},
	Data:   []DataSpec{{Name: "VANISHED", Value: vanishedValue}},
	Enable: []Cap{CapQResync},
}

// A Resync is the argument of the parameter QRESYNC of SELECT: what the client
// knows of the mailbox. RFC 7162, section 3.2.5.
type Resync struct {
	UIDValidity uint32
	ModSeq      ModSeq
	Known       UIDSet // empty: not given
	// Match is numbers and their UIDs that the client knows to belong together,
	// in ascending order and as many of each. Empty: not given.
	MatchSeq SeqSet
	MatchUID UIDSet
}

var qresyncValue = Value{
	Parse: func(p *Parser) any {
		q := new(Resync)
		p.Open()
		q.UIDValidity = p.NZNumber()
		p.SP()
		q.ModSeq = p.ModSeq()
		if p.Try(' ') && p.Peek() != '(' {
			q.Known = p.UIDSet()
			if p.err == nil && q.Known.HasStar() {
				p.Fail("known UIDs without *")
			}
			if p.Peek() != ')' {
				p.SP()
			}
		}
		if p.Peek() == '(' {
			p.Open()
			q.MatchSeq = p.SeqSet()
			p.SP()
			q.MatchUID = p.UIDSet()
			p.Close()
			if p.err == nil && (q.MatchSeq.HasStar() || q.MatchUID.HasStar() || q.MatchSeq.Len() != q.MatchUID.Len()) {
				p.Fail("as many numbers as UIDs, without *")
			}
		}
		p.Close()
		return q
	},
	Append: func(e *Encoder, v any) {
		q, ok := argument[*Resync](e, v)
		if !ok {
			return
		}
		e.Byte('(')
		e.Number(uint64(q.UIDValidity))
		e.SP()
		e.Number(uint64(q.ModSeq))
		if !q.Known.IsEmpty() {
			e.SP()
			e.UIDSet(q.Known)
		}
		if !q.MatchSeq.IsEmpty() {
			e.Raw(" (")
			e.SeqSet(q.MatchSeq)
			e.SP()
			e.UIDSet(q.MatchUID)
			e.Byte(')')
		}
		e.Byte(')')
	},
	Sample: func(r *rand.Rand) any {
		q := &Resync{UIDValidity: sampleNumber(r), ModSeq: sampleModSeq(r)}
		if r.IntN(2) == 0 {
			q.Known = sampleSet[UID](r, false)
		}
		if r.IntN(2) == 0 {
			q.MatchSeq, q.MatchUID = NumSetRange[SeqNum](1, 3), NumSetOf[UID](4, 8, 9)
		}
		return q
	},
}

// Vanished is the value of VANISHED. RFC 7162, section 3.2.10.
type Vanished struct {
	Earlier bool // they were gone before the mailbox was selected
	UIDs    UIDSet
}

var vanishedValue = Value{
	Parse: func(p *Parser) any {
		v := new(Vanished)
		p.SP()
		if p.Peek() == '(' {
			p.Open()
			if v.Earlier = p.TryWord("EARLIER"); !v.Earlier {
				p.Fail("EARLIER")
			}
			p.Close()
			p.SP()
		}
		v.UIDs = p.UIDSet()
		return v
	},
	Append: func(e *Encoder, v any) {
		if v, ok := argument[*Vanished](e, v); ok {
			e.SP()
			if v.Earlier {
				e.Raw("(EARLIER) ")
			}
			e.UIDSet(v.UIDs)
		}
	},
	Sample: func(r *rand.Rand) any { return &Vanished{r.IntN(2) == 0, sampleSet[UID](r, false)} },
}

// Vanished appends VANISHED with its CRLF.
func (e *Encoder) Vanished(earlier bool, uids UIDSet) {
	e.Raw("* VANISHED ")
	if earlier {
		e.Raw("(EARLIER) ")
	}
	e.UIDSet(uids)
	e.CRLF()
}
