package auth

import (
	"errors"
	"fmt"
	"strconv"
)

// What an exchange, a policy or an upgrade can end with. Match with errors.Is:
// the errors returned wrap these, and say more than they do.
var (
	// ErrAborted: the peer gave the exchange up with "*".
	ErrAborted = errors.New("auth: exchange aborted")
	// ErrCredentials: no such user, wrong secret, or not allowed to act as the
	// authzid. A server tells its peer one and the same for all of these.
	ErrCredentials = errors.New("auth: credentials refused")
	// ErrTemporary: the verdict could not be had (store down, too many key
	// derivations, rate limit); trying again later may help.
	ErrTemporary = errors.New("auth: temporary failure")
	// ErrMechanism: unknown mechanism, or one that is not offered here.
	ErrMechanism = errors.New("auth: mechanism not available")
	// ErrDowngrade: one side could bind to the TLS channel and was made to
	// believe that the other cannot. RFC 5802, section 6.
	ErrDowngrade = errors.New("auth: channel binding was stripped from the offer")
	// ErrUnproven: the server reported success before it proved that it knows
	// the secret, or before the exchange was over. Close the connection.
	ErrUnproven = errors.New("auth: success reported without the server's proof")
	// ErrTLSRequired: what was asked for needs TLS, and there is none.
	ErrTLSRequired = errors.New("auth: TLS required")
	// ErrInjected: octets were waiting behind STARTTLS, which nobody but an
	// attacker sends. The connection has been closed.
	ErrInjected = errors.New("auth: plaintext behind STARTTLS")
)

// errOver is what an exchange answers after its success.
var errOver = errors.New("auth: the exchange is over")

// ScramError is the reason a server gives in the e= attribute of its final
// message, RFC 5802, section 7. On the client's side it is received; on the
// server's it is the reason that was sent. Value is text of the peer and is
// quoted when printed.
type ScramError struct{ Value string }

func (e *ScramError) Error() string {
	return "auth: SCRAM refused: " + strconv.QuoteToASCII(shorten(e.Value))
}

// Is makes a refusal a matter of credentials, and tells a stripped -PLUS apart.
func (e *ScramError) Is(target error) bool {
	switch target {
	case ErrCredentials:
		return true
	case ErrDowngrade:
		return e.Value == scramDowngrade
	}
	return false
}

// SyntaxError is a message that does not follow its mechanism's grammar.
type SyntaxError struct {
	Mechanism string
	Offset    int    // of the octet where the message went wrong
	Want      string // what should have been there
	Got       string // a quoted, shortened sample; empty where it could hold a secret
}

func (e *SyntaxError) Error() string {
	s := fmt.Sprintf("auth: %s message, offset %d: want %s", e.Mechanism, e.Offset, e.Want)
	if e.Got != "" {
		s += ", got " + e.Got
	}
	return s
}

// sample quotes the beginning of what came instead.
func sample[T string | []byte](s T) string {
	return strconv.QuoteToASCII(shorten(string(s)))
}

func shorten(s string) string {
	const most = 32
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}
