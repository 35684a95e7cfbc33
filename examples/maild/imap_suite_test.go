package main

import (
	"testing"
	"time"

	"github.com/mailwire/mailwire/imap/imaptest"
)

// The conformance suite of the library, on the daemon as it runs.
func TestIMAPSuite(t *testing.T) {
	for _, tt := range []struct {
		name    string
		service int
	}{{"imap", imapService}, {"imaps", imapsService}} {
		t.Run(tt.name, func(t *testing.T) {
			d := start(t, testConfig(t))
			dial := d.dialer(tt.service)
			if tt.service == imapsService {
				dial = d.overTLS(dial)
			}
			target := &imaptest.Target{Dial: dial, TLS: d.trust, Login: d.login("demo"), Patience: 20 * time.Second}
			for _, c := range imaptest.Cases() {
				if c.ID == "VIEW-11" {
					continue // 300,000 changes that are on disk take minutes; imapmem has it
				}
				t.Run(c.ID, func(t *testing.T) {
					switch o := c.Run(t.Context(), target); o.Verdict {
					case imaptest.Failed:
						t.Error(o)
					case imaptest.Skipped, imaptest.Excused:
						t.Skip(o)
					}
				})
			}
		})
	}
}
