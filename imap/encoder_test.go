package imap

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 9)) }

// TestEncodedStrings: no octets of a value can be taken for syntax.
func TestEncodedStrings(t *testing.T) {
	tests := []struct {
		in                 string
		astring, str, utf8 string // utf8: Str while UTF8=ACCEPT is on
	}{
		{"", `""`, `""`, `""`},
		{"a]b", "a]b", `"a]b"`, `"a]b"`},
		{"nil", `"nil"`, `"nil"`, `"nil"`},
		{`a"\`, `"a\"\\"`, `"a\"\\"`, `"a\"\\"`},
		{"a b", `"a b"`, `"a b"`, `"a b"`},
		{"a%", `"a%"`, `"a%"`, `"a%"`},
		{"a\r\nb", "{4}\r\na\r\nb", "{4}\r\na\r\nb", "{4}\r\na\r\nb"},
		{"\u00e9", "{2}\r\n\u00e9", "{2}\r\n\u00e9", "\"\u00e9\""},
		{"\xe9", "{1}\r\n\xe9", "{1}\r\n\xe9", "{1}\r\n\xe9"},
		{"a\x00", "{2}\r\na\x80", "{2}\r\na\x80", "{2}\r\na\x80"},
	}
	for _, tt := range tests {
		var a, s, u Encoder
		u.UTF8 = true
		a.AString(tt.in)
		s.Str(tt.in)
		u.Str(tt.in)
		if string(a.Bytes()) != tt.astring || string(s.Bytes()) != tt.str || string(u.Bytes()) != tt.utf8 {
			t.Errorf("%q is %q, %q, %q; want %q, %q, %q", tt.in, a.Bytes(), s.Bytes(), u.Bytes(), tt.astring, tt.str, tt.utf8)
		}
	}
	var e Encoder
	e.Str8([]byte("\x00"))
	if got := string(e.Bytes()); got != "~{1}\r\n\x00" {
		t.Errorf("Str8 = %q", got)
	}
}

func TestEncodedStatus(t *testing.T) {
	tests := []struct {
		st   Status
		want string
	}{
		{Status{OK, Code{}, "done"}, "a OK done\r\n"},
		{Status{OK, Code{}, ""}, "a OK done\r\n"},
		{Status{NO, Code{Name: "TRYCREATE"}, "x\r\ny NOOP\xff"}, "a NO [TRYCREATE] x??y NOOP?\r\n"},
		{Status{OK, Code{"UIDNEXT", uint32(5)}, "x"}, "a OK [UIDNEXT 5] x\r\n"},
		{Status{OK, Code{"UIDNEXT", "five"}, "x"}, "a OK x\r\n"},                // the wrong type
		{Status{OK, Code{Name: "UIDNEXT"}, "x"}, "a OK x\r\n"},                  // nothing at all
		{Status{OK, Code{"X", []byte("a]b")}, "x"}, "a OK x\r\n"},               // would end the code
		{Status{OK, Code{"X", []byte("a b")}, "x"}, "a OK [X a b] x\r\n"},       // unknown
		{Status{OK, Code{}, "[ALERT] x"}, "a OK  [ALERT] x\r\n"},                // text, and no code
		{Status{OK, Code{Name: "X Y"}, "x"}, "a OK x\r\n"},                      // no atom
		{Status{OK, Code{"BADCHARSET", []string{"\u00e9"}}, "x"}, "a OK x\r\n"}, // needs a literal
		{Status{OK, Code{"PERMANENTFLAGS", []Flag{FlagSeen, FlagWildcard}}, "x"}, "a OK [PERMANENTFLAGS (\\Seen \\*)] x\r\n"},
	}
	for _, tt := range tests {
		var e Encoder
		e.Status("a", tt.st)
		if got := string(e.Bytes()); got != tt.want || e.Err() != nil {
			t.Errorf("%v is %q, %v; want %q", tt.st, got, e.Err(), tt.want)
		}
	}
}

// TestChunks: a literal by reference is read when it is written, and a client
// waits where it has to.
func TestChunks(t *testing.T) {
	login := Full().Command("LOGIN")
	app := Full().Command("APPEND")
	body := bytesAt("0123456789")
	tests := []struct {
		name string
		mode LiteralMode
		cmd  *Command
		want []string // "+" in front: waits
	}{
		{"sync", SyncLiterals, &Command{Tag: "a", Spec: login, Args: &LoginArgs{"u\r", []byte("p\n")}},
			[]string{"a LOGIN {2}\r\n", "+u\r {2}\r\n", "+p\n\r\n"}},
		{"plus", PlusLiterals, &Command{Tag: "a", Spec: login, Args: &LoginArgs{"u\r", []byte("p\n")}},
			[]string{"a LOGIN {2+}\r\nu\r {2+}\r\np\n\r\n"}},
		{"append", SyncLiterals, &Command{Tag: "a", Spec: app, Args: &AppendArgs{"x", []AppendMessage{{Size: 10, Src: body}, {Size: 3, Src: body}}}},
			[]string{"a APPEND x {10}\r\n", "+0123456789", " {3}\r\n", "+012", "\r\n"}},
		{"empty", SyncLiterals, &Command{Tag: "a", Spec: app, Args: &AppendArgs{"x", []AppendMessage{{Src: body}}}},
			[]string{"a APPEND x {0}\r\n", "+\r\n"}},
		{"minus, small", MinusLiterals, &Command{Tag: "a", Spec: app, Args: &AppendArgs{"x", []AppendMessage{{Size: 10, Src: body}}}},
			[]string{"a APPEND x {10+}\r\n", "0123456789", "\r\n"}},
		{"minus, large", MinusLiterals, &Command{Tag: "a", Spec: app, Args: &AppendArgs{"x", []AppendMessage{{Size: 4097, Src: bytesAt(make([]byte, 4097))}}}},
			[]string{"a APPEND x {4097}\r\n", "+" + strings.Repeat("\x80", 4097), "\r\n"}},
		{"binary", PlusLiterals, &Command{Tag: "a", Spec: app, Args: &AppendArgs{"x", []AppendMessage{{Size: 2, Binary: true, Src: bytesAt("\x00\x00")}}}},
			[]string{"a APPEND x ~{2+}\r\n", "\x00\x00", "\r\n"}},
	}
	for _, tt := range tests {
		e := Encoder{Literals: tt.mode}
		e.Command(tt.cmd)
		var got []string
		for c := range e.Chunks() {
			var b bytes.Buffer
			if c.Wait {
				b.WriteByte('+')
			}
			if _, err := c.WriteTo(&b); err != nil {
				t.Fatal(err)
			}
			got = append(got, b.String())
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// countWrites counts writes, and keeps what was written.
type countWrites struct {
	bytes.Buffer
	n int
}

func (c *countWrites) Write(b []byte) (int, error) {
	c.n++
	return c.Buffer.Write(b)
}

// TestFewWrites: bodies by reference leave together with what is around them.
func TestFewWrites(t *testing.T) {
	var e Encoder
	var want bytes.Buffer
	body := bytesAt(strings.Repeat("0123456789", 1000))
	for n := SeqNum(1); n <= 20; n++ {
		e.BeginFetch(n)
		e.ItemName(&FetchItem{Name: "BODY", Section: &Section{}})
		e.Body(body, 1, 9000, false)
		e.EndFetch()
		want.WriteString("* " + NumSetOf(n).String() + " FETCH (BODY[] {9000}\r\n" + string(body[1:9001]) + ")\r\n")
	}
	var got countWrites
	n, err := e.WriteTo(&got)
	if err != nil || n != int64(want.Len()) || !bytes.Equal(got.Bytes(), want.Bytes()) {
		t.Errorf("%d octets written, %v; want %d", n, err, want.Len())
	}
	if got.n > 3 {
		t.Errorf("%d writes for %d octets", got.n, n)
	}
}

func TestShortSource(t *testing.T) {
	var e Encoder
	e.Body(bytesAt("abc"), 1, 5, false)
	if _, err := e.WriteTo(io.Discard); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a source that ends too soon: %v", err)
	}
}

// TestFetchRowEncoding: spaces between items are right whatever a value ends in.
func TestFetchRowEncoding(t *testing.T) {
	var e Encoder
	e.BeginFetch(3)
	e.FetchUID(7)
	e.ItemName(&FetchItem{Name: "BODY.PEEK", Section: &Section{}, Partial: &Partial{0, 5}})
	e.Literal([]byte("x("))
	e.FetchFlags([]Flag{FlagSeen, "a"})
	e.FetchModSeq(9)
	e.FetchSize(10)
	e.EndFetch()
	want := "* 3 FETCH (UID 7 BODY[]<0> {2}\r\nx( FLAGS (\\Seen a) MODSEQ (9) RFC822.SIZE 10)\r\n"
	if got := string(e.Bytes()); got != want {
		t.Errorf("row %q, want %q", got, want)
	}
	row := new(FetchRow)
	p := NewParser(e.Bytes()[len("* 3 FETCH (") : e.Buffered()-2])
	if p.fetchValues(row); !p.AtEnd() || len(row.Items) != 5 {
		t.Errorf("it parses as %+v, %v", row, p.Err())
	}
}

func TestEmptyMultipart(t *testing.T) {
	var e Encoder
	e.BodyStructure(&Body{Type: Text("MULTIPART"), Subtype: Text("MIXED")}, true)
	p := NewParser(e.Bytes())
	if b := p.BodyStructure(); !p.AtEnd() || len(b.Parts) != 1 {
		t.Errorf("%q: %+v, %v", e.Bytes(), b, p.Err())
	}
}

// TestFetchFlagsAllocs guards the hottest path of a server.
func TestFetchFlagsAllocs(t *testing.T) {
	e := new(Encoder)
	flags := []Flag{FlagSeen, FlagAnswered, "$Custom"}
	row := func() {
		e.Reset()
		e.BeginFetch(1234)
		e.FetchUID(99999)
		e.FetchFlags(flags)
		e.FetchModSeq(1 << 40)
		e.EndFetch()
	}
	row()
	if n := testing.AllocsPerRun(100, row); n != 0 {
		t.Errorf("a FETCH row costs %v allocations, want 0", n)
	}
}

func BenchmarkFetchRow(b *testing.B) {
	flags := []Flag{FlagSeen, FlagAnswered}
	b.Run("flags", func(b *testing.B) {
		b.ReportAllocs()
		e := new(Encoder)
		for n := SeqNum(1); b.Loop(); n++ {
			if e.Buffered() > 32<<10 {
				e.Reset()
			}
			e.BeginFetch(n)
			e.FetchFlags(flags)
			e.EndFetch()
		}
	})
	b.Run("envelope", func(b *testing.B) {
		b.ReportAllocs()
		e := new(Encoder)
		env := sampleEnvelope(newRand(4))
		for b.Loop() {
			e.Reset()
			e.BeginFetch(1)
			e.ItemName(&ItemEnvelope)
			e.Envelope(env)
			e.EndFetch()
		}
	})
	b.Run("body=4KiB", func(b *testing.B) {
		b.ReportAllocs()
		e := new(Encoder)
		body := bytesAt(make([]byte, 4096))
		item := FetchItem{Name: "BODY", Section: &Section{}}
		for b.Loop() {
			e.Reset()
			e.BeginFetch(1)
			e.ItemName(&item)
			e.Body(body, 0, 4096, true)
			e.EndFetch()
			if _, err := e.WriteTo(io.Discard); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		in := []byte("* 12 FETCH (UID 7 FLAGS (\\Seen \\Answered) MODSEQ (9))")
		p := Parser{Lenient: true}
		for b.Loop() {
			p.Reset(in)
			r, err := p.ParseResponse()
			if err != nil || r.Value == nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkParseCommand(b *testing.B) {
	for _, line := range []string{"a1 NOOP", "a1 UID FETCH 1:* (FLAGS)", `a1 FETCH 1:100 (FLAGS BODY.PEEK[HEADER.FIELDS (From To Subject)])`,
		`a1 UID SEARCH RETURN (ALL) UNSEEN SINCE 1-Jan-2026 SUBJECT "x y"`, `a1 STORE 1 +FLAGS (\Seen)`} {
		name, _, _ := strings.Cut(line[3:], " (")
		b.Run(strings.ReplaceAll(name, " ", "_"), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(line)))
			in := []byte(line)
			p := NewParser(nil)
			for b.Loop() {
				p.Reset(in)
				if _, err := p.ParseCommand(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestApply: what STORE makes of flags, without touching what it was given.
func TestApply(t *testing.T) {
	have := []Flag{FlagSeen, "a"}
	for _, tt := range []struct {
		op   FlagOp
		want []Flag
	}{
		{FlagOp{Mode: FlagsAdd, Flags: []Flag{"A", FlagDraft}}, []Flag{FlagSeen, "a", FlagDraft}},
		{FlagOp{Mode: FlagsRemove, Flags: []Flag{`\sEEN`, "b"}}, []Flag{"a"}},
		{FlagOp{Mode: FlagsSet, Flags: []Flag{"b", "B"}}, []Flag{"b"}},
		{FlagOp{Mode: FlagsSet}, nil},
	} {
		if got := tt.op.Apply(have); !slices.Equal(got, tt.want) {
			t.Errorf("%v of %v is %v, want %v", tt.op, have, got, tt.want)
		}
	}
	if !slices.Equal(have, []Flag{FlagSeen, "a"}) {
		t.Errorf("Apply changed its input to %v", have)
	}
}
