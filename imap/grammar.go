package imap

import (
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/mailwire/mailwire/internal/ascii"
)

// A Feature is the grammar of one RFC, of the core or of an extension, as one
// value: what it adds to commands, and to responses, in both directions. An
// extension that this package does not have is another Feature in NewGrammar.
//
// A Feature cannot change states: its commands become CommandEvents, which move
// nothing.
type Feature struct {
	Name string // of the capability, unless Caps says otherwise
	RFC  int    // where it is specified, for whoever reads; may be 0
	// Caps: the feature is in force while any of these is offered. nil: while the
	// capability of its Name is.
	Caps []Cap
	// Always: it is in force whatever is offered.
	Always bool

	// What it adds, each list with a name once in all Features of a Grammar.
	Commands []CommandSpec
	Fetch    []FetchSpec
	Search   []SearchSpec
	Params   []ParamSpec
	Status   []StatusSpec
	Data     []DataSpec
	Codes    []CodeSpec
	Enable   []Cap // what ENABLE can switch on
}

// A Value is the grammar of one value. Parse reports mistakes by p.Fail, Append
// by e.Fail; Parse returns values that may be kept. Sample returns a valid value
// for round trips.
type Value struct {
	Parse  func(p *Parser) any
	Append func(e *Encoder, v any)
	Sample func(r *rand.Rand) any
}

// A CommandSpec is the grammar of one command, and where it is allowed.
type CommandSpec struct {
	Name   string // in upper case, without "UID"
	In     StateSet
	UID    bool   // has a UID form
	Traits Traits // of the form by numbers; that by UID is derived from them
	// Parse parses what stands behind the name, from the space on, into c.Args.
	// nil: nothing may stand there. It may call p.AddTraits.
	Parse func(p *Parser, c *Command)
	// Append appends what stands behind the name, from the space on.
	Append func(e *Encoder, args any)
	// Literal says what to do with a literal that is announced: p is over the
	// arguments so far, which end in the announcement. It may refuse by p.Fail.
	// Stream is for Front. nil: Inline, but for a literal8, which is refused. Sizes
	// are judged besides.
	Literal func(p *Parser, a *Announce) Verdict
	// Front is of commands that end in a message whose octets are streamed, as
	// APPEND does and REPLACE: it parses, into c.Args, what stands in front of the
	// message. The session then gives an AppendEvent instead of a CommandEvent.
	Front  func(p *Parser, c *Command)
	Sample func(r *rand.Rand, uid bool) any
}

// A FetchSpec is the grammar of an item of FETCH: of its name in the command
// and, as a Value, of what it has in a response.
type FetchSpec struct {
	Name   string
	Traits Traits
	// Item parses what stands behind the name, as a section, and AppendItem
	// appends it. nil: nothing.
	Item       func(p *Parser, it *FetchItem)
	AppendItem func(e *Encoder, it *FetchItem)
	SampleItem func(r *rand.Rand) FetchItem
	Value
}

// A SearchSpec is the grammar of a key of SEARCH, of which Parse and Append get
// what stands behind the name, from the space on.
type SearchSpec struct {
	Name   string
	Traits Traits
	Parse  func(p *Parser, name string) SearchKey
	Append func(e *Encoder, k SearchKey)
	Sample func(r *rand.Rand, name string) SearchKey
}

// A ParamSpec is the grammar of a parameter of some command. Where it has no
// Parse, it is a name alone.
type ParamSpec struct {
	Where   Where
	Name    string
	Enabled Cap // must have been enabled, else the command is BAD
	Traits  Traits
	Value
}

// Where says to which list of which command a parameter belongs.
type Where uint8

