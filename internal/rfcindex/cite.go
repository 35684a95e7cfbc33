package main

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
)

// citation names a section of an RFC.
type citation struct {
	rfc     int
	section string // "4.1.4", "B", "A.2"; empty for the RFC as such
}

var (
	// tokens are what citations consist of, and the ends of sentences.
	tokens = regexp.MustCompile(`\bRFC (\d{1,5})\b` +
		`|\b(?:[Ss]ection|[Aa]ppendix) (` + number + `)\b` +
		`|\b(?:[Ss]ections|[Aa]ppendices) (` + number + `(?:(?:, and |, or |, | and | or | to )` + number + `)*)\b` +
		`|[.!?]["')]* +["'(]*[A-Z]`)

	numbers   = regexp.MustCompile(number)
	emptyLine = regexp.MustCompile(`\n[ \t]*\n`)
	testName  = regexp.MustCompile(`^(?:Test|Fuzz|Benchmark|Example)_?RFC(\d{1,5})((?:_\d+)*)(?:_|$)`)
)

// number is that of a section or an appendix.
const number = `(?:\d+(?:\.\d+)*|[A-Z](?:\.\d+)*)`

// citations returns what a text cites, in order. Single line ends are spaces,
// empty lines end a sentence.
func citations(text string) []citation {
	var r reader
	if !strings.Contains(text, "RFC") { // as of nearly all texts
		return nil
	}
	for paragraph := range strings.SplitSeq(joinLines(text), "\n\n") {
		for rest := paragraph; rest != ""; {
			m := tokens.FindStringSubmatchIndex(rest)
			if m == nil {
				break
			}
			rest = r.token(rest, m)
		}
		r.endSentence()
	}
	return r.found
}

// reader goes through the tokens of a text.
type reader struct {
	found []citation
	rfc   int  // named in this sentence, or zero
	bare  bool // no section of it was cited yet
}

// token takes the match m of tokens in text and returns what is behind it.
func (r *reader) token(text string, m []int) (rest string) {
	group := func(i int) string { return text[max(0, m[2*i]):max(0, m[2*i+1])] }
	rest = text[m[1]:]
	switch rfc, list := group(1), group(2)+group(3); {
	case rfc != "":
		r.endSentence()
		r.rfc, _ = strconv.Atoi(rfc) // five digits at most
		r.bare = true
	case list == "":
		r.endSentence()
		rest = text[m[1]-1:] // from the capital, which may be that of RFC
	case r.rfc != 0:
		for _, n := range numbers.FindAllString(list, -1) {
			r.found = append(r.found, citation{r.rfc, n})
		}
		r.bare = false
	}
	return rest
}

func (r *reader) endSentence() {
	if r.bare {
		r.found = append(r.found, citation{rfc: r.rfc})
	}
	r.rfc, r.bare = 0, false
}

// joinLines makes single line ends spaces and leaves "\n\n" between paragraphs.
func joinLines(text string) string {
	paragraphs := emptyLine.Split(text, -1)
	for i, p := range paragraphs {
		paragraphs[i] = strings.Join(strings.Fields(p), " ")
	}
	return strings.Join(paragraphs, "\n\n")
}

// citationOfName returns what the name of a test cites.
func citationOfName(name string) (citation, bool) {
	m := testName.FindStringSubmatch(name)
	if m == nil {
		return citation{}, false
	}
	rfc, _ := strconv.Atoi(m[1])
	return citation{rfc, strings.ReplaceAll(strings.TrimPrefix(m[2], "_"), "_", ".")}, true
}

// compare sorts by number, with appendices last.
func (c citation) compare(d citation) int {
	if n := cmp.Compare(c.rfc, d.rfc); n != 0 {
		return n
	}
	a, b := strings.Split(c.section, "."), strings.Split(d.section, ".")
	for i := range min(len(a), len(b)) {
		x, errX := strconv.Atoi(a[i])
		y, errY := strconv.Atoi(b[i])
		switch {
		case errX == nil && errY == nil && x != y:
			return cmp.Compare(x, y)
		case a[i] != b[i]:
			return cmp.Compare(a[i], b[i]) // digits come before letters
		}
	}
	return cmp.Compare(len(a), len(b))
}

// covers reports whether c is d or above it.
func (c citation) covers(d citation) bool {
	return c.rfc == d.rfc && (c.section == d.section || strings.HasPrefix(d.section, c.section+"."))
}
