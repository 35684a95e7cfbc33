//go:build !race

package imapclient_test

import (
	"testing"

	"github.com/mailwire/mailwire/imap"
)

// TestFetchAllocs guards what a row costs: its octets, its items, its event, and
// the Message with its place in the queue.
func TestFetchAllocs(t *testing.T) {
	for i, most := range []float64{7.5, 34, 8.5} {
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
