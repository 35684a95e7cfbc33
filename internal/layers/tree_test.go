package layers

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

const module = "github.com/mailwire/mailwire"

// tree is the source of the module without tests and nested modules.
type tree struct {
	fset     *token.FileSet
	packages map[string]*pkg // by directory
	gomod    string
}

type pkg struct {
	dir   string
	files []*file
	info  *types.Info // what identifiers mean; incomplete, as no import is read
	scope *types.Scope
}

type file struct {
	path string // from the root of the module
	ast  *ast.File
}

// load parses the module at the root of fsys.
func load(fsys fs.FS) (*tree, error) {
	t := &tree{fset: token.NewFileSet(), packages: make(map[string]*pkg)}
	gomod, err := fs.ReadFile(fsys, "go.mod")
	if err != nil {
		return nil, err
	}
	t.gomod = string(gomod)
	err = fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return skipDir(fsys, name)
		case strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go"):
			return t.add(fsys, name)
		}
		return nil
	})
	for _, p := range t.packages {
		p.resolve(t.fset)
	}
	return t, err
}

// skipDir keeps out what is not of this module, by the rules of the go command.
func skipDir(fsys fs.FS, name string) error {
	base := path.Base(name)
	if name == "." {
		return nil
	}
	if base == "testdata" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return fs.SkipDir
	}
	if _, err := fs.Stat(fsys, path.Join(name, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

func (t *tree) add(fsys fs.FS, name string) error {
	src, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	parsed, err := parser.ParseFile(t.fset, name, src, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	dir := path.Dir(name)
	if t.packages[dir] == nil {
		t.packages[dir] = &pkg{dir: dir}
	}
	t.packages[dir].files = append(t.packages[dir].files, &file{name, parsed})
	return nil
}

// resolve finds out what identifiers mean. Imported packages are empty here and
// files of several build tags are taken together, so there are errors: they do
// not matter, as the questions are only "which package" and "which variable".
func (p *pkg) resolve(fset *token.FileSet) {
	var files []*ast.File
	for _, f := range p.files {
		files = append(files, f.ast)
	}
	p.info = &types.Info{Uses: make(map[*ast.Ident]types.Object)}
	config := types.Config{Importer: emptyImporter{}, Error: func(error) {}}
	checked, _ := config.Check(p.dir, fset, files, p.info)
	p.scope = checked.Scope()
}

type emptyImporter struct{}

func (emptyImporter) Import(path string) (*types.Package, error) {
	p := types.NewPackage(path, packageName(path))
	p.MarkComplete()
	return p, nil
}

// packageName guesses the name, which is the last element but for a version.
func packageName(importPath string) string {
	base := path.Base(importPath)
	if len(base) > 1 && base[0] == 'v' && strings.Trim(base[1:], "0123456789") == "" {
		base = path.Base(path.Dir(importPath))
	}
	return base
}

// at renders a position for a message.
func (t *tree) at(n ast.Node) string {
	p := t.fset.Position(n.Pos())
	return fmt.Sprintf("%s:%d", p.Filename, p.Line)
}

// imported is an import of a file.
type imported struct {
	path string
	node ast.Node
}

func importsOf(f *file) []imported {
	var all []imported
	for _, spec := range f.ast.Imports {
		name, _ := strconv.Unquote(spec.Path.Value) // the parser has seen to it
		all = append(all, imported{name, spec})
	}
	return all
}

// within returns the directory of a package of this module.
func within(importPath string) (dir string, ok bool) {
	if importPath == module {
		return ".", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

// isStandard reports whether a package is of the standard library.
func isStandard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}
