package memnet

import (
	"bytes"
	"testing"
)

// FuzzRing compares the ring with a slice. An octet of ops below 128 puts so
// many octets, one above takes the rest of it.
func FuzzRing(f *testing.F) {
	f.Add([]byte{5, 131, 9, 250, 127, 127, 200, 1}, uint16(10))
	f.Add(bytes.Repeat([]byte{127, 190}, 200), uint16(minRing+100))
	f.Fuzz(func(t *testing.T, ops []byte, limit uint16) {
		var r ring
		var want []byte
		next := byte(0)
		for _, op := range ops {
			if op < 128 {
				p := make([]byte, op)
				for i := range p {
					next++
					p[i] = next
				}
				n := r.put(p, int(limit))
				if room := int(limit) - len(want); n != min(len(p), room) {
					t.Fatalf("put of %d into room for %d took %d", len(p), room, n)
				}
				want = append(want, p[:n]...)
				next -= byte(len(p) - n)
				continue
			}
			p := make([]byte, op-128)
			n := r.get(p)
			if w := want[:min(len(p), len(want))]; !bytes.Equal(p[:n], w) {
				t.Fatalf("get = %x, want %x", p[:n], w)
			}
			want = want[n:]
			if r.n != len(want) {
				t.Fatalf("%d octets held, want %d", r.n, len(want))
			}
		}
	})
}
