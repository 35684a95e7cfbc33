package imap

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// TestNotEncodable: what has no form on the wire is an error, and never octets
// that mean another thing.
func TestNotEncodable(t *testing.T) {
	tests := map[string]func(e *Encoder){
		"atom with a space":     func(e *Encoder) { e.Atom("a b") },
		"empty atom":            func(e *Encoder) { e.Atom("") },
		"label":                 func(e *Encoder) { e.Label("a\r\n") },
		"quoted line end":       func(e *Encoder) { e.Quoted("a\r\nb") },
		"flag":                  func(e *Encoder) { e.Flag("a)") },
		"flag of no letters":    func(e *Encoder) { e.Flag(`\`) },
		"day":                   func(e *Encoder) { e.Date(Date{2026, 2, 30}) },
		"no day":                func(e *Encoder) { e.Date(Date{}) },
		"no UIDs":               func(e *Encoder) { e.UIDSet(UIDSet{}) },
		"no UIDs in order":      func(e *Encoder) { e.UIDList(nil) },
		"no messages":           func(e *Encoder) { e.Ref(Ref{}) },
		"unknown data":          func(e *Encoder) { e.Data("NOSUCH", 0, nil) },
		"data without grammar":  func(e *Encoder) { e.Data("EXISTS", 1, "x") },
		"data of another type":  func(e *Encoder) { e.Data("FLAGS", 0, "x") },
		"nil key":               func(e *Encoder) { e.searchKey(nil) },
		"unknown key":           func(e *Encoder) { e.searchKey(Test("NOSUCH")) },
		"empty And":             func(e *Encoder) { e.searchKey(And{}) },
		"unknown item":          func(e *Encoder) { e.FetchItem(&FetchItem{Name: "NOSUCH"}) },
		"PEEK without section":  func(e *Encoder) { e.FetchItem(&FetchItem{Name: "BODY.PEEK"}) },
		"section without names": func(e *Encoder) { e.FetchItem(&FetchItem{Name: "BODY", Section: &Section{Kind: SectionFields}}) },
		"partial of nothing":    func(e *Encoder) { e.FetchItem(&FetchItem{Name: "BODY", Section: &Section{}, Partial: &Partial{}}) },
		"unknown parameter":     func(e *Encoder) { e.Parameters(SelectParam, Params{{"NOSUCH", nil}}) },
		"tag":                   func(e *Encoder) { e.Command(&Command{Tag: "a b", Spec: Full().Command("NOOP")}) },
	}
	for name, encode := range tests {
		var e Encoder
		encode(&e)
		if err, ok := errors.AsType[*EncodeError](e.Err()); !ok || !strings.HasPrefix(err.Error(), "imap: cannot encode ") {
			t.Errorf("%s: %q, %v", name, e.Bytes(), e.Err())
		}
		if e.Reset(); e.Err() != nil {
			t.Errorf("%s: the error outlives Reset", name)
		}
	}
}

// TestEncoderTruncate: what is taken back is not sent, references included.
func TestEncoderTruncate(t *testing.T) {
	e := Encoder{Literals: SyncLiterals}
	e.Body(bytesAt("one"), 0, 3, false)
	mark, length := e.Buffered(), e.Len()
	e.Raw(" and ")
	e.Body(bytesAt("two"), 0, 3, false)
	if e.Len() != length+int64(len(" and {3}\r\ntwo")) {
		t.Errorf("Len is %d", e.Len())
	}
	e.Truncate(mark)
	if got := string(octetsOf(t, &e)); got != "{3}\r\none" || e.Len() != length || len(e.waits) != 1 {
		t.Errorf("left is %q, Len %d, %d waits", got, e.Len(), len(e.waits))
	}
}

func TestSmallThings(t *testing.T) {
	if got := DateOf(time.Date(2026, 3, 1, 0, 30, 0, 0, time.FixedZone("", 7200))); got != (Date{2026, 3, 1}) {
		t.Errorf("DateOf disregards the zone wrongly: %v", got)
	}
	if got := Peek("1.HEADER"); got.Name != "BODY.PEEK" || got.Section.Kind != SectionHeader {
		t.Errorf("Peek = %+v", got)
	}
	for _, s := range []string{State(99).String(), Kind(99).String(), Tell(99).String(), FlagMode(99).String()} {
		if s != "unknown(99)" {
			t.Errorf("a value without a name is called %q", s)
		}
	}
	c := new(ClientSession)
	if got := string(c.AppendResponse(nil, []byte("ab"))) + string(c.AppendCancel(nil)); got != "YWI=\r\n*\r\n" {
		t.Errorf("lines of AUTHENTICATE: %q", got)
	}
	if err := error(No("LIMIT", "x")); err.Error() != "imap: refused with NO [LIMIT] x" {
		t.Errorf("Reject: %v", err)
	}
	if v, ok := (Caps{"appendlimit=5"}).Value(CapAppendLimit); v != "5" || !ok {
		t.Errorf("Value = %q, %v", v, ok)
	}
	if !AttrTrash.SpecialUse() || AttrRemote.SpecialUse() || !AttrImportant.SpecialUse() {
		t.Error("SpecialUse is wrong")
	}
	defer func() {
		if recover() == nil {
			t.Error("Peek of nonsense does not panic")
		}
	}()
	Peek("0")
}
