package auth

import (
	"context"
	"crypto/hmac"
	"crypto/md5"
	"encoding"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/scrypt"

	"github.com/mailwire/mailwire/internal/ascii"
)

// SCRAM: StoredKey and ServerKey, neither of which lets anyone log in. The salted
// password, which would, is not kept. RFC 5803, section 2.

func parseScram(scheme, rest string) (Verifier, error) {
	h, ok := findHash(strings.TrimPrefix(scheme, "SCRAM-"))
	part := strings.Split(rest, "$")
	if !ok || !strings.HasPrefix(scheme, "SCRAM-") || len(part) != 4 {
		return Verifier{}, badVerifier("unknown form")
	}
	cost, err := ascii.ParseUint(part[0], maxIterations)
	salt, err1 := ascii.ParseBase64(nil, []byte(part[1]))
	key, err2 := ascii.ParseBase64(nil, []byte(part[2]))
	server, err3 := ascii.ParseBase64(nil, []byte(part[3]))
	if err != nil || cost == 0 || err1 != nil || len(salt) == 0 || len(salt) > maxSalt ||
		err2 != nil || len(key) != h.size || err3 != nil || len(server) != h.size {
		return Verifier{}, badVerifier("SCRAM parameters")
	}
	return newScramVerifier(h, int(cost), salt, key, server), nil
}

func makeScram(scheme, password string, salt []byte, o VerifierOptions) (Verifier, error) {
	h, ok := findHash(strings.TrimPrefix(scheme, "SCRAM-"))
	if !ok || !strings.HasPrefix(scheme, "SCRAM-") {
		return Verifier{}, badVerifier("unknown scheme")
	}
	if o.Iterations == 0 {
		o.Iterations = defaultIterations
	}
	if o.Iterations < minIterations || o.Iterations > maxIterations {
		return Verifier{}, badVerifier("iterations out of bounds")
	}
	k, err := h.keys(context.Background(), Secret(password), salt, o.Iterations)
	if err != nil {
		return Verifier{}, err
	}
	return newScramVerifier(h, o.Iterations, salt, h.sum([]byte(k.Client)), []byte(k.Server)), nil
}

func newScramVerifier(h scramHash, cost int, salt, key, server []byte) Verifier {
	p := &params{scheme: "SCRAM-" + h.name, cost: cost, salt: salt, key: key, server: server}
	b := strconv.AppendInt([]byte(p.scheme+"$"), int64(cost), 10)
	b = ascii.AppendBase64(append(b, ':'), salt)
	b = ascii.AppendBase64(append(b, '$'), key)
	b = ascii.AppendBase64(append(b, ':'), server)
	p.text = string(b)
	return Verifier{p}
}

// scram derives the StoredKey of password.
func (p *params) scram(ctx context.Context, password string) ([]byte, error) {
	h, _ := findHash(strings.TrimPrefix(p.scheme, "SCRAM-"))
	k, err := h.keys(ctx, Secret(password), p.salt, p.cost)
	if err != nil {
		return nil, err
	}
	return h.sum([]byte(k.Client)), nil
}

// argon2id, in the PHC string form.

func parseArgon(text string) (Verifier, error) {
	part := strings.Split(text, "$") // "", argon2id, v=19, m=,t=,p=, salt, hash
	if len(part) != 6 || part[2] != "v=19" {
		return Verifier{}, badVerifier("argon2id form")
	}
	n, ok := numbers(part[3], "m=", "t=", "p=")
	salt, key, ok2 := phcPair(part[4], part[5])
	if !ok || !ok2 {
		return Verifier{}, badVerifier("argon2id parameters")
	}
	return newArgonVerifier(&params{memory: n[0], cost: n[1], threads: n[2], salt: salt, key: key})
}

func makeArgon(password string, salt []byte, o VerifierOptions) (Verifier, error) {
	p := &params{
		cost:    orDefault(o.Iterations, defaultPasses),
		memory:  orDefault(o.Memory, defaultMemory),
		threads: orDefault(o.Threads, 1),
		salt:    salt, key: make([]byte, 32),
	}
	if _, err := newArgonVerifier(p); err != nil {
		return Verifier{}, err // before the memory is taken
	}
	p.key = p.argon(password)
	return newArgonVerifier(p)
}

