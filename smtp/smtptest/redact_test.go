package smtptest

import (
	"strings"
	"testing"

	"github.com/mailwire/mailwire/auth"
)

// A transcript is shown to others; the password in it is not.
func TestTranscriptHidesPassword(t *testing.T) {
	d := newDialogue(t.Context(), &Target{Login: &auth.Credentials{Username: "ann", Password: "open sesame"}}, 0)
	response := d.plain("open sesame")
	d.log.Octets("C", "AUTH PLAIN "+response+"\r\n")
	if got := d.log.String(); strings.Contains(got, response) || got != "C: AUTH PLAIN [24 octets]\n" {
		t.Errorf("the line is shown as %q", got)
	}
}
