package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// writeTable prints the index.
func (x index) writeTable(out io.Writer) error {
	rows := []string{"| RFC | section | cited by code | cited by tests |", "|---|---|---|---|"}
	for _, c := range x.sorted() {
		section := c.section
		if section == "" {
			section = "(none)"
		}
		rows = append(rows, fmt.Sprintf("| %d | %s | %s | %s |", c.rfc, section, fileList(x[c].code), fileList(x[c].tests)))
	}
	return writeLines(out, rows)
}

func fileList(files map[string]bool) string {
	return strings.Join(slices.Sorted(maps.Keys(files)), ", ")
}

// writeGaps compares with the texts, of the given RFCs or else of all that are cited.
func (x index) writeGaps(out io.Writer, texts fs.FS, rfcs []int) error {
	if len(rfcs) == 0 {
		for c := range x {
			rfcs = append(rfcs, c.rfc)
		}
	}
	slices.Sort(rfcs)
	var gaps, wrong, missing []string
	for _, rfc := range slices.Compact(rfcs) {
		list, err := sections(texts, rfc)
		if errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, fmt.Sprint(rfc))
			continue
		}
		if err != nil {
			return err
		}
		for _, s := range x.uncited(rfc, list) {
			gaps = append(gaps, fmt.Sprintf("| %d | %s | %s |", rfc, s.number, s.title))
		}
		for _, c := range x.unknown(rfc, list) {
			wrong = append(wrong, fmt.Sprintf("| %d | %s | %s | %s |", rfc, c.section, fileList(x[c].code), fileList(x[c].tests)))
		}
	}
	lines := append([]string{"Sections that nothing cites:", "", "| RFC | section | title |", "|---|---|---|"}, gaps...)
	lines = append(lines, "", "Citations of sections that do not exist:", "", "| RFC | section | cited by code | cited by tests |", "|---|---|---|---|")
	lines = append(lines, wrong...)
	if len(missing) > 0 {
		lines = append(lines, "", "No text of RFC "+strings.Join(missing, ", "))
	}
	return writeLines(out, lines)
}

// uncited returns the sections which neither themselves are cited nor in a part.
func (x index) uncited(rfc int, list []section) []section {
	return slices.DeleteFunc(slices.Clone(list), func(s section) bool {
		if s.boilerplate {
			return true
		}
		for c := range x {
			if (citation{rfc, s.number}).covers(c) {
				return true
			}
		}
		return false
	})
}

// unknown returns the citations which the text of the RFC has no section for.
func (x index) unknown(rfc int, list []section) []citation {
	return slices.DeleteFunc(x.sorted(), func(c citation) bool {
		return c.rfc != rfc || c.section == "" ||
			slices.ContainsFunc(list, func(s section) bool { return s.number == c.section })
	})
}

func writeLines(out io.Writer, lines []string) error {
	_, err := io.WriteString(out, strings.Join(lines, "\n")+"\n")
	return err
}
