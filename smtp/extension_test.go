package smtp

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var sameTime = cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })

func TestParseExtensions(t *testing.T) {
	tests := []struct {
		name string
		in   []string // behind the greeting
		want Extensions
	}{
		{"nothing", nil, Extensions{}},
		{
			"as Postfix says it",
			[]string{"PIPELINING", "SIZE 10240000", "VRFY", "ETRN", "STARTTLS", "AUTH PLAIN LOGIN", "AUTH=PLAIN LOGIN", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8", "CHUNKING"},
			Extensions{
				Pipelining: true, Size: new(int64(10240000)), VRFY: true, ETRN: true, StartTLS: true, Auth: []string{"PLAIN", "LOGIN"},
				EnhancedStatusCodes: true, EightBitMIME: true, DSN: true, SMTPUTF8: true, Chunking: true,
			},
		},
		{
			"as Exchange says it",
			[]string{"SIZE 37748736", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES", "STARTTLS", "X-ANONYMOUSTLS", "AUTH NTLM", "X-EXPS GSSAPI NTLM", "8BITMIME", "BINARYMIME", "CHUNKING", "XRDST"},
			Extensions{
				Size: new(int64(37748736)), Pipelining: true, DSN: true, EnhancedStatusCodes: true, StartTLS: true, Auth: []string{"NTLM"},
				EightBitMIME: true, BinaryMIME: true, Chunking: true,
				Extra: []Keyword{{Name: "X-ANONYMOUSTLS"}, {Name: "X-EXPS", Value: "GSSAPI NTLM"}, {Name: "XRDST"}},
			},
		},
		{
			"as Gmail says it, with LIMITS",
			[]string{"SIZE 157286400", "8BITMIME", "ENHANCEDSTATUSCODES", "PIPELINING", "CHUNKING", "SMTPUTF8", "LIMITS RCPTMAX=100 MAILMAX=20"},
			Extensions{
				Size: new(int64(157286400)), EightBitMIME: true, EnhancedStatusCodes: true, Pipelining: true, Chunking: true, SMTPUTF8: true,
				Limits: &OfferedLimits{RcptMax: 100, MailMax: 20},
			},
		},
		{"any case: 79", []string{"Pipelining", "size 5", "auth plain"}, Extensions{Pipelining: true, Size: new(int64(5)), Auth: []string{"PLAIN"}}},
		{"AUTH= alone", []string{"AUTH=LOGIN PLAIN"}, Extensions{Auth: []string{"LOGIN", "PLAIN"}}},
		{"auth= in lower case", []string{"auth=login"}, Extensions{Auth: []string{"LOGIN"}}},
		{"AUTH of nothing", []string{"AUTH"}, Extensions{}},
		{"AUTHX", []string{"AUTHX PLAIN"}, Extensions{Extra: []Keyword{{Name: "AUTHX", Value: "PLAIN"}}}},
		{"SIZE without number", []string{"SIZE"}, Extensions{Size: new(int64(0))}},
		{"SIZE of no fixed maximum", []string{"SIZE 0"}, Extensions{Size: new(int64(0))}},
		{"SIZE of twenty digits", []string{"SIZE 99999999999999999999"}, Extensions{Size: new(int64(1<<63 - 1))}},
		{"SIZE of nonsense", []string{"SIZE abc"}, Extensions{}},
		{"SIZE below zero", []string{"SIZE -1"}, Extensions{}},
		{"DELIVERBY", []string{"DELIVERBY 240"}, Extensions{DeliverBy: new(4 * time.Minute)}},
		{"DELIVERBY without time", []string{"DELIVERBY"}, Extensions{DeliverBy: new(time.Duration(0))}},
		{"DELIVERBY of nonsense", []string{"DELIVERBY soon"}, Extensions{}},
		{
			"FUTURERELEASE", []string{"FUTURERELEASE 3600 2031-02-03T04:05:06Z"},
			Extensions{FutureRelease: &FutureRelease{time.Hour, time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC)}},
		},
		{"FUTURERELEASE without date", []string{"FUTURERELEASE 3600"}, Extensions{}},
		{"FUTURERELEASE of no time", []string{"FUTURERELEASE soon 2031-02-03T04:05:06Z"}, Extensions{}},
		{"FUTURERELEASE of no date", []string{"FUTURERELEASE 3600 never"}, Extensions{}},
		{"MT-PRIORITY", []string{"MT-PRIORITY MIXER"}, Extensions{Priority: new("MIXER")}},
		{"MT-PRIORITY without profile", []string{"MT-PRIORITY"}, Extensions{Priority: new("")}},
		{"LIMITS in part nonsense", []string{"LIMITS RCPTMAX=x MAILMAX=5 FOO=3 RCPTDOMAINMAX"}, Extensions{Limits: &OfferedLimits{MailMax: 5}}},
		{"LIMITS too large to hold", []string{"LIMITS RCPTMAX=99999999999999999999"}, Extensions{Limits: &OfferedLimits{RcptMax: 1<<31 - 1}}},
		{"XCLIENT", []string{"XCLIENT name ADDR"}, Extensions{XClient: []string{"NAME", "ADDR"}}},
		{"spaces", []string{"SIZE  5  ", "DSN  "}, Extensions{Size: new(int64(5)), DSN: true}},
		{"empty lines and lines of spaces", []string{"", "  ", " DSN"}, Extensions{}},
		{"letters that only look alike", []string{"\u017fIZE 5", "MT-PR\u0131ORITY", "\u017fTARTTLS"}, Extensions{
			Extra: []Keyword{{Name: "\u017fIZE", Value: "5"}, {Name: "MT-PR\u0131ORITY"}, {Name: "\u017fTARTTLS"}},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ParseExtensions(Reply{Code: 250, Text: strings.Join(append([]string{"STARTTLS.example DSN"}, tt.in...), "\n")})
			if diff := cmp.Diff(tt.want, got, sameTime); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			checkExtensionsRoundTrip(t, got)
		})
	}
}

func checkExtensionsRoundTrip(t *testing.T, x Extensions) {
	t.Helper()
	lines := x.lines()
	again := ParseExtensions(Reply{Code: 250, Text: strings.Join(append([]string{"mx"}, lines...), "\n")})
	if diff := cmp.Diff(x, again, sameTime, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("printed as %q (-want +got):\n%s", lines, diff)
	}
}

func FuzzExtensions(f *testing.F) {
	for _, s := range []string{
		"PIPELINING\nSIZE 5\nAUTH PLAIN", "AUTH=a b", "DELIVERBY 1\nFUTURERELEASE 1 2031-02-03T04:05:06.7+01:00", "LIMITS MAILMAX=1\nXCLIENT a",
		"MT-PRIORITY  x  y ", "FOO  bar", "\u017fize 1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsAny(text, "\r") || len(text) > maxReplyText {
			return // no reply holds the one, and what is longer than a line is not announced
		}
		x := ParseExtensions(Reply{Code: 250, Text: "mx\n" + text})
		checkExtensionsRoundTrip(t, x)
	})
}

