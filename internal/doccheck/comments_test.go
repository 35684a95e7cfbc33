package doccheck

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/mailwire/mailwire"

// root is the module, seen from here.
var root = os.DirFS("../..")

// TestComments finds exported names of the library without a comment.
func TestComments(t *testing.T) {
	packages, err := load(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(packages) < 10 {
		t.Errorf("only %d packages", len(packages))
	}
	for _, p := range packages {
		if p.library() {
			for _, problem := range p.uncommented() {
				t.Error(problem)
			}
		}
	}
}

// TestDocLinks finds links in comments that lead nowhere.
func TestDocLinks(t *testing.T) {
	packages, err := load(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packages {
		for _, problem := range p.brokenLinks(packages) {
			t.Error(problem)
		}
	}
}

// TestExamples finds packages of the library without an example that is run.
func TestExamples(t *testing.T) {
	packages, err := load(root)
	if err != nil {
		t.Fatal(err)
	}
	for dir, p := range packages {
		if !p.library() {
			continue
		}
		found := false
		files, _ := fs.Glob(root, dir+"/*_test.go")
		for _, file := range files {
			src, err := fs.ReadFile(root, file)
			if err != nil {
				t.Fatal(err)
			}
			found = found || regexp.MustCompile(`(?ms)^func Example\w*\(\) \{.*^\t// (?:Unordered o|O)utput:`).Match(src)
		}
		if !found {
			t.Errorf("%s has no example with output", dir)
		}
	}
}

// A pkg is the code of one folder, without tests.
type pkg struct {
	dir, name string
	fset      *token.FileSet
	files     []*ast.File
	symbols   map[string]bool // exported "Name" and "Type.Member"
}

// library reports whether others can import p.
func (p *pkg) library() bool {
	return p.name != "main" && !slices.ContainsFunc(strings.Split(p.dir, "/"), func(element string) bool {
		return element == "internal" || element == "examples"
	})
}

// load parses the packages below a root, nested modules included.
func load(fsys fs.FS) (map[string]*pkg, error) {
	packages := make(map[string]*pkg)
	err := walk(fsys, ".go", func(name string, src []byte) error {
		if strings.HasSuffix(name, "_test.go") {
			return nil
		}
		dir := path.Dir(name)
		p := packages[dir]
		if p == nil {
			p = &pkg{dir: dir, fset: token.NewFileSet(), symbols: make(map[string]bool)}
			packages[dir] = p
		}
		file, err := parser.ParseFile(p.fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		p.name = file.Name.Name
		p.files = append(p.files, file)
		p.collect(file)
		return nil
	})
	return packages, err
}

// walk calls do with each file of the name's ending that belongs to the repository.
func walk(fsys fs.FS, ending string, do func(name string, content []byte) error) error {
	return fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && name != ".ci" && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case !d.Type().IsRegular() || !strings.HasSuffix(name, ending):
			return nil
		}
		content, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		return do(name, content)
	})
}

// collect notes what a link may name.
func (p *pkg) collect(file *ast.File) {
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			p.symbols[declared(decl)] = true
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					p.symbols[spec.Name.Name] = true
					for _, m := range members(spec.Type) {
						p.symbols[spec.Name.Name+"."+m] = true
					}
				case *ast.ValueSpec:
					for _, n := range spec.Names {
						p.symbols[n.Name] = true
					}
				}
			}
		}
	}
}

// members are the methods of an interface, or the fields of a struct.
func members(e ast.Expr) []string {
	var list *ast.FieldList
	switch e := e.(type) {
	case *ast.InterfaceType:
		list = e.Methods
	case *ast.StructType:
		list = e.Fields
	default:
		return nil
	}
	var names []string
	for _, f := range list.List {
		for _, n := range f.Names {
			names = append(names, n.Name)
		}
	}
	return names
}

// declared is the name of a function, or Type.Method.
func declared(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	return receiver(f.Recv.List[0].Type) + "." + f.Name.Name
}

func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// uncommented returns the exported names without a comment, with their places.
func (p *pkg) uncommented() []string {
	var problems []string
	report := func(at token.Pos, format string, args ...any) {
		problems = append(problems, fmt.Sprintf("%v: no doc comment: %s", p.fset.Position(at), fmt.Sprintf(format, args...)))
	}
	packageDocs := 0
	for _, file := range p.files {
		if file.Doc != nil {
			packageDocs++
		}
		documented := 0 // the line on which a method ended that has a comment
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				// One comment may stand above the same method of several types.
				if decl.Doc != nil || p.line(decl.Pos()) == documented+1 {
					documented = p.line(decl.End())
				} else if name := declared(decl); exported(name) && !selfEvident[decl.Name.Name] {
					report(decl.Pos(), "func %s", name)
				}
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					uncommentedSpec(p.fset, decl, spec, report)
				}
			}
		}
	}
	if packageDocs != 1 {
		report(p.files[0].Package, "package %s has %d of them", p.name, packageDocs)
	}
	return problems
}

