package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
)

const coverageHead = `# Requirements: what code and tests cite

This page is what ` + "`go run ./internal/rfcindex -coverage`" + ` prints.

A row counts the sections of one RFC that demand something: those whose own text has one of the words MUST, SHALL,
SHOULD, REQUIRED and RECOMMENDED, or every section of an RFC that does not write such words in capitals. References,
registrations and the like are left out. A section is cited if code or a test names it, or a section below it.

A citation is not a proof, and a gap is not always a defect. Some gaps are about parties that are not here (operators,
registries, gateways); some are met by the design, and nobody has written the number beside it; some are missing. RFCs
of which no section is cited by code are not listed, whatever cites them elsewhere. How to ask for single sections:
` + "`go run ./internal/rfcindex -rfc 5321`" + ` and, with titles, ` + "`go run ./internal/rfcindex -gaps -rfc 5321`" + `.
`

// writeCoverage prints, for each RFC that code cites by section, how many of its
// sections with requirements are cited, and which are not.
func (x index) writeCoverage(out io.Writer, texts fs.FS) error {
	lines := []string{coverageHead, "| RFC | with requirements | cited by code and tests | by code alone | by tests alone | by nothing |", "|---|---|---|---|---|---|"}
	var gaps, missing []string
	for _, rfc := range x.inCode() {
		list, err := sections(texts, rfc)
		if errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, fmt.Sprint(rfc))
			continue
		}
		if err != nil {
			return err
		}
		list = requirements(list)
		var count [4]int
		var open []string
		for _, s := range list {
			code, tests := x.cites(citation{rfc, s.number})
			switch {
			case code && tests:
				count[0]++
			case code:
				count[1]++
			case tests:
				count[2]++
			default:
				count[3]++
				open = append(open, s.number)
			}
		}
		lines = append(lines, fmt.Sprintf("| %d | %d | %d | %d | %d | %d |", rfc, len(list), count[0], count[1], count[2], count[3]))
		if len(open) > 0 {
			gaps = append(gaps, fmt.Sprintf("| %d | %s |", rfc, strings.Join(open, ", ")))
		}
	}
	lines = append(lines, "", "## Sections with requirements that nothing cites", "", "| RFC | sections |", "|---|---|")
	lines = append(lines, gaps...)
	if len(missing) > 0 {
		lines = append(lines, "", "## Not counted", "", "Code cites these too, but their texts were not at hand: RFC "+strings.Join(missing, ", ")+".")
	}
	return writeLines(out, lines)
}

// inCode returns the RFCs of which code cites a section, in order.
func (x index) inCode() []int {
	var rfcs []int
	for c, p := range x {
		if c.section != "" && len(p.code) > 0 {
			rfcs = append(rfcs, c.rfc)
		}
	}
	slices.Sort(rfcs)
	return slices.Compact(rfcs)
}

// cites reports who cites a section or a part of it.
func (x index) cites(s citation) (code, tests bool) {
	for c, p := range x {
		if s.covers(c) {
			code = code || len(p.code) > 0
			tests = tests || len(p.tests) > 0
		}
	}
	return code, tests
}

// requirements leaves the sections that demand something: all of them, where the
// words for it are not in use.
func requirements(list []section) []section {
	list = slices.DeleteFunc(list, func(s section) bool { return s.boilerplate })
	if !slices.ContainsFunc(list, func(s section) bool { return s.required > 0 }) {
		return list
	}
	return slices.DeleteFunc(list, func(s section) bool { return s.required == 0 })
}
