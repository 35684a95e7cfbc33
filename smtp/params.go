package smtp

import (
	"bytes"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mailwire/mailwire/internal/ascii"
)

// MailOptions are the parameters of MAIL.
type MailOptions struct {
	Size       int64         // RFC 1870, section 6; 0: not stated
	Body       BodyType      // RFC 6152, section 3; RFC 3030, section 3
	UTF8       bool          // SMTPUTF8: RFC 6531, section 3.4
	RequireTLS bool          // RFC 8689, section 2
	Ret        Ret           // RFC 3461, section 4.3
	EnvID      string        // decoded, printable ASCII: RFC 3461, section 4.4
	AuthAs     *Path         // AUTH=: nil: absent, zero Path: <>. RFC 4954, section 5
	HoldFor    time.Duration // RFC 4865, section 5
	HoldUntil  time.Time     // RFC 4865, section 5
	DeliverBy  *DeliverBy    // RFC 2852, section 4
	Priority   *int8         // -9 to 9: RFC 6710, section 4
	Extra      []Param       // of extensions in Extensions.Extra
}

// RcptOptions are the parameters of RCPT.
type RcptOptions struct {
	Notify Notify  // RFC 3461, section 4.1
	ORcpt  ORcpt   // RFC 3461, section 4.2
	RRVS   RRVS    // RFC 7293, section 3
	Extra  []Param // of extensions in Extensions.Extra
}

// BodyType is what the octets of the content may be.
type BodyType uint8

const (
	BodyUnset      BodyType = iota // no BODY parameter: 7BIT
	Body7Bit                       // lines of US-ASCII
	Body8BitMIME                   // lines of any octets
	BodyBinaryMIME                 // any octets, by BDAT only
)

var bodyNames = [...]string{"", "7BIT", "8BITMIME", "BINARYMIME"}

// String returns the value of the parameter, "" for what is none.
func (b BodyType) String() string {
	if int(b) >= len(bodyNames) {
		return ""
	}
	return bodyNames[b]
}

// Ret says what a delivery status notification returns of the message.
type Ret uint8

const (
	RetUnset Ret = iota // the server's choice
	RetFull             // the whole message
	RetHdrs             // its header
)

var retNames = [...]string{"", "FULL", "HDRS"}

// String returns the value of the parameter, "" for what is none.
func (r Ret) String() string {
	if int(r) >= len(retNames) {
		return ""
	}
	return retNames[r]
}

// Notify says when to send a delivery status notification: a set of flags, or
// NotifyNever alone. Zero: not stated, which means on failure and perhaps delay.
type Notify uint8

// The values of NOTIFY: RFC 3461, section 4.1.
const (
	NotifyNever Notify = 1 << iota
	NotifySuccess
	NotifyFailure
	NotifyDelay
)

var notifyNames = [...]string{"NEVER", "SUCCESS", "FAILURE", "DELAY"}

