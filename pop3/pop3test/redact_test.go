package pop3test

import (
	"strings"
	"testing"

	"github.com/mailwire/mailwire/auth"
)

// A transcript is shown to others; the password in it is not.
func TestTranscriptHidesPassword(t *testing.T) {
	d := newDialogue(t.Context(), &Target{Login: &auth.Credentials{Username: "ann", Password: "open sesame"}}, 0)
	for _, line := range []string{"PASS open sesame\r\n", "AUTH PLAIN " + plain("ann", "open sesame") + "\r\n", "AUTH PLAIN " + plain("ann", "open sesame\x00") + "\r\n"} {
		d.log.Octets("C", line)
	}
	d.log.Octets("C", "NOOP\r\n")
	d.fail("what is %q", "open sesame")
	got := d.log.String()
	if strings.Contains(got, "sesame") || strings.Contains(got, plain("ann", "open sesame")[:16]) || strings.Contains(d.err.Error(), "sesame") {
		t.Errorf("shown as %q, %v", got, d.err)
	}
	if !strings.Contains(got, "C: PASS [11 octets]\nC: AUTH PLAIN [24 octets]\n") || !strings.Contains(got, "C: NOOP\n") {
		t.Errorf("shown as %q", got)
	}
}
