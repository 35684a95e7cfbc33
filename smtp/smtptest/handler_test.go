package smtptest

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpserver"
)

func TestRunHandler(t *testing.T) {
	RunHandler(t, new(Recorder))
	RunHandler(t, &Recorder{Refuse: func(smtp.Rcpt) error { return &smtp.Reject{Code: 550, Text: "no"} }}, u1, u2)
	RunHandler(t, refuser{})
}

// A refuser has no time for anybody.
type refuser struct{}

func (refuser) NewSession(context.Context, *smtpserver.Conn) (*smtpserver.Session, error) {
	return nil, &smtp.Reject{Code: 554, Text: "no service"}
}

// What handlers do wrong is found.
func TestRunHandlerFinds(t *testing.T) {
	handler := func(data func(context.Context, *smtpserver.Message) error) smtpserver.Handler {
		return smtpserver.HandlerFunc(data)
	}
	tests := []struct {
		name string
		h    smtpserver.Handler
		want string
	}{
		{"not read", handler(func(context.Context, *smtpserver.Message) error { return nil }), "has not read to its end"},
		{"errors not seen", handler(func(_ context.Context, m *smtpserver.Message) error { io.ReadAll(m); return nil }), "has not read to its end"},
		{"code", handler(func(context.Context, *smtpserver.Message) error { return &smtp.Reject{Code: 250} }), "refuses with the code 250"},
		{"panic", handler(func(context.Context, *smtpserver.Message) error { panic("no") }), "Data panics"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := &watch{h: test.h}
			s := &smtpserver.Server{Hostname: "mx.example", Handler: w, Limits: smtp.Limits{Message: 1 << 20}}
			for _, script := range handlerScripts([]smtp.Path{u1}) {
				playHandler(w, s, script)
			}
			if all := strings.Join(w.finish(), "\n"); !strings.Contains(all, test.want) {
				t.Errorf("found %q, want %q", all, test.want)
			}
		})
	}
}
