package smtp_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mailwire/mailwire/smtp"
)

func TestNewEnvelope(t *testing.T) {
	tests := []struct {
		name string
		in   *smtp.Envelope
		from smtp.Path
		to   []smtp.Path
		bad  string // in the error of Check; "": none
	}{
		{"two recipients", smtp.NewEnvelope("me@a.example", "you@b.example", "x y@c"), smtp.Path{Local: "me", Domain: "a.example"}, []smtp.Path{{Local: "you", Domain: "b.example"}, {Local: "x y@c"}}, "x y"},
		{"null sender", smtp.NewEnvelope("", "you@b"), smtp.Path{}, []smtp.Path{{Local: "you", Domain: "b"}}, ""},
		{"null sender in brackets", smtp.NewEnvelope("<>", "you@b"), smtp.Path{}, []smtp.Path{{Local: "you", Domain: "b"}}, ""},
		{"duplicates are legal", smtp.NewEnvelope("me@a", "you@b", "you@b"), smtp.Path{Local: "me", Domain: "a"}, []smtp.Path{{Local: "you", Domain: "b"}, {Local: "you", Domain: "b"}}, ""},
		{"postmaster", smtp.NewEnvelope("me@a", "Postmaster"), smtp.Path{Local: "me", Domain: "a"}, []smtp.Path{{Local: "Postmaster"}}, ""},
		{"no recipient", smtp.NewEnvelope("me@a"), smtp.Path{Local: "me", Domain: "a"}, nil, "a recipient"},
		{"null recipient", smtp.NewEnvelope("me@a", ""), smtp.Path{Local: "me", Domain: "a"}, []smtp.Path{{}}, "recipient"},
		{"bad sender", smtp.NewEnvelope("me", "you@b"), smtp.Path{Local: "me"}, []smtp.Path{{Local: "you", Domain: "b"}}, "sender"},
		{"CRLF is kept, and refused", smtp.NewEnvelope("me@a\r\nRSET", "you@b"), smtp.Path{Local: "me@a\r\nRSET"}, []smtp.Path{{Local: "you", Domain: "b"}}, "sender"},
		{"UTF-8", smtp.NewEnvelope("\u00f6@a", "you@b"), smtp.Path{Local: "\u00f6", Domain: "a"}, []smtp.Path{{Local: "you", Domain: "b"}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var to []smtp.Path
			for _, r := range tt.in.To {
				to = append(to, r.Path)
			}
			if diff := cmp.Diff(tt.to, to); diff != "" || tt.in.From != tt.from {
				t.Errorf("from %+v, want %+v; to (-want +got):\n%s", tt.in.From, tt.from, diff)
			}
			err := tt.in.Check()
			if tt.bad == "" != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.bad) {
				t.Errorf("Check: %v, want %q", err, tt.bad)
			}
			if err != nil && strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("Check is not quoted: %q", err)
			}
		})
	}
}

func TestEnvelopeCheckOptions(t *testing.T) {
	e := smtp.NewEnvelope("me@a", "you@b", "him@c")
	e.To[1].Options.ORcpt = smtp.ORcpt{Type: "rfc822", Addr: "a\r\n"}
	if err := e.Check(); err == nil || !strings.Contains(err.Error(), "him@c") {
		t.Errorf("bad ORCPT of the second recipient: %v", err)
	}
	e = smtp.NewEnvelope("me@a", "you@b")
	e.Options.EnvID = "\x00"
	if err := e.Check(); err == nil || !strings.Contains(err.Error(), "ENVID") {
		t.Errorf("bad ENVID: %v", err)
	}
}
