package main

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

// formats write a report.
var formats = map[string]func(io.Writer, *report) error{
	"text":     text,
	"json":     writeJSON,
	"junit":    writeJUnit,
	"markdown": writeMarkdown,
}

func writeJSON(w io.Writer, r *report) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false) // transcripts are full of < and >
	e.SetIndent("", "  ")
	return e.Encode(struct {
		*report
		Passed  int `json:"passed"`
		Failed  int `json:"failed"`
		Excused int `json:"excused"`
		Skipped int `json:"skipped"`
	}{r, r.count(passed), r.count(failed), r.count(excused), r.count(skipped)})
}

// The JUnit format, as far as those who read it agree: a suite for each section.
type (
	junitReport struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Skipped  int          `xml:"skipped,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name      string      `xml:"name,attr"`
		Tests     int         `xml:"tests,attr"`
		Failures  int         `xml:"failures,attr"`
		Skipped   int         `xml:"skipped,attr"`
		Timestamp string      `xml:"timestamp,attr"`
		Cases     []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitMessage `xml:"failure"`
		Skipped *junitMessage `xml:"skipped"`
	}
	junitMessage struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
)

func writeJUnit(w io.Writer, r *report) error {
	all := junitReport{Name: r.Server, Tests: len(r.Results), Failures: r.count(failed), Skipped: r.count(skipped) + r.count(excused)}
	for _, s := range r.sections() {
		suite := junitSuite{Name: s.name, Tests: len(s.results), Timestamp: r.Date.Format(time.RFC3339)}
		for _, res := range s.results {
			c := junitCase{Class: s.name, Name: res.ID + ": " + res.Title, Time: fmt.Sprintf("%.3f", res.Seconds)}
			switch res.Verdict {
			case failed:
				suite.Failures++
				c.Failure = &junitMessage{Message: res.Reason, Type: res.Level, Text: res.Transcript}
			case skipped, excused:
				suite.Skipped++
				c.Skipped = &junitMessage{Message: res.Reason}
			}
			suite.Cases = append(suite.Cases, c)
		}
		all.Suites = append(all.Suites, suite)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", " ")
	if err := e.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// writeMarkdown writes a table of chapters, and one of what the server does
// otherwise.
func writeMarkdown(w io.Writer, r *report) error {
	out := &errWriter{w: w}
	out.printf("`%s`, %s: %s.\n\n", strings.ReplaceAll(r.Greeting, "`", "'"), r.Date.Format(time.DateOnly), r.counts())
	out.printf("| chapter | passed | otherwise | skipped |\n|---|---|---|---|\n")
	var otherwise []result
	for _, s := range r.sections() {
		for _, res := range s.results {
			if res.Verdict == failed || res.Verdict == excused {
				otherwise = append(otherwise, res)
			}
		}
	}
	for _, c := range r.chapters() {
		if part := (&report{Results: c.results}); part.count(skipped) < len(c.results) {
			out.printf("| %s | %d | %d | %d |\n", c.name, part.count(passed), part.count(failed)+part.count(excused), part.count(skipped))
		}
	}
	if len(otherwise) > 0 {
		out.printf("\n| case | level | rule | what happens |\n|---|---|---|---|\n")
	}
	for _, res := range otherwise {
		out.printf("| %s | %s | %s | %s |\n", res.ID, res.Level, cell(res.Title), cell(res.Reason))
	}
	return out.err
}

// chapters are the sections, with those of one chapter together.
func (r *report) chapters() (out []section) {
	for _, s := range r.sections() {
		name, _, _ := strings.Cut(s.name, ".")
		if n := len(out); n == 0 || out[n-1].name != name {
			out = append(out, section{name: name})
		}
		last := &out[len(out)-1]
		last.results = append(last.results, s.results...)
	}
	return out
}

// cell is text for a cell of a table.
func cell(s string) string {
	if len(s) > 240 {
		s = strings.ToValidUTF8(s[:240], "") + "..."
	}
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(s)
}