// String returns the value of the parameter, "" for what is none.
func (n Notify) String() string {
	if n>>len(notifyNames) != 0 {
		return ""
	}
	var names []string
	for i, name := range notifyNames {
		if n&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}

// An ORcpt is the original recipient as the first sender wrote it: an address
// of some type ("rfc822", "utf-8", ...), decoded. The zero value: not stated.
type ORcpt struct{ Type, Addr string }

// RRVS asks to deliver only if the mailbox has had its owner since a time.
type RRVS struct {
	Since    time.Time // zero: not asked for
	Continue bool      // C: deliver all the same if the server cannot tell; else R: reject
}

// DeliverBy is a deadline for delivery: RFC 2852, section 4.
type DeliverBy struct {
	In     time.Duration // whole seconds from now; in mode N it may be negative
	Return bool          // R: return the message when it is late; else N: notify
	Trace  bool          // T: tell of relaying too
}

// A Param is a parameter of MAIL or RCPT that this package does not know.
type Param struct {
	Keyword, Value string
	HasValue       bool // tells KEYWORD= from KEYWORD
}

// A ParamError names a parameter that is refused for what it is and not for
// its value.
type ParamError struct {
	Keyword string
	Twice   bool // 501; otherwise: unknown, or not offered: 555. RFC 5321, section 4.1.1.11
}

func (e *ParamError) Error() string {
	if e.Twice {
		return "smtp: parameter " + e.Keyword + " given twice"
	}
	return "smtp: parameter " + e.Keyword + " not recognized or not offered"
}

// options is what the parameters of one command are parsed into.
type options struct {
	mail *MailOptions // of the two, the one that is not nil
	rcpt *RcptOptions
	x    *Extensions // what was offered
	utf8 bool        // RCPT: the path may be UTF-8

	check *options // see blank
}

// A param is a row of the tables below: one parameter of one command.
type param struct {
	keyword string
	offered func(x *Extensions) bool
	flag    bool // has no value
	parse   func(o *options, value []byte) bool
	append  func(dst []byte, o *options) []byte // the value; unchanged: absent. nil for flags
	isSet   func(o *options) bool
}

var mailParams = [...]param{
	{
		keyword: "SIZE",
		offered: func(x *Extensions) bool { return x.Size != nil },
		parse: func(o *options, v []byte) bool {
			n, err := ascii.ParseUint(v, 1<<63-1) // any number of digits: a huge size is too big, not nonsense
			o.mail.Size = int64(n)
			return err != ascii.ErrNumber
		},
		append: func(dst []byte, o *options) []byte { return strconv.AppendInt(dst, o.mail.Size, 10) },
		isSet:  func(o *options) bool { return o.mail.Size > 0 },
	},
	{
		keyword: "BODY",
		offered: func(x *Extensions) bool { return x.EightBitMIME || x.BinaryMIME },
		parse:   parseBody,
		append:  func(dst []byte, o *options) []byte { return append(dst, o.mail.Body.String()...) },
		isSet:   func(o *options) bool { return o.mail.Body != BodyUnset },
	},
	{
		keyword: "SMTPUTF8",
		offered: func(x *Extensions) bool { return x.SMTPUTF8 },
		flag:    true,
		parse:   func(o *options, _ []byte) bool { o.mail.UTF8 = true; return true },
		isSet:   func(o *options) bool { return o.mail.UTF8 },
	},
	{
		keyword: "REQUIRETLS",
		offered: func(x *Extensions) bool { return x.RequireTLS },
		flag:    true,
		parse:   func(o *options, _ []byte) bool { o.mail.RequireTLS = true; return true },
		isSet:   func(o *options) bool { return o.mail.RequireTLS },
	},
	{
		keyword: "RET",
		offered: func(x *Extensions) bool { return x.DSN },
		parse: func(o *options, v []byte) bool {
			for _, r := range []Ret{RetFull, RetHdrs} {
				if ascii.EqualFold(v, r.String()) {
					o.mail.Ret = r
				}
			}
			return o.mail.Ret != RetUnset
		},
		append: func(dst []byte, o *options) []byte { return append(dst, o.mail.Ret.String()...) },
		isSet:  func(o *options) bool { return o.mail.Ret != RetUnset },
	},
	{
		keyword: "ENVID",
		offered: func(x *Extensions) bool { return x.DSN },
		parse: func(o *options, v []byte) bool {
			id, err := ParseXtext(nil, v)
			o.mail.EnvID = string(id)
			return err == nil && len(v) > 0 && len(v) <= maxEnvID && ascii.All(ascii.Print, id)
		},
		append: func(dst []byte, o *options) []byte { return AppendXtext(dst, o.mail.EnvID) },
		isSet:  func(o *options) bool { return o.mail.EnvID != "" },
	},
	{
		keyword: "AUTH",
		offered: func(x *Extensions) bool { return len(x.Auth) > 0 },
		parse:   parseAuthAs,
		append: func(dst []byte, o *options) []byte {
			if o.mail.AuthAs.IsNull() {
				return append(dst, "<>"...)
			}
			return AppendXtext(dst, o.mail.AuthAs.String())
		},
		isSet: func(o *options) bool { return o.mail.AuthAs != nil },
	},
	{
		keyword: "HOLDFOR",
		offered: func(x *Extensions) bool { return x.FutureRelease != nil },
		parse: func(o *options, v []byte) (ok bool) {
			o.mail.HoldFor, ok = parseSeconds(v)
			return ok && o.mail.HoldFor > 0 && o.mail.HoldUntil.IsZero()
		},
		append: func(dst []byte, o *options) []byte { return append(dst, formatSeconds(o.mail.HoldFor)...) },
		isSet:  func(o *options) bool { return o.mail.HoldFor > 0 },
	},
	{
		keyword: "HOLDUNTIL",
		offered: func(x *Extensions) bool { return x.FutureRelease != nil },
		parse: func(o *options, v []byte) bool {
			t, ok := parseDateTime(v)
			o.mail.HoldUntil = t
			return ok && o.mail.HoldFor == 0
		},
		append: func(dst []byte, o *options) []byte { return o.mail.HoldUntil.UTC().AppendFormat(dst, time.RFC3339) },
		isSet:  func(o *options) bool { return !o.mail.HoldUntil.IsZero() },
	},
	{
		keyword: "BY",
		offered: func(x *Extensions) bool { return x.DeliverBy != nil },
		parse:   parseDeliverBy,
		append:  appendDeliverBy,
		isSet:   func(o *options) bool { return o.mail.DeliverBy != nil },
	},
	{
		keyword: "MT-PRIORITY",
		offered: func(x *Extensions) bool { return x.Priority != nil },
		parse:   parsePriority,
		append:  func(dst []byte, o *options) []byte { return strconv.AppendInt(dst, int64(*o.mail.Priority), 10) },
		isSet:   func(o *options) bool { return o.mail.Priority != nil },
	},
}

var rcptParams = [...]param{
	{
		keyword: "NOTIFY",
		offered: func(x *Extensions) bool { return x.DSN },
		parse:   parseNotify,
		append:  func(dst []byte, o *options) []byte { return append(dst, o.rcpt.Notify.String()...) },
		isSet:   func(o *options) bool { return o.rcpt.Notify != 0 },
	},
	{
		keyword: "ORCPT",
		offered: func(x *Extensions) bool { return x.DSN },
		parse:   parseORcpt,
		append: func(dst []byte, o *options) []byte {
			return appendORcptAddr(append(append(dst, o.rcpt.ORcpt.Type...), ';'), o.rcpt.ORcpt)
		},
		isSet: func(o *options) bool { return o.rcpt.ORcpt != ORcpt{} },
	},
	{
		keyword: "RRVS",
		offered: func(x *Extensions) bool { return x.RRVS },
		parse:   parseRRVS,
		append: func(dst []byte, o *options) []byte {
			dst = o.rcpt.RRVS.Since.UTC().AppendFormat(dst, time.RFC3339)
			if o.rcpt.RRVS.Continue {
				return append(dst, ";C"...)
			}
			return append(dst, ";R"...)
		},
		isSet: func(o *options) bool { return !o.rcpt.RRVS.Since.IsZero() },
	},
}

const (
	maxEnvID = 100 // characters of ENVID's value: RFC 3461, section 4.4
	maxORcpt = 500 // characters of ORCPT's value: RFC 3461, section 4.2
)

func parseBody(o *options, v []byte) bool {
	for _, b := range []BodyType{Body7Bit, Body8BitMIME, BodyBinaryMIME} {
		if ascii.EqualFold(v, b.String()) {
			o.mail.Body = b
		}
	}
	return o.mail.Body != BodyUnset && (o.mail.Body != BodyBinaryMIME || o.x.BinaryMIME)
}

func parseAuthAs(o *options, v []byte) bool {
	var p Path
	if string(v) != "<>" {
		s, err := ParseXtext(nil, v)
		if err != nil {
			return false
		}
		if p, err = ParseMailbox(string(s)); err != nil {
			return false
		}
	}
	o.mail.AuthAs = &p
	return true
}

// parseSeconds reads 1*9DIGIT.
func parseSeconds[T ~string | ~[]byte](v T) (time.Duration, bool) {
	n, err := ascii.ParseUint(v, 999_999_999)
	return time.Duration(n) * time.Second, err == nil && len(v) <= 9
}

// parseDeliverBy reads by-value: RFC 2852, section 4. In mode R the time must
// still be to come.
func parseDeliverBy(o *options, v []byte) bool {
	num, mode, ok := bytes.Cut(v, []byte(";"))
	num, negative := bytes.CutPrefix(num, []byte("-"))
	if !negative {
		num, _ = bytes.CutPrefix(num, []byte("+"))
	}
	d := new(DeliverBy)
	var digits bool
	d.In, digits = parseSeconds(num)
	if negative {
		d.In = -d.In
	}
	switch strings.ToUpper(string(mode)) {
	case "R":
		d.Return = true
	case "RT":
		d.Return, d.Trace = true, true
	case "N":
	case "NT":
		d.Trace = true
	default:
		return false
	}
	o.mail.DeliverBy = d
	return ok && digits && (!d.Return || d.In > 0)
}

func appendDeliverBy(dst []byte, o *options) []byte {
	d := o.mail.DeliverBy
	dst = append(append(dst, formatSeconds(d.In)...), ';')
	if d.Return {
		dst = append(dst, 'R')
	} else {
		dst = append(dst, 'N')
	}
	if d.Trace {
		dst = append(dst, 'T')
	}
	return dst
}

func parsePriority(o *options, v []byte) bool {
	digits, negative := bytes.CutPrefix(v, []byte("-"))
	n, err := ascii.ParseUint(digits, 9)
	p := int8(n)
	if negative {
		p = -p
	}
	o.mail.Priority = &p
	return err == nil && len(digits) == 1 && (n > 0 || !negative)
}

func parseNotify(o *options, v []byte) bool {
	for word := range bytes.SplitSeq(v, []byte(",")) {
		known := false
		for i, name := range notifyNames {
			if ascii.EqualFold(word, name) {
				o.rcpt.Notify |= 1 << i
				known = true
			}
		}
		if !known {
			return false
		}
	}
	return o.rcpt.Notify&NotifyNever == 0 || o.rcpt.Notify == NotifyNever
}

// parseORcpt reads addr-type ";" xtext: RFC 3461, section 4.2. An address of
// type utf-8 may also come as utf-8-addr-unitext or utf-8-addr-xtext: RFC 6533,
// section 3.
func parseORcpt(o *options, v []byte) bool {
	typ, addr, ok := bytes.Cut(v, []byte(";"))
	if !ok || len(v) > maxORcpt || len(typ) == 0 || len(addr) == 0 || !ascii.All(keywordClass, typ) {
		return false
	}
	o.rcpt.ORcpt.Type = string(typ)
	if ascii.EqualFold(typ, "utf-8") {
		s, ok := parseUTF8Addr(string(addr))
		o.rcpt.ORcpt.Addr = s
		return ok
	}
	s, err := ParseXtext(nil, addr)
	o.rcpt.ORcpt.Addr = string(s)
	return err == nil && ascii.All(ascii.Print, s)
}

func appendORcptAddr(dst []byte, r ORcpt) []byte {
	switch {
	case !ascii.EqualFold(r.Type, "utf-8"):
		return AppendXtext(dst, r.Addr)
	case !utf8.ValidString(r.Addr):
		return dst // without an address it will be refused
	}
	return appendUTF8Addr(dst, r.Addr)
}

func parseRRVS(o *options, v []byte) bool {
	when, action, ok := bytes.Cut(v, []byte(";"))
	t, isTime := parseDateTime(when)
	o.rcpt.RRVS = RRVS{Since: t, Continue: ascii.EqualFold(action, "C")}
	return isTime && (!ok || o.rcpt.RRVS.Continue || ascii.EqualFold(action, "R"))
}

// parseDateTime reads date-time, RFC 3339, section 5.6, in whole seconds of UTC.
// time.Parse alone would take hours of one digit, and commas for dots.
func parseDateTime(v []byte) (time.Time, bool) {
	const form = "2006-01-02T15:04:05Z"
	t, err := time.Parse(time.RFC3339, string(v))
	if err != nil || len(v) < len(form) || v[len("2006-01-02T15")] != ':' || bytes.IndexByte(v, ',') >= 0 {
		return time.Time{}, false
	}
	t = t.UTC().Truncate(time.Second)
	return t, !t.IsZero() && 0 <= t.Year() && t.Year() <= 9999
}

// ParseMail parses the argument of MAIL, "FROM:<path> parameters"; x is what
// was offered, nil: nothing. Errors: *SyntaxError, *ParamError, ErrUTF8. A space behind the
// colon is accepted, since too many senders put one there.
func ParseMail(arg []byte, x *Extensions) (Path, MailOptions, error) {
	if x == nil {
		x = new(Extensions)
	}
	var o MailOptions
	p, err := parseEnvelopeArg(arg, "FROM:", mailParams[:], &options{mail: &o, x: x}, MAIL, ParsePath)
	return p, o, err
}

// ParseRcpt parses the argument of RCPT, "TO:<path> parameters", as ParseMail
// does for MAIL. UTF-8 is accepted in the path if x has SMTPUTF8; whether MAIL
// asked for it is for the session to say.
func ParseRcpt(arg []byte, x *Extensions) (Path, RcptOptions, error) {
	if x == nil {
		x = new(Extensions)
	}
	var o RcptOptions
	p, err := parseEnvelopeArg(arg, "TO:", rcptParams[:], &options{rcpt: &o, x: x, utf8: x.SMTPUTF8}, RCPT, ParsePath)
	return p, o, err
}

// parseEnvelopeArg parses what MAIL and RCPT have in common. The path is parsed
// last, by the given function: only then is it known whether it may be UTF-8.
func parseEnvelopeArg(arg []byte, prefix string, table []param, o *options, verb Verb, parsePath func([]byte, bool) (Path, error)) (Path, error) {
	if !ascii.HasPrefixFold(arg, prefix) {
		return Path{}, &SyntaxError{What: verb.String(), Want: prefix + "<path>", Got: quote(arg)}
	}
	arg = arg[len(prefix):]
	for len(arg) > 0 && arg[0] == ' ' {
		arg = arg[1:]
	}
	raw, params, err := cutPath(arg)
	if err != nil {
		return Path{}, err
	}
	if err := parseParams(params, table, o, verb); err != nil {
		return Path{}, err
	}
	utf8OK := o.utf8 || o.mail != nil && o.mail.UTF8
	if !utf8OK && !ascii.All(ascii.Print, params) { // RFC 6531, section 3.3; RFC 6533, section 3
		return Path{}, &SyntaxError{What: "parameters", Want: "ASCII, or SMTPUTF8", Got: quote(params)}
	}
	return parsePath(raw, utf8OK)
}

// parseParams parses Mail-parameters or Rcpt-parameters: RFC 5321, section 4.1.2.
func parseParams(b []byte, table []param, o *options, verb Verb) error {
	var seen uint32
	for len(b) > 0 {
		if b[0] != ' ' {
			return &SyntaxError{What: "parameters", Want: "a space before each", Got: quote(b)}
		}
		var word []byte
		word, b = b[1:], nil
		if i := bytes.IndexByte(word, ' '); i >= 0 {
			word, b = word[:i], word[i:]
		}
		keyword, value, hasValue := bytes.Cut(word, []byte("="))
		if len(keyword) == 0 || !ascii.All(keywordClass, keyword) || keyword[0] == '-' || hasValue && !isParamValue(value) {
			return &SyntaxError{What: "parameter", Want: "keyword or keyword=value", Got: quote(word)}
		}
		i := lookUp(table, keyword)
		if i < 0 || !table[i].offered(o.x) {
			if err := parseExtra(keyword, value, hasValue, o, verb); err != nil {
				return err
			}
			continue
		}
		if seen&(1<<i) != 0 {
			return &ParamError{Keyword: table[i].keyword, Twice: true}
		}
		seen |= 1 << i
		if table[i].flag == hasValue || !table[i].parse(o, value) {
			return &SyntaxError{What: table[i].keyword, Want: "a value as its RFC has it", Got: quote(word)}
		}
	}
	return nil
}

// isParamValue is esmtp-value, with the UTF-8 of RFC 6531, section 3.3.
func isParamValue(v []byte) bool {
	return len(v) > 0 && ascii.All(paramValueClass, v) && utf8.Valid(v)
}

var paramValueClass = ascii.VChar.Without("=").Or(ascii.High)

func lookUp(table []param, keyword []byte) int {
	for i := range table {
		if ascii.EqualFold(table[i].keyword, keyword) {
			return i
		}
	}
	return -1
}

// parseExtra takes a parameter that only an extension of Extensions.Extra knows.
func parseExtra(keyword, value []byte, hasValue bool, o *options, verb Verb) error {
	if !o.x.takes(verb, keyword) {
		return &ParamError{Keyword: string(keyword)}
	}
	p := Param{Keyword: string(keyword), Value: string(value), HasValue: hasValue}
	list := o.extra()
	for _, have := range *list {
		if ascii.EqualFold(have.Keyword, p.Keyword) {
			return &ParamError{Keyword: p.Keyword, Twice: true}
		}
	}
	*list = append(*list, p)
	return nil
}

// blank returns options to parse into what is being written, kept for the next
// time.
func (o *options) blank() *options {
	if o.check == nil {
		o.check = &options{mail: new(MailOptions), rcpt: new(RcptOptions), x: &everything}
	}
	*o.check.mail, *o.check.rcpt = MailOptions{}, RcptOptions{}
	return o.check
}

func (o *options) extra() *[]Param {
	if o.mail != nil {
		return &o.mail.Extra
	}
	return &o.rcpt.Extra
}

// AppendMail appends the argument of MAIL. It appends everything that is set,
// offered or not, and nothing that could be read as anything else: on error
// dst is returned as it was given.
func AppendMail(dst []byte, from Path, o *MailOptions) ([]byte, error) {
	return appendEnvelopeArg(dst, "FROM:", from, mailParams[:], &options{mail: o})
}

// AppendRcpt appends the argument of RCPT, as AppendMail does that of MAIL.
func AppendRcpt(dst []byte, to Path, o *RcptOptions) ([]byte, error) {
	return appendEnvelopeArg(dst, "TO:", to, rcptParams[:], &options{rcpt: o})
}

func appendEnvelopeArg(dst []byte, prefix string, p Path, table []param, o *options) ([]byte, error) {
	out, err := AppendPath(append(dst, prefix...), p)
	if err != nil {
		return dst, err
	}
	var check *options
	for i := range table {
		row := &table[i]
		if !row.isSet(o) {
			continue
		}
		if check == nil {
			check = o.blank()
		}
		out = append(append(out, ' '), row.keyword...)
		if row.flag {
			continue
		}
		out = append(out, '=')
		start := len(out)
		out = row.append(out, o)
		// What we write must be what we would read.
		if !isParamValue(out[start:]) || !row.parse(check, out[start:]) {
			return dst, &SyntaxError{What: row.keyword, Want: "a value that can be written", Got: quote(out[start:])}
		}
	}
	for _, e := range *o.extra() {
		word := e.Keyword
		if e.HasValue {
			word += "=" + e.Value
		}
		needsUTF8 := o.mail != nil && !o.mail.UTF8 && e.HasValue && !isASCII(e.Value)
		if e.Keyword == "" || e.Keyword[0] == '-' || !ascii.All(keywordClass, e.Keyword) || e.HasValue && !isParamValue([]byte(e.Value)) || needsUTF8 {
			return dst, &SyntaxError{What: "parameter", Want: "keyword or keyword=value", Got: quote(word)}
		}
		out = append(append(out, ' '), word...)
	}
	return out, nil
}

// everything is what parameters are checked against when they are written.
var everything = Extensions{BinaryMIME: true}
