package imap

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// bad and good are command lines of imap-cases.md, by case.
func TestCasesOfGrammar(t *testing.T) {
	tests := []struct {
		id, line string
		ok       bool
	}{
		{"FRM-7", "a SELECT {0}\r\n", true},
		{"FRM-8", "a SELECT ~x", true},
		{"FRM-8", `a LIST "" ~%`, true},
		{"FRM-8", "a SELECT ~{1}\r\nx", false},
		{"FRM-9", "", false},
		{"FRM-10", "a", false},
		{"FRM-10", "a ", false},
		{"FRM-11", "+ NOOP", false},
		{"FRM-11", "a+b NOOP", false},
		{"FRM-11", "* NOOP", false},
		{"FRM-11", "( NOOP", false},
		{"FRM-11", "\x80 NOOP", false},
		{"FRM-12", "a SELECT \"x\x00\"", false},
		{"FRM-12", "a SELECT \"x\ry\"", false},
		{"FRM-13", `a SELECT "IN\BOX"`, false},
		{"FRM-13", `a SELECT "a\"b\\c"`, true},
		{"FRM-14", `a SELECT "x`, false},
		{"FRM-17", "a SEARCH " + strings.Repeat("(", 3000) + "ALL" + strings.Repeat(")", 3000), false},
		{"FRM-17", "a SEARCH " + strings.Repeat("NOT ", 20_000) + "ALL", false},
		{"FRM-17", "a SEARCH " + strings.Repeat("OR ALL ", 200) + "ALL", true},
		{"FRM-17", "a SEARCH " + strings.Repeat("(", 40) + "ALL" + strings.Repeat(")", 40), true},
		{"FRM-21", "a SELECT NIL", true},
		{"FRM-21", "a SEARCH SUBJECT NIL", true},
		{"FRM-21", "a SEARCH KEYWORD NIL", true},
		{"FRM-21", "a STORE 1 FLAGS (NIL)", true},
		{"AUT-4", "a AUTHENTICATE PLAIN =", true},
		{"AUT-4", "a AUTHENTICATE PLAIN", true},
		{"AUT-4", "a AUTHENTICATE PLAIN YQ=YQ===", false},
		{"AUT-4", "a AUTHENTICATE PLAIN !", false},
		{"8.1 LOGIN", "a LOGIN u {2}\r\n\xc3\xa9", false},
		{"NUM-5", "a FETCH 0 FLAGS", false},
		{"NUM-5", "a FETCH 1:0 FLAGS", false},
		{"NUM-5", "a FETCH 4294967296 FLAGS", false},
		{"NUM-5", "a FETCH 1,,2 FLAGS", false},
		{"NUM-5", "a FETCH -1 FLAGS", false},
		{"NUM-5", "a FETCH 1: FLAGS", false},
		{"FET-1", "a FETCH 1 BODY[]<5.9223372036854775807>", true},
		{"FET-1", "a FETCH 1 BODY[]<5.9223372036854775808>", false},
		{"FET-1", "a FETCH 1 BODY[]<99999999999999999999.1>", false},
		{"FET-2", "a FETCH 1 BODY[]<0.0>", false},
		{"FET-2", "a FETCH 1 BODY[]<5>", false},
		{"FET-4", "a FETCH 1 BODY[MIME]", false},
		{"FET-4", "a FETCH 1 BODY[0]", false},
		{"FET-4", "a FETCH 1 BODY[1.0]", false},
		{"FET-4", "a FETCH 1 BODY[1.]", false},
		{"FET-4", "a FETCH 1 BODY[1.MIME]", true},
		{"FET-4", "a FETCH 1 BODY[1.FOO]", false},
		{"FET-4", "a FETCH 1 BODY.PEEK", false},
		{"FET-4", "a FETCH 1 BODY[HEADER.FIELDS ()]", false},
		{"FET-14", "a FETCH 1 BINARY[1.TEXT]", false},
		{"FET-14", "a FETCH 1 BINARY.SIZE[1]<0.5>", false},
		{"CST-1", `a STORE 1 FLAGS (\Recent)`, false},
		{"CST-1", `a STORE 1 FLAGS (\Bogus)`, false},
		{"CST-1", `a STORE 1 FLAGS \Seen $Junk`, true},
		{"CST-3", `a STORE 1 (UNCHANGEDSINCE 0) FLAGS ()`, true},
		{"CST-8", "a FETCH 1 FLAGS (CHANGEDSINCE 5 VANISHED)", false},
		{"CST-8", "a UID FETCH 1 FLAGS (VANISHED)", false},
		{"CST-8", "a UID FETCH 1 FLAGS (CHANGEDSINCE 0)", false},
		{"SRCH-7", "a SEARCH RETURN (FOO) ALL", false},
		{"SRCH-7", "a SEARCH RETURN () ALL", true},
		{"SRCH-7", "a SEARCH RETURN (MIN MIN) ALL", false},
		{"WITHIN", "a SEARCH OLDER 0", false},
		{"MBX-3", "a CREATE a&b", false},
		{"MBX-3", "a CREATE &AGE-", false},
		{"MBX-3", `a LIST "" a&b`, true},
		{"MBX-3", `a LIST a&b *`, true},
		{"MBX-6", `a LIST (RECURSIVEMATCH) "" *`, false},
		{"MBX-6", `a LIST (REMOTE RECURSIVEMATCH) "" *`, false},
		{"MBX-6", `a LIST (SUBSCRIBED RECURSIVEMATCH) "" *`, true},
		{"MBX-6", `a LIST () "" * RETURN (FOO)`, false},
		{"MBX-6", `a LIST "" ()`, false},
		{"note 2", "a  NOOP", false},
		{"note 2", "a NOOP ", false},
		{"note 2", "a\tNOOP", false},
		{"ID", `a ID ("x" "y" "X" "z")`, false},
		{"ID", `a ID (` + strings.TrimSpace(strings.Repeat(`"x" NIL `, 31)) + `)`, false},
		{"ID", `a ID ("` + strings.Repeat("x", 31) + `" NIL)`, false},
	}
	for _, tt := range tests {
		_, err := NewParser([]byte(tt.line)).ParseCommand()
		if (err == nil) != tt.ok {
			t.Errorf("%s: %.80q: error %v, want ok %v", tt.id, tt.line, err, tt.ok)
		}
	}
}

