package transcript

import (
	"fmt"
	"strings"
)

// Failure says where a dialogue left its script.
type Failure struct {
	File string
	Line int    // of the step that was not met, or the last one of the script
	Rule string // of the script

	Want string // a quoted string, or a word such as "end of connection"
	Got  string // likewise
	Err  error  // of the connection, if it is the cause

	Transcript string // what was said until then, as the lines of a script
}

// Error returns several lines: the place and the rule, want and got, and the
// transcript, whose last lines can be pasted into the script.
func (f *Failure) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d: %s\n", f.File, f.Line, f.Rule)
	fmt.Fprintf(&b, "want %s\n got %s\n", f.Want, f.Got)
	if f.Err != nil {
		fmt.Fprintf(&b, "error: %v\n", f.Err)
	}
	b.WriteString("transcript so far:\n")
	for line := range strings.Lines(f.Transcript) {
		b.WriteString("    " + line)
	}
	return strings.TrimRight(b.String(), "\n")
}

// Unwrap returns Err.
func (f *Failure) Unwrap() error { return f.Err }
