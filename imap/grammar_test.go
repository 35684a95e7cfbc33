package imap

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// octetsOf returns all that an Encoder would send.
func octetsOf(t testing.TB, e *Encoder) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := e.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A trip is one value that goes to the wire and comes back.
type trip struct {
	name   string
	sample func(r *rand.Rand) any
	append func(e *Encoder, v any)
	parse  func(p *Parser) any
}

// trips is one for every entry of the full grammar that has a value.
func trips() []trip {
	var all []trip
	value := func(name string, v Value) {
		if v.Parse != nil {
			all = append(all, trip{name, v.Sample, v.Append, v.Parse})
		}
	}
	for _, f := range Features() {
		for i := range f.Commands {
			spec := &f.Commands[i]
			for _, uid := range []bool{false, true} {
				if uid && !spec.UID {
					continue
				}
				all = append(all, commandTrip(spec, uid || strings.HasPrefix(spec.Name, "UID ")))
			}
		}
		for i := range f.Fetch {
			spec := &f.Fetch[i]
			value("value of "+spec.Name, spec.Value)
			if spec.SampleItem != nil {
				all = append(all, trip{"item " + spec.Name,
					func(r *rand.Rand) any { return spec.SampleItem(r) },
					func(e *Encoder, v any) { it := v.(FetchItem); e.FetchItem(&it) },
					func(p *Parser) any { return p.fetchItem() },
				})
			}
		}
		for i := range f.Search {
			spec := &f.Search[i]
			all = append(all, trip{"key " + spec.Name,
				func(r *rand.Rand) any { return spec.Sample(r, spec.Name) },
				func(e *Encoder, v any) { e.searchKey(v.(SearchKey)) },
				func(p *Parser) any { return p.searchKey() },
			})
		}
		for i := range f.Params {
			value(fmt.Sprintf("parameter %s of %d", f.Params[i].Name, f.Params[i].Where), f.Params[i].Value)
		}
		for i := range f.Codes {
			spec := &f.Codes[i]
			all = append(all, trip{"code " + spec.Name,
				func(r *rand.Rand) any {
					st := Status{NO, Code{Name: spec.Name}, "text " + sampleAtom(r)}
					if spec.Parse != nil {
						st.Code.Arg = spec.Sample(r)
					}
					return st
				},
				func(e *Encoder, v any) { e.Status("a", v.(Status)); e.Truncate(e.Buffered() - 2) },
				func(p *Parser) any { r := new(Response); p.response(r); return r.Value },
			})
		}
		for i := range f.Data {
			spec := &f.Data[i]
			all = append(all, dataTrip(spec))
		}
	}
	return all
}

func commandTrip(spec *CommandSpec, uid bool) trip {
	name := "command " + spec.Name
	if uid {
		name += " by UID"
	}
	return trip{name,
		func(r *rand.Rand) any {
			if spec.Sample == nil {
				return nil
			}
			return spec.Sample(r, uid)
		},
		func(e *Encoder, v any) {
			e.Command(&Command{Tag: "A1", Spec: spec, UID: uid, Args: v})
			e.Truncate(e.Buffered() - 2)
		},
		func(p *Parser) any {
			c, err := p.ParseCommand()
			if err != nil {
				return err
			}
			if c.Tag != "A1" || c.Spec.Name != spec.Name || c.UID != uid {
				return fmt.Errorf("parsed as %s %s", c.Tag, c.Name())
			}
			return c.Args
		},
	}
}

func dataTrip(spec *DataSpec) trip {
	return trip{"data " + spec.Name,
		func(r *rand.Rand) any {
			d := &Response{Tag: "*", Name: spec.Name}
			if spec.Numbered {
				d.Num = sampleNumber(r)
			}
			if spec.Sample != nil {
				d.Value = spec.Sample(r)
			}
			if row, ok := d.Value.(*FetchRow); ok {
				row.Seq = SeqNum(d.Num)
			}
			return d
		},
		func(e *Encoder, v any) { e.Response(v.(*Response)); e.Truncate(e.Buffered() - 2) },
		func(p *Parser) any { r := new(Response); p.response(r); return r },
	}
}