// TestBadMailboxName: the session answers these another way than other mistakes.
func TestBadMailboxName(t *testing.T) {
	_, err := NewParser([]byte("a CREATE a&b")).ParseCommand()
	if !errors.Is(err, ErrMailboxName) {
		t.Errorf("CREATE a&b: %v, want ErrMailboxName", err)
	}
	p := NewParser([]byte("a CREATE \"a&b\u00e9\""))
	p.UTF8 = true
	c, err := p.ParseCommand()
	if err != nil || c.Args.(*CreateArgs).Mailbox != "a&b\u00e9" {
		t.Errorf("with UTF8=ACCEPT: %v", err)
	}
	for _, name := range []string{"\xff", "a\x7fb", "\u2028", "\u0085", "\x01"} {
		if _, err := decodeMailbox([]byte(name), true); err == nil {
			t.Errorf("mailbox name %q is taken", name)
		}
	}
}

// TestSyntaxError says where.
func TestSyntaxError(t *testing.T) {
	_, err := NewParser([]byte("a FETCH 1 (FLAGS XYZ)")).ParseCommand()
	e, ok := errors.AsType[*SyntaxError](err)
	if !ok || e.Offset != 17 || e.Got != `"XYZ)"` {
		t.Errorf("error %v (%#v), want one at octet 17", err, e)
	}
}

// TestSkip: values of a grammar that nobody knows are skipped whole.
func TestSkip(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"a b", "a"},
		{"(a (b) \"c)\" {2}\r\n))) d", "(a (b) \"c)\" {2}\r\n)))"},
		{`"a b" c`, `"a b"`},
		{"~{1}\r\n\x00 x", "~{1}\r\n\x00"},
		{"(a[b c) x", "(a[b c)"},
		{"()", "()"},
		{"(a", ""}, {")", ""}, {"", ""}, {`"a`, ""}, {"{5}\r\nab", ""},
	} {
		p := NewParser([]byte(tt.in))
		if got := string(p.Skip()); got != tt.want || (p.Err() == nil) != (tt.want != "") {
			t.Errorf("Skip of %q = %q, %v; want %q", tt.in, got, p.Err(), tt.want)
		}
	}
	p := NewParser([]byte(strings.Repeat("(", 100_000)))
	if p.Skip(); p.Err() == nil {
		t.Error("100000 parentheses are a value")
	}
}

