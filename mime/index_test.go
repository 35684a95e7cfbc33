package mime

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
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

// TestIndexOverflow: offsets that leave the range of an int64 when they are
// added up do not load.
func TestIndexOverflow(t *testing.T) {
	for shift := 56; shift < 64; shift++ {
		b := []byte{indexVersion}
		for _, v := range []uint64{1 << shift, 0, 2, 0} { // size, bare, parts, defects
			b = binary.AppendUvarint(b, v)
		}
		for _, rec := range [][5]uint64{{1, 2, 0, 0, 1 << shift}, {1, 1, 1 << shift, 1 << shift, 1 << shift}} {
			b = append(b, byte(Multipart), 0)
			for _, v := range append(rec[:], make([]uint64, 8)...) {
				b = binary.AppendUvarint(b, v)
			}
		}
		b = binary.BigEndian.AppendUint32(b, checksum(b))
		if m, err := LoadIndex(b, bytes.NewReader(nil), nil); !errors.Is(err, ErrIndex) {
			t.Errorf("offsets of 2^%d: %v, %v", shift, m, err)
		}
	}
}

// TestIndexLimits: what is loaded is bounded as what is parsed is, else walking
// a hostile index could overflow the stack.
func TestIndexLimits(t *testing.T) {
	free := &Options{MaxDepth: -1, MaxParts: -1}
	deep := Parse(bytes.Repeat([]byte("Content-Type: message/rfc822\r\n\r\n"), 200), free).AppendIndex(nil)
	wide := Parse([]byte(mp("B", strings.Repeat("--B\r\n\r\n", 200))), free).AppendIndex(nil)
	for _, c := range []struct {
		name  string
		index []byte
		o     *Options
		want  error
	}{
		{"deep", deep, nil, ErrIndex},
		{"deep, no limit", deep, free, nil},
		{"deep, enough", deep, &Options{MaxDepth: 201}, nil},
		{"wide", wide, &Options{MaxParts: 200}, ErrIndex},
		{"wide, enough", wide, &Options{MaxParts: 201}, nil},
	} {
		if _, err := LoadIndex(c.index, bytes.NewReader(nil), c.o); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
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
