package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// self is left out: its tests are full of citations that are none.
const self = "internal/rfcindex"

// index says where each section is cited.
type index map[citation]*places

type places struct {
	code, tests map[string]bool // files, from the root of the module
}

func (x index) add(c citation, file string, test bool) {
	p := x[c]
	if p == nil {
		p = &places{make(map[string]bool), make(map[string]bool)}
		x[c] = p
	}
	if test {
		p.tests[file] = true
	} else {
		p.code[file] = true
	}
}

// sorted returns what is cited, in the order of numbers.
func (x index) sorted() []citation {
	return slices.SortedFunc(maps.Keys(x), citation.compare)
}

// restrict leaves only some RFCs, unless there are none.
func (x index) restrict(rfcs []int) {
	if len(rfcs) > 0 {
		maps.DeleteFunc(x, func(c citation, _ *places) bool { return !slices.Contains(rfcs, c.rfc) })
	}
}

// scan reads the Go files and the transcripts of a tree, nested modules included.
func scan(fsys fs.FS) (index, error) {
	x := make(index)
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		base := path.Base(name)
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if name == self || name != "." && strings.HasPrefix(base, ".") || path.Dir(name) != "." && base == "fuzz" {
				return fs.SkipDir
			}
			return nil
		case strings.HasSuffix(name, ".go"):
			return x.scanGo(fsys, name)
		case strings.HasSuffix(name, ".txt") && path.Base(path.Dir(name)) == "testdata":
			return x.scanTranscript(fsys, name)
		}
		return nil
	})
	return x, err
}

// isTest reports whether a Go file is a test or a part of a conformance suite
// such as smtptest.
func isTest(name string) bool {
	return strings.HasSuffix(name, "_test.go") || strings.HasSuffix(path.Dir(name), "test")
}

func (x index) scanGo(fsys fs.FS, name string) error {
	src, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	test := isTest(name)
	for _, group := range file.Comments {
		x.addText(group.Text(), name, test)
	}
	if !test {
		return nil
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if c, ok := citationOfName(n.Name.Name); ok {
				x.add(c, name, true)
			}
		case *ast.BasicLit:
			if s, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
				x.addText(s, name, true)
			}
		}
		return true
	})
	return nil
}

// scanTranscript takes each comment of a transcript by itself.
func (x index) scanTranscript(fsys fs.FS, name string) error {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(data)) {
		if comment, ok := strings.CutPrefix(line, "#"); ok {
			x.addText(comment, name, true)
		}
	}
	return nil
}

func (x index) addText(text, file string, test bool) {
	for _, c := range citations(text) {
		x.add(c, file, test)
	}
}