// TestResponses are what servers say, right and wrong.
func TestResponses(t *testing.T) {
	uint32p := func(n uint32) *uint32 { return &n }
	tests := []struct {
		id, in string
		want   Response
	}{
		{"plain", "* 5 EXISTS", Response{Tag: "*", Name: "EXISTS", Num: 5}},
		{"none", "* 0 EXISTS", Response{Tag: "*", Name: "EXISTS"}},
		{"CLI-1", "* XFOO a (b)", Response{Tag: "*", Name: "XFOO", Raw: []byte(" a (b)")}},
		{"CLI-1", "* 3 XNUM", Response{Tag: "*", Name: "XNUM", Num: 3, Raw: []byte{}}},
		{"CLI-1", "* VANISHED 3", Response{Tag: "*", Name: "VANISHED", Value: &Vanished{UIDs: NumSetOf[UID](3)}}},
		{"CLI-1", `* LSUB () "/" a`, Response{Tag: "*", Name: "LSUB", Value: &MailboxInfo{Name: "a", Delim: '/'}}},
		{"CLI-8", `* NO [X "a]b"] text`, Response{Tag: "*", Name: "NO", Value: Status{NO, Code{"X", []byte(`"a]b"`)}, "text"}}},
		{"CLI-8", "a OK", Response{Tag: "a", Name: "OK", Value: Status{Kind: OK}}},
		{"CLI-8", "a OK [READ-WRITE]", Response{Tag: "a", Name: "OK", Value: Status{OK, Code{Name: "READ-WRITE"}, ""}}},
		{"CLI-8", "* OK [UIDVALIDITY 0] x", Response{Tag: "*", Name: "OK", Value: Status{OK, Code{"UIDVALIDITY", uint32(0)}, "x"}}},
		{"CLI-8", "* OK [unclosed", Response{Tag: "*", Name: "OK", Value: Status{Kind: OK, Text: "[unclosed"}}},
		{"CLI-8", "+", Response{Tag: "+", Raw: []byte{}}},
		{"CLI-8", "* STATUS a ()", Response{Tag: "*", Name: "STATUS", Value: &MailboxStatus{Mailbox: "a"}}},
		{"CLI-8", "* STATUS a (X-Y (1) MESSAGES 3) ", Response{Tag: "*", Name: "STATUS",
			Value: &MailboxStatus{Mailbox: "a", Has: StatusItems{"MESSAGES"}, Messages: 3, Extra: Params{{"X-Y", []byte("(1)")}}}}},
		{"CLI-8", "* SEARCH 1 2 ", Response{Tag: "*", Name: "SEARCH", Value: &SearchData{Numbers: []uint32{1, 2}}}},
		{"CLI-8", "* CAPABILITY IMAP4rev1 idle ", Response{Tag: "*", Name: "CAPABILITY", Value: Caps{CapRev1, CapIdle}}},
		{"esearch", `* ESEARCH (TAG "a") UID COUNT 2 X 5`, Response{Tag: "*", Name: "ESEARCH",
			Value: &ESearchData{Tag: "a", UID: true, Count: uint32p(2), Extra: Params{{"X", []byte("5")}}}}},
		{"damaged", "* LIST foo", Response{Tag: "*", Name: "LIST", Raw: []byte(" foo"), Err: &SyntaxError{Offset: 7, Want: `"("`, Got: `"foo"`}}},
		{"damaged", "* FETCH (UID 1)", Response{Tag: "*", Name: "FETCH", Raw: []byte(" (UID 1)"),
			Err: &SyntaxError{Offset: 15, Want: "a number of a message", Got: `""`}}},
	}
	for _, tt := range tests {
		p := NewParser([]byte(tt.in))
		p.Lenient = true
		got, err := p.ParseResponse()
		if err != nil {
			t.Errorf("%s: %q: %v", tt.id, tt.in, err)
			continue
		}
		if diff := cmp.Diff(tt.want, *got); diff != "" {
			t.Errorf("%s: %q (-want +got):\n%s", tt.id, tt.in, diff)
		}
	}
	for _, damaged := range []string{"*", "* ", "* (", "*X", "* 99999999999 EXISTS", "* 5", "* 5 "} {
		p := NewParser([]byte(damaged))
		if r, err := p.ParseResponse(); err != nil || r.Err == nil || r.Value != nil || !p.AtEnd() {
			t.Errorf("%q: %#v, %v", damaged, r, err)
		}
	}
	for _, bad := range []string{"", "a FETCH", "a", "a+ OK", "( OK", "5 EXISTS"} {
		if r, err := NewParser([]byte(bad)).ParseResponse(); err == nil {
			t.Errorf("%q is a response: %#v", bad, r)
		}
	}
}

