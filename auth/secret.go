package auth

import (
	"fmt"
	"io"
	"log/slog"
)

// redactedText stands wherever a secret would have been printed.
const redactedText = "[redacted]"

// Secret is a password, a token or a key. Every verb of fmt, slog and
// encoding/json print "[redacted]" for it; string(s) is the way to the octets.
//
// One gap is Go's own: fmt prints an unexported field of another package's
// struct without asking its methods. Keep secrets in exported fields or print
// such a struct yourself.
type Secret string

// Format prints "[redacted]" whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redactedText) }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue(redactedText) }

// MarshalText keeps secrets out of JSON, XML and every other encoding that
// asks for text. Unmarshalling into a Secret works as for any string.
func (Secret) MarshalText() ([]byte, error) { return []byte(redactedText), nil }

// Keys are the two keys that a SCRAM client needs in place of the password.
// Client is as good as the password for one user, hash, salt and count.
// RFC 5802, section 3.
type Keys struct{ Client, Server Secret }

// redacted is embedded in whatever holds secrets in unexported fields.
type redacted struct{}

// Format prints "[redacted]" whatever the verb.
func (redacted) Format(f fmt.State, _ rune) { io.WriteString(f, redactedText) }
