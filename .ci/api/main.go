// Command api prints the exported API of the packages in the named folders, one
// line for each name, method and field, sorted: what .ci/api/*.txt holds. It
// reads source only, so that it needs nothing that is not in the tree.
package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"log"
	"os"
	"slices"
	"strings"
)

func main() {
	log.SetFlags(0)
	for _, dir := range os.Args[1:] {
		lines, err := api(dir)
		if err != nil {
			log.Fatal(err)
		}
		for _, line := range lines {
			fmt.Println(line)
		}
	}
}

// api returns the lines of the package in dir.
func api(dir string) ([]string, error) {
	fset := token.NewFileSet()
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, dir+"/"+e.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range f.Decls {
			lines = append(lines, declared(fset, d)...)
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines), nil
}

// declared returns the lines of one declaration.
func declared(fset *token.FileSet, d ast.Decl) (lines []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if !d.Name.IsExported() || d.Recv != nil && !exported(d.Recv.List[0].Type) {
			return nil
		}
		d.Body, d.Doc = nil, nil
		return []string{text(fset, d)}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.ValueSpec:
				for _, name := range spec.Names {
					if name.IsExported() {
						lines = append(lines, strings.TrimSpace(d.Tok.String()+" "+name.Name+" "+text(fset, spec.Type)))
					}
				}
			case *ast.TypeSpec:
				if spec.Name.IsExported() {
					lines = append(lines, typeLines(fset, spec)...)
				}
			}
		}
	}
	return lines
}

// typeLines returns a line for the type and one for each exported field or method.
func typeLines(fset *token.FileSet, spec *ast.TypeSpec) []string {
	head := "type " + spec.Name.Name
	if spec.TypeParams != nil {
		head += "[...]"
	}
	var members *ast.FieldList
	switch t := spec.Type.(type) {
	case *ast.StructType:
		head, members = head+" struct", t.Fields
	case *ast.InterfaceType:
		head, members = head+" interface", t.Methods
	default:
		if spec.Assign.IsValid() {
			head += " ="
		}
		return []string{head + " " + text(fset, spec.Type)}
	}
	lines := []string{head}
	for _, f := range members.List {
		if len(f.Names) == 0 { // embedded
			lines = append(lines, head+", "+text(fset, f.Type))
		}
		for _, name := range f.Names {
			if name.IsExported() {
				lines = append(lines, head+", "+name.Name+" "+text(fset, f.Type))
			}
		}
	}
	return lines
}

func exported(recv ast.Expr) bool {
	switch t := recv.(type) {
	case *ast.StarExpr:
		return exported(t.X)
	case *ast.IndexExpr:
		return exported(t.X)
	case *ast.Ident:
		return t.IsExported()
	}
	return false
}

// text returns a node on one line.
func text(fset *token.FileSet, n ast.Node) string {
	if e, ok := n.(ast.Expr); n == nil || ok && e == nil {
		return ""
	}
	var b bytes.Buffer
	if err := printer.Fprint(&b, fset, n); err != nil {
		log.Fatal(err)
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
