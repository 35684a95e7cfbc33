package smtpclient

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/mailwire/mailwire/smtp"
)

func TestTemporary(t *testing.T) {
	_, unreadable := smtp.ParseReply([]byte("nonsense\r\n"))
	for _, tt := range []struct {
		name string
		err  error
		want bool
	}{
		{"refused for now", &smtp.ReplyError{Reply: smtp.Reply{Code: 451}}, true},
		{"refused for good", &smtp.ReplyError{Reply: smtp.Reply{Code: 550}}, false},
		{"our own refusal for now", &smtp.Reject{Code: 452}, true},
		{"our own refusal for good", &smtp.Reject{Code: 550}, false},
		{"an address that cannot be written", smtp.Path{Local: "a", Domain: "x y"}.Check(false), false},
		{"a reply that makes no sense", unreadable, true},
		{"needs what is not offered", &smtp.NotOffered{}, false},
		{"too big", ErrTooBig, false},
		{"connection lost", io.ErrUnexpectedEOF, true},
	} {
		if got := temporary(fmt.Errorf("wrapped: %w", tt.err)); got != tt.want {
			t.Errorf("%s: %v (%v)", tt.name, got, tt.err)
		}
	}
	if _, ok := errors.AsType[*smtp.SyntaxError](unreadable); !ok {
		t.Fatalf("the unreadable reply is %v", unreadable)
	}
}
