package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSearch(t *testing.T) {
	s := testShelf(t)
	put(t, s, letter("order one", "The teapot is blue."), "bob@example.org", "hidden@example.org")
	put(t, s, "From: =?utf-8?q?J=C3=BCrgen?= <j@nord.example>\nSubject: =?iso-8859-1?q?Gr=FC=DFe?=\n"+
		"Content-Type: text/plain; charset=koi8-r\nContent-Transfer-Encoding: base64\n\n8NLJ18XU\n") // Привет
	put(t, s, "From: shop@example.org\nSubject: files\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nsee file\n--b\n"+
		"Content-Type: application/pdf\nContent-Disposition: attachment; filename=teapot.pdf\n\nx\n--b--\n")
	for _, row := range []struct {
		name, query string
		want        []string
	}{
		{"nothing asked", "  ", []string{"files", "Grüße", "order one"}},
		{"a word of the text", "TEAPOT", []string{"order one"}},
		{"two words, any order", "blue order", []string{"order one"}},
		{"a word too many", "blue order nothing", nil},
		{"quotes keep together", `"is blue"`, []string{"order one"}},
		{"quotes keep apart", `"blue is"`, nil},
		{"a quote left open", `"is blue`, []string{"order one"}},
		{"decoded header", "grüsse", nil},
		{"decoded header, as written", "GRÜßE", []string{"Grüße"}},
		{"decoded name", "from:jürgen", []string{"Grüße"}},
		{"decoded body", "body:привет", []string{"Grüße"}},
		{"from", "from:shop", []string{"files"}},
		{"from, by the envelope", "from:a@example.org", []string{"files", "Grüße", "order one"}},
		{"to", "to:bob", []string{"order one"}},
		{"a Bcc is in the envelope alone", "to:HIDDEN@", []string{"order one"}},
		{"and found without a field too", "hidden@example.org", []string{"order one"}},
		{"subject", "subject:order", []string{"order one"}},
		{"not in the subject", "subject:teapot", nil},
		{"name in other case", "Subject:order", []string{"order one"}},
		{"id", "id:order.one@example.org", []string{"order one"}},
		{"with quotes behind the name", `subject:"order one"`, []string{"order one"}},
		{"attachment", "has:attachment", []string{"files"}},
		{"has something else", "has:wings", nil},
		{"not a name of ours", "message-id:", []string{"order one"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			q, err := parseQuery(row.query)
			if err != nil {
				t.Fatal(err)
			}
			found, err := q.search(t.Context(), s, s.snapshot().entries)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range found {
				got = append(got, e.subject)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("%q: -want +got\n%s", row.query, diff)
			}
		})
	}
	if _, err := parseQuery(strings.Repeat("a ", maxTerms+1)); !errors.Is(err, errQuery) {
		t.Errorf("too many words: %v", err)
	}
}
