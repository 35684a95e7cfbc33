package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// Verifier is what a server stores in place of a password. It is immutable and
// safe for concurrent use; the zero Verifier matches no password. fmt, slog and
// encoders print "[redacted]"; Text is the way to the stored form.
//
// Schemes: "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512" (RFC 5803), "argon2id",
// "scrypt", "bcrypt", "CRAM-MD5", "PLAIN". Every one checks a password; SCRAM
// exchanges need one of their own scheme, CRAM-MD5 one of CRAM-MD5 or PLAIN, and
// APOP one of PLAIN, which keeps the password readable and is for those two alone.
type Verifier struct{ p *params } // a pointer, so that fmt prints an address where it cannot see our methods

type params struct {
	scheme  string
	text    string // canonical stored form
	cost    int    // iterations, passes, N or the bcrypt cost
	memory  int    // KiB (argon2id), block size r (scrypt)
	threads int
	salt    []byte
	key     []byte // StoredKey, hash, HMAC states or password
	server  []byte // ServerKey
}

// VerifierOptions say how expensive a new verifier is. Zero fields are the
// defaults of the scheme.
type VerifierOptions struct {
	// Iterations: SCRAM's count, zero: 65 536. Clients refuse counts
	// that look like an attack, Cyrus' above 65 536 and Dovecot's above 524 288;
	// a site that knows its clients should go higher. Passes of argon2id,
	// zero: 3; N of scrypt, a power of two, zero: 32 768; bcrypt's cost, zero: 12.
	Iterations int
	Memory     int // argon2id, in KiB; zero: 65 536, which is 64 MiB
	Threads    int // argon2id and scrypt; zero: 1
	SaltLen    int // octets; zero: 16. bcrypt always has 16
	// Prepare is applied to the password; nil: SASLprep for stored strings.
	// It must be what Authenticator.PreparePassword and the clients use.
	Prepare func(string) (string, error)
}

// Bounds of a stored verifier. Checking one at the bound takes seconds, not hours.
const (
	defaultIterations = 65536
	defaultSalt       = 16
	defaultPasses     = 3
	defaultMemory     = 64 << 10 // KiB
	defaultScryptN    = 1 << 15
	defaultScryptR    = 8
	defaultBcryptCost = 12

	maxIterations     = 10_000_000
	maxArgonMemory    = 1 << 20 // KiB
	maxArgonPasses    = 16
	maxThreads        = 16
	maxScryptOctets   = 256 << 20
	maxBcryptCost     = 16
	maxBcryptPassword = 72
	maxVerifierText   = 2048
	maxSalt           = 64
)

// ErrVerifier is wrapped by everything that ParseVerifier and NewVerifier refuse.
// The text refused is never part of the message.
var ErrVerifier = errors.New("auth: unusable verifier")

func badVerifier(why string) error { return fmt.Errorf("%w: %s", ErrVerifier, why) }

// Scheme is one of the names listed at Verifier, or empty for the zero Verifier.
func (v Verifier) Scheme() string {
	if v.p == nil {
		return ""
	}
	return v.p.scheme
}

// Text is the stored form, for storage only: ParseVerifier reads it back.
func (v Verifier) Text() string {
	if v.p == nil {
		return ""
	}
	return v.p.text
}

// Format prints "[redacted]" whatever the verb.
func (Verifier) Format(f fmt.State, _ rune) { io.WriteString(f, redactedText) }

// LogValue implements slog.LogValuer.
func (Verifier) LogValue() slog.Value { return slog.StringValue(redactedText) }

// MarshalText keeps verifiers out of JSON and the like; store Text instead.
func (Verifier) MarshalText() ([]byte, error) { return []byte(redactedText), nil }

// ParseVerifier reads a stored form:
//
//	SCRAM-SHA-256$65536:salt$StoredKey:ServerKey   (RFC 5803; base64)
//	{SCRAM-SHA-256}65536,salt,StoredKey,ServerKey  (Dovecot)
//	$argon2id$v=19$m=65536,t=3,p=1$salt$hash
//	$scrypt$ln=15,r=8,p=1$salt$hash
//	$2a$, $2b$, $2y$                               (bcrypt)
//	{CRAM-MD5} and 64 hexadecimal digits           (Dovecot)
//	{PLAIN}password
//
// {ARGON2ID} and {BLF-CRYPT} may stand before their forms. Parameters whose
// check would need more time or memory than a server can spare are refused.
func ParseVerifier(text string) (Verifier, error) {
	if len(text) > maxVerifierText {
		return Verifier{}, badVerifier("too long")
	}
	if name, rest, ok := braced(text); ok {
		switch name {
		case "PLAIN":
			return newPlainVerifier(rest)
		case "CRAM-MD5":
			return parseCram(rest)
		case "ARGON2ID", "BLF-CRYPT":
			text = rest
		default:
			return parseScram(name, strings.ReplaceAll(rest, ",", "$"))
		}
	}
	switch {
	case strings.HasPrefix(text, "$argon2id$"):
		return parseArgon(text)
	case strings.HasPrefix(text, "$scrypt$"):
		return parseScrypt(text)
	case strings.HasPrefix(text, "$2"):
		return parseBcrypt(text)
	}
	name, rest, _ := strings.Cut(text, "$")
	return parseScram(name, strings.ReplaceAll(rest, ":", "$"))
}

