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
	name string
	new  func() hash.Hash
	size int
}

var scramHashes = []scramHash{ // in the order of our preference
	{"SHA-256", sha256.New, sha256.Size},
	{"SHA-512", sha512.New, sha512.Size},
	{"SHA-1", sha1.New, sha1.Size},
}

func findHash(name string) (scramHash, bool) {
	for _, h := range scramHashes {
		if h.name == name {
			return h, true
		}
	}
	return scramHash{}, false
}

func (h scramHash) mac(key, text []byte) []byte {
	m := hmac.New(h.new, key)
	m.Write(text)
	return m.Sum(nil)
}

func (h scramHash) sum(text []byte) []byte {
	d := h.new()
	d.Write(text)
	return d.Sum(nil)
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
