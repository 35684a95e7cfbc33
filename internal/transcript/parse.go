package transcript

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// maxRepeat bounds what one {{n*text}} writes out, in octets.
const maxRepeat = 1 << 20

// SyntaxError says what is wrong with a line of a script.
type SyntaxError struct {
	File string
	Line int
	Msg  string
}

// Error returns "file:line: message".
func (e *SyntaxError) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Msg) }

// Load parses the files that match a pattern of [filepath.Glob]. A pattern
// which matches nothing is an error, so that no test passes for want of a file.
func Load(pattern string) ([]*Script, error) {
	files, err := filepath.Glob(pattern)
	if err != nil {
		return nil, fmt.Errorf("transcript: %q: %w", pattern, err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("transcript: no file matches %q", pattern)
	}
	var scripts []*Script
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		s, err := Parse(file, data)
		if err != nil {
			return nil, err
		}
		scripts = append(scripts, s)
	}
	return scripts, nil
}

// Parse reads a script. File is only used in messages. Errors are [*SyntaxError].
// Lines may end in LF or CRLF, as checkouts differ.
func Parse(file string, data []byte) (*Script, error) {
	s := &Script{File: file}
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if err := s.addLine(number, line); err != nil {
			return nil, &SyntaxError{file, number, err.Error()}
		}
	}
	if s.Rule == "" {
		return nil, &SyntaxError{file, 1, "no comment that says which rule is shown"}
	}
	if err := s.checkSkips(); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Script) addLine(number int, line string) error {
	comment, isComment := strings.CutPrefix(line, "#")
	switch {
	case number == 1:
		s.Rule = strings.TrimSpace(comment)
		if !isComment || s.Rule == "" {
			return errors.New("the first line has to be a comment that says which rule is shown")
		}
	case isComment, line == "":
	default:
		step, err := parseStep(line)
		if err != nil {
			return err
		}
		step.Line = number
		s.Steps = append(s.Steps, step)
	}
	return nil
}

func parseStep(line string) (Step, error) {
	if line == tlsText {
		return Step{Kind: StartTLS}, nil
	}
	if text, ok := strings.CutPrefix(line, eventText); ok {
		text, err := parseText(text)
		return Step{Kind: Event, Text: text}, err
	}
	if len(line) < 2 || sides[line[0]] == Nobody {
		return Step{}, fmt.Errorf("neither S:, C:, S~, C~, event:, %s nor #: %q", tlsText, line)
	}
	side, rest := sides[line[0]], line[2:]
	switch line[1] {
	case '~':
		text, err := parseRaw(rest)
		return Step{Kind: Raw, Side: side, Text: text}, err
	case ':':
		return parseLine(side, rest)
	}
	return Step{}, fmt.Errorf("%q is not followed by a colon or a tilde: %q", line[0], line)
}

func parseLine(side Side, rest string) (Step, error) {
	text, err := parseText(rest)
	if err != nil {
		return Step{}, err
	}
	switch text {
	case skipText:
		return Step{Kind: Skip, Side: side}, nil
	case closeText, closedText:
		return Step{Kind: Close, Side: side}, nil
	}
	return Step{Kind: Line, Side: side, Text: text}, nil
}

func parseRaw(rest string) (string, error) {
	quoted, ok := strings.CutPrefix(rest, " ")
	if !ok || quoted == "" || quoted[0] == '\'' {
		return "", fmt.Errorf("want a space and a quoted Go string: %q", rest)
	}
	text, err := strconv.Unquote(quoted)
	if err != nil {
		return "", fmt.Errorf("not a quoted Go string: %s", quoted)
	}
	if text == "" {
		return "", errors.New("no octets")
	}
	return text, nil
}

// parseText takes what stands behind the colon.
func parseText(rest string) (string, error) {
	text, ok := strings.CutPrefix(rest, " ")
	if !ok && rest != "" {
		return "", fmt.Errorf("no space behind the colon: %q", rest)
	}
	text, err := expand(text)
	if err == nil && !plain(text) {
		err = fmt.Errorf("control octet, invalid UTF-8 or white space at the end, write it as raw octets: %q", rest)
	}
	return text, err
}

// expand writes {{n*text}} out and refuses other braces than those of {{any}}.
func expand(text string) (string, error) {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "{{")
		b.WriteString(before)
		if !ok {
			return b.String(), nil
		}
		inner, after, ok := strings.Cut(rest, "}}")
		if !ok {
			return "", errors.New("{{ without }}")
		}
		text = after
		if inner == "any" {
			b.WriteString(wildAny)
			continue
		}
		count, unit, ok := strings.Cut(inner, "*")
		n, err := strconv.ParseUint(count, 10, 31)
		switch {
		case !ok || err != nil || unit == "" || strings.ContainsAny(unit, "{}"):
			return "", fmt.Errorf("neither {{any}} nor {{n*text}}: {{%s}}", inner)
		case n*uint64(len(unit)) > maxRepeat:
			return "", fmt.Errorf("{{%s}} is more than %d octets", inner, maxRepeat)
		}
		b.WriteString(strings.Repeat(unit, int(n)))
	}
}

// checkSkips finds a Skip that has no line to stop at.
func (s *Script) checkSkips() error {
	for i, step := range s.Steps {
		if step.Kind != Skip {
			continue
		}
		if i+1 == len(s.Steps) || s.Steps[i+1].Kind != Line || s.Steps[i+1].Side != step.Side {
			return &SyntaxError{s.File, step.Line, step.String() + " is not followed by a line of the same side"}
		}
	}
	return nil
}
