package pop3test

import (
	"crypto/tls"
	"testing"
)

// Every case has an ID of its own, a title, a level, and a section unless it is but
// practice; and whatever a Target forbids is not run.
func TestCases(t *testing.T) {
	seen := make(map[string]bool)
	for _, c := range Cases() {
		if seen[c.ID] || c.Title == "" || c.Level == 0 || len(c.Refs) == 0 && c.Level != Practice || c.run == nil {
			t.Errorf("case %+v", c)
		}
		seen[c.ID] = true
		if c.Harm == 0 {
			continue
		}
		if o := c.Run(t.Context(), &Target{Forbid: c.Harm, TLS: new(tls.Config)}); o.Verdict != Skipped { // there is no Dial
			t.Errorf("forbidden, and yet: %s", o)
		}
	}
}
