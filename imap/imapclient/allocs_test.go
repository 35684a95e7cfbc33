//go:build !race

package imapclient_test

import (
	"testing"

	"github.com/mailwire/mailwire/imap"
)

// TestFetchAllocs guards what a row costs. The rows themselves are made together:
// what is left are the values that are asked for. FLAGS is one list; ENVELOPE and
// BODYSTRUCTURE are each the octets, the value, and the addresses or parameters.
func TestFetchAllocs(t *testing.T) {
	for i, most := range []float64{1.5, 7, 8.5} {
		s := shapes[i]
		const n = 1000
		c := cannedClient(t, n, rowsOf(s.row, n))
		got := testing.AllocsPerRun(3, func() {
			for m, err := range c.Fetch(t.Context(), imap.UIDs(1, imap.Star), s.items...) {
				if err != nil {
					t.Fatal(err)
				}
				s.use(m)
			}
		}) / n
		if got > most {
			t.Errorf("%s: %.1f allocations for a message, want at most %v", s.name, got, most)
		}
		t.Logf("%s: %.1f", s.name, got)
	}
}
