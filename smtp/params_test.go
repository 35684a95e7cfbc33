package smtp_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mailwire/mailwire/smtp"
)

// offersAll is a server that offers everything.
func offersAll() *smtp.Extensions {
	return &smtp.Extensions{
		EightBitMIME: true, Chunking: true, BinaryMIME: true, SMTPUTF8: true, DSN: true, RequireTLS: true, RRVS: true,
		Size: new(int64(0)), Auth: []string{"PLAIN"}, DeliverBy: new(time.Duration(0)), Priority: new(""),
		FutureRelease: &smtp.FutureRelease{MaxHold: time.Hour},
		Extra:         []smtp.Keyword{{Name: "X-THING", Mail: []string{"X-MAIL"}, Rcpt: []string{"X-RCPT"}}},
	}
}

// What ParseMail and ParseRcpt may say.
const (
	good     = iota
	syntax   // *SyntaxError: 501
	twice    // *ParamError, Twice: 501
	unknown  // *ParamError: 555
	needUTF8 // ErrUTF8: 550, 553
)

func kindOf(err error) int {
	if err == nil {
		return good
	}
	if err == smtp.ErrUTF8 {
		return needUTF8
	}
	if e, ok := errors.AsType[*smtp.ParamError](err); ok {
		if e.Twice {
			return twice
		}
		return unknown
	}
	if _, ok := errors.AsType[*smtp.SyntaxError](err); ok {
		return syntax
	}
	return -1
}

