package imap

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRowsAreKept: rows that came together may be kept, and what is made of one may
// be changed, without a change of the others or of itself.
func TestRowsAreKept(t *testing.T) {
	s := new(ClientSession)
	s.Start(true)
	says(t, s, "* PREAUTH hi")
	send(t, s, "SELECT", &SelectArgs{Mailbox: "a"})
	says(t, s, "A1 OK in")
	line := func(i int) string {
		long := ""
		if i%7 == 0 {
			long = strings.Repeat("x", 3000) // alone
		}
		return fmt.Sprintf(`* %d FETCH (UID %d FLAGS ($k%d \Seen) ENVELOPE ("d%d" "s\"%d%s" (("n%d" NIL "m" "h")(NIL NIL "o" "h")) NIL NIL ((NIL NIL "t%d" "h")) NIL NIL NIL NIL) RFC822.SIZE %d BODYSTRUCTURE ("text" "plain" ("a%d" "b") NIL NIL "7bit" 1 2 NIL ("attachment" ("f" "g%d"))))`,
			i, i, i, i, i, long, i, i, i, i, i)
	}
	const n = 100
	var rows []*FetchRow
	input := make([]byte, 0, 8<<10)
	for i := 1; i <= n; i++ {
		input = append(input[:0], line(i)...)
		ev, err := s.Step(input)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, ev.(*Data).Value.(*FetchRow))
		clear(input) // the Reader's buffer goes on
	}
	show := func(r *FetchRow) string {
		u, _ := r.UID()
		size, _ := r.Size()
		flags, _ := r.Flags()
		env, ok := r.Envelope()
		body, ok2 := r.BodyStructure()
		if !ok || !ok2 {
			t.Fatalf("row %d does not parse", u)
		}
		return fmt.Sprintf("%d %d %d %q %s %s %s", r.Seq, u, size, flags, fmt.Sprintf("%s", *env), body.Params, *body.Disposition)
	}
	var want []string
	for _, r := range rows {
		want = append(want, show(r))
	}
	spoil := func(texts ...Text) {
		for _, text := range texts {
			for i := range text {
				text[i] = '!'
			}
			_ = append(text, "!!!!!!!!"...)
		}
	}
	for _, r := range rows {
		flags, _ := r.Flags()
		_ = append(flags, "!")
		flags[0] = "!"
		env, _ := r.Envelope()
		spoil(env.Date, env.Subject)
		for _, a := range append(env.From, Address{}) {
			spoil(a.Name, a.Mailbox, a.Host)
		}
		for i := range env.From {
			env.From[i] = Address{}
		}
		_ = append(env.From, Address{Name: Text("!")})
		body, _ := r.BodyStructure()
		spoil(body.Type, body.Params[0].Name, body.Disposition.Params[0].Value)
		_ = append(body.Params, BodyParam{})
		_ = append(r.Items, FetchValue{})
	}
	var got []string
	for _, r := range rows {
		got = append(got, show(r))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if want := `1 1 1 ["$k1" "\\Seen"] {d1 s"1 `; !strings.HasPrefix(got[0], want) {
		t.Errorf("got %.100s, want %s", got[0], want)
	}
}

// TestEnvelopeParts: lists of one envelope do not run into each other.
func TestEnvelopeParts(t *testing.T) {
	row := &FetchRow{Items: []FetchValue{{Item: ItemEnvelope, Raw: []byte(
		`(NIL "" ((NIL NIL "a" "h")) ((NIL NIL "b" "h")(NIL NIL "c" "h")) () NIL ((NIL NIL "d" "h")(NIL NIL "e" "h")(NIL NIL "f" "h")(NIL NIL "g" "h")(NIL NIL "i" "h")) NIL NIL NIL)`)}}}
	env, ok := row.Envelope()
	if !ok {
		t.Fatal("not an envelope")
	}
	_ = append(env.From, Address{Name: Text("!")})
	_ = append(env.Sender, Address{Name: Text("!")})
	_ = append(env.From[0].Mailbox, "!!!!!!!!!!!!!!!!!!!!"...)
	names := func(list []Address) (s string) {
		for _, a := range list {
			s += string(a.Mailbox)
		}
		return s
	}
	got := []string{names(env.From), names(env.Sender), names(env.ReplyTo), names(env.To), names(env.Cc)}
	if diff := cmp.Diff([]string{"a", "bc", "", "", "defgi"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if env.ReplyTo != nil || env.To != nil || env.Date != nil || env.Subject == nil {
		t.Errorf("absent and empty: %+v", env)
	}
}