func braced(text string) (name, rest string, ok bool) {
	if !strings.HasPrefix(text, "{") {
		return "", "", false
	}
	name, rest, ok = strings.Cut(text[1:], "}")
	return strings.ToUpper(name), rest, ok
}

// NewVerifier makes a verifier of the scheme with a random salt. It takes as
// long as a check will take later. Refused: unknown schemes, options outside
// the bounds, a password that cannot be prepared or is empty, and for bcrypt
// one of more than 72 octets, of which it would ignore the rest.
func NewVerifier(scheme string, password Secret, o VerifierOptions) (Verifier, error) {
	prepare := o.Prepare
	if prepare == nil {
		prepare = prepareStored
	}
	ready, err := prepare(string(password))
	if err != nil {
		return Verifier{}, fmt.Errorf("%w: password: %w", ErrVerifier, err)
	}
	if !validPassword(ready) {
		return Verifier{}, badVerifier("password empty, longer than 1024 octets, or with a NUL")
	}
	if o.SaltLen == 0 {
		o.SaltLen = defaultSalt
	}
	if o.SaltLen < 8 || o.SaltLen > maxSalt || o.Iterations < 0 || o.Memory < 0 || o.Threads < 0 {
		return Verifier{}, badVerifier("options out of bounds")
	}
	salt := make([]byte, o.SaltLen)
	rand.Read(salt)
	switch scheme {
	case "argon2id":
		return makeArgon(ready, salt, o)
	case "scrypt":
		return makeScrypt(ready, salt, o)
	case "bcrypt":
		return makeBcrypt(ready, o)
	case "CRAM-MD5":
		return makeCram(ready), nil
	case "PLAIN":
		return newPlainVerifier(ready)
	}
	return makeScram(scheme, ready, salt, o)
}

// Check reports whether password, prepared by SASLprep, is the one that the
// verifier was made from, and whether a good one should be stored anew because
// the verifier is weaker than what NewVerifier makes by default. Between slices
// of a SCRAM derivation ctx is obeyed; the other schemes look at it before they
// start. An error says that there is no verdict: ctx is done, or the password is
// one that the scheme cannot check.
func (v Verifier) Check(ctx context.Context, password Secret) (ok, rehash bool, err error) {
	ready, err := prepareStored(string(password))
	if err != nil {
		return false, false, nil // no verifier can have been made from it
	}
	return v.check(ctx, ready)
}

// check is Check of a prepared password.
func (v Verifier) check(ctx context.Context, password string) (ok, rehash bool, err error) {
	if v.p == nil || !validPassword(password) {
		return false, false, nil
	}
	if err := ctx.Err(); err != nil {
		return false, false, err
	}
	var got []byte
	switch v.p.scheme {
	case "bcrypt":
		ok, err = v.p.checkBcrypt(password)
		return ok, ok && v.p.weak(), err
	case "argon2id":
		got = v.p.argon(password)
	case "scrypt":
		got = v.p.scrypt(password)
	case "CRAM-MD5":
		got = cramStates(password)
	case "PLAIN":
		got = []byte(password)
	default:
		if got, err = v.p.scram(ctx, password); err != nil {
			return false, false, err
		}
	}
	ok = subtle.ConstantTimeCompare(got, v.p.key) == 1
	return ok, ok && v.p.weak(), nil
}

// weak reports whether NewVerifier would make a stronger one by default.
func (p *params) weak() bool {
	switch p.scheme {
	case "SCRAM-SHA-256", "SCRAM-SHA-512":
		return p.cost < defaultIterations
	case "argon2id":
		return p.cost*p.memory < defaultPasses*defaultMemory
	case "scrypt":
		return p.cost*p.memory < defaultScryptN*defaultScryptR
	case "bcrypt":
		return p.cost < defaultBcryptCost
	}
	return true
}
