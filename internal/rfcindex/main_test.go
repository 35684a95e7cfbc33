package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// smallTree has every kind of place for a citation, and some that are none.
var smallTree = fstest.MapFS{
	"smtp/data.go": {Data: []byte(`// Package smtp: RFC 5321, section 2.
package smtp

// decode removes dots.
// RFC 5321, section 4.5.2; section 2.3.8.
func decode() string { return "RFC 5321, section 9" } // RFC 2119
`)},
	"smtp/data_test.go": {Data: []byte(`package smtp
func TestRFC5321_4_5_2_Dots(t *testing.T) { _ = "RFC 3030, section 2" }
func helperRFC5321_7() {}
`)},
	"smtp/smtptest/case.go":         {Data: []byte("package smtptest\nvar refs = []string{`RFC 2920, section 3.2`}\n")},
	"smtp/testdata/dot.txt":         {Data: []byte("# RFC 5321, section 4.5.2: once.\nC: RFC 5321, section 8\n# RFC 5321, section 4.1\n")},
	"smtp/testdata/fuzz/x.txt":      {Data: []byte("# RFC 5321, section 8\n")},
	"smtp/notes.txt":                {Data: []byte("# RFC 5321, section 8\n")},
	".ci/x.go":                      {Data: []byte("package x // RFC 5321, section 8\n")},
	"internal/rfcindex/big_test.go": {Data: []byte("package main // RFC 5321, section 8\n")},
}

func TestTable(t *testing.T) {
	x, err := scan(smallTree)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := x.writeTable(&out); err != nil {
		t.Fatal(err)
	}
	want := `| RFC | section | cited by code | cited by tests |
|---|---|---|---|
| 2119 | (none) | smtp/data.go |  |
| 2920 | 3.2 |  | smtp/smtptest/case.go |
| 3030 | 2 |  | smtp/data_test.go |
| 5321 | 2 | smtp/data.go |  |
| 5321 | 2.3.8 | smtp/data.go |  |
| 5321 | 4.1 |  | smtp/testdata/dot.txt |
| 5321 | 4.5.2 | smtp/data.go | smtp/data_test.go, smtp/testdata/dot.txt |
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

const smallRFC = `
Network Working Group                                        A. Nonymous

Table of Contents
   1. Introduction ...............................................2
1. Introduction ..................................................2

1.  Introduction

   2.  This is a list, not a heading.

2.  Terms
2.1.  7bit Data
2.2.  [OTHER] Words
3.  IANA Considerations
3.1.  Registry
4 Numbers without a dot
4.1 Below
5.  References
Appendix A.  Collected ABNF
A.1.  More
A Sentence that starts a line
`

func TestGaps(t *testing.T) {
	x := make(index)
	for _, c := range citations("RFC 9999, section 2.1; section 4; section 7.7; section 3.1. RFC 8888, section 1.") {
		x.add(c, "a.go", false)
	}
	var out bytes.Buffer
	if err := x.writeGaps(&out, fstest.MapFS{"rfc9999.txt": {Data: []byte(smallRFC)}}, nil); err != nil {
		t.Fatal(err)
	}
	want := `Sections that nothing cites:

| RFC | section | title |
|---|---|---|
| 9999 | 1 | Introduction |
| 9999 | 2.2 | [OTHER] Words |
| 9999 | 4.1 | Below |
| 9999 | A | Collected ABNF |
| 9999 | A.1 | More |

Citations of sections that do not exist:

| RFC | section | cited by code | cited by tests |
|---|---|---|---|
| 9999 | 7.7 | a.go |  |

No text of RFC 8888
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCoverage(t *testing.T) {
	const keywords = `
1.  Words

   The key words "MUST", "MUST NOT" and "SHOULD" are explained elsewhere.

2.  Rules
2.1.  Of code and tests
   A server MUST.
2.2.  Of code
   A client MUST NOT, and
   SHOULD too.
2.3.  Of tests
   It is REQUIRED.
2.4.  Of nobody
   It is RECOMMENDED.
2.5.  None: it may, must and should
3.  References
   These MUST be read.
`
	x := make(index)
	for _, c := range citations("RFC 9999, section 2.1; section 2.2. RFC 9998, section 4.1. RFC 8888, section 1.") {
		x.add(c, "a.go", false)
	}
	for _, c := range citations("RFC 9999, section 2.1; section 2.3. RFC 7777, section 1.") {
		x.add(c, "a_test.go", true)
	}
	texts := fstest.MapFS{"rfc9999.txt": {Data: []byte(keywords)}, "rfc9998.txt": {Data: []byte(smallRFC)}}
	var out bytes.Buffer
	if err := x.writeCoverage(&out, texts); err != nil {
		t.Fatal(err)
	}
	want := `| RFC | with requirements | cited by code and tests | by code alone | by tests alone | by nothing |
|---|---|---|---|---|---|
| 9998 | 8 | 0 | 2 | 0 | 6 |
| 9999 | 4 | 1 | 1 | 1 | 1 |

## Sections with requirements that nothing cites

| RFC | sections |
|---|---|
| 9998 | 1, 2, 2.1, 2.2, A, A.1 |
| 9999 | 2.4 |

## Not counted

Code cites these too, but their texts were not at hand: RFC 8888.
`
	if diff := cmp.Diff(want, strings.TrimPrefix(out.String(), coverageHead+"\n")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRunErrors(t *testing.T) {
	broken := t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, "a.go"), []byte("package"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"argument", []string{"5321"}, `unexpected argument "5321"`},
		{"number", []string{"-rfc", "5321,x"}, `not the number of an RFC: "x"`},
		{"no texts", []string{"-root", t.TempDir(), "-gaps"}, "no texts of RFCs in"},
		{"broken source", []string{"-root", broken}, "a.go:1:8: expected"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := run(tt.args, new(bytes.Buffer))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}

// TestModule runs the command on this module.
func TestModule(t *testing.T) {
	var out bytes.Buffer
	if err := run([]string{"-root", "../..", "-rfc", "2920, 5737"}, &out); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if !strings.HasPrefix(line, "| 2920 |") && !strings.HasPrefix(line, "| 5737 |") && !strings.HasPrefix(line, "| RFC |") && !strings.HasPrefix(line, "|---|") {
			t.Errorf("-rfc let pass %q", line)
		}
	}
	for _, want := range []string{"internal/transcript/testdata/toy-dialogue.txt", "| 5737 | 3 | internal/memnet/doc.go"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s is not in the table:\n%s", want, &out)
		}
	}
}

// TestCitedSectionsExist finds citations of sections that an RFC does not have.
func TestCitedSectionsExist(t *testing.T) {
	const texts = "../../../shared/rfc"
	if _, err := os.Stat(texts); err != nil {
		t.Skip("the texts of the RFCs are not here: ", err)
	}
	x, err := scan(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	checked := make(map[int]bool)
	for _, c := range x.sorted() {
		if checked[c.rfc] {
			continue
		}
		list, err := sections(os.DirFS(texts), c.rfc)
		if err != nil {
			continue // not all texts are there
		}
		checked[c.rfc] = true
		for _, wrong := range x.unknown(c.rfc, list) {
			t.Errorf("RFC %d has no section %s, cited by %s %s", c.rfc, wrong.section, fileList(x[wrong].code), fileList(x[wrong].tests))
		}
	}
	if len(checked) == 0 {
		t.Errorf("none of the cited RFCs has a text in %s", texts)
	}
}