// Everything that is announced can be hidden, whatever its case.
func TestOfferHide(t *testing.T) {
	everything := ServerConfig{
		StartTLS: true, Mechanisms: []string{"PLAIN"}, Protocol: Submission,
		Offer: Offer{
			SMTPUTF8: true, DSN: true, BinaryMIME: true, RequireTLS: true, RRVS: true, Limits: true, EXPN: true, ETRN: true,
			FutureRelease: &FutureRelease{MaxHold: time.Hour}, DeliverBy: new(time.Minute), Priority: new(""),
			Extra: []Keyword{{Name: "X-THING"}},
		},
	}
	names := func(tls bool, hide ...string) []string {
		s := ServerSession{Config: everything, tls: tls}
		s.Config.Offer.Hide = hide
		x := s.extensions()
		var names []string
		for _, line := range x.lines() {
			name, _, _ := strings.Cut(line, " ")
			names = append(names, name)
		}
		return names
	}
	for _, tls := range []bool{false, true} {
		all := names(tls)
		for _, hidden := range all {
			got := names(tls, strings.ToLower(hidden))
			if want := slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == hidden }); !slices.Equal(got, want) {
				t.Errorf("with %s hidden: %v, want %v", hidden, got, want)
			}
		}
	}
}

// What is offered, by configuration and by TLS.
func TestOffered(t *testing.T) {
	tests := []struct {
		name   string
		config ServerConfig
		tls    bool
		want   []string
	}{
		{"zero", ServerConfig{}, false, []string{"PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "CHUNKING", "VRFY", "HELP", "SIZE 52428800"}},
		{"no limit of size", ServerConfig{Limits: Limits{Message: -1}}, false, []string{"PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "CHUNKING", "VRFY", "HELP", "SIZE 0"}},
		{"STARTTLS in clear", ServerConfig{StartTLS: true, Offer: Offer{Hide: []string{"VRFY", "HELP", "SIZE"}}}, false, []string{"PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "CHUNKING", "STARTTLS"}},
		{"77: not listed in TLS", ServerConfig{StartTLS: true, Offer: Offer{Hide: []string{"VRFY", "HELP", "SIZE"}}}, true, []string{"PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "CHUNKING"}},
		{"95: REQUIRETLS in clear", ServerConfig{Offer: Offer{RequireTLS: true, Hide: []string{"VRFY", "HELP", "SIZE"}}}, false, []string{"PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "CHUNKING"}},
		{"RFC 8689, section 2: REQUIRETLS", ServerConfig{Offer: Offer{RequireTLS: true, Hide: []string{"VRFY", "HELP", "SIZE"}}}, true, []string{"PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "CHUNKING", "REQUIRETLS"}},
		{"AUTH after TLS, in clear", ServerConfig{Mechanisms: []string{"PLAIN"}, AuthAfterTLS: true, Offer: Offer{Hide: []string{"VRFY", "HELP", "SIZE"}}}, false, []string{"PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "CHUNKING"}},
		{"AUTH after TLS", ServerConfig{Mechanisms: []string{"PLAIN", "LOGIN"}, AuthAfterTLS: true, Offer: Offer{Hide: []string{"VRFY", "HELP", "SIZE"}}}, true, []string{"PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "CHUNKING", "AUTH PLAIN LOGIN"}},
		{"RFC 4865, section 3: not to everybody", ServerConfig{Offer: Offer{FutureRelease: &FutureRelease{MaxHold: time.Hour}, Hide: []string{"VRFY", "HELP", "SIZE"}}}, false, []string{"PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "CHUNKING"}},
		{
			"RFC 9422, section 3: as enforced", ServerConfig{Limits: Limits{Rcpts: 7, Mails: 3}, Offer: Offer{Limits: true, Hide: []string{"VRFY", "HELP", "SIZE"}}}, false,
			[]string{"PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "CHUNKING", "LIMITS RCPTMAX=7 MAILMAX=3"},
		},
		{"LIMITS by default", ServerConfig{Offer: Offer{Limits: true, Hide: []string{"VRFY", "HELP", "SIZE"}}}, false, []string{"PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "CHUNKING", "LIMITS RCPTMAX=1000"}},
		{"LIMITS without limits", ServerConfig{Limits: Limits{Rcpts: -1, Mails: -1}, Offer: Offer{Limits: true, Hide: []string{"VRFY", "HELP", "SIZE"}}}, false, []string{"PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "CHUNKING", "LIMITS"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := ServerSession{Config: tt.config, tls: tt.tls}
			x := s.extensions()
			if diff := cmp.Diff(tt.want, x.lines()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
