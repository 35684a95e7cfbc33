package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailwire/mailwire/imap/imaptest"
)

// fewChanges is the length of VIEW-11, where each change waits for the disk.
const fewChanges = 3000

// The conformance suite of the library, on the daemon as it runs: all of it over
// STARTTLS, and over TLS from the start what has to do with the connection.
func TestIMAPSuite(t *testing.T) {
	for _, tt := range []struct {
		name    string
		service int
		topics  []string // none: all
	}{{"imap", imapService, nil}, {"imaps", imapsService, []string{"AUT", "FRM", "IDL", "TLS", "ZIP"}}} {
		t.Run(tt.name, func(t *testing.T) {
			d := start(t, testConfig(t))
			dial := d.dialer(tt.service)
			if tt.service == imapsService {
				dial = d.overTLS(dial)
			}
			target := &imaptest.Target{Dial: dial, TLS: d.trust, Login: d.login("demo"), Patience: 20 * time.Second, Changes: fewChanges}
			for _, c := range imaptest.Cases() {
				topic, _, _ := strings.Cut(c.ID, "-")
				if len(tt.topics) > 0 && !slices.Contains(tt.topics, topic) {
					continue
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

// The contract that the library has with stores, on this one.
func TestIMAPBackend(t *testing.T) {
	d := start(t, testConfig(t))
	imaptest.RunBackend(t, &imaptest.Store{Backend: mailboxes{d.daemon}, User: "demo", Changes: fewChanges})
}
