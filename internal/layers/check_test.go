package layers

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"path"
	"slices"
	"strings"
)

// violations collects what breaks a rule, one line each.
type violations []string

func (v *violations) add(format string, args ...any) { *v = append(*v, fmt.Sprintf(format, args...)) }

// check applies all rules.
func (t *tree) check() []string {
	var v violations
	for i := range pureRooms {
		t.checkRoom(&v, &pureRooms[i])
	}
	for _, dir := range slices.Sorted(maps.Keys(t.packages)) {
		t.checkImports(&v, t.packages[dir])
	}
	t.checkRequirements(&v)
	return v
}

// checkRoom checks one pure room.
func (t *tree) checkRoom(v *violations, r *room) {
	p := t.packages[r.dir]
	if p == nil {
		return
	}
	for _, f := range p.files {
		if len(r.files) > 0 && !slices.Contains(r.files, path.Base(f.path)) {
			continue
		}
		t.checkReach(v, r, f)
		if !r.importsOnly {
			t.checkStatements(v, p, f)
		}
	}
}

// checkReach looks for impure imports of a file, and of all packages of this
// module that it leads to.
func (t *tree) checkReach(v *violations, r *room, f *file) {
	seen := make(map[string]bool)
	var visit func(f *file, chain string)
	visit = func(f *file, chain string) {
		for _, spec := range importsOf(f) {
			dir, ours := within(spec.path)
			switch {
			case r.isImpure(spec.path):
				v.add("%s: %s is pure and may not import %s%s", t.at(spec.node), r.dir, spec.path, chain)
			case ours && t.packages[dir] != nil && !seen[dir]:
				seen[dir] = true
				for _, next := range t.packages[dir].files {
					visit(next, fmt.Sprintf(" (%s imports %s%s)", path.Dir(f.path), dir, chain))
				}
			case !ours && !isStandard(spec.path) && !matchesAny(externalOfPure, spec.path):
				v.add("%s: %s is pure and may not import %s%s", t.at(spec.node), r.dir, spec.path, chain)
			}
		}
	}
	visit(f, "")
}

// checkStatements looks for clocks, goroutines and assignments to variables of
// the package.
func (t *tree) checkStatements(v *violations, p *pkg, f *file) {
	for _, decl := range f.ast.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		isInit := ok && fn.Recv == nil && fn.Name.Name == "init"
		ast.Inspect(decl, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				v.add("%s: %s is pure and starts a goroutine", t.at(n), p.dir)
			case *ast.SelectorExpr:
				if p.isClock(n) && !slices.Contains(clockReaders, f.path) {
					v.add("%s: %s is pure and uses time.%s", t.at(n), p.dir, n.Sel.Name)
				}
			case *ast.ImportSpec:
				if n.Name != nil && n.Name.Name == "." {
					v.add("%s: %s is pure and has a dot import, which hides what is called", t.at(n), p.dir)
				}
			}
			for _, target := range targets(n) {
				if name := p.variable(target); name != "" && !isInit {
					v.add("%s: %s is pure and changes its variable %s", t.at(n), p.dir, name)
				}
			}
			return true
		})
	}
}

// isClock reports whether a selector is one of clock in package time.
func (p *pkg) isClock(s *ast.SelectorExpr) bool {
	x, ok := s.X.(*ast.Ident)
	if !ok {
		return false
	}
	name, ok := p.info.Uses[x].(*types.PkgName)
	return ok && name.Imported().Path() == "time" && slices.Contains(clock, s.Sel.Name)
}

// targets returns the expressions that a node assigns to.
func targets(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			return n.Lhs
		}
	case *ast.IncDecStmt:
		return []ast.Expr{n.X}
	case *ast.RangeStmt:
		if n.Tok == token.ASSIGN {
			return []ast.Expr{n.Key, n.Value}
		}
	case *ast.CallExpr:
		if f, ok := n.Fun.(*ast.Ident); ok && len(n.Args) > 0 && slices.Contains([]string{"delete", "clear", "copy"}, f.Name) {
			return n.Args[:1]
		}
	}
	return nil
}

// variable returns the name of the package-level variable that an assignment to
// e changes, wholly or in a part.
func (p *pkg) variable(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		if v, ok := p.info.Uses[e].(*types.Var); ok && v.Parent() == p.scope {
			return e.Name
		}
	case *ast.IndexExpr:
		return p.variable(e.X)
	case *ast.SliceExpr:
		return p.variable(e.X)
	case *ast.SelectorExpr:
		return p.variable(e.X)
	case *ast.StarExpr:
		return p.variable(e.X)
	case *ast.ParenExpr:
		return p.variable(e.X)
	}
	return ""
}

// checkImports checks the directions of imports.
func (t *tree) checkImports(v *violations, p *pkg) {
	i := slices.IndexFunc(imports, func(r importRule) bool { return matches(r.pkg, p.dir) })
	if i < 0 {
		v.add("%s: no rule says what this package may import", p.dir)
		return
	}
	for _, f := range p.files {
		for _, spec := range importsOf(f) {
			dir, ours := within(spec.path)
			switch {
			case ours && !matchesAny(imports[i].may, dir):
				v.add("%s: %s may not import %s", t.at(spec.node), p.dir, dir)
			case !ours && !isStandard(spec.path) && !matchesAny(external, spec.path):
				v.add("%s: only tests may import %s", t.at(spec.node), spec.path)
			}
		}
	}
}

// checkRequirements checks go.mod.
func (t *tree) checkRequirements(v *violations) {
	block := ""
	for line := range strings.Lines(t.gomod) {
		line, _, _ = strings.Cut(line, "//")
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
			continue
		case len(words) == 2 && words[1] == "(":
			block = words[0]
			continue
		case words[0] == ")":
			block = ""
			continue
		case block != "":
			words = append([]string{block}, words...)
		}
		switch words[0] {
		case "module", "go", "toolchain":
		case "require":
			if !slices.Contains(requirements, words[1]) {
				v.add("go.mod: requires %s", words[1])
			}
		default:
			v.add("go.mod: has a line for %s", words[0]) // replace, exclude, tool: users do not get them
		}
	}
}
