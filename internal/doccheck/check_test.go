package doccheck

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// badTree has one of each mistake, and beside it what is none.
var badTree = fstest.MapFS{
	"bad/a.go": {Data: []byte(`package bad

type T struct{ A int }

// M is [T], not [Nobody] nor [T.A], and [other.Gone] neither; NO [TRYCREATE].
func (T) M() {}
func (T) N() {}

func (T) O() {}

func (T) String() string { return "" }

// An Options is filled in: Named is named.
type Options struct {
	Named int
	Bare  int
	// Lead has a comment.
	Lead int
	Next int

	Side int // this too
	last int
}

const C = 1

// D and more.
const (
	D = 2
	E = 3
)
`)},
	"tool/main.go":     {Data: []byte("// Command tool is one.\n//\n//\tgo run ./tool -known 1 -unknown=2 ./gone -other\npackage main\n\nvar flags = []string{\"known\", \"other\"}\n")},
	"bad/a_test.go":    {Data: []byte("package bad\nfunc TestFound(t *testing.T) {}\nfunc FuzzFound(f *testing.F) {}\n")},
	"other/o.go":       {Data: []byte("// Package other is imported by nobody.\npackage other\n")},
	"internal/x/x.go":  {Data: []byte("package x\n\nfunc X() {}\n")},
	"docs/page.md":     {Data: []byte(badPage)},
	"docs/testdata/x":  {},
	"docs/other.md":    {Data: []byte("# One `two`, three-four\n\n## Again\n\n## Again\n")},
	"testdata/skip.md": {Data: []byte("[x](nowhere)\n")},
}

const badPage = "# Page\n\n[a](other.md#one-two-three-four) [b](other.md#again-1) [c](#page) [d](../bad) [e](https://example.org/x)\n" +
	"[f](gone.md) [g](other.md#gone) [h](#gone) `[i](in-code.md)`\n[j]: gone2.md\n\n" +
	"Use `bad.T`, `bad.T.A`, `*bad.Gone`, `bad.T.Gone` and `fmt.Gone`. " +
	"Look at `bad/a.go`, `docs/*.md`, `docs/gone.go`, `internal/gone`, `go run ./gone` and `go test -run Found ./bad`.\n\n" +
	"    cd bad && go test -fuzz='^FuzzLost$' .   # and more\n\n" +
	"```sh\ngo build ./... && go vet example.org/x@v1 ./bad/...\ngo test ./bad -run=Lost\n# [k](in-fence.md)\n```\n"

func TestFindsMistakes(t *testing.T) {
	packages, err := load(badTree)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pages(badTree)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(p *document) bool { return p.path == "docs/page.md" })
	if i < 0 || len(all) != 2 {
		t.Fatalf("pages: %v", all)
	}
	got := map[string][]string{
		"comments": packages["bad"].uncommented(),
		"docs":     packages["bad"].brokenLinks(packages),
		"links":    brokenLinks(badTree, all[i], all),
		"paths":    brokenPaths(badTree, all[i]),
		"names":    unknownNames(all[i], packages),
	}
	for _, c := range append(all[i].commands(), packages["tool"].manual().commands()...) {
		for _, problem := range c.problems(badTree) {
			got["commands"] = append(got["commands"], c.String()+": "+problem)
		}
	}
	want := map[string][]string{
		"comments": {
			"bad/a.go:3:6: no doc comment: type T",
			"bad/a.go:9:1: no doc comment: func T.O",
			"bad/a.go:16:2: no doc comment: field Options.Bare",
			"bad/a.go:25:7: no doc comment: const C",
			"bad/a.go:1:1: no doc comment: package bad has 0 of them",
		},
		"docs": {
			"bad/a.go:5:1: [Nobody]: there is no such name",
			"bad/a.go:5:1: [other.Gone]: the package is not imported here",
		},
		"links": {
			"link gone.md: there is no docs/gone.md",
			"link other.md#gone: docs/other.md has no such heading",
			"link #gone: docs/page.md has no such heading",
			"link gone2.md: there is no docs/gone2.md",
		},
		"paths": {"there is no docs/gone.go", "there is no internal/gone"},
		"names": {"there is no bad.Gone", "there is no bad.T.Gone"},
		"commands": {
			"go run ./gone: there is no package ./gone",
			"go test -fuzz='^FuzzLost$' .: -fuzz: nothing is called like ^FuzzLost$",
			"go test ./bad -run=Lost: -run: nothing is called like Lost",
			"go run ./tool -known 1 -unknown=2 ./gone -other: there is no package ./gone",
			"go run ./tool -known 1 -unknown=2 ./gone -other: tool has no flag -unknown",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if packages["internal/x"].library() || !packages["bad"].library() {
		t.Error("library: the wrong ones")
	}
}

// TestPrograms puts the snippets of a page together.
func TestPrograms(t *testing.T) {
	p := parsePage("docs/a.md", "```go\npackage q\n```\n```sh\nx\n```\n```go\nvar X int\n```\n```go\npackage q_test\n```\n```go\npackage main\n```\n")
	got := make(map[string]string)
	if err := p.programs(got); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		filepath.Join("docs-a-md-q", "q.go"):        "//line docs/a.md:2\npackage q\n//line docs/a.md:8\nvar X int\n",
		filepath.Join("docs-a-md-q", "q_test.go"):   "//line docs/a.md:11\npackage q_test\n",
		filepath.Join("docs-a-md-main4", "main.go"): "//line docs/a.md:14\npackage main\n",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := parsePage("a.md", "```go\nvar X int\n```\n").programs(got); err == nil || !strings.Contains(err.Error(), "a.md:2") {
		t.Errorf("without a package clause: %v", err)
	}
	for text, want := range map[string]bool{"in /home/ann/x": true, "`/work/x`": true, "https://a.example/work/x": false, "net/work/x": false, "./root/x": false} {
		if got := somebodysMachine.MatchString(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