const (
	SelectParam  Where = iota // SELECT and EXAMINE: RFC 4466, section 2.1
	FetchParam                // modifiers of FETCH: RFC 4466, section 2.4
	StoreParam                // modifiers of STORE: RFC 4466, section 2.5
	SearchReturn              // SEARCH RETURN: RFC 9051, section 6.4.4
	ListSelect                // in front of the reference of LIST: RFC 5258, section 3.1
	ListReturn                // LIST RETURN: RFC 5258, section 3.2
	CreateParam               // CREATE: RFC 4466, section 2.2
	numWheres
)

// A Param is a parameter: a name in upper case, and what its ParamSpec parses,
// or nil.
type Param struct {
	Name string
	Arg  any
}

// Params are the parameters of one list, in their order.
type Params []Param

// Get returns the argument of the parameter of that name.
func (ps Params) Get(name string) (arg any, ok bool) {
	for i := range ps {
		if ascii.EqualFold(ps[i].Name, name) {
			return ps[i].Arg, true
		}
	}
	return nil, false
}

// Has reports whether the parameter is there.
func (ps Params) Has(name string) bool {
	_, ok := ps.Get(name)
	return ok
}

// A StatusSpec is the grammar of an item of STATUS, whose value is a field of
// MailboxStatus.
type StatusSpec struct {
	Name   string
	Traits Traits
	Parse  func(p *Parser, s *MailboxStatus)
	Append func(e *Encoder, s *MailboxStatus)
	Sample func(r *rand.Rand, s *MailboxStatus)
}

// A DataSpec is the grammar of an untagged response other than a status.
type DataSpec struct {
	Name     string
	Numbered bool // a number stands in front of the name
	Value         // what stands behind the name, from the space on; nil Parse: nothing
}

// entry is one part of a Grammar and the Feature that it came from.
type entry[T any] struct {
	spec *T
	bit  uint64
}

type table[T any] map[string]entry[T]

// A Grammar is Features put together. It does not change and may be used by
// any number of goroutines.
type Grammar struct {
	features []*Feature
	always   uint64
	commands table[CommandSpec]
	fetch    table[FetchSpec]
	search   table[SearchSpec]
	params   [numWheres]table[ParamSpec]
	status   table[StatusSpec]
	data     table[DataSpec]
	codes    table[CodeSpec]
	enable   table[Cap]
}

// NewGrammar puts Features together, of which there can be 64. Two that define
// one name are a mistake of the program: it panics.
func NewGrammar(features ...*Feature) *Grammar {
	if len(features) > 64 {
		panic("imap: more than 64 features")
	}
	g := &Grammar{
		features: features,
		commands: table[CommandSpec]{}, fetch: table[FetchSpec]{}, search: table[SearchSpec]{},
		status: table[StatusSpec]{}, data: table[DataSpec]{}, codes: table[CodeSpec]{}, enable: table[Cap]{},
	}
	for i := range g.params {
		g.params[i] = table[ParamSpec]{}
	}
	for i, f := range features {
		bit := uint64(1) << i
		if f.Always {
			g.always |= bit
		}
		enter(g.commands, f, bit, f.Commands, func(s *CommandSpec) string { return s.Name })
		enter(g.fetch, f, bit, f.Fetch, func(s *FetchSpec) string { return s.Name })
		enter(g.search, f, bit, f.Search, func(s *SearchSpec) string { return s.Name })
		enter(g.status, f, bit, f.Status, func(s *StatusSpec) string { return s.Name })
		enter(g.data, f, bit, f.Data, func(s *DataSpec) string { return s.Name })
		enter(g.codes, f, bit, f.Codes, func(s *CodeSpec) string { return s.Name })
		enter(g.enable, f, bit, f.Enable, func(c *Cap) string { return string(*c) })
		for j := range f.Params {
			enter(g.params[f.Params[j].Where], f, bit, f.Params[j:j+1], func(s *ParamSpec) string { return s.Name })
		}
	}
	return g
}

