package doccheck

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSnippets vets the Go snippets of the README and of docs, and runs the tests
// in them. They are packages of a module of their own, so that they can import what
// any user can, and nothing else.
func TestSnippets(t *testing.T) {
	all, err := pages(root)
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]string)
	for _, p := range all {
		if p.dir() == "." || strings.HasPrefix(p.path, "docs/") {
			if err := p.programs(files); err != nil {
				t.Error(err)
			}
		}
	}
	if len(files) < 2 {
		t.Errorf("only %d snippets", len(files))
	}
	dir := workspace(t, files)
	for _, verb := range []string{"vet", "test"} {
		cmd := exec.CommandContext(t.Context(), "go", verb, "./...")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOWORK="+filepath.Join(dir, "go.work"), "GOFLAGS=")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("go %s: %v\n%s", verb, err, out)
		}
	}
}

var packageClause = regexp.MustCompile(`(?m)^package (\w+)$`)

// programs adds the files that the snippets of a page make, by their paths. A
// snippet with a package clause begins a file, one without goes on with it.
// Packages that are called the same, but for _test, are one.
func (p *document) programs(files map[string]string) error {
	name := ""
	for i, f := range p.fences {
		if f.language != "go" {
			continue
		}
		if m := packageClause.FindStringSubmatch(f.code); m != nil {
			base, isTest := strings.CutSuffix(m[1], "_test")
			dir := strings.NewReplacer("/", "-", ".", "-").Replace(p.path) + "-" + base
			if base == "main" {
				dir = fmt.Sprint(dir, i)
			}
			name = dir + "/" + base + ".go"
			if isTest {
				name = dir + "/" + base + "_test.go"
			}
		}
		if name == "" {
			return fmt.Errorf("%s:%d: no snippet before this one has a package clause", p.path, f.line)
		}
		// Mistakes are reported where the page has them.
		files[name] += fmt.Sprintf("//line %s:%d\n%s", p.path, f.line, f.code)
	}
	return nil
}

// workspace writes files as a module beside this one.
func workspace(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	top, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	files = maps.Clone(files)
	files["go.mod"] = "module snippets\n\ngo 1.26.0\n"
	files["go.work"] = fmt.Sprintf("go 1.26.0\n\nuse (\n\t.\n\t%q\n)\n", top)
	for name, content := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