func TestParseMail(t *testing.T) {
	until := time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC)
	type o = smtp.MailOptions
	tests := []struct {
		name, params string
		want         smtp.MailOptions
		kind         int
	}{
		{"none", "", o{}, good},
		{"SIZE", " SIZE=1000", o{Size: 1000}, good},
		{"SIZE in any case", " size=1000", o{Size: 1000}, good},
		{"SIZE=0", " SIZE=0", o{}, good},
		{"SIZE with leading zeros", " SIZE=0001", o{Size: 1}, good},
		{"SIZE over 32 bits: 33", " SIZE=5000000000", o{Size: 5000000000}, good},
		{"SIZE of twenty digits is huge, not nonsense: 33", " SIZE=99999999999999999999", o{Size: 1<<63 - 1}, good},
		{"SIZE of 2^64 does not wrap: 33", " SIZE=18446744073709551617", o{Size: 1<<63 - 1}, good},
		{"SIZE=abc: 33", " SIZE=abc", o{}, syntax},
		{"SIZE=-1", " SIZE=-1", o{}, syntax},
		{"SIZE=+1", " SIZE=+1", o{}, syntax},
		{"SIZE= ", " SIZE=", o{}, syntax},
		{"SIZE", " SIZE", o{}, syntax},
		{"SIZE twice: 32", " SIZE=1 size=1", o{}, twice},
		{"BODY=7BIT", " BODY=7bit", o{Body: smtp.Body7Bit}, good},
		{"BODY=8BITMIME", " BODY=8BITMIME", o{Body: smtp.Body8BitMIME}, good},
		{"BODY=BINARYMIME", " BODY=BINARYMIME", o{Body: smtp.BodyBinaryMIME}, good},
		{"BODY=XX: 34", " BODY=XX", o{}, syntax},
		{"BODY", " BODY", o{}, syntax},
		{"BODY twice: 32", " BODY=7BIT BODY=8BITMIME", o{}, twice},
		{"SMTPUTF8", " SMTPUTF8", o{UTF8: true}, good},
		{"SMTPUTF8=x", " SMTPUTF8=x", o{}, syntax},
		{"SMTPUTF8 twice", " SMTPUTF8 SMTPUTF8", o{}, twice},
		{"REQUIRETLS", " RequireTLS", o{RequireTLS: true}, good},
		{"REQUIRETLS=1", " REQUIRETLS=1", o{}, syntax},
		{"REQUIRETLS twice", " REQUIRETLS REQUIRETLS", o{}, twice},
		{"RET=FULL", " RET=full", o{Ret: smtp.RetFull}, good},
		{"RET=HDRS", " RET=HDRS", o{Ret: smtp.RetHdrs}, good},
		{"RET=X: 38", " RET=X", o{}, syntax},
		{"RET twice: 32", " RET=FULL RET=FULL", o{}, twice},
		{"ENVID", " ENVID=a+20b+2B", o{EnvID: "a b+"}, good},
		{"ENVID of 100", " ENVID=" + strings.Repeat("e", 100), o{EnvID: strings.Repeat("e", 100)}, good},
		{"ENVID of 101", " ENVID=" + strings.Repeat("e", 101), o{}, syntax},
		{"ENVID of nothing", " ENVID=", o{}, syntax},
		{"ENVID=+: 37", " ENVID=+", o{}, syntax},
		{"ENVID=+4: 37", " ENVID=+4", o{}, syntax},
		{"ENVID=+zz: 37", " ENVID=+zz", o{}, syntax},
		{"ENVID with CRLF: 37", " ENVID=+0D+0A", o{}, syntax},
		{"ENVID in lower-case hex: 37", " ENVID=+2b", o{}, syntax},
		{"ENVID twice", " ENVID=a ENVID=a", o{}, twice},
		{"AUTH=<>", " AUTH=<>", o{AuthAs: &smtp.Path{}}, good},
		{"AUTH=mailbox", " AUTH=e+2Bx@d", o{AuthAs: &smtp.Path{Local: "e+x", Domain: "d"}}, good},
		{"AUTH=quoted mailbox", " AUTH=\"a+20b\"@d", o{AuthAs: &smtp.Path{Local: "a b", Domain: "d"}}, good},
		{"AUTH=+: 37", " AUTH=+", o{}, syntax},
		{"AUTH=+4", " AUTH=+4", o{}, syntax},
		{"AUTH=", " AUTH=", o{}, syntax},
		{"AUTH with CRLF", " AUTH=a+0D+0A@d", o{}, syntax},
		{"AUTH without domain", " AUTH=a", o{}, syntax},
		{"AUTH twice", " AUTH=<> AUTH=<>", o{}, twice},
		{"HOLDFOR", " HOLDFOR=60", o{HoldFor: time.Minute}, good},
		{"HOLDFOR of nine digits", " HOLDFOR=999999999", o{HoldFor: 999999999 * time.Second}, good},
		{"HOLDFOR of ten digits", " HOLDFOR=0000000001", o{}, syntax},
		{"HOLDFOR=-1", " HOLDFOR=-1", o{}, syntax},
		{"HOLDFOR=x", " HOLDFOR=x", o{}, syntax},
		{"HOLDFOR twice", " HOLDFOR=1 HOLDFOR=1", o{}, twice},
		{"HOLDUNTIL", " HOLDUNTIL=2031-02-03T04:05:06Z", o{HoldUntil: until}, good},
		{"HOLDUNTIL elsewhere", " HOLDUNTIL=2031-02-03T05:05:06+01:00", o{HoldUntil: until}, good},
		{"HOLDUNTIL of a day", " HOLDUNTIL=2031-02-03", o{}, syntax},
		{"HOLDUNTIL of no day", " HOLDUNTIL=2031-02-30T00:00:00Z", o{}, syntax},
		{"HOLDUNTIL with one digit", " HOLDUNTIL=2031-02-03T4:05:06Z", o{}, syntax},
		{"HOLDUNTIL with a comma", " HOLDUNTIL=2031-02-03T04:05:06,5Z", o{}, syntax},
		{"HOLDUNTIL far out of every zone", " HOLDUNTIL=2031-02-03T04:05:06+99:99", o{}, syntax},
		{"HOLDUNTIL twice", " HOLDUNTIL=2031-02-03T04:05:06Z HOLDUNTIL=2031-02-03T04:05:06Z", o{}, twice},
		{"HOLDFOR with HOLDUNTIL: 40", " HOLDFOR=1 HOLDUNTIL=2031-02-03T04:05:06Z", o{}, syntax},
		{"HOLDUNTIL with HOLDFOR: 40", " HOLDUNTIL=2031-02-03T04:05:06Z HOLDFOR=1", o{}, syntax},
		{"BY: 39", " BY=120;R", o{DeliverBy: &smtp.DeliverBy{In: 2 * time.Minute, Return: true}}, good},
		{"BY with trace", " BY=120;rt", o{DeliverBy: &smtp.DeliverBy{In: 2 * time.Minute, Return: true, Trace: true}}, good},
		{"BY in mode N", " BY=120;N", o{DeliverBy: &smtp.DeliverBy{In: 2 * time.Minute}}, good},
		{"BY in mode N, late", " BY=-120;NT", o{DeliverBy: &smtp.DeliverBy{In: -2 * time.Minute, Trace: true}}, good},
		{"BY now in mode N", " BY=0;N", o{DeliverBy: &smtp.DeliverBy{}}, good},
		{"BY with a plus sign", " BY=+120;N", o{DeliverBy: &smtp.DeliverBy{In: 2 * time.Minute}}, good},
		{"BY now in mode R", " BY=0;R", o{}, syntax},
		{"BY late in mode R", " BY=-1;R", o{}, syntax},
		{"BY without mode", " BY=120", o{}, syntax},
		{"BY with empty mode", " BY=120;", o{}, syntax},
		{"BY with trace alone", " BY=120;T", o{}, syntax},
		{"BY in another mode", " BY=120;X", o{}, syntax},
		{"BY with two signs", " BY=--1;N", o{}, syntax},
		{"BY with both signs", " BY=-+1;N", o{}, syntax},
		{"BY of ten digits", " BY=1000000000;N", o{}, syntax},
		{"BY without digits", " BY=-;N", o{}, syntax},
		{"BY twice", " BY=1;N BY=1;N", o{}, twice},
		{"MT-PRIORITY: 39", " MT-PRIORITY=9", o{Priority: new(int8(9))}, good},
		{"MT-PRIORITY below", " MT-PRIORITY=-9", o{Priority: new(int8(-9))}, good},
		{"MT-PRIORITY=0", " MT-PRIORITY=0", o{Priority: new(int8(0))}, good},
		{"MT-PRIORITY=10", " MT-PRIORITY=10", o{}, syntax},
		{"MT-PRIORITY=-10", " MT-PRIORITY=-10", o{}, syntax},
		{"MT-PRIORITY=-0", " MT-PRIORITY=-0", o{}, syntax},
		{"MT-PRIORITY=+1", " MT-PRIORITY=+1", o{}, syntax},
		{"MT-PRIORITY=01", " MT-PRIORITY=01", o{}, syntax},
		{"MT-PRIORITY twice", " MT-PRIORITY=1 MT-PRIORITY=1", o{}, twice},
		{"Extra", " X-MAIL=a", o{Extra: []smtp.Param{{Keyword: "X-MAIL", Value: "a", HasValue: true}}}, good},
		{"Extra without value", " x-mail", o{Extra: []smtp.Param{{Keyword: "x-mail"}}}, good},
		{"Extra with an empty value", " X-MAIL=", o{}, syntax},
		{"Extra twice", " X-MAIL=a x-mail=b", o{}, twice},
		{"Extra of RCPT", " X-RCPT=a", o{}, unknown},
		{"Extra of UTF-8 with SMTPUTF8", " X-MAIL=\u00f6 SMTPUTF8", o{UTF8: true, Extra: []smtp.Param{{Keyword: "X-MAIL", Value: "\u00f6", HasValue: true}}}, good},
		{"36: Extra of invalid UTF-8", " SMTPUTF8 X-MAIL=\xc0\xaf", o{}, syntax},
		{"Extra of UTF-8 without SMTPUTF8", " X-MAIL=\u00f6", o{}, syntax},
		{"all at once", " SIZE=1 BODY=8BITMIME SMTPUTF8 RET=HDRS", o{Size: 1, Body: smtp.Body8BitMIME, UTF8: true, Ret: smtp.RetHdrs}, good},
		{"unknown: 31", " FOO=1", o{}, unknown},
		{"NOTIFY is of RCPT", " NOTIFY=NEVER", o{}, unknown},
		{"ORCPT is of RCPT", " ORCPT=rfc822;a@d", o{}, unknown},
		{"prefix of a keyword", " SIZ=1", o{}, unknown},
		{"longer keyword", " SIZEX=1", o{}, unknown},
		{"two spaces", "  SIZE=1", o{}, syntax},
		{"no space", "SIZE=1", o{}, syntax},
		{"tab", "\tSIZE=1", o{}, syntax},
		{"equals in the value", " SIZE=1=2", o{}, syntax},
		{"no keyword", " =1", o{}, syntax},
		{"hyphen first", " -SIZE=1", o{}, syntax},
		{"control", " SIZE=1\x01", o{}, syntax},
		{"bracket", " >SIZE=1", o{}, syntax},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			from, got, err := smtp.ParseMail([]byte("FROM:<a@d>"+tt.params), offersAll())
			if kind := kindOf(err); kind != tt.kind {
				t.Fatalf("%q: error %v of kind %d, want kind %d", tt.params, err, kind, tt.kind)
			}
			if err != nil {
				return
			}
			if from != (smtp.Path{Local: "a", Domain: "d"}) {
				t.Errorf("%q: path %+v", tt.params, from)
			}
			if diff := cmp.Diff(tt.want, got, equalTime); diff != "" {
				t.Errorf("%q (-want +got):\n%s", tt.params, diff)
			}
			if _, _, err := smtp.ParseMail([]byte("FROM:<a@d>"+tt.params), &smtp.Extensions{}); tt.params != "" && kindOf(err) != unknown {
				t.Errorf("%q: not offered, and %v", tt.params, err) // 31
			}
		})
	}
}

