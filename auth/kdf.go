package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"hash"
)

// kdfSlice is how many PBKDF2 iterations run between two looks at the context:
// about 3 ms of SHA-256.
const kdfSlice = 16384

// scramHash is a hash function under its IANA name, as SCRAM's mechanism names
// carry it. RFC 5802, section 4; RFC 7677.
type scramHash struct {
	name        string
	mechanism   string // without -PLUS
	new         func() hash.Hash
	sum         func([]byte) []byte
	size, block int
}

var scramHashes = []scramHash{ // in the order of our preference
	{"SHA-256", "SCRAM-SHA-256", sha256.New, sumSHA256, sha256.Size, sha256.BlockSize},
	{"SHA-512", "SCRAM-SHA-512", sha512.New, sumSHA512, sha512.Size, sha512.BlockSize},
	{"SHA-1", "SCRAM-SHA-1", sha1.New, sumSHA1, sha1.Size, sha1.BlockSize},
}

func sumSHA256(text []byte) []byte { s := sha256.Sum256(text); return s[:] }
func sumSHA512(text []byte) []byte { s := sha512.Sum512(text); return s[:] }
func sumSHA1(text []byte) []byte   { s := sha1.Sum(text); return s[:] }

func findHash(name string) (scramHash, bool) {
	for _, h := range scramHashes {
		if h.name == name {
			return h, true
		}
	}
	return scramHash{}, false
}

// mac is HMAC, RFC 2104, of a short text under a key no longer than a block, which
// all keys of SCRAM but the password are. An exchange takes four, and crypto/hmac
// makes eight allocations for each, to be able to go on and to start again.
func (h scramHash) mac(key, text []byte) []byte {
	buf := make([]byte, h.block, h.block+max(len(text), h.size))
	copy(buf, key)
	for i := range buf {
		buf[i] ^= 0x36
	}
	inner := h.sum(append(buf, text...))
	for i := range buf {
		buf[i] ^= 0x36 ^ 0x5c
	}
	return h.sum(append(buf, inner...))
}

// salted is Hi of RFC 5802, section 2.2: PBKDF2 with one block of output. It is
// written out here because the count comes from a peer, and the derivation of
// crypto/pbkdf2 cannot be stopped.
func (h scramHash) salted(ctx context.Context, password Secret, salt []byte, iterations int) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	prf := hmac.New(h.new, []byte(password))
	prf.Write(salt)
	prf.Write([]byte{0, 0, 0, 1})
	u := prf.Sum(make([]byte, 0, h.size))
	out := append(make([]byte, 0, h.size), u...)
	for i := 1; i < iterations; i++ {
		if i%kdfSlice == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
		prf.Reset()
		prf.Write(u)
		u = prf.Sum(u[:0])
		subtle.XORBytes(out, out, u)
	}
	return out, nil
}

// DeriveKeys answers a KeysQuestion of an exchange that is driven by hand. password
// is used as it is: prepare it first. The cost is in q.Iterations, which the exchange
// has bounded; ctx is obeyed between slices of a few milliseconds. Errors: that of
// ctx, or ErrMechanism for a hash that is not known.
func DeriveKeys(ctx context.Context, q KeysQuestion, password Secret) (Keys, error) {
	h, ok := findHash(q.Hash)
	if !ok {
		return Keys{}, ErrMechanism
	}
	return h.keys(ctx, password, q.Salt, q.Iterations)
}

// keys derives what a client needs in place of the password.
func (h scramHash) keys(ctx context.Context, password Secret, salt []byte, iterations int) (Keys, error) {
	salted, err := h.salted(ctx, password, salt, iterations)
	if err != nil {
		return Keys{}, err
	}
	return Keys{
		Client: Secret(h.mac(salted, []byte("Client Key"))),
		Server: Secret(h.mac(salted, []byte("Server Key"))),
	}, nil
}
