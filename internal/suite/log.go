package suite

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// A Log writes a dialogue down as a script of package transcript: notes are
// comments, lines are "C: " or "S: ", and octets that are no such line a Go
// string behind "C~ " or "S~ ". What is long is cut, and secrets are not shown.
// The zero value is empty.
type Log struct {
	head    strings.Builder
	tail    []byte // what does not fit head; cut in front
	cut     int    // octets that were cut from tail
	secrets []string
	who     string
}

const (
	maxHead  = 16 << 10
	maxTail  = 48 << 10
	maxLine  = 300 // longer ones are told, not shown
	maxBurst = 40  // lines of one piece that are shown
)

// Hide keeps a secret out of the log, in itself and in base64, also where
// something follows it.
func (l *Log) Hide(secret string) {
	if secret == "" {
		return
	}
	b64 := base64.StdEncoding.EncodeToString([]byte(secret))
	l.secrets = append(l.secrets, secret, b64)
	if start := b64[:len(secret)/3*4]; start != "" {
		l.secrets = append(l.secrets, start)
	}
}

// Mask replaces the secrets in a text.
func (l *Log) Mask(text string) string {
	for _, s := range l.secrets {
		if strings.Contains(text, s) {
			text = strings.ReplaceAll(text, s, fmt.Sprintf("[%d octets]", len(s)))
		}
	}
	return text
}

// Secret reports whether there are secrets in a text.
func (l *Log) Secret(text string) bool {
	return slices.ContainsFunc(l.secrets, func(s string) bool { return strings.Contains(text, s) })
}

// Note adds a comment.
func (l *Log) Note(format string, args ...any) {
	for line := range strings.Lines(printable(l.Mask(fmt.Sprintf(format, args...)))) {
		l.add("# " + strings.TrimRight(line, "\n"))
	}
}

// Error is what goes wrong, noted and returned. It may have octets of the server,
// and is shown on terminals: of those that are not printed, it has the escapes.
func (l *Log) Error(format string, args ...any) error {
	err := errors.New(printable(l.Mask(fmt.Errorf(format, args...).Error())))
	l.Note("%v", err)
	return err
}

func printable(s string) string {
	if !strings.ContainsFunc(s, unprinted) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unprinted(r) {
			b.WriteString(strings.Trim(strconv.QuoteToASCII(string(r)), `"`))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func unprinted(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }

// TLS notes that TLS begins here.
func (l *Log) TLS() { l.add("-- tls --") }

// Between says whose connection the next lines are about. It is noted where it
// changes.
func (l *Log) Between(who string) {
	if l.who != who {
		l.who = who
		l.Note("%s", who)
	}
}

// Closed notes that the server has closed.
func (l *Log) Closed() { l.add("S: <closed>") }

// Octets adds what a side, "C" or "S", sent in one piece.
func (l *Log) Octets(side, octets string) {
	octets = l.Mask(octets)
	shown := 0
	for line := range strings.Lines(octets) {
		if shown++; shown > maxBurst {
			l.Note("%s: ... %d octets in all", side, len(octets))
			return
		}
		text, whole := strings.CutSuffix(line, "\r\n")
		switch {
		case len(line) > maxLine:
			l.Note("%s: %d octets, %.100q ...", side, len(line), line)
		case whole && isText(text):
			l.add(side + ": " + text)
		default:
			l.add(side + "~ " + strconv.QuoteToASCII(line))
		}
	}
}

// isText reports whether a line can stand in a script as it is.
func isText(s string) bool {
	return strings.TrimSpace(s) == s && s != "" && !strings.Contains(s, "{{") && !strings.HasSuffix(s, "...") && s[0] != '<' &&
		!strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' })
}

func (l *Log) add(line string) {
	if len(l.tail) == 0 && l.head.Len()+len(line) < maxHead {
		l.head.WriteString(line + "\n")
		return
	}
	l.tail = append(append(l.tail, line...), '\n')
	if len(l.tail) > 2*maxTail {
		n := len(l.tail) - maxTail
		for l.tail[n-1] != '\n' {
			n++
		}
		l.cut += n
		l.tail = append(l.tail[:0], l.tail[n:]...)
	}
}

// String returns the log, its middle left out where it is long.
func (l *Log) String() string {
	s := l.head.String()
	if l.cut > 0 {
		s += fmt.Sprintf("# %d octets are left out here\n", l.cut)
	}
	return s + string(l.tail)
}

// Reset empties the log. Secrets stay secret.
func (l *Log) Reset() { *l = Log{secrets: l.secrets} }