var equalTime = cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })

func TestParseRcpt(t *testing.T) {
	since := time.Date(2014, 4, 3, 23, 1, 0, 0, time.UTC)
	type o = smtp.RcptOptions
	orcpt := func(typ, addr string) o { return o{ORcpt: smtp.ORcpt{Type: typ, Addr: addr}} }
	tests := []struct {
		name, params string
		want         smtp.RcptOptions
		kind         int
	}{
		{"none", "", o{}, good},
		{"NOTIFY=NEVER", " NOTIFY=never", o{Notify: smtp.NotifyNever}, good},
		{"NOTIFY of all", " NOTIFY=SUCCESS,FAILURE,DELAY", o{Notify: smtp.NotifySuccess | smtp.NotifyFailure | smtp.NotifyDelay}, good},
		{"NEVER with others: 38", " NOTIFY=NEVER,SUCCESS", o{}, syntax},
		{"others with NEVER: 38", " NOTIFY=SUCCESS,NEVER", o{}, syntax},
		{"NOTIFY=x", " NOTIFY=x", o{}, syntax},
		{"NOTIFY with an empty word", " NOTIFY=SUCCESS,", o{}, syntax},
		{"NOTIFY", " NOTIFY", o{}, syntax},
		{"NOTIFY twice: 32", " NOTIFY=NEVER NOTIFY=NEVER", o{}, twice},
		{"ORCPT", " ORCPT=rfc822;a+2Bb@d", orcpt("rfc822", "a+b@d"), good},
		{"ORCPT of another type", " ORCPT=x400;/C=", o{}, syntax},
		{"ORCPT of another type, in xtext", " ORCPT=x400;/C+3Dde/", orcpt("x400", "/C=de/"), good},
		{"ORCPT of 500", " ORCPT=rfc822;" + strings.Repeat("o", 493), orcpt("rfc822", strings.Repeat("o", 493)), good},
		{"ORCPT of 501", " ORCPT=rfc822;" + strings.Repeat("o", 494), o{}, syntax},
		{"ORCPT without semicolon: 38", " ORCPT=a@d", o{}, syntax},
		{"ORCPT without type", " ORCPT=;a@d", o{}, syntax},
		{"ORCPT without address", " ORCPT=rfc822;", o{}, syntax},
		{"ORCPT with bad xtext: 37", " ORCPT=rfc822;+", o{}, syntax},
		{"ORCPT with CRLF: 37", " ORCPT=rfc822;a+0D+0A", o{}, syntax},
		{"ORCPT with 8-bit", " ORCPT=rfc822;a+FF", o{}, syntax},
		{"ORCPT twice", " ORCPT=rfc822;a ORCPT=rfc822;a", o{}, twice},
		{"RFC 6533, section 3: raw", " ORCPT=utf-8;\u00f6@d", orcpt("utf-8", "\u00f6@d"), good},
		{"RFC 6533, section 3: escaped", ` ORCPT=UTF-8;\x{F6}@d`, orcpt("UTF-8", "\u00f6@d"), good},
		{"RFC 6533, section 3: invalid", " ORCPT=utf-8;\xff@d", o{}, syntax},
		{"RRVS", " RRVS=2014-04-03T23:01:00Z", o{RRVS: smtp.RRVS{Since: since}}, good},
		{"RRVS;C", " RRVS=2014-04-03T23:01:00Z;c", o{RRVS: smtp.RRVS{Since: since, Continue: true}}, good},
		{"RRVS;R", " RRVS=2014-04-03T23:01:00Z;R", o{RRVS: smtp.RRVS{Since: since}}, good},
		{"RRVS;X", " RRVS=2014-04-03T23:01:00Z;X", o{}, syntax},
		{"RRVS;", " RRVS=2014-04-03T23:01:00Z;", o{}, syntax},
		{"RRVS=x", " RRVS=x", o{}, syntax},
		{"RRVS twice", " RRVS=2014-04-03T23:01:00Z RRVS=2014-04-03T23:01:00Z", o{}, twice},
		{"Extra", " X-RCPT=a", o{Extra: []smtp.Param{{Keyword: "X-RCPT", Value: "a", HasValue: true}}}, good},
		{"Extra of MAIL", " X-MAIL=a", o{}, unknown},
		{"BY is of MAIL: 39", " BY=120;R", o{}, unknown},
		{"MT-PRIORITY is of MAIL: 39", " MT-PRIORITY=3", o{}, unknown},
		{"SIZE is of MAIL", " SIZE=3", o{}, unknown},
		{"unknown: 31", " FOO", o{}, unknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, got, err := smtp.ParseRcpt([]byte("TO:<a@d>"+tt.params), offersAll())
			if kind := kindOf(err); kind != tt.kind {
				t.Fatalf("%q: error %v of kind %d, want kind %d", tt.params, err, kind, tt.kind)
			}
			if err != nil {
				return
			}
			if diff := cmp.Diff(tt.want, got, equalTime); diff != "" {
				t.Errorf("%q (-want +got):\n%s", tt.params, diff)
			}
			if _, _, err := smtp.ParseRcpt([]byte("TO:<a@d>"+tt.params), &smtp.Extensions{}); tt.params != "" && kindOf(err) != unknown {
				t.Errorf("%q: not offered, and %v", tt.params, err)
			}
		})
	}
}

