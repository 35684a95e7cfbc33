package auth

import (
	"context"
	"encoding/base64"
	"testing"
)

// scramOnce runs a whole SCRAM-SHA-256 exchange of both roles, keys at hand.
func scramOnce(t testing.TB, keys Keys, stored []Verifier) {
	c := NewScramClient("user", "", ScramOptions{Hash: "SHA-256", Nonce: scramVectors[1].clientNonce})
	s := NewScramServer(ScramOptions{Hash: "SHA-256", Nonce: scramVectors[1].serverNonce})
	var in []byte
	for range 3 {
		c.Step(in)
		o := c.Settle(Answer{Keys: keys})
		s.Step(o.Send)
		o = s.Settle(Answer{Verifiers: stored})
		if o.Done {
			break
		}
		in = o.Send
	}
	if err := c.Finish(); err != nil {
		t.Fatal(err)
	}
}

func scramMaterial(t testing.TB) (Keys, []Verifier) {
	t.Helper()
	v := mustParse(t, scramVectors[1].verifier)
	return deriveKeys(t, KeysQuestion{"SHA-256", v.p.salt, v.p.cost}, "pencil"), []Verifier{v}
}

func BenchmarkScramExchange(b *testing.B) {
	keys, stored := scramMaterial(b)
	b.ReportAllocs()
	for b.Loop() {
		scramOnce(b, keys, stored)
	}
}

// BenchmarkScramServer is the server's half: both messages and the signature.
func BenchmarkScramServer(b *testing.B) {
	_, stored := scramMaterial(b)
	v := scramVectors[1]
	first, final := []byte(v.clientFirst), []byte(v.clientFinal)
	b.ReportAllocs()
	for b.Loop() {
		s := NewScramServer(ScramOptions{Hash: "SHA-256", Nonce: v.serverNonce})
		s.Step(first)
		s.Settle(Answer{Verifiers: stored})
		s.Step(final)
		if o := s.Settle(Answer{}); o.Err != nil {
			b.Fatal(o.Err)
		}
	}
}

func plainOnce(t testing.TB, msg []byte) {
	s := NewPlainServer()
	if _, ok := s.Step(msg).(PasswordQuestion); !ok {
		t.Fatal("no question")
	}
	if o := s.Settle(Answer{}); !o.Done {
		t.Fatal(o.Err)
	}
}

func BenchmarkPlainServer(b *testing.B) {
	msg := []byte("\x00user@example.org\x00a password of some length")
	b.ReportAllocs()
	for b.Loop() {
		plainOnce(b, msg)
	}
}

// BenchmarkPlainAgainst is a whole PLAIN login against each stored form at the
// defaults of NewVerifier.
func BenchmarkPlainAgainst(b *testing.B) {
	msg := []byte("\x00ann\x00correct horse")
	for _, scheme := range schemeNames {
		b.Run(scheme, func(b *testing.B) {
			v, err := NewVerifier(scheme, "correct horse", VerifierOptions{})
			if err != nil {
				b.Fatal(err)
			}
			a := &Authenticator{Lookup: accounts(map[string][]Verifier{"ann": {v}}), Floor: -1}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := plain(context.Background(), a, secure(), string(msg)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSASLprep(b *testing.B) {
	for name, s := range map[string]string{"ASCII": "correct horse battery", "Latin": "caf\u00e9 correct horse"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := SASLprep(s, true); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOctets(b *testing.B) {
	octets := []byte("n,,n=user,r=rOprNGfwEbeRWgbNEkqO and some more of a line of SASL")
	line := AppendOctets(nil, octets)
	var buf []byte
	b.Run("append", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(octets)))
		for b.Loop() {
			buf = AppendOctets(buf[:0], octets)
		}
	})
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(line)))
		for b.Loop() {
			if _, err := ParseOctets(line, 0); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parse=encoding/base64", func(b *testing.B) {
		strict := base64.StdEncoding.Strict()
		b.ReportAllocs()
		b.SetBytes(int64(len(line)))
		for b.Loop() {
			if _, err := strict.AppendDecode([]byte{}, line); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// What the hot exchanges may allocate.
func TestAllocations(t *testing.T) {
	keys, stored := scramMaterial(t)
	msg := []byte("\x00user@example.org\x00a password of some length")
	for _, tt := range []struct {
		name string
		most float64
		do   func()
	}{
		{"SCRAM, both roles", 40, func() { scramOnce(t, keys, stored) }},
		{"PLAIN server", 4, func() { plainOnce(t, msg) }},
		{"ParseOctets", 1, func() { ParseOctets([]byte("AAAA"), 0) }},
	} {
		if n := testing.AllocsPerRun(100, tt.do); n > tt.most {
			t.Errorf("%s: %v allocations, at most %v wanted", tt.name, n, tt.most)
		}
	}
}
