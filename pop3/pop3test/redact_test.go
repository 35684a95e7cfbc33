package pop3test

import (
	"strings"
	"testing"

	"github.com/mailwire/mailwire/auth"
)

// A transcript is shown to others; the password in it is not.
func TestTranscriptHidesPassword(t *testing.T) {
	d := &dialogue{target: &Target{Login: &auth.Credentials{Username: "ann", Password: "open sesame"}}}
	for _, line := range []string{"PASS open sesame\r\n", "AUTH PLAIN " + plain("ann", "open sesame") + "\r\n"} {
		got := d.redacted(line)
		if strings.Contains(got, "sesame") || strings.Contains(got, plain("ann", "open sesame")) || !strings.Contains(got, "octets]\r\n") {
			t.Errorf("%q is shown as %q", line, got)
		}
	}
	if got := d.redacted("NOOP\r\n"); got != "NOOP\r\n" {
		t.Errorf("NOOP is shown as %q", got)
	}
}