// TestFetchRow: unknown items are skipped and kept, known ones decoded on demand.
func TestFetchRow(t *testing.T) {
	in := "* 12 FETCH (X-NEW ((a) {2}\r\n)) \"b\") UID 7 FLAGS (\\seen foo) BODY[HEADER.FIELDS (To)]<5> {3}\r\nabc " +
		"RFC822.SIZE -1 MODSEQ (9) BODY[X.Y (a \"]\") [1]] NIL)"
	p := NewParser([]byte(in))
	p.Lenient = true
	r, err := p.ParseResponse()
	if err != nil || r.Err != nil {
		t.Fatal(err, r.Err)
	}
	row := r.Value.(*FetchRow)
	uid, _ := row.UID()
	flags, _ := row.Flags()
	size, sizeOK := row.Size()
	modSeq, _ := row.ModSeq()
	if row.Seq != 12 || uid != 7 || size != 0 || !sizeOK || modSeq != 9 {
		t.Errorf("row %d: UID %d, size %d %v, MODSEQ %d", row.Seq, uid, size, sizeOK, modSeq)
	}
	if diff := cmp.Diff([]Flag{FlagSeen, "foo"}, flags); diff != "" {
		t.Errorf("flags (-want +got):\n%s", diff)
	}
	if got, want := string(row.Get("X-NEW")), "((a) {2}\r\n)) \"b\")"; got != want {
		t.Errorf("raw %q, want %q", got, want)
	}
	body := &row.Items[3]
	asked := FetchItem{Name: "BODY.PEEK", Section: &Section{Kind: SectionFields, Fields: []string{"TO"}}, Partial: &Partial{5, 99}}
	if !body.Item.Answers(&asked) || string(body.Octets()) != "abc" {
		t.Errorf("item %+v has %q", body.Item, body.Octets())
	}
	if _, ok := row.Envelope(); ok {
		t.Error("an envelope that is not there")
	}
	if last := row.Items[len(row.Items)-1].Item; last.Arg != `[X.Y (a "]") [1]]` {
		t.Errorf("unknown section: %+v", last)
	}
}

// TestLenientBody: what known servers send in BODYSTRUCTURE.
func TestLenientBody(t *testing.T) {
	for _, in := range []string{
		`("TEXT" "PLAIN" NIL NIL NIL NIL -1 NIL)`,
		`("APPLICATION" "PDF" ("NAME" NIL) NIL NIL "base64" 5 NIL ("attachment" NIL) "en" NIL 7 ("x"))`,
		`(("TEXT" "PLAIN" NIL NIL NIL "7BIT" 1 1) ("TEXT" "HTML" NIL NIL NIL "7BIT" 1 1) "ALTERNATIVE")`,
		`("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 5)`,
	} {
		p := NewParser([]byte(in))
		p.Lenient = true
		if b := p.BodyStructure(); !p.AtEnd() {
			t.Errorf("%s: %+v, %v", in, b, p.Err())
		}
	}
}

// FuzzResponse: a response with its literals whole never fails for its data, and
// what has a value prints and comes back.
func FuzzResponse(f *testing.F) {
	for _, tr := range trips() {
		if strings.HasPrefix(tr.name, "data ") {
			var e Encoder
			tr.append(&e, tr.sample(newRand(1)))
			f.Add(octetsOf(f, &e))
		}
	}
	f.Add([]byte("* OK [COPYUID 1 2:3 4:5] x"))
	f.Fuzz(func(t *testing.T, in []byte) {
		p := NewParser(in)
		p.Lenient = true
		r, err := p.ParseResponse()
		if err != nil {
			return
		}
		if !p.AtEnd() {
			t.Fatalf("%q: %q is left over", in, p.Rest())
		}
		if row, ok := r.Value.(*FetchRow); ok {
			row.UID()
			row.Flags()
			row.Envelope()
			row.BodyStructure()
			row.InternalDate()
			for i := range row.Items {
				row.Items[i].Octets()
			}
		}
		if st, ok := r.Status(); ok {
			var e Encoder
			e.Status(r.Tag, st)
			if wire := e.Bytes(); strings.Count(string(wire), "\n") != 1 {
				t.Fatalf("%q prints as more than one line: %q", in, wire)
			}
		}
	})
}