func newArgonVerifier(p *params) (Verifier, error) {
	if p.cost < 1 || p.cost > maxArgonPasses || p.threads < 1 || p.threads > maxThreads ||
		p.memory < 8*p.threads || p.memory > maxArgonMemory {
		return Verifier{}, badVerifier("argon2id parameters out of bounds")
	}
	p.scheme = "argon2id"
	p.text = fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", p.memory, p.cost, p.threads, phc(p.salt), phc(p.key))
	return Verifier{p}, nil
}

func (p *params) argon(password string) []byte {
	return argon2.IDKey([]byte(password), p.salt, uint32(p.cost), uint32(p.memory), uint8(p.threads), uint32(len(p.key)))
}

// scrypt, in the PHC string form: ln is the logarithm of N.

func parseScrypt(text string) (Verifier, error) {
	part := strings.Split(text, "$") // "", scrypt, ln=,r=,p=, salt, hash
	if len(part) != 5 {
		return Verifier{}, badVerifier("scrypt form")
	}
	n, ok := numbers(part[2], "ln=", "r=", "p=")
	salt, key, ok2 := phcPair(part[3], part[4])
	if !ok || !ok2 || n[0] < 1 || n[0] > 30 {
		return Verifier{}, badVerifier("scrypt parameters")
	}
	return newScryptVerifier(&params{cost: 1 << n[0], memory: n[1], threads: n[2], salt: salt, key: key})
}

func makeScrypt(password string, salt []byte, o VerifierOptions) (Verifier, error) {
	p := &params{
		cost:    orDefault(o.Iterations, defaultScryptN),
		memory:  defaultScryptR,
		threads: orDefault(o.Threads, 1),
		salt:    salt, key: make([]byte, 32),
	}
	if _, err := newScryptVerifier(p); err != nil {
		return Verifier{}, err
	}
	p.key = p.scrypt(password)
	return newScryptVerifier(p)
}

func newScryptVerifier(p *params) (Verifier, error) {
	if p.cost < 2 || p.cost&(p.cost-1) != 0 || p.memory < 1 || p.threads < 1 || p.threads > maxThreads ||
		p.memory > maxScryptOctets/128/p.cost {
		return Verifier{}, badVerifier("scrypt parameters out of bounds")
	}
	p.scheme = "scrypt"
	ln := bits.TrailingZeros(uint(p.cost))
	p.text = fmt.Sprintf("$scrypt$ln=%d,r=%d,p=%d$%s$%s", ln, p.memory, p.threads, phc(p.salt), phc(p.key))
	return Verifier{p}, nil
}

func (p *params) scrypt(password string) []byte {
	out, err := scrypt.Key([]byte(password), p.salt, p.cost, p.memory, p.threads, len(p.key))
	if err != nil {
		return nil // not within our bounds; matches nothing
	}
	return out
}

// bcrypt.

func parseBcrypt(text string) (Verifier, error) {
	cost, err := bcrypt.Cost([]byte(text))
	if err != nil || len(text) != 60 || cost > maxBcryptCost || !strings.Contains("aby", text[2:3]) || !isBcryptBase64(text[7:]) {
		return Verifier{}, badVerifier("bcrypt form, or cost over 16")
	}
	return Verifier{&params{scheme: "bcrypt", cost: cost, text: text}}, nil
}

