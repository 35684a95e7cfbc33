package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A report is what came of a run. Its JSON is one object.
type report struct {
	Server   string    `json:"server"`
	Greeting string    `json:"greeting"`
	Date     time.Time `json:"date"`
	Results  []result  `json:"results"`
}

// A result is what came of a case.
type result struct {
	ID         string   `json:"id"`
	Title      string   `json:"title"`
	Refs       []string `json:"refs"`
	Level      string   `json:"level"`
	Harm       string   `json:"harm"`
	Verdict    string   `json:"verdict"`
	Reason     string   `json:"reason,omitempty"`
	Asks       []string `json:"asks,omitempty"` // flags without which it is not run
	Transcript string   `json:"transcript,omitempty"`
	Seconds    float64  `json:"seconds"`
}

// The verdicts, as the suites spell them.
const (
	passed  = "passed"
	failed  = "failed"
	skipped = "skipped"
	excused = "excused"
)

var verdicts = []string{passed, failed, excused, skipped}

func (r *report) count(verdict string) (n int) {
	for _, res := range r.Results {
		if res.Verdict == verdict {
			n++
		}
	}
	return n
}

// A section is what came of the cases that are about one.
type section struct {
	name    string // "RFC 5321, section 4.1.4"
	results []result
}

// ofNoRFC is where cases are that no RFC asks for.
const ofNoRFC = "Practice"

// sections groups the results by the first section of each, in the order of RFCs
// and of their sections.
func (r *report) sections() []section {
	byName := make(map[string][]result)
	for _, res := range r.Results {
		name := ofNoRFC
		if len(res.Refs) > 0 {
			name = res.Refs[0]
		}
		byName[name] = append(byName[name], res)
	}
	var out []section
	for _, name := range slices.SortedFunc(maps.Keys(byName), compareSections) {
		out = append(out, section{name, byName[name]})
	}
	return out
}

// compareSections orders by the numbers in the names, and then by the rest.
func compareSections(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == ofNoRFC:
		return 1
	case b == ofNoRFC:
		return -1
	}
	return cmp.Or(slices.Compare(numbers(a), numbers(b)), strings.Compare(a, b))
}

func numbers(s string) (out []int) {
	for word := range strings.FieldsFuncSeq(s, func(c rune) bool { return c < '0' || c > '9' }) {
		n, _ := strconv.Atoi(word)
		out = append(out, n)
	}
	return out
}

// counts are the numbers of each verdict, "3 passed, 1 failed".
func (r *report) counts() string {
	var out []string
	for _, v := range verdicts {
		out = append(out, fmt.Sprint(r.count(v), " ", v))
	}
	return strings.Join(out, ", ")
}

// text writes a report for people.
func text(w io.Writer, r *report) error {
	out := &errWriter{w: w}
	out.printf("%s, %s\n%s\n", r.Server, r.Date.Format("2006-01-02 15:04 MST"), r.Greeting)
	unasked := make(map[string]int)
	for _, s := range r.sections() {
		shown := false
		for _, res := range s.results {
			if len(res.Asks) > 0 {
				unasked[strings.Join(res.Asks, " ")]++
				continue
			}
			if !shown {
				out.printf("\n%s\n", s.name)
				shown = true
			}
			res.text(out)
		}
	}
	out.printf("\n%d cases: %s\n", len(r.Results), r.counts())
	for _, flags := range slices.Sorted(maps.Keys(unasked)) {
		out.printf("  %d of those that were skipped want %s\n", unasked[flags], flags)
	}
	return out.err
}

func (res *result) text(out *errWriter) {
	out.printf("  %-8s  %-7s  %-8s  %s\n", res.Level, res.Verdict, res.ID, res.Title)
	if res.Reason != "" {
		out.printf("  %29s %s\n", "", res.Reason)
	}
	if res.Verdict == failed {
		for line := range strings.Lines(res.Transcript) {
			out.printf("  %29s | %s\n", "", strings.TrimRight(line, "\n"))
		}
	}
}

// list writes the cases, and what each would do.
func list(w io.Writer, tests []test) error {
	out := &errWriter{w: w}
	for _, t := range tests {
		out.printf("%-10s  %-8s  %s\n", t.ID, t.Level, t.Title)
		for _, detail := range []struct{ name, text string }{
			{"", strings.Join(t.Refs, "; ")}, {"does: ", t.Harm}, {"needs: ", strings.Join(t.needs, ", ")},
		} {
			if detail.text != "" && detail.text != "none" {
				out.printf("%20s  %s%s\n", "", detail.name, detail.text)
			}
		}
	}
	return out.err
}

// errWriter keeps the first error.
type errWriter struct {
	w   io.Writer
	err error
}

func (e *errWriter) printf(format string, args ...any) {
	if e.err == nil {
		_, e.err = fmt.Fprintf(e.w, format, args...)
	}
}
