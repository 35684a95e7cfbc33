package smtp

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailwire/mailwire/internal/ascii"
)

// Extensions is what a server offers: the lines of an EHLO reply, taken apart.
// The zero value offers nothing, as a reply to HELO does.
type Extensions struct {
	Pipelining          bool // RFC 2920
	EightBitMIME        bool // RFC 6152
	EnhancedStatusCodes bool // RFC 2034
	Chunking            bool // RFC 3030
	BinaryMIME          bool // RFC 3030
	SMTPUTF8            bool // RFC 6531
	DSN                 bool // RFC 3461
	StartTLS            bool // RFC 3207
	RequireTLS          bool // RFC 8689
	RRVS                bool // RFC 7293
	ETRN                bool // RFC 1985
	VRFY, EXPN, HELP    bool // RFC 5321, section 4.1.1

	Size          *int64         // RFC 1870; nil: not offered, 0: no fixed maximum
	Auth          []string       // RFC 4954; mechanisms in upper case
	DeliverBy     *time.Duration // RFC 2852; the shortest delivery time, 0: none stated
	FutureRelease *FutureRelease // RFC 4865
	Priority      *string        // RFC 6710; the profile, "" if none is named
	Limits        *OfferedLimits // RFC 9422
	XClient       []string       // attributes in upper case; nil: not offered
	Extra         []Keyword      // all others, in the order in which they came
}

// A FutureRelease is how far ahead a message may be held: RFC 4865, section 4.
type FutureRelease struct {
	MaxHold  time.Duration // whole seconds
	MaxUntil time.Time
}

// OfferedLimits are the limits of RFC 9422, section 3: RcptMax recipients of one
// message, MailMax messages in one session, RcptDomainMax different domains of
// recipients in one session. Zero: none stated.
type OfferedLimits struct{ RcptMax, MailMax, RcptDomainMax int }

// A Keyword is a line of an EHLO reply: RFC 5321, section 4.1.1.1.
type Keyword struct {
	Name  string // letters, digits, hyphens
	Value string // its parameters, separated by spaces
	// Mail and Rcpt name the parameters of MAIL and RCPT that the extension
	// brings. They are not on the wire: a server sets them in what it offers, and
	// takes these parameters then.
	Mail, Rcpt []string
}

// ParseExtensions reads an EHLO reply. Its first line is the greeting; each
// other is a keyword with parameters, in any case. What cannot be read as what
// its keyword promises counts as not offered.
func ParseExtensions(r Reply) Extensions {
	var x Extensions
	first := true
	for line := range r.Lines() {
		if first {
			first = false
			continue
		}
		name, value, _ := strings.Cut(strings.TrimRight(line, " "), " ")
		// AUTH=LOGIN PLAIN is what servers said before RFC 2554, and some still do.
		if ascii.HasPrefixFold(name, "AUTH=") {
			name, value = "AUTH", name[len("AUTH="):]+" "+value
		}
		x.add(name, value)
	}
	return x
}

func (x *Extensions) add(name, value string) {
	for _, f := range x.flags() {
		if ascii.EqualFold(name, f.name) {
			*f.on = true
			return
		}
	}
	fields := strings.Fields(value)
	switch upper(name) {
	case "SIZE":
		n := int64(0)
		if len(fields) > 0 {
			v, err := ascii.ParseUint(fields[0], 1<<63-1)
			if err == ascii.ErrNumber {
				return
			}
			n = int64(v)
		}
		x.Size = &n
	case "AUTH":
		for _, f := range fields {
			if f = upper(f); !slices.Contains(x.Auth, f) {
				x.Auth = append(x.Auth, f)
			}
		}
	case "DELIVERBY":
		d, ok := time.Duration(0), true
		if len(fields) > 0 {
			d, ok = parseSeconds(fields[0])
		}
		if ok {
			x.DeliverBy = &d
		}
	case "FUTURERELEASE":
		if len(fields) < 2 {
			return
		}
		hold, isNumber := parseSeconds(fields[0])
		if until, isTime := parseDateTime([]byte(fields[1])); isNumber && isTime {
			x.FutureRelease = &FutureRelease{MaxHold: hold, MaxUntil: until}
		}
	case "MT-PRIORITY":
		x.Priority = &value
	case "LIMITS":
		x.Limits = parseOfferedLimits(fields)
	case "XCLIENT":
		x.XClient = []string{}
		for _, f := range fields {
			x.XClient = append(x.XClient, upper(f))
		}
	default:
		if name != "" {
			x.Extra = append(x.Extra, Keyword{Name: name, Value: value})
		}
	}
}

