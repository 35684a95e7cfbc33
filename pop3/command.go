package pop3

import (
	"strconv"

	"github.com/mailwire/mailwire/internal/ascii"
)

// A Verb is the keyword of a command.
type Verb uint8

// The verbs that this package knows. Any other is UnknownVerb.
const (
	UnknownVerb Verb = iota
	USER             // RFC 1939, section 7
	PASS             // RFC 1939, section 7
	APOP             // RFC 1939, section 7
	AUTH             // RFC 5034, section 4
	STLS             // RFC 2595, section 4
	CAPA             // RFC 2449, section 5
	UTF8             // RFC 6856, section 2.1
	LANG             // RFC 6856, section 3
	STAT             // RFC 1939, section 5
	LIST             // RFC 1939, section 5
	UIDL             // RFC 1939, section 7
	RETR             // RFC 1939, section 5
	TOP              // RFC 1939, section 7
	DELE             // RFC 1939, section 5
	RSET             // RFC 1939, section 5
	NOOP             // RFC 1939, section 5
	QUIT             // RFC 1939, sections 4 and 6
	numVerbs
)

var verbNames = [numVerbs]string{
	"unknown", "USER", "PASS", "APOP", "AUTH", "STLS", "CAPA", "UTF8", "LANG",
	"STAT", "LIST", "UIDL", "RETR", "TOP", "DELE", "RSET", "NOOP", "QUIT",
}

// String returns the verb as it is written, "unknown" for UnknownVerb.
func (v Verb) String() string {
	if v >= numVerbs {
		v = UnknownVerb
	}
	return verbNames[v]
}

// ParseVerb returns the verb of that name in any letter case. RFC 1939,
// section 3.
func ParseVerb(name []byte) Verb {
	var buf [4]byte
	if len(name) > len(buf) {
		return UnknownVerb
	}
	switch string(ascii.AppendUpper(buf[:0], name)) {
	case "USER":
		return USER
	case "PASS":
		return PASS
	case "APOP":
		return APOP
	case "AUTH":
		return AUTH
	case "STLS":
		return STLS
	case "CAPA":
		return CAPA
	case "UTF8":
		return UTF8
	case "LANG":
		return LANG
	case "STAT":
		return STAT
	case "LIST":
		return LIST
	case "UIDL":
		return UIDL
	case "RETR":
		return RETR
	case "TOP":
		return TOP
	case "DELE":
		return DELE
	case "RSET":
		return RSET
	case "NOOP":
		return NOOP
	case "QUIT":
		return QUIT
	}
	return UnknownVerb
}

// A Command is a command line taken apart.
type Command struct {
	Verb Verb
	Name []byte // the keyword as it came
	Arg  []byte // all that is behind the first space, untouched; nil: there was none
}

// ParseCommand takes a line without CRLF apart. Name and Arg are views of it.
// It cannot fail: what is no command has the UnknownVerb. Arg is one piece,
// because the argument of PASS may hold spaces: RFC 1939, section 7.
func ParseCommand(line []byte) Command {
	for i, c := range line {
		if c == ' ' {
			return Command{Verb: ParseVerb(line[:i]), Name: line[:i], Arg: line[i+1:]}
		}
	}
	return Command{Verb: ParseVerb(line), Name: line}
}

// maxCommand is the length of a command line with its CRLF. RFC 2449, section 4.
const maxCommand = 255

// AppendCommand appends a command line with its CRLF. The error is a
// *SyntaxError, and dst is returned as it was, where an argument is empty or
// would end the line (CR, LF), end the argument (a space, except in PASS, whose
// argument is the rest of the line), or holds another control octet, and where
// the line would exceed 255 octets. So no user name and no password can say a
// command of its own. RFC 2449, sections 3 and 4.
func AppendCommand(dst []byte, v Verb, args ...string) ([]byte, error) {
	if v == UnknownVerb || v >= numVerbs {
		return dst, &SyntaxError{What: "command", Want: "a known verb", Got: strconv.Itoa(int(v))}
	}
	start := len(dst)
	out := append(dst, v.String()...)
	for _, arg := range args {
		if err := checkArgument(v, arg); err != nil {
			return dst, err
		}
		out = append(out, ' ')
		out = append(out, arg...)
	}
	out = append(out, "\r\n"...)
	if n := len(out) - start; n > maxCommand {
		clear(out[start:])
		return dst, &SyntaxError{What: v.String() + " command", Want: "255 octets at most", Got: strconv.Itoa(n)}
	}
	return out, nil
}

// argumentClass is param = 1*VCHAR, and UTF-8: RFC 2449, section 3; RFC 6856,
// section 2.2. passwordClass may hold whatever does not end the line.
var (
	argumentClass = ascii.VChar.Or(ascii.High)
	passwordClass = ascii.Range(0x01, 0xFF).Without("\r\n")
)

// checkArgument never quotes the argument: it may be a secret.
func checkArgument(v Verb, arg string) error {
	class, want := argumentClass, "no space and no control octet"
	if v == PASS {
		class, want = passwordClass, "no CR, LF or NUL"
	}
	what := "argument of " + v.String()
	if arg == "" {
		return &SyntaxError{What: what, Want: "at least one octet", Got: "nothing"}
	}
	if i := ascii.Span(class, arg); i < len(arg) {
		return &SyntaxError{What: what, Offset: i, Want: want, Got: "octet " + strconv.Itoa(int(arg[i]))}
	}
	return nil
}

// trimSpaces removes spaces at the end.
func trimSpaces(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	return b
}