func enter[T any](t table[T], f *Feature, bit uint64, specs []T, name func(*T) string) {
	for i := range specs {
		n := name(&specs[i])
		if _, twice := t[n]; twice || n == "" || n != string(ascii.AppendUpper(nil, n)) {
			panic(fmt.Sprintf("imap: feature %s: name %q is taken, empty or not in upper case", f.Name, n))
		}
		t[n] = entry[T]{&specs[i], bit}
	}
}

// Full returns the grammar of every Feature of this package.
func Full() *Grammar { return full() }

// full is set by init: as a variable with an initial value it would depend on
// every entry of the grammar, of which many depend on it.
var full func() *Grammar

func init() { full = sync.OnceValue(func() *Grammar { return NewGrammar(Features()...) }) }

// Features returns every Feature of this package, the core first.
func Features() []*Feature {
	return []*Feature{
		Core, AppendLimit, Binary, Children, Compress, Condstore, CreateSpecialUse, Enable, ESearch, ID, Idle,
		ListExtended, ListStatus, Move, MultiAppend, Namespace, QResync, SearchRes, SpecialUse, StatusSize, UIDPlus,
		Unauthenticate, Unselect, UTF8Accept, Within,
	}
}

// offered returns the features in force, as bits, where caps are offered.
func (g *Grammar) offered(caps Caps) uint64 {
	mask := g.always
	for i, f := range g.features {
		if f.Caps == nil && caps.Has(Cap(f.Name)) || caps.HasAny(f.Caps...) {
			mask |= 1 << i
		}
	}
	return mask
}

// lookup returns the entry of a name in any case, or nil if there is none, or
// none in force.
func lookup[T any, B ~string | ~[]byte](t table[T], name B, offer uint64) *T {
	var upper [64]byte
	if len(name) > len(upper) {
		return nil
	}
	e, ok := t[string(ascii.AppendUpper(upper[:0], name))]
	if !ok || offer != 0 && e.bit&offer == 0 {
		return nil
	}
	return e.spec
}

func (g *Grammar) code(name string) *CodeSpec { return lookup(g.codes, name, 0) }

// Command returns the entry of a command, nil if there is none.
func (g *Grammar) Command(name string) *CommandSpec { return lookup(g.commands, name, 0) }

// Parameters takes a list of parameters in parentheses. RFC 4466, section 2.1;
// RFC 9051, section 6.4.4.
func (p *Parser) Parameters(where Where) Params {
	var ps Params
	p.List(func() {
		start := p.pos
		name := p.Label()
		if p.err != nil {
			return
		}
		spec := lookup(p.grammar().params[where], name, p.offer)
		switch {
		case spec == nil || spec.Enabled != "" && p.on != nil && !p.on(spec.Enabled):
			p.pos = start
			p.Fail("an option that is offered and enabled")
			return
		case ps.Has(spec.Name):
			p.pos = start
			p.Fail("each option once")
			return
		}
		param := Param{Name: spec.Name}
		if spec.Parse != nil {
			p.SP()
			param.Arg = spec.Parse(p)
		}
		p.traits |= spec.Traits
		ps = append(ps, param)
	})
	return ps
}

// Parameters appends a list of parameters in parentheses.
func (e *Encoder) Parameters(where Where, ps Params) {
	e.encodeList(len(ps), func(i int) {
		spec := lookup(e.grammar().params[where], ps[i].Name, 0)
		if spec == nil {
			e.Fail("the parameter " + quote(ps[i].Name))
			return
		}
		e.Raw(spec.Name)
		if spec.Append != nil {
			e.SP()
			spec.Append(e, ps[i].Arg)
		}
	})
}

// sampleParams returns some parameters, none of them twice.
func sampleParams(r *rand.Rand, where Where) Params {
	var ps Params
	for _, f := range Full().features {
		for i := range f.Params {
			spec := &f.Params[i]
			if spec.Where != where || r.IntN(2) == 0 {
				continue
			}
			param := Param{Name: spec.Name}
			if spec.Sample != nil {
				param.Arg = spec.Sample(r)
			}
			ps = append(ps, param)
		}
	}
	return ps
}