func TestRFC5321_4_1_1_2_EnvelopeArgument(t *testing.T) {
	tests := []struct {
		name, mail string // ":" is where FROM: or TO: has it
		kind       int
	}{
		{"plain", ":<a@d>", good},
		{"space behind the colon: 30", ": <a@d>", good},
		{"spaces behind the colon", ":   <a@d>", good},
		{"no brackets: 30", ":a@d", syntax},
		{"no path", ":", syntax},
		{"nothing", "", syntax},
		{"space before the colon", " :<a@d>", syntax},
		{"parameter without space", ":<a@d>X-MAIL", syntax},
		{"open path", ":<a@d", syntax},
		{"UTF-8 without SMTPUTF8: 35", ":<\u00f6@d>", needUTF8},
	}
	ascii := offersAll()
	ascii.SMTPUTF8 = false
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, prefix := range []string{"FROM", "from", "From"} {
				if _, _, err := smtp.ParseMail([]byte(prefix+tt.mail), ascii); kindOf(err) != tt.kind {
					t.Errorf("MAIL %s%s: %v", prefix, tt.mail, err)
				}
			}
			if _, _, err := smtp.ParseRcpt([]byte("TO"+tt.mail), ascii); kindOf(err) != tt.kind {
				t.Errorf("RCPT TO%s: %v", tt.mail, err)
			}
		})
	}
	if _, _, err := smtp.ParseMail([]byte("FROM:<\u00f6@d> SMTPUTF8"), offersAll()); err != nil {
		t.Errorf("UTF-8 path before SMTPUTF8: %v", err)
	}
	if _, _, err := smtp.ParseMail([]byte("TO:<a@d>"), ascii); kindOf(err) != syntax {
		t.Errorf("MAIL TO: %v", err)
	}
	if _, _, err := smtp.ParseRcpt([]byte("TO:<a@d> ORCPT=utf-8;\u00f6@d"), ascii); kindOf(err) != syntax {
		t.Errorf("raw ORCPT without SMTPUTF8, RFC 6533, section 3: %v", err)
	}
	// nil offers nothing.
	if _, _, err := smtp.ParseMail([]byte("FROM:<a@d> SIZE=1"), nil); kindOf(err) != unknown {
		t.Errorf("MAIL with SIZE and nil Extensions: %v", err)
	}
	if _, _, err := smtp.ParseRcpt([]byte("TO:<a@d> NOTIFY=NEVER"), nil); kindOf(err) != unknown {
		t.Errorf("RCPT with NOTIFY and nil Extensions: %v", err)
	}
}