// upper is strings.ToUpper for ASCII alone, which makes no S of a long s.
func upper(s string) string { return string(ascii.AppendUpper(nil, s)) }

func parseOfferedLimits(fields []string) *OfferedLimits {
	l := new(OfferedLimits)
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		n, err := ascii.ParseUint(value, 1<<31-1)
		if err == ascii.ErrNumber {
			continue
		}
		switch upper(name) {
		case "RCPTMAX":
			l.RcptMax = int(n)
		case "MAILMAX":
			l.MailMax = int(n)
		case "RCPTDOMAINMAX":
			l.RcptDomainMax = int(n)
		}
	}
	return l
}

// A flag is an extension that has no parameters.
type flag struct {
	name string
	on   *bool
}

func (x *Extensions) flags() [14]flag {
	return [...]flag{
		{"PIPELINING", &x.Pipelining},
		{"8BITMIME", &x.EightBitMIME},
		{"ENHANCEDSTATUSCODES", &x.EnhancedStatusCodes},
		{"CHUNKING", &x.Chunking},
		{"BINARYMIME", &x.BinaryMIME},
		{"SMTPUTF8", &x.SMTPUTF8},
		{"DSN", &x.DSN},
		{"STARTTLS", &x.StartTLS},
		{"REQUIRETLS", &x.RequireTLS},
		{"RRVS", &x.RRVS},
		{"ETRN", &x.ETRN},
		{"VRFY", &x.VRFY},
		{"EXPN", &x.EXPN},
		{"HELP", &x.HELP},
	}
}

// lines returns the keywords as lines of an EHLO reply, so that ParseExtensions
// reads them back.
func (x *Extensions) lines() []string {
	var lines []string
	for _, f := range x.flags() {
		if *f.on {
			lines = append(lines, f.name)
		}
	}
	add := func(name string, values ...string) {
		line := strings.TrimRight(name+" "+strings.Join(values, " "), " ")
		if len(line) <= maxReplyText { // else it would go on in a line that looks like another keyword
			lines = append(lines, line)
		}
	}
	if x.Size != nil {
		add("SIZE", strconv.FormatInt(*x.Size, 10))
	}
	if len(x.Auth) > 0 {
		add("AUTH", x.Auth...)
	}
	if x.DeliverBy != nil {
		add("DELIVERBY", formatSeconds(*x.DeliverBy))
	}
	if f := x.FutureRelease; f != nil {
		add("FUTURERELEASE", formatSeconds(f.MaxHold), f.MaxUntil.UTC().Format(time.RFC3339))
	}
	if x.Priority != nil {
		add("MT-PRIORITY", *x.Priority)
	}
	if x.Limits != nil {
		add("LIMITS", x.Limits.fields()...)
	}
	if x.XClient != nil {
		add("XCLIENT", x.XClient...)
	}
	for _, k := range x.Extra {
		add(k.Name, k.Value)
	}
	return lines
}

func formatSeconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }

func (l *OfferedLimits) fields() []string {
	var f []string
	for _, v := range []struct {
		name string
		n    int
	}{{"RCPTMAX", l.RcptMax}, {"MAILMAX", l.MailMax}, {"RCPTDOMAINMAX", l.RcptDomainMax}} {
		if v.n > 0 {
			f = append(f, v.name+"="+strconv.Itoa(v.n))
		}
	}
	return f
}

// hide takes the named extensions away.
func (x *Extensions) hide(names []string) {
	for _, name := range names {
		for _, f := range x.flags() {
			if ascii.EqualFold(name, f.name) {
				*f.on = false
			}
		}
		switch upper(name) {
		case "SIZE":
			x.Size = nil
		case "AUTH":
			x.Auth = nil
		case "DELIVERBY":
			x.DeliverBy = nil
		case "FUTURERELEASE":
			x.FutureRelease = nil
		case "MT-PRIORITY":
			x.Priority = nil
		case "LIMITS":
			x.Limits = nil
		case "XCLIENT":
			x.XClient = nil
		}
	}
	hidden := func(k Keyword) bool {
		return slices.ContainsFunc(names, func(name string) bool { return ascii.EqualFold(name, k.Name) })
	}
	if slices.ContainsFunc(x.Extra, hidden) { // the slice is the configuration's
		x.Extra = slices.DeleteFunc(slices.Clone(x.Extra), hidden)
	}
}

// takes reports whether an extra keyword brings the parameter.
func (x *Extensions) takes(verb Verb, keyword []byte) bool {
	for _, k := range x.Extra {
		params := k.Mail
		if verb == RCPT {
			params = k.Rcpt
		}
		for _, p := range params {
			if ascii.EqualFold(p, keyword) {
				return true
			}
		}
	}
	return false
}