func (p *pkg) line(at token.Pos) int { return p.fset.Position(at).Line }

// exported reports whether a name, and the type in front of it, is.
func exported(name string) bool {
	typeName, method, isMethod := strings.Cut(name, ".")
	return ast.IsExported(typeName) && (!isMethod || ast.IsExported(method))
}

// selfEvident methods say by their signature all there is to say.
var selfEvident = map[string]bool{"String": true, "Error": true, "Unwrap": true}

func uncommentedSpec(fset *token.FileSet, decl *ast.GenDecl, spec ast.Spec, report func(at token.Pos, format string, args ...any)) {
	switch spec := spec.(type) {
	case *ast.ValueSpec: // a comment on the group is one for all of it
		if decl.Doc == nil && spec.Doc == nil && spec.Comment == nil {
			for _, n := range spec.Names {
				if n.IsExported() {
					report(n.Pos(), "%s %s", decl.Tok, n.Name)
				}
			}
		}
	case *ast.TypeSpec:
		if !spec.Name.IsExported() {
			return
		}
		doc := decl.Doc.Text() + spec.Doc.Text() + spec.Comment.Text()
		if doc == "" {
			report(spec.Pos(), "type %s", spec.Name.Name)
		}
		uncommentedFields(fset, spec, doc, report)
	}
}

// filledIn are the types that users fill in. Of each of their fields they have to
// know what its zero value means, so that fields need comments too.
var filledIn = regexp.MustCompile(`(Authenticator|Builder|Cache|Certificates|ConnInfo|Conns|Credentials|Deliverer|Dialer|Entity` +
	`|Extension|Feature|Limits|Offer|Options|Planner|Policy|Pool|Recorder|Schemes|Server|Session|Stub|Target|Timeouts|Trust)$`)

// uncommentedFields reports fields of a struct that is filled in. One has a comment
// of its own, or stands in one block with a field above that has one, or is named by
// the comment of the type.
func uncommentedFields(fset *token.FileSet, spec *ast.TypeSpec, doc string, report func(at token.Pos, format string, args ...any)) {
	t, ok := spec.Type.(*ast.StructType)
	if !ok || !filledIn.MatchString(spec.Name.Name) {
		return
	}
	line, inBlock := 0, false // where the last field ended; its block began with a comment
	for _, f := range t.Fields.List {
		at := fset.Position(f.Pos()).Line
		inBlock = f.Doc != nil || inBlock && at == line+1
		line = fset.Position(f.End()).Line
		if inBlock || f.Comment != nil {
			continue
		}
		for _, n := range f.Names {
			if n.IsExported() && !regexp.MustCompile(`\b`+n.Name+`\b`).MatchString(doc) {
				report(n.Pos(), "field %s.%s", spec.Name.Name, n.Name)
			}
		}
	}
}

// docLink is a link to a name, as go doc understands it. Words in capitals alone
// are response codes of IMAP.
var docLink = regexp.MustCompile(`\[\*?(?:([a-z]\w*)\.)?([A-Z]\w*(?:\.[A-Z]\w*)?)\]`)

// brokenLinks returns the links in the comments of p that name nothing.
func (p *pkg) brokenLinks(packages map[string]*pkg) []string {
	byName := map[string]*pkg{"": p}
	for _, file := range p.files {
		for _, imp := range file.Imports {
			if dir, ours := strings.CutPrefix(strings.Trim(imp.Path.Value, `"`), module+"/"); ours && packages[dir] != nil {
				byName[packages[dir].name] = packages[dir]
			}
		}
	}
	ours := make(map[string]bool)
	for _, o := range packages {
		ours[o.name] = o.library()
	}
	var problems []string
	for _, file := range p.files {
		for _, group := range file.Comments {
			for line := range strings.Lines(group.Text()) {
				if strings.HasPrefix(line, "\t") || strings.HasPrefix(line, "    ") {
					continue // code
				}
				for _, m := range docLink.FindAllStringSubmatch(line, -1) {
					to := byName[m[1]]
					switch {
					case to != nil && to.symbols[m[2]], to == nil && !ours[m[1]], m[1] == "" && m[2] == strings.ToUpper(m[2]):
					case to == nil:
						problems = append(problems, fmt.Sprintf("%v: %s: the package is not imported here", p.fset.Position(group.Pos()), m[0]))
					default:
						problems = append(problems, fmt.Sprintf("%v: %s: there is no such name", p.fset.Position(group.Pos()), m[0]))
					}
				}
			}
		}
	}
	return problems
}