func TestAppendMail(t *testing.T) {
	from := smtp.Path{Local: "a b", Domain: "d"}
	tests := []struct {
		name string
		in   smtp.MailOptions
		want string // "": refused
	}{
		{"none", smtp.MailOptions{}, `FROM:<"a b"@d>`},
		{
			"all",
			smtp.MailOptions{
				Size: 5, Body: smtp.Body8BitMIME, UTF8: true, RequireTLS: true, Ret: smtp.RetFull, EnvID: "a+b", AuthAs: &smtp.Path{Local: "x", Domain: "d"},
				HoldFor: time.Minute, DeliverBy: &smtp.DeliverBy{In: -time.Second, Trace: true}, Priority: new(int8(-3)),
				Extra: []smtp.Param{{Keyword: "X"}, {Keyword: "Y", Value: "z", HasValue: true}},
			},
			`FROM:<"a b"@d> SIZE=5 BODY=8BITMIME SMTPUTF8 REQUIRETLS RET=FULL ENVID=a+2Bb AUTH=x@d HOLDFOR=60 BY=-1;NT MT-PRIORITY=-3 X Y=z`,
		},
		{"AUTH=<>", smtp.MailOptions{AuthAs: &smtp.Path{}}, `FROM:<"a b"@d> AUTH=<>`},
		{"HOLDUNTIL in UTC", smtp.MailOptions{HoldUntil: time.Date(2031, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))}, `FROM:<"a b"@d> HOLDUNTIL=2031-01-02T02:04:05Z`},
		{"CRLF in ENVID: 80", smtp.MailOptions{EnvID: "a\r\nRSET"}, ""},
		{"ENVID too long", smtp.MailOptions{EnvID: strings.Repeat("+", 34)}, ""},
		{"both holds", smtp.MailOptions{HoldFor: time.Second, HoldUntil: time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)}, ""},
		{"a hold of less than a second", smtp.MailOptions{HoldFor: time.Millisecond}, ""},
		{"a hold too long to say", smtp.MailOptions{HoldFor: 1e9 * time.Second}, ""},
		{"a year too far", smtp.MailOptions{HoldUntil: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, ""},
		{"priority 10", smtp.MailOptions{Priority: new(int8(10))}, ""},
		{"return what is late already", smtp.MailOptions{DeliverBy: &smtp.DeliverBy{Return: true}}, ""},
		{"bad AUTH", smtp.MailOptions{AuthAs: &smtp.Path{Local: "x\r\n", Domain: "d"}}, ""},
		{"AUTH without domain", smtp.MailOptions{AuthAs: &smtp.Path{Local: "x"}}, ""},
		{"a body type that is none", smtp.MailOptions{Body: 77}, ""},
		{"a Ret that is none", smtp.MailOptions{Ret: 77}, ""},
		{"Extra with a space: 80", smtp.MailOptions{Extra: []smtp.Param{{Keyword: "X", Value: "a b", HasValue: true}}}, ""},
		{"Extra with CRLF: 80", smtp.MailOptions{Extra: []smtp.Param{{Keyword: "X", Value: "a\r\n", HasValue: true}}}, ""},
		{"Extra with a bad keyword: 80", smtp.MailOptions{Extra: []smtp.Param{{Keyword: "X Y"}}}, ""},
		{"Extra of UTF-8 without SMTPUTF8", smtp.MailOptions{Extra: []smtp.Param{{Keyword: "X", Value: "\u00f6", HasValue: true}}}, ""},
		{"Extra of invalid UTF-8", smtp.MailOptions{UTF8: true, Extra: []smtp.Param{{Keyword: "X", Value: "\xff", HasValue: true}}}, ""},
		{"Extra without keyword", smtp.MailOptions{Extra: []smtp.Param{{}}}, ""},
		{"Extra with an empty value", smtp.MailOptions{Extra: []smtp.Param{{Keyword: "X", HasValue: true}}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := smtp.AppendMail([]byte("MAIL "), from, &tt.in)
			if string(got) != "MAIL "+tt.want || (err != nil) != (tt.want == "") {
				t.Errorf("got %q, %v; want %q", got[5:], err, tt.want)
			}
		})
	}
	if got, err := smtp.AppendMail(nil, smtp.Path{Local: "a\r\n", Domain: "d"}, &smtp.MailOptions{}); err == nil {
		t.Errorf("a bad path gives %q", got)
	}
}

