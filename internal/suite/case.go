package suite

import (
	"cmp"
	"fmt"
	"strings"
	"testing"
)

// A Level says how binding the rule of a case is.
type Level uint8

const (
	Must     Level = iota + 1 // MUST of an RFC, or its grammar
	Should                    // SHOULD of an RFC
	May                       // a choice: what is tested is that nothing else comes of it
	Practice                  // no RFC says so; users, or attackers, do
)

// String returns "MUST", "SHOULD", "MAY" or "practice".
func (l Level) String() string {
	return [...]string{"", "MUST", "SHOULD", "MAY", "practice"}[l]
}

// A Verdict sums up what came of a case.
type Verdict uint8

const (
	Passed Verdict = iota + 1
	Failed
	Skipped // it says nothing about this server
	Excused // failed, and the target's Known has the reason
)

// String returns the verdict in lower case.
func (v Verdict) String() string {
	return [...]string{"", "passed", "failed", "skipped", "excused"}[v]
}

// Judge sums up. err is what went wrong, skipped why nothing could. A case that
// is known to fail, and passes, is a failure: what is known is then wrong.
func Judge(known map[string]string, id string, err error, skipped string) (v Verdict, reason string) {
	why, isKnown := known[id]
	switch {
	case err != nil && isKnown:
		return Excused, fmt.Sprintf("%s (%v)", why, err)
	case err != nil:
		return Failed, err.Error()
	case skipped != "":
		return Skipped, printable(skipped)
	case isKnown:
		return Failed, "the case is in Known, and passes: " + why
	}
	return Passed, ""
}

// Describe says what a case is about, in one line.
func Describe(id, title string, level Level, refs []string) string {
	return fmt.Sprintf("%s (%s): %s", id, strings.Join(append([]string{level.String()}, refs...), "; "), title)
}

// Text is an outcome for people: the rule, what was wrong, and the dialogue that
// led to it.
func Text(about string, v Verdict, reason, transcript string) string {
	s := about + ": " + v.String()
	if reason != "" {
		s += ": " + reason
	}
	if v == Failed {
		s += "\n" + transcript
	}
	return s
}

// Report tells a test what came of a case.
func Report(t testing.TB, v Verdict, text fmt.Stringer) {
	t.Helper()
	switch v {
	case Failed:
		t.Error(text)
	case Skipped, Excused:
		t.Skip(text)
	}
}

// Compare orders IDs as people count: "LINE-9", "DATA-53", "DATA-53b".
func Compare(a, b string) int {
	return cmp.Or(cmp.Compare(number(a), number(b)), strings.Compare(a, b))
}

func number(id string) (n int) {
	_, digits, _ := strings.Cut(id, "-")
	for _, c := range digits {
		if c >= '0' && c <= '9' {
			n = n*10 + int(c-'0')
		}
	}
	return n
}
