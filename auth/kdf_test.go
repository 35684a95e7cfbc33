package auth

import (
	"bytes"
	"crypto/hmac"
	"crypto/pbkdf2"
	"errors"
	"strings"
	"testing"
)

func TestRFC5802_2_2_Hi(t *testing.T) {
	for _, h := range scramHashes {
		for _, password := range []string{"pencil", strings.Repeat("p", 200)} {
			for _, n := range []int{1, 2, 1000, kdfSlice + 1} {
				got, err := h.salted(t.Context(), Secret(password), []byte("salt salt"), n)
				if err != nil {
					t.Fatal(err)
				}
				want, err := pbkdf2.Key(h.new, password, []byte("salt salt"), n, h.size)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s, %d iterations: %x, want %x, %v", h.name, n, got, want, err)
				}
			}
		}
	}
}

func TestDeriveKeysUnknownHash(t *testing.T) {
	if _, err := DeriveKeys(t.Context(), KeysQuestion{"MD5", []byte("saltsalt"), 1}, "pencil"); !errors.Is(err, ErrMechanism) {
		t.Errorf("error %v", err)
	}
}

func TestRFC2104_2_MAC(t *testing.T) {
	for _, h := range scramHashes {
		for _, text := range []string{"", "a", strings.Repeat("text", 100)} {
			for _, n := range []int{0, 1, h.size, h.block} {
				key := bytes.Repeat([]byte{0xaa}, n)
				m := hmac.New(h.new, key)
				m.Write([]byte(text))
				if got := h.mac(key, []byte(text)); !bytes.Equal(got, m.Sum(nil)) {
					t.Errorf("%s, key of %d: %x", h.name, n, got)
				}
			}
		}
	}
}

// BenchmarkHi compares the derivation that can be stopped with the one that cannot.
func BenchmarkHi(b *testing.B) {
	h, _ := findHash("SHA-256")
	salt := []byte("saltsaltsaltsalt")
	b.Run("sliced", func(b *testing.B) {
		for b.Loop() {
			if _, err := h.salted(b.Context(), "pencil", salt, defaultIterations); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("crypto/pbkdf2", func(b *testing.B) {
		for b.Loop() {
			if _, err := pbkdf2.Key(h.new, "pencil", salt, defaultIterations, h.size); err != nil {
				b.Fatal(err)
			}
		}
	})
}
