package doccheck

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// A document is a Markdown file, taken apart.
type document struct {
	path   string
	text   string  // outside of fences; each line of them is an empty one
	fences []fence // in their order
}

// A fence is a block of code.
type fence struct {
	language string
	line     int // of its first line of code
	code     string
}

// pages reads the Markdown files below a root.
func pages(fsys fs.FS) ([]*document, error) {
	var all []*document
	err := walk(fsys, ".md", func(name string, content []byte) error {
		all = append(all, parsePage(name, string(content)))
		return nil
	})
	return all, err
}

func parsePage(name, content string) *document {
	p := &document{path: name}
	var text strings.Builder
	var open *fence
	n := 0
	for line := range strings.Lines(content) {
		n++
		language, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence && open == nil:
			open = &fence{language: language, line: n + 1}
		case isFence:
			p.fences = append(p.fences, *open)
			open = nil
		case open != nil:
			open.code += line
		default:
			text.WriteString(line)
			continue
		}
		text.WriteString("\n")
	}
	if open != nil { // without an end
		p.fences = append(p.fences, *open)
	}
	p.text = text.String()
	return p
}

// dir is where the page is.
func (p *document) dir() string { return path.Dir(p.path) }

var (
	inlineCode = regexp.MustCompile("`([^`\n]+)`")
	inlineLink = regexp.MustCompile(`\[[^\]]*\]\(([^)\s]+)[^)]*\)`)
	targetLine = regexp.MustCompile(`(?m)^\[[^\]]+\]:\s*(\S+)`)
	headings   = regexp.MustCompile(`(?m)^#{1,6} +(.*?) *#*$`)
	linkText   = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
)

// links returns the targets of all links.
func (p *document) links() []string {
	var targets []string
	text := inlineCode.ReplaceAllString(p.text, "")
	for _, form := range []*regexp.Regexp{inlineLink, targetLine} {
		for _, m := range form.FindAllStringSubmatch(text, -1) {
			targets = append(targets, m[1])
		}
	}
	return targets
}

// anchors returns the fragments that name the headings of the page: in lower case,
// with hyphens for spaces, without punctuation, and a number for one that comes again.
func (p *document) anchors() []string {
	var all []string
	for _, m := range headings.FindAllStringSubmatch(p.text, -1) {
		title := linkText.ReplaceAllString(m[1], "$1")
		anchor := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, title)
		unique := anchor
		for i := 1; slices.Contains(all, unique); i++ {
			unique = anchor + "-" + strconv.Itoa(i)
		}
		all = append(all, unique)
	}
	return all
}
