package imap

import (
	"math"
	"math/rand/v2"

	"github.com/mailwire/mailwire/internal/ascii"
)

// A SearchKey is one key of SEARCH: a node of an ordered tree. The types are
// few, one for each shape of arguments; Features may add others. RFC 9051,
// section 6.4.4.
type SearchKey interface {
	// Key is the name of the key in upper case; "" for those that have none.
	Key() string
}

type (
	// And matches what all of its keys match: a list in parentheses, or the
	// whole of a SEARCH. Keys are never merged, though one name may come twice.
	And []SearchKey
	// Or matches what either key matches.
	Or struct{ A, B SearchKey }
	// Not matches what its key does not.
	Not struct{ Of SearchKey }
	// Test is a key that has a name alone: ALL, SEEN, UNSEEN, NEW …
	Test string
	// InSet matches the messages of a set: by number, by UID, or "$".
	InSet struct{ Ref Ref }
	// Contains matches where a string is found: BCC, BODY, CC, FROM, SUBJECT,
	// TEXT, TO.
	Contains struct {
		Name string
		Text string // in UTF-8 or US-ASCII, or in the charset that the command names
	}
	// Header matches messages with a field that contains Text; every message with
	// the field if Text is "".
	Header struct{ Field, Text string }
	// HasKeyword is KEYWORD or UNKEYWORD.
	HasKeyword struct {
		Name string
		Flag Flag
	}
	// OnDate compares days: BEFORE, ON, SINCE, SENTBEFORE, SENTON, SENTSINCE.
	OnDate struct {
		Name string
		Date Date
	}
	// Compare compares numbers: LARGER, SMALLER; OLDER, YOUNGER.
	Compare struct {
		Name string
		N    uint64
	}
)

// Key: see SearchKey.
func (And) Key() string          { return "" }
func (Or) Key() string           { return "OR" }
func (Not) Key() string          { return "NOT" }
func (k Test) Key() string       { return string(k) }
func (k Contains) Key() string   { return k.Name }
func (Header) Key() string       { return "HEADER" }
func (k HasKeyword) Key() string { return k.Name }
func (k OnDate) Key() string     { return k.Name }
func (k Compare) Key() string    { return k.Name }

// Key is "UID" for a set of UIDs, "" for one of numbers or "$".
func (k InSet) Key() string {
	if k.Ref.ByUID && !k.Ref.Saved {
		return "UID"
	}
	return ""
}

// SearchArgs are the arguments of SEARCH.
type SearchArgs struct {
	// Return are the result options. nil: none were given, and the answer is
	// SEARCH unless IMAP4rev2 is on; empty: RETURN (), which means ALL.
	Return  Params
	Charset string // in upper case; "" if none was given
	Keys    And    // at least one
}

func parseSearch(p *Parser, c *Command) {
	p.SP()
	a := new(SearchArgs)
	if p.TryWord("RETURN") {
		p.SP()
		a.Return = p.Parameters(SearchReturn)
		if a.Return == nil {
			a.Return = Params{}
		}
		p.SP()
	}
	if p.TryWord("CHARSET") {
		if p.on != nil && p.on(CapUTF8Accept) { // RFC 6855, section 3
			p.Fail("no CHARSET, since UTF8=ACCEPT is enabled")
		}
		p.SP()
		a.Charset = upper(p.AString())
		p.SP()
	}
	a.Keys = p.searchKeys()
	c.Args = a
}

// searchKeys takes keys with spaces between, to the end or a parenthesis.
func (p *Parser) searchKeys() And {
	keys := And{p.searchKey()}
	for p.Try(' ') {
		keys = append(keys, p.searchKey())
	}
	return keys
}

func (p *Parser) searchKey() SearchKey {
	if p.err != nil {
		return And(nil)
	}
	// The bound on keys bounds the depth of NOT and OR too: clients that look for
	// many addresses nest them deeper than parentheses.
	if p.nodes++; p.nodes > or(p.most, 10_000, math.MaxInt) {
		p.Refuse(Bad("LIMIT", "too many search keys"))
		return And(nil)
	}
	switch c := p.Peek(); {
	case c == '(':
		p.Open()
		keys := p.searchKeys()
		p.Close()
		return keys
	case c == '$':
		return InSet{p.Ref(false)}
	case c == '*' || ascii.Digit[c]:
		p.traits |= UsesSeq
		return InSet{Ref{Seq: p.SeqSet()}}
	}
	start := p.pos
	name := p.span(atomChar, "a search key")
	if p.err != nil {
		return And(nil)
	}
	spec := lookup(p.grammar().search, name, p.offer)
	if spec == nil {
		p.pos = start
		p.Fail("a search key that is offered")
		return And(nil)
	}
	p.traits |= spec.Traits
	return spec.Parse(p, spec.Name)
}

func appendSearch(e *Encoder, v any) {
	a, ok := argument[*SearchArgs](e, v)
	if !ok {
		return
	}
	if a.Return != nil {
		e.Raw(" RETURN ")
		e.Parameters(SearchReturn, a.Return)
	}
	if a.Charset != "" {
		e.Raw(" CHARSET ")
		e.AString(a.Charset)
	}
	e.SP()
	e.searchKeys(a.Keys)
}

func (e *Encoder) searchKeys(keys And) {
	if len(keys) == 0 {
		e.Fail("SEARCH without a key")
	}
	for i, k := range keys {
		if i > 0 {
			e.SP()
		}
		e.searchKey(k)
	}
}

func (e *Encoder) searchKey(k SearchKey) {
	switch k := k.(type) {
	case And:
		e.Byte('(')
		e.searchKeys(k)
		e.Byte(')')
		return
	case InSet:
		if k.Key() != "UID" {
			e.Ref(k.Ref)
			return
		}
	case nil:
		e.Fail("a search key that is nil")
		return
	}
	spec := lookup(e.grammar().search, k.Key(), 0)
	if spec == nil {
		e.Fail("the search key " + quote(k.Key()))
		return
	}
	e.Raw(spec.Name)
	if spec.Append != nil {
		spec.Append(e, k)
	}
}

// sampleKey returns a key, with others in it down to a depth.
func sampleKey(r *rand.Rand, depth int) SearchKey {
	if depth > 0 {
		switch r.IntN(8) {
		case 0:
			return And{sampleKey(r, depth-1), sampleKey(r, depth-1)}
		case 1:
			return Not{sampleKey(r, depth-1)}
		case 2:
			return Or{sampleKey(r, depth-1), sampleKey(r, depth-1)}
		case 3:
			return InSet{sampleRef(r, false)}
		}
	}
	spec := &coreSearch[r.IntN(len(coreSearch))]
	return spec.Sample(r, spec.Name)
}

func sampleSearch(r *rand.Rand, _ bool) any {
	a := &SearchArgs{Keys: And{sampleKey(r, 3)}}
	for range r.IntN(3) {
		a.Keys = append(a.Keys, sampleKey(r, 3))
	}
	if r.IntN(2) == 0 {
		a.Charset = []string{"UTF-8", "US-ASCII", "KOI8-R"}[r.IntN(3)]
	}
	if r.IntN(2) == 0 {
		if a.Return = sampleParams(r, SearchReturn); a.Return == nil {
			a.Return = Params{}
		}
	}
	return a
}
