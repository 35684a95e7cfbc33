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
			imaptest.Run(t, &imaptest.Target{Dial: dial, TLS: d.trust, Login: d.login("demo"), Patience: 20 * time.Second})
		})
	}
}
