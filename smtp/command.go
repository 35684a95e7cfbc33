package smtp

import "github.com/mailwire/mailwire/internal/ascii"

// A Verb is the keyword of a command.
type Verb uint8

// The verbs that this package knows. Any other is UnknownVerb.
const (
	UnknownVerb Verb = iota
	HELO             // RFC 5321, section 4.1.1.1
	EHLO             // RFC 5321, section 4.1.1.1
	LHLO             // RFC 2033, section 4.1
	MAIL             // RFC 5321, section 4.1.1.2
	RCPT             // RFC 5321, section 4.1.1.3
	DATA             // RFC 5321, section 4.1.1.4
	BDAT             // RFC 3030, section 2
	RSET             // RFC 5321, section 4.1.1.5
	VRFY             // RFC 5321, section 4.1.1.6
	EXPN             // RFC 5321, section 4.1.1.7
	HELP             // RFC 5321, section 4.1.1.8
	NOOP             // RFC 5321, section 4.1.1.9
	QUIT             // RFC 5321, section 4.1.1.10
	STARTTLS         // RFC 3207, section 4
	AUTH             // RFC 4954, section 4
	ETRN             // RFC 1985, section 3
	XCLIENT          // of no RFC: Postfix, XCLIENT_README
	numVerbs
)

var verbNames = [numVerbs]string{
	"unknown", "HELO", "EHLO", "LHLO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "VRFY",
	"EXPN", "HELP", "NOOP", "QUIT", "STARTTLS", "AUTH", "ETRN", "XCLIENT",
}

// String returns the verb as it is written, "unknown" for UnknownVerb.
func (v Verb) String() string {
	if v >= numVerbs {
		v = UnknownVerb
	}
	return verbNames[v]
}

// ParseVerb returns the verb of that name in any letter case. Names are
// compared whole: STARTTLSX is not STARTTLS.
func ParseVerb(name []byte) Verb {
	var buf [8]byte
	if len(name) > len(buf) {
		return UnknownVerb
	}
	switch string(ascii.AppendUpper(buf[:0], name)) {
	case "HELO":
		return HELO
	case "EHLO":
		return EHLO
	case "LHLO":
		return LHLO
	case "MAIL":
		return MAIL
	case "RCPT":
		return RCPT
	case "DATA":
		return DATA
	case "BDAT":
		return BDAT
	case "RSET":
		return RSET
	case "VRFY":
		return VRFY
	case "EXPN":
		return EXPN
	case "HELP":
		return HELP
	case "NOOP":
		return NOOP
	case "QUIT":
		return QUIT
	case "STARTTLS":
		return STARTTLS
	case "AUTH":
		return AUTH
	case "ETRN":
		return ETRN
	case "XCLIENT":
		return XCLIENT
	}
	return UnknownVerb
}

// A Command is a command line taken apart.
type Command struct {
	Verb Verb
	Name []byte // the keyword as it came
	Arg  []byte // what is behind the first space, less trailing spaces
}

// ParseCommand takes a line without CRLF apart. Name and Arg are views of it.
// Spaces at the end are tolerated: RFC 5321, section 4.1.1. The error is a
// *SyntaxError: a keyword is letters, digits and hyphens.
func ParseCommand(line []byte) (Command, error) {
	n := ascii.Span(keywordClass, line)
	if n == 0 || n < len(line) && line[n] != ' ' {
		return Command{}, &SyntaxError{What: "command", Offset: n, Want: "a keyword and a space", Got: quote(line)}
	}
	c := Command{Verb: ParseVerb(line[:n]), Name: line[:n]}
	if n < len(line) {
		c.Arg = trimSpaces(line[n+1:])
	}
	return c, nil
}

// keywordClass is what keywords of commands, extensions and parameters are made of.
var keywordClass = ascii.LetDig.Or(ascii.Of("-"))

func trimSpaces(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	return b
}