func TestAppendRcpt(t *testing.T) {
	to := smtp.Path{Local: "Postmaster"}
	tests := []struct {
		name string
		in   smtp.RcptOptions
		want string
	}{
		{"none", smtp.RcptOptions{}, "TO:<Postmaster>"},
		{
			"all",
			smtp.RcptOptions{
				Notify: smtp.NotifySuccess | smtp.NotifyDelay, ORcpt: smtp.ORcpt{Type: "rfc822", Addr: "a=b@d"},
				RRVS: smtp.RRVS{Since: time.Date(2014, 1, 2, 3, 4, 5, 0, time.UTC)}, Extra: []smtp.Param{{Keyword: "X"}},
			},
			"TO:<Postmaster> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+3Db@d RRVS=2014-01-02T03:04:05Z;R X",
		},
		{"UTF-8 travels as ASCII", smtp.RcptOptions{ORcpt: smtp.ORcpt{Type: "utf-8", Addr: "\u00f6+@d"}}, `TO:<Postmaster> ORCPT=utf-8;\x{F6}\x{2B}@d`},
		{"RRVS;C", smtp.RcptOptions{RRVS: smtp.RRVS{Since: time.Date(2014, 1, 2, 3, 4, 5, 0, time.UTC), Continue: true}}, "TO:<Postmaster> RRVS=2014-01-02T03:04:05Z;C"},
		{"NEVER with others", smtp.RcptOptions{Notify: smtp.NotifyNever | smtp.NotifyDelay}, ""},
		{"a flag that is none", smtp.RcptOptions{Notify: 1 << 6}, ""},
		{"a flag that is none, with one that is", smtp.RcptOptions{Notify: 1<<6 | smtp.NotifyDelay}, ""},
		{"ORCPT without type", smtp.RcptOptions{ORcpt: smtp.ORcpt{Addr: "a@d"}}, ""},
		{"ORCPT without address", smtp.RcptOptions{ORcpt: smtp.ORcpt{Type: "rfc822"}}, ""},
		{"ORCPT with CRLF: 80", smtp.RcptOptions{ORcpt: smtp.ORcpt{Type: "rfc822", Addr: "a\r\n"}}, ""},
		{"CRLF in the type: 80", smtp.RcptOptions{ORcpt: smtp.ORcpt{Type: "a\r\n", Addr: "a"}}, ""},
		{"8-bit under rfc822", smtp.RcptOptions{ORcpt: smtp.ORcpt{Type: "rfc822", Addr: "\u00f6"}}, ""},
		{"invalid UTF-8", smtp.RcptOptions{ORcpt: smtp.ORcpt{Type: "utf-8", Addr: "\xff"}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := smtp.AppendRcpt(nil, to, &tt.in)
			if string(got) != tt.want || (err != nil) != (tt.want == "") {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

func TestParamError(t *testing.T) {
	for err, want := range map[error]string{
		&smtp.ParamError{Keyword: "SIZE", Twice: true}:                "smtp: parameter SIZE given twice",
		&smtp.ParamError{Keyword: "FOO"}:                              "smtp: parameter FOO not recognized or not offered",
		&smtp.Reject{Code: 550, Enhanced: smtp.EnhancedCode{5, 1, 1}}: "smtp: refused with 550 5.1.1",
	} {
		if got := err.Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestParamStrings(t *testing.T) {
	for got, want := range map[string]string{
		smtp.BodyBinaryMIME.String(): "BINARYMIME", smtp.RetHdrs.String(): "HDRS",
		(smtp.NotifySuccess | smtp.NotifyFailure).String(): "SUCCESS,FAILURE", smtp.NotifyNever.String(): "NEVER",
		smtp.Submission.String(): "Submission", smtp.NormalizeBare.String(): "NormalizeBare", smtp.Failed.String(): "Failed",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// What ParseMail takes, AppendMail writes, and ParseMail then reads as the same.
func FuzzMail(f *testing.F) {
	for _, s := range []string{
		"FROM:<>", "FROM: <a@d> SIZE=1 BODY=BINARYMIME SMTPUTF8 REQUIRETLS RET=FULL ENVID=a+20b", "from:<\u00f6@d> SMTPUTF8 AUTH=<>",
		"FROM:<a@d> AUTH=+22a+20b+22@d", "FROM:<a@d> HOLDFOR=1", "FROM:<a@d> HOLDUNTIL=2031-02-03T04:05:06.5+01:00", "FROM:<a@d> BY=-1;NT MT-PRIORITY=-9",
		"FROM:<a@d> X-MAIL=1 X-MAIL", "FROM:<a@d> SIZE=99999999999999999999", "FROM:<a@d> BY=+5;R", "FROM:<a@d> HOLDUNTIL=9999-12-31T23:59:59-01:00",
		"FROM:<a@d> RET=HDRS ENVID=+0D+0ARSET",
	} {
		f.Add([]byte(s))
	}
	x := offersAll()
	f.Fuzz(func(t *testing.T, arg []byte) {
		p, o, err := smtp.ParseMail(arg, x)
		if kindOf(err) < 0 {
			t.Fatalf("%q: an error of no known kind: %v", arg, err)
		}
		if err != nil {
			return
		}
		if o.HoldFor != 0 && !o.HoldUntil.IsZero() {
			t.Fatalf("%q: HOLDFOR and HOLDUNTIL", arg)
		}
		checkWireText(t, []byte(o.EnvID)) // decoded, it may hold no more than as it came
		wire, err := smtp.AppendMail(nil, p, &o)
		if err != nil {
			t.Fatalf("%q was read as %+v %+v, which cannot be written: %v", arg, p, o, err)
		}
		checkWireText(t, wire)
		p2, o2, err := smtp.ParseMail(wire, x)
		if diff := cmp.Diff(o, o2, equalTime); err != nil || p2 != p || diff != "" {
			t.Fatalf("%q was written as %q, read as %+v, %v (-want +got):\n%s", arg, wire, p2, err, diff)
		}
	})
}

// checkWireText asserts that b can stand in a line: no control octets.
func checkWireText(t testing.TB, b []byte) {
	t.Helper()
	for _, c := range b {
		if c < 0x20 || c == 0x7f {
			t.Fatalf("octet %#x in %q", c, b)
		}
	}
}

func FuzzRcpt(f *testing.F) {
	for _, s := range []string{
		"TO:<postmaster>", "TO: <a@d> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+20b RRVS=2014-04-03T23:01:00Z;C", "TO:<\u00f6@d> ORCPT=utf-8;\u00f6\\x{5C}",
		"TO:<a@d> NOTIFY=NEVER X-RCPT=1", "TO:<a@d> ORCPT=rfc822;a+0D+0A", "TO:<a@d> RRVS=2014-04-03T23:01:00.123-11:00",
	} {
		f.Add([]byte(s))
	}
	x := offersAll()
	f.Fuzz(func(t *testing.T, arg []byte) {
		p, o, err := smtp.ParseRcpt(arg, x)
		if kindOf(err) < 0 {
			t.Fatalf("%q: an error of no known kind: %v", arg, err)
		}
		if err != nil {
			return
		}
		checkWireText(t, []byte(o.ORcpt.Addr))
		wire, err := smtp.AppendRcpt(nil, p, &o)
		if err != nil {
			t.Fatalf("%q was read as %+v %+v, which cannot be written: %v", arg, p, o, err)
		}
		checkWireText(t, wire)
		p2, o2, err := smtp.ParseRcpt(wire, x)
		if diff := cmp.Diff(o, o2, equalTime); err != nil || p2 != p || diff != "" {
			t.Fatalf("%q was written as %q, read as %+v, %v (-want +got):\n%s", arg, wire, p2, err, diff)
		}
	})
}

// Whatever a caller sets is written so that it is read as itself, or refused.
func FuzzMailWrite(f *testing.F) {
	f.Add("a@d", "id", "x", "y", true, int32(60), int32(0), int8(3), uint8(1))
	f.Add("a@d", "a\r\nb", "X-MAIL", " ", true, int32(-1), int32(5), int8(99), uint8(200))
	x := offersAll()
	f.Fuzz(func(t *testing.T, as, envID, keyword, value string, hasValue bool, hold, by int32, priority int8, kinds uint8) {
		o := smtp.MailOptions{
			EnvID: envID, HoldFor: time.Duration(hold) * time.Second, Priority: &priority, Body: smtp.BodyType(kinds & 15), Ret: smtp.Ret(kinds >> 4),
			DeliverBy: &smtp.DeliverBy{In: time.Duration(by) * time.Second, Return: hasValue},
			AuthAs:    &smtp.NewEnvelope(as).From,
		}
		if keyword != "" {
			o.Extra = []smtp.Param{{Keyword: keyword, Value: value, HasValue: hasValue}}
			x.Extra = []smtp.Keyword{{Name: "X", Mail: []string{keyword}}}
		}
		wire, err := smtp.AppendMail(nil, smtp.Path{Local: "a", Domain: "d"}, &o)
		if err != nil {
			return
		}
		checkWireText(t, wire)
		_, got, err := smtp.ParseMail(wire, x)
		if kindOf(err) == twice {
			return // the extra keyword is one that has a field
		}
		if err != nil {
			t.Fatalf("%+v was written as %q, which cannot be read: %v", o, wire, err)
		}
		if o.HoldFor < 0 {
			o.HoldFor = 0 // not stated
		}
		if len(got.Extra) == 1 && !hasValue {
			got.Extra[0].Value = value // not written
		}
		if len(got.Extra) == 0 {
			o.Extra = nil // the extra keyword is one that has a field
			return
		}
		if !reflect.DeepEqual(got, o) {
			t.Fatalf("%q (-want +got):\n%s", wire, cmp.Diff(o, got, equalTime))
		}
	})
}