// roundTrip checks that a value comes back from the wire as it went, and that
// what comes back goes again with the same octets.
func roundTrip(t *testing.T, tr trip, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	want := tr.sample(r)
	eightBit := seed%3 == 0
	e := Encoder{UTF8: eightBit}
	tr.append(&e, want)
	if e.Err() != nil {
		t.Fatalf("%s, seed %d: cannot encode %#v: %v", tr.name, seed, want, e.Err())
	}
	wire := octetsOf(t, &e)
	p := NewParser(wire)
	p.UTF8 = eightBit
	p.Depth = 200
	got := tr.parse(p)
	if p.End(); p.Err() != nil {
		t.Fatalf("%s, seed %d: %q: %v", tr.name, seed, wire, p.Err())
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(equalErrors), cmp.Transformer("items", func(row FetchRow) any {
		row.Items = append([]FetchValue(nil), row.Items...) // nil and empty are the same here
		return [3]any{row.Seq, row.Items, row.Open}
	})); diff != "" {
		t.Fatalf("%s, seed %d: %q comes back with (-want +got):\n%s", tr.name, seed, wire, diff)
	}
	again := Encoder{UTF8: eightBit}
	tr.append(&again, got)
	if b := octetsOf(t, &again); !bytes.Equal(b, wire) {
		t.Fatalf("%s, seed %d: sent %q, and again %q", tr.name, seed, wire, b)
	}
}

func equalErrors(a, b error) bool { return a == b }

func TestRoundTrips(t *testing.T) {
	for _, tr := range trips() {
		t.Run(tr.name, func(t *testing.T) {
			for seed := range uint64(80) {
				roundTrip(t, tr, seed)
			}
		})
	}
}

// FuzzRoundTrip draws values for any entry of the grammar.
func FuzzRoundTrip(f *testing.F) {
	all := trips()
	for i := range all {
		f.Add(uint16(i), uint64(1))
	}
	f.Fuzz(func(t *testing.T, entry uint16, seed uint64) {
		roundTrip(t, all[int(entry)%len(all)], seed)
	})
}

// FuzzCommand: what parses, prints, parses as the same and prints as the same;
// and no strict prefix of its octets frames as a whole command.
func FuzzCommand(f *testing.F) {
	for _, s := range commandSeeds {
		f.Add([]byte(s))
	}
	for seed := range uint64(3) {
		for _, tr := range trips() {
			if !strings.HasPrefix(tr.name, "command ") {
				continue
			}
			var e Encoder
			tr.append(&e, tr.sample(rand.New(rand.NewPCG(seed, 2))))
			f.Add(octetsOf(f, &e))
		}
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		p := NewParser(in)
		c, err := p.ParseCommand()
		if err != nil {
			return
		}
		wire, ok := printCommand(t, c)
		if !ok {
			return
		}
		c2, err := NewParser(wire[:len(wire)-2]).ParseCommand()
		if err != nil {
			t.Fatalf("%q prints as %q: %v", in, wire, err)
		}
		if diff := cmp.Diff(c.Args, c2.Args); diff != "" || c.Name() != c2.Name() || c.Traits != c2.Traits {
			t.Fatalf("%q prints as %q, which means another thing (-want +got):\n%s", in, wire, diff)
		}
		if again, _ := printCommand(t, c2); !bytes.Equal(wire, again) {
			t.Fatalf("%q prints as %q and then as %q", in, wire, again)
		}
		noPrefixFrames(t, wire)
	})
}

// printCommand encodes a command. Only what has no form on the wire of its own,
// as LIST whose patterns all failed to decode, may fail.
func printCommand(t *testing.T, c *Command) ([]byte, bool) {
	t.Helper()
	var e Encoder
	e.Command(c)
	if e.Err() != nil {
		if a, ok := c.Args.(*ListArgs); ok && len(a.Patterns) == 0 {
			return nil, false
		}
		t.Fatalf("%s %#v cannot be encoded: %v", c.Name(), c.Args, e.Err())
	}
	return octetsOf(t, &e), true
}

func noPrefixFrames(t *testing.T, wire []byte) {
	t.Helper()
	for n := range min(len(wire), 300) {
		r := NewReader(bytes.NewReader(wire[:n]))
		for {
			piece, err := r.Next(Bounds{1 << 20, 1 << 20})
			if err != nil {
				break
			}
			if piece.Announce == nil {
				t.Fatalf("%q frames, though it is only a part of %q", wire[:n], wire)
			}
			r.Decide(Verdict{Do: Inline})
		}
	}
}

