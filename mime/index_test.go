package mime

import (
	"bytes"
	"testing"
)

// TestForgedIndex changes every number of good indexes a little: what loads has
// to be sound.
func TestForgedIndex(t *testing.T) {
	loaded := 0
	for _, s := range append(seeds, nested) {
		msg := []byte(s)
		for i := range Parse(msg, nil).recs {
			for field := range uint32(12) {
				for delta := -20; delta <= 20; delta++ {
					b := forge(msg, uint32(i)|field<<8|uint32(uint8(delta))<<16)
					m, err := LoadIndex(b, bytes.NewReader(msg), nil)
					if err != nil {
						continue
					}
					loaded++
					checkSpans(t, m)
					for p := range m.Parts() {
						p.Type()
						p.Header()
					}
					m.CRLF().Section(Section{})
				}
			}
		}
	}
	if loaded == 0 {
		t.Error("nothing loads")
	}
}

// TestIndexSize: 20 to 60 octets a part, whatever the message's size.
func TestIndexSize(t *testing.T) {
	for _, c := range benchMessages() {
		m := Parse(c.data, nil)
		if n := len(m.AppendIndex(nil)); n > 60*len(m.recs) {
			t.Errorf("%s: %d octets for %d parts", c.name, n, len(m.recs))
		}
	}
}
