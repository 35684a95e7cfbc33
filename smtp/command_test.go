package smtp_test

import (
	"strings"
	"testing"

	"github.com/mailwire/mailwire/smtp"
)

// verbsByName is every verb, written down independently of the package's table.
var verbsByName = map[string]smtp.Verb{
	"HELO": smtp.HELO, "EHLO": smtp.EHLO, "LHLO": smtp.LHLO, "MAIL": smtp.MAIL, "RCPT": smtp.RCPT,
	"DATA": smtp.DATA, "BDAT": smtp.BDAT, "RSET": smtp.RSET, "VRFY": smtp.VRFY, "EXPN": smtp.EXPN,
	"HELP": smtp.HELP, "NOOP": smtp.NOOP, "QUIT": smtp.QUIT, "STARTTLS": smtp.STARTTLS, "AUTH": smtp.AUTH,
	"ETRN": smtp.ETRN,
}

func TestParseVerb(t *testing.T) {
	for name, want := range verbsByName {
		if got := want.String(); got != name {
			t.Errorf("String() = %q, want %q", got, name)
		}
		mixed := name[:1] + strings.ToLower(name[1:])
		for _, in := range []string{name, strings.ToLower(name), mixed} { // 14
			if got := smtp.ParseVerb([]byte(in)); got != want {
				t.Errorf("ParseVerb(%q) = %v", in, got)
			}
		}
		for _, in := range []string{name + "X", name[:len(name)-1], "X" + name, name + " ", ""} { // 15
			if got := smtp.ParseVerb([]byte(in)); got != smtp.UnknownVerb {
				t.Errorf("ParseVerb(%q) = %v, want unknown", in, got)
			}
		}
	}
	if got := smtp.Verb(255).String(); got != "unknown" {
		t.Errorf("Verb(255) = %q", got)
	}
}

func TestParseCommand(t *testing.T) {
	tests := []struct {
		name, line string
		verb       smtp.Verb
		key, arg   string
		bad        bool
	}{
		{"bare", "NOOP", smtp.NOOP, "NOOP", "", false},
		{"any case", "mAiL FROM:<>", smtp.MAIL, "mAiL", "FROM:<>", false},
		{"trailing space", "DATA ", smtp.DATA, "DATA", "", false},
		{"trailing spaces", "EHLO a   ", smtp.EHLO, "EHLO", "a", false},
		{"spaces inside stay", "NOOP  a  b", smtp.NOOP, "NOOP", " a  b", false},
		{"longer verb", "STARTTLSX", smtp.UnknownVerb, "STARTTLSX", "", false},
		{"unknown", "X-THING a", smtp.UnknownVerb, "X-THING", "a", false},
		{"one octet", "a", smtp.UnknownVerb, "a", "", false},
		{"controls in the argument pass", "NOOP \x01\xff", smtp.NOOP, "NOOP", "\x01\xff", false},
		{"empty", "", 0, "", "", true},
		{"space first", " NOOP", 0, "", "", true},
		{"tab behind the verb", "NOOP\ta", 0, "", "", true},
		{"colon behind the verb", "MAIL:<a>", 0, "", "", true},
		{"TLS handshake", "\x16\x03\x01\x02", 0, "", "", true},
		{"UTF-8 verb", "N\u00d6OP", 0, "", "", true},
		{"Kelvin sign is no K", "\u212aEEP", 0, "", "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := smtp.ParseCommand([]byte(tt.line))
			if c.Verb != tt.verb || string(c.Name) != tt.key || string(c.Arg) != tt.arg || (err != nil) != tt.bad {
				t.Errorf("ParseCommand(%q) = %v %q %q, %v", tt.line, c.Verb, c.Name, c.Arg, err)
			}
		})
	}
}

// A command is one line in, taken apart into views that put it together again.
func FuzzCommand(f *testing.F) {
	for _, s := range []string{"", "NOOP", "MAIL FROM:<a@b> SIZE=1 ", "STARTTLSX", "\x00", "a  b", "-"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		before := string(line)
		c, err := smtp.ParseCommand(line)
		if string(line) != before {
			t.Fatalf("%q was changed", before)
		}
		if err != nil {
			if c.Verb != smtp.UnknownVerb || c.Name != nil || c.Arg != nil {
				t.Fatalf("%q: an error and a command: %+v", before, c)
			}
			return
		}
		again := string(c.Name)
		if len(c.Arg) > 0 {
			again += " " + string(c.Arg)
		}
		if want := strings.TrimRight(before, " "); again != want {
			t.Fatalf("%q came apart as %q %q", before, c.Name, c.Arg)
		}
		if want := verbsByName[strings.ToUpper(string(c.Name))]; c.Verb != want {
			t.Fatalf("%q has verb %v, want %v", before, c.Verb, want)
		}
	})
}
