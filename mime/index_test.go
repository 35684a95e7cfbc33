package mime

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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

// A readLog counts the reads of a source and their octets.
type readLog struct {
	*bytes.Reader
	reads, octets int
}

func (l *readLog) ReadAt(p []byte, off int64) (int, error) {
	l.reads++
	l.octets += len(p)
	return l.Reader.ReadAt(p, off)
}

// TestReadAhead: headers that lie close together are read at once, and no body
// of any size with them.
func TestReadAhead(t *testing.T) {
	text := func(n int) string { return "--B\r\n\r\n" + strings.Repeat("x", n) + "\r\n" }
	for _, c := range []struct {
		name       string
		msg        []byte
		reads, max int
	}{
		{"newsletter", newsletter(1 << 20), 1, 10_000},
		{"large bodies", []byte(mp("B", text(1<<20)+text(1<<20)+text(1<<20))), 3, 1000},
		{"many small parts", []byte(mp("B", strings.Repeat(text(50), 2000))), 5, 130_000},
		{"large header", append(bytes.Repeat([]byte("A: b\r\n"), 20_000), mp("B", text(1))...), 3, 250_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := &readLog{Reader: bytes.NewReader(c.msg)}
			memory := Parse(c.msg, nil)
			m, err := LoadIndex(memory.AppendIndex(nil), l, nil)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(memory.Envelope(), m.Envelope()); d != "" {
				t.Errorf("envelope (-memory +read):\n%s", d)
			}
			if d := cmp.Diff(memory.BodyStructure(), m.BodyStructure()); d != "" {
				t.Errorf("structure (-memory +read):\n%s", d)
			}
			if l.reads > c.reads || l.octets > c.max {
				t.Errorf("%d reads of %d octets", l.reads, l.octets)
			}
		})
	}
}

// TestReadLargeHeader: what is kept of a header over 32 KiB is a stretch, which
// serves only what lies in it.
func TestReadLargeHeader(t *testing.T) {
	msg := []byte("Content-Type: text/plain; charset=utf-8\r\n" + strings.Repeat("A: b\r\n", 10_000) + "Subject: last\r\n\r\nx")
	m, err := ParseAt(bytes.NewReader(msg), int64(len(msg)), nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got := m.Root().Type().Params.Get("charset"); got != "utf-8" {
			t.Errorf("charset %q", got)
		}
		if got := m.Header().Text("Subject"); got != "last" {
			t.Errorf("subject %q", got)
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
