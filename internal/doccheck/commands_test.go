package doccheck

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestCommands finds go commands in pages, and in the comments of programs, that
// cannot work as written.
func TestCommands(t *testing.T) {
	all, err := pages(root)
	if err != nil {
		t.Fatal(err)
	}
	packages, err := load(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packages {
		if p.name == "main" {
			all = append(all, p.manual())
		}
	}
	seen := 0
	for _, p := range all {
		commands := p.commands()
		seen += len(commands)
		for _, c := range commands {
			for _, problem := range c.problems(root) {
				t.Errorf("%s: %q: %s", p.path, c, problem)
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d commands were found", seen)
	}
}

// manual is the package comment of a program, as a page.
func (p *pkg) manual() *document {
	var text strings.Builder
	for _, file := range p.files {
		text.WriteString(strings.ReplaceAll(file.Doc.Text(), "\n\t", "\n    "))
	}
	return parsePage(p.dir+"/main.go", text.String())
}

// TestFuzzTargets finds targets that docs/fuzzing.md names and nobody has.
func TestFuzzTargets(t *testing.T) {
	have := make(map[string]bool)
	err := walk(root, "_test.go", func(_ string, src []byte) error {
		for _, m := range regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`).FindAllSubmatch(src, -1) {
			have[string(m[1])] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`(Fuzz\\w+)`").FindAllStringSubmatch(page(t, "docs/fuzzing.md").text, -1)
	if len(named) < 10 {
		t.Errorf("only %d targets are named", len(named))
	}
	for _, m := range named {
		if !have[m[1]] {
			t.Errorf("there is no %s", m[1])
		}
	}
}

// A command is a go command of a page.
type command struct {
	dirs []string // where it may be meant to run
	verb string   // run, test …
	args []string
}

func (c command) String() string { return "go " + c.verb + " " + strings.Join(c.args, " ") }

// goCommand is one up to its end, perhaps behind a change of directory.
var goCommand = regexp.MustCompile("(?:\\bcd ([\\w./-]+) && )?(?:\\w+=\\S* )*\\bgo (run|test|build|vet|install) ([^`\n#;&|(]*)")

// commands returns the go commands of a page: from its inline code, and from
// blocks of any language but Go, fenced or indented.
func (p *document) commands() []command {
	var code []string
	for _, m := range inlineCode.FindAllStringSubmatch(p.text, -1) {
		code = append(code, m[1])
	}
	for line := range strings.Lines(p.text) {
		if strings.HasPrefix(line, "    ") {
			code = append(code, line)
		}
	}
	for _, f := range p.fences {
		if f.language != "go" {
			code = append(code, strings.Split(f.code, "\n")...)
		}
	}
	var all []command
	for _, line := range code {
		for _, m := range goCommand.FindAllStringSubmatch(line, -1) {
			c := command{dirs: []string{".", p.dir()}, verb: m[2], args: strings.Fields(m[3])}
			if m[1] != "" {
				c.dirs = []string{path.Clean(m[1])}
			}
			all = append(all, c)
		}
	}
	return all
}

// problems says what of a command does not exist: packages, tests, fuzz targets.
func (c command) problems(fsys fs.FS) []string {
	var problems []string
	var folders []string // of the packages
	for _, arg := range c.args {
		arg = strings.Trim(arg, `'"`)
		if rest, ok := strings.CutPrefix(arg, module); ok {
			arg = "." + rest
		}
		if !strings.HasPrefix(arg, ".") {
			continue // a flag or its value, work, a program of somebody else's
		}
		found := c.folders(fsys, arg)
		if len(found) == 0 {
			problems = append(problems, fmt.Sprintf("there is no package %s", arg))
		}
		folders = append(folders, found...)
	}
	if c.verb == "run" && len(folders) > 0 {
		problems = append(problems, c.unknownFlags(fsys, folders[0])...)
	}
	for flag, kinds := range map[string]string{"-run": "Test|Example|Fuzz", "-fuzz": "Fuzz", "-bench": "Benchmark"} {
		pattern, ok := c.flag(flag)
		if c.verb != "test" || !ok || pattern == "^$" || pattern == "." || len(folders) == 0 {
			continue
		}
		if re, err := regexp.Compile(pattern); err != nil || !slices.ContainsFunc(tests(fsys, folders, kinds), re.MatchString) {
			problems = append(problems, fmt.Sprintf("%s: nothing is called like %s", flag, pattern))
		}
	}
	return problems
}

// unknownFlags returns the flags that are named neither by the source of a program
// nor by what it shares with its neighbours.
func (c command) unknownFlags(fsys fs.FS, folder string) []string {
	var source []byte
	for _, pattern := range []string{folder + "/*.go", path.Dir(folder) + "/internal/*/*.go"} {
		files, _ := fs.Glob(fsys, pattern)
		for _, file := range files {
			src, _ := fs.ReadFile(fsys, file)
			source = append(source, src...)
		}
	}
	var problems []string
	behind := slices.IndexFunc(c.args, func(arg string) bool { return strings.HasPrefix(arg, ".") })
	for _, arg := range c.args[behind+1:] {
		name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if strings.HasPrefix(arg, "-") && !bytes.Contains(source, []byte(`"`+name+`"`)) {
			problems = append(problems, fmt.Sprintf("%s has no flag -%s", folder, name))
		}
	}
	return problems
}

// flag returns the value of a flag of go test.
func (c command) flag(name string) (value string, ok bool) {
	for i, arg := range c.args {
		if v, ok := strings.CutPrefix(arg, name+"="); ok {
			return strings.Trim(v, `'"`), true
		}
		if arg == name && i+1 < len(c.args) {
			return strings.Trim(c.args[i+1], `'"`), true
		}
	}
	return "", false
}

// folders returns those that have Go files and fit to an argument such as ./smtp or
// ./..., in the first directory in which there are any.
func (c command) folders(fsys fs.FS, arg string) []string {
	for _, dir := range c.dirs {
		name, all := strings.CutSuffix(arg, "...")
		name = path.Join(dir, name)
		var found []string
		walk(fsys, ".go", func(file string, _ []byte) error {
			d := path.Dir(file)
			if d == name || all && (name == "." || strings.HasPrefix(d, name+"/")) {
				found = append(found, d)
			}
			return nil
		})
		if found = slices.Compact(found); len(found) > 0 {
			return found
		}
		if files, _ := fs.Glob(fsys, path.Join(name, "*.go")); len(files) > 0 { // in a folder that walk leaves out
			return []string{name}
		}
	}
	return nil
}

// tests returns the names of the functions in folders that go test runs.
func tests(fsys fs.FS, folders []string, kinds string) []string {
	function := regexp.MustCompile(`(?m)^func ((?:` + kinds + `)\w*)\(`)
	var names []string
	for _, dir := range folders {
		files, _ := fs.Glob(fsys, path.Join(dir, "*_test.go"))
		for _, file := range files {
			src, _ := fs.ReadFile(fsys, file)
			for _, m := range function.FindAllSubmatch(src, -1) {
				names = append(names, string(m[1]))
			}
		}
	}
	return names
}