var commandSeeds = []string{
	`a LOGIN "x" {1}` + "\r\ny",
	`a1 UID FETCH 1:*,5 (FLAGS BODY.PEEK[HEADER.FIELDS (To "x y")]<0.5>) (CHANGEDSINCE 5 VANISHED)`,
	`a SEARCH RETURN (MIN SAVE) CHARSET UTF-8 NOT (OR 1:5 UID *) SUBJECT NIL HEADER "" ""`,
	`a STORE $ (UNCHANGEDSINCE 0) -FLAGS.SILENT \Seen x`,
	`a LIST (SUBSCRIBED RECURSIVEMATCH) "" (% "&AOk-") RETURN (STATUS (MESSAGES SIZE) CHILDREN)`,
	`a SELECT a (QRESYNC (1 2 3:4 (1 5)) CONDSTORE)`,
	`a APPEND x (\Seen) " 1-Jan-2026 10:00:00 +0100" UTF8 (~{1}` + "\r\n\x00)",
	`a ID ("name" NIL)`, `a AUTHENTICATE PLAIN =`, `a ENABLE x y`, `a UID EXPUNGE 5`, `a CREATE x (USE (\Sent))`,
}

// TestNewGrammar: two entries of one name are a mistake of the program.
func TestNewGrammar(t *testing.T) {
	double := &Feature{Name: "X", Commands: []CommandSpec{{Name: "NOOP"}}}
	defer func() {
		if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "NOOP") {
			t.Errorf("NewGrammar with two NOOP: recovered %v", r)
		}
	}()
	NewGrammar(Core, double)
}

// TestFeatureOfUser: one value adds a command, an item, a key and a code.
func TestFeatureOfUser(t *testing.T) {
	x := &Feature{
		Name:     "X-TEST",
		Commands: []CommandSpec{{Name: "XTEST", In: States(Selected)}},
		Fetch:    []FetchSpec{{Name: "X-ITEM", Value: number32}},
		Search:   testShape.keys(0, "XKEY"),
		Codes:    []CodeSpec{{Name: "X-CODE", Value: number32}},
	}
	g := NewGrammar(append(Features(), x)...)
	p := NewParser([]byte("a SEARCH XKEY"))
	p.Grammar = g
	c, err := p.ParseCommand()
	if err != nil || !reflect.DeepEqual(c.Args.(*SearchArgs).Keys, And{Test("XKEY")}) {
		t.Errorf("SEARCH XKEY: %v, %v", c, err)
	}
	if _, err := NewParser([]byte("a SEARCH XKEY")).ParseCommand(); err == nil {
		t.Error("SEARCH XKEY parses without the feature")
	}
	e := Encoder{Grammar: g}
	e.Status("a", Status{OK, Code{"X-CODE", uint32(5)}, "x"})
	if got, want := string(e.Bytes()), "a OK [X-CODE 5] x\r\n"; got != want {
		t.Errorf("status %q, want %q", got, want)
	}
}

// TestOffer: what is not offered is not known.
func TestOffer(t *testing.T) {
	tests := []struct {
		caps Caps
		line string
		ok   bool
	}{
		{Caps{CapRev1}, "a NOOP", true},
		{Caps{CapRev1}, "a MOVE 1 x", false},
		{Caps{CapRev1, CapMove}, "a MOVE 1 x", true},
		{Caps{CapRev2}, "a MOVE 1 x", true},
		{Caps{CapRev1}, "a UID EXPUNGE 1", false},
		{Caps{CapUIDPlus}, "a UID EXPUNGE 1", true},
		{Caps{CapRev1}, "a FETCH 1 (MODSEQ)", false},
		{Caps{CapCondstore}, "a FETCH 1 (MODSEQ)", true},
		{Caps{CapRev1}, "a SEARCH RETURN (ALL) 1", false},
		{Caps{CapRev1, "APPENDLIMIT=5"}, "a STATUS x (APPENDLIMIT)", true},
		{Caps{CapRev1}, "a STATUS x (SIZE)", false},
	}
	for _, tt := range tests {
		p := NewParser([]byte(tt.line))
		p.offer = Full().offered(tt.caps)
		if _, err := p.ParseCommand(); (err == nil) != tt.ok {
			t.Errorf("%v: %s: %v, want ok %v", tt.caps, tt.line, err, tt.ok)
		}
	}
	if !slices.Equal(Caps{"AUTH=PLAIN", "IMAP4rev2", "auth=x"}.Mechanisms(), []string{"PLAIN", "X"}) {
		t.Error("Mechanisms is wrong")
	}
}
