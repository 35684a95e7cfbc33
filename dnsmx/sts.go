package dnsmx

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// A PolicySource knows the MTA-STS policies of domains; that of package mtasts is
// one. Policy returns nil without error for a domain that has none, or one of mode
// none.
//
// An *STSError means that no policy is known and that discovery failed: mail goes
// out as if there were none, since MTA-STS trusts on first use. Any other error
// means that there may be a policy which could not be read, and the domain gets no
// mail for now.
type PolicySource interface {
	Policy(ctx context.Context, domain Name) (*STSPolicy, error)
}

// An STSPolicy is an MTA-STS policy: RFC 8461, section 3.2.
type STSPolicy struct {
	ID      string        // of the TXT record that led to it
	Mode    Mode          // whether a host that breaks it is passed over
	MX      []string      // patterns: names, or "*." and a name
	MaxAge  time.Duration // how long it may be kept, counted from when it was fetched
	Expires time.Time     // when that is over
	// Stale says why a newer version, which a TXT record announced, could not be
	// had. The policy stands until it expires.
	Stale *STSError
}

// A Mode says what happens to a host that does not satisfy a policy: RFC 8461,
// section 5.
type Mode uint8

const (
	ModeNone    Mode = iota // there is no policy any more
	ModeTesting             // it gets the mail, and the domain a report
	ModeEnforce             // it does not get the mail
)

// String returns the mode as it stands in a policy.
func (m Mode) String() string {
	switch m {
	case ModeNone:
		return "none"
	case ModeTesting:
		return "testing"
	case ModeEnforce:
		return "enforce"
	}
	return fmt.Sprintf("Mode(%d)", uint8(m))
}

// Allows reports whether a host may be an MX of the domain: RFC 8461, section 4.1.
// A "*" stands for exactly one label.
func (p *STSPolicy) Allows(mx Name) bool {
	if mx.IsZero() {
		return false
	}
	for _, pattern := range p.MX {
		pattern = strings.TrimSuffix(pattern, ".")
		host := mx.s
		if below, ok := strings.CutPrefix(pattern, "*."); ok {
			pattern = below
			if _, host, ok = strings.Cut(host, "."); !ok {
				continue
			}
		}
		if isASCII(pattern) && strings.EqualFold(pattern, host) {
			return true
		}
	}
	return false
}

// An STSError says why a domain's policy could not be found out. Result is a
// result type of RFC 8460, section 4.3.
type STSError struct {
	Result string
	Err    error
}

func (e *STSError) Error() string { return "dnsmx: MTA-STS: " + e.Result + ": " + e.Err.Error() }

func (e *STSError) Unwrap() error { return e.Err }
