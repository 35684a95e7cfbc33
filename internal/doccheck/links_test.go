package doccheck

import (
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestLinks finds relative links and paths that lead nowhere.
func TestLinks(t *testing.T) {
	all, err := pages(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 3 {
		t.Errorf("only %d pages", len(all))
	}
	packages, err := load(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		for _, problem := range slices.Concat(brokenLinks(root, p, all), brokenPaths(root, p), unknownNames(p, packages)) {
			t.Errorf("%s: %s", p.path, problem)
		}
	}
}

// qualified is inline code that names something of a package.
var qualified = regexp.MustCompile(`^[*&]?([a-z]\w*)\.([A-Z]\w*(?:\.[A-Z]\w*)?)`)

// unknownNames returns the names in the text of p that the library does not have.
func unknownNames(p *document, packages map[string]*pkg) []string {
	var problems []string
	for _, m := range inlineCode.FindAllStringSubmatch(p.text, -1) {
		name := qualified.FindStringSubmatch(m[1])
		for _, o := range packages {
			if name != nil && o.library() && o.name == name[1] && !o.symbols[name[2]] {
				problems = append(problems, fmt.Sprintf("there is no %s.%s", name[1], name[2]))
			}
		}
	}
	return problems
}

// brokenLinks returns the links of p that name no file, or no heading of it.
func brokenLinks(fsys fs.FS, p *document, all []*document) []string {
	var problems []string
	for _, link := range p.links() {
		u, err := url.Parse(link)
		if err != nil {
			problems = append(problems, err.Error())
			continue
		}
		if u.IsAbs() { // not for us to visit
			continue
		}
		name := p.path
		if u.Path != "" {
			name = path.Join(p.dir(), u.Path)
		}
		if _, err := fs.Stat(fsys, name); err != nil {
			problems = append(problems, fmt.Sprintf("link %s: there is no %s", link, name))
			continue
		}
		if u.Fragment == "" {
			continue
		}
		i := slices.IndexFunc(all, func(o *document) bool { return o.path == name })
		if i < 0 || !slices.Contains(all[i].anchors(), u.Fragment) {
			problems = append(problems, fmt.Sprintf("link %s: %s has no such heading", link, name))
		}
	}
	return problems
}

// ourPath is inline code that looks like a path of this repository.
var ourPath = regexp.MustCompile(`^(?:\.ci|auth|dnsmx|docs|examples|imap|internal|mime|pop3|smtp)(?:/[\w.*-]+)+/?$`)

// brokenPaths returns the paths in the text of p that name nothing, seen from the
// root or from the folder of the page. They may be patterns.
func brokenPaths(fsys fs.FS, p *document) []string {
	var problems []string
	for _, m := range inlineCode.FindAllStringSubmatch(p.text, -1) {
		name := strings.TrimSuffix(strings.TrimSuffix(m[1], "..."), "/")
		if !ourPath.MatchString(name) {
			continue
		}
		fromRoot, _ := fs.Glob(fsys, name)
		fromPage, _ := fs.Glob(fsys, path.Join(p.dir(), name))
		if len(fromRoot)+len(fromPage) == 0 {
			problems = append(problems, fmt.Sprintf("there is no %s", m[1]))
		}
	}
	return problems
}

// somebodysMachine is a path that nobody else has.
var somebodysMachine = regexp.MustCompile(`(?:^|[^\w./:-])/(?:home|root|work|Users)/\w`)

// TestNoPrivatePaths finds paths of a machine in code, scripts and pages.
func TestNoPrivatePaths(t *testing.T) {
	for _, ending := range []string{".go", ".md", ".py", ".sh", ".txt", ".html", ".sql", ".ci/run", ".ci/fuzz"} {
		err := walk(root, ending, func(name string, content []byte) error {
			if name == "internal/doccheck/check_test.go" {
				return nil // has some on purpose
			}
			for _, m := range somebodysMachine.FindAllString(string(content), -1) {
				t.Errorf("%s: %q", name, m)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