func isBcryptBase64(s string) bool {
	for _, c := range []byte(s) {
		if c != '.' && c != '/' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

func makeBcrypt(password string, o VerifierOptions) (Verifier, error) {
	cost := orDefault(o.Iterations, defaultBcryptCost)
	if cost < bcrypt.MinCost || cost > maxBcryptCost {
		return Verifier{}, badVerifier("bcrypt cost out of bounds")
	}
	text, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	if err != nil {
		return Verifier{}, badVerifier("bcrypt takes at most 72 octets of password")
	}
	return parseBcrypt(string(text))
}

// checkBcrypt refuses to compare a password of which bcrypt would ignore a part.
func (p *params) checkBcrypt(password string) (bool, error) {
	if len(password) > maxBcryptPassword {
		return false, badVerifier("bcrypt takes at most 72 octets of password")
	}
	err := bcrypt.CompareHashAndPassword([]byte(p.text), []byte(password))
	if err != nil && !errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
		return false, badVerifier("bcrypt form")
	}
	return err == nil, nil
}

// CRAM-MD5: the states of the outer and inner MD5 after the padded password, so
// that the response can be checked without the password. They are as good as
// the password for CRAM-MD5 itself. RFC 2195, section 2; the text is Dovecot's.

func parseCram(digits string) (Verifier, error) {
	key, err := hex.DecodeString(digits)
	if err != nil || len(key) != 2*md5.Size {
		return Verifier{}, badVerifier("CRAM-MD5 states")
	}
	return newCramVerifier(key), nil
}

func makeCram(password string) Verifier { return newCramVerifier(cramStates(password)) }

func newCramVerifier(states []byte) Verifier {
	return Verifier{&params{scheme: "CRAM-MD5", key: states, text: "{CRAM-MD5}" + hex.EncodeToString(states)}}
}

// md5State is the form in which crypto/md5 saves its state: a magic, four words
// (big-endian), the block so far and the count of octets.
const (
	md5Magic     = "md5\x01"
	md5StateSize = len(md5Magic) + md5.Size + md5.BlockSize + 8
)

// cramStates hashes the padded key alone and keeps the four words of the outer,
// then of the inner hash, each little-endian.
func cramStates(password string) []byte {
	key := []byte(password)
	if len(key) > md5.BlockSize {
		sum := md5.Sum(key)
		key = sum[:]
	}
	var out []byte
	for _, pad := range []byte{0x5c, 0x36} {
		var block [md5.BlockSize]byte
		copy(block[:], key)
		for i := range block {
			block[i] ^= pad
		}
		h := md5.New()
		h.Write(block[:])
		state, err := h.(encoding.BinaryMarshaler).MarshalBinary()
		if err != nil {
			return nil
		}
		out = append(out, swapWords(state[len(md5Magic):len(md5Magic)+md5.Size])...)
	}
	return out
}

// cramMAC finishes HMAC-MD5 over text from the saved states.
func (p *params) cramMAC(text []byte) []byte {
	if p.scheme == "PLAIN" {
		m := hmac.New(md5.New, p.key)
		m.Write(text)
		return m.Sum(nil)
	}
	inner := resumeMD5(p.key[md5.Size:], text)
	return resumeMD5(p.key[:md5.Size], inner)
}

func resumeMD5(words, text []byte) []byte {
	state := make([]byte, md5StateSize)
	copy(state, md5Magic)
	copy(state[len(md5Magic):], swapWords(words))
	state[md5StateSize-1] = md5.BlockSize // one block was hashed
	h := md5.New()
	if err := h.(encoding.BinaryUnmarshaler).UnmarshalBinary(state); err != nil {
		return nil
	}
	h.Write(text)
	return h.Sum(nil)
}

func swapWords(words []byte) []byte {
	out := make([]byte, len(words))
	for i := range words {
		out[i] = words[i&^3|(3-i&3)]
	}
	return out
}

// PLAIN: the password itself.

func newPlainVerifier(password string) (Verifier, error) {
	if !validPassword(password) {
		return Verifier{}, badVerifier("password empty, longer than 1024 octets, or with a NUL")
	}
	return Verifier{&params{scheme: "PLAIN", key: []byte(password), text: "{PLAIN}" + password}}, nil
}

// The PHC string form: parameters by name, base64 without padding.

func numbers(s string, names ...string) ([]int, bool) {
	part := strings.Split(s, ",")
	if len(part) != len(names) {
		return nil, false
	}
	out := make([]int, len(names))
	for i, name := range names {
		digits, ok := strings.CutPrefix(part[i], name)
		n, err := ascii.ParseUint(digits, 1<<31-1)
		if !ok || err != nil {
			return nil, false
		}
		out[i] = int(n)
	}
	return out, true
}

func phcPair(s, k string) (salt, key []byte, ok bool) {
	salt, err := phcEncoding.DecodeString(s)
	key, err2 := phcEncoding.DecodeString(k)
	ok = err == nil && err2 == nil && len(salt) >= 1 && len(salt) <= maxSalt && len(key) >= 16 && len(key) <= 64 &&
		!strings.ContainsAny(s+k, "\r\n")
	return salt, key, ok
}

var phcEncoding = base64.RawStdEncoding.Strict()

func phc(b []byte) string { return phcEncoding.EncodeToString(b) }

func orDefault(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}
