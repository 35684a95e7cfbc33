package auth

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Server is one exchange in the server's role, as the protocols drive it. It is
// not reusable and not safe for concurrent use.
//
// Next takes a response (nil: the command carried no initial response) and
// returns a challenge to send, or done, or an error; done comes without a
// challenge. The error is ErrCredentials (one text for all its causes), or wraps
// ErrTemporary, or is a *SyntaxError; the protocol answers each in its own words
// and never with the text of the error. Identity is zero before done.
//
// When the client cancels with "*", drop the Server; nothing has to be closed.
type Server interface {
	Mechanism() string
	Next(ctx context.Context, response []byte) (challenge []byte, done bool, err error)
	Identity() Identity
}

// Authenticator is a server's side of authentication. Set what you have; which
// mechanisms are offered follows from it and from the connection. It is not
// changed once in use, not copied, and safe for concurrent use; nil offers nothing.
//
// The functions get a context that ends with the connection. CheckPassword,
// CheckToken, CheckCert and Lookup return ErrCredentials (wrapped or not) to
// refuse; any other error means that no verdict could be had and becomes a
// temporary failure. None of their texts reaches the client; After sees them.
type Authenticator struct {
	// Lookup returns what is stored for a user, at most 8 verifiers. The first
	// checks passwords; SCRAM takes the first of its scheme. nil, nil or
	// ErrCredentials: no such user, which a client cannot tell from a known one.
	Lookup func(ctx context.Context, user string) ([]Verifier, error)
	// CheckPassword checks a password itself (LDAP, PAM) and is preferred to
	// Lookup where the mechanism brings a password.
	CheckPassword func(ctx context.Context, user string, password Secret) error
	// CheckToken says whose token it is. authzid is whom the client asks to act
	// as, or empty. An *OAuthError sets what the client is told.
	CheckToken func(ctx context.Context, authzid string, token Secret) (subject string, err error)
	// CheckCert says whose verified certificate it is. EXTERNAL is offered on
	// connections that have one.
	CheckCert func(ctx context.Context, authzid string, chains [][]*x509.Certificate) (subject string, err error)
	// Authorize decides whether id may come in, and act as id.Authzid; nil:
	// Authzid must equal Authcid. It is called once, when the proof is good.
	// Any error refuses, and looks like a wrong password on the wire; wrap
	// ErrTemporary where that is meant.
	Authorize func(ctx context.Context, id Identity) error
	// Prepare is applied to user names; nil: SASLprep. Folding case is the
	// application's choice, and made here.
	Prepare func(string) (string, error)
	// PreparePassword is applied to passwords; nil: SASLprep. It must be what
	// verifiers are made with (VerifierOptions.Prepare) and what clients use.
	PreparePassword func(string) (string, error)
	// Schemes are the verifiers that the site stores, the usual one first:
	// the SCRAM mechanisms offered follow from it, and unknown users look as
	// if they had one of these. nil: SCRAM-SHA-256. A mechanism offered
	// without its verifiers would fail for those clients that prefer it.
	Schemes []string
	// Allow lists the mechanisms to offer, as far as the fields can serve
	// them; nil: all but LOGIN, CRAM-MD5 and ANONYMOUS.
	Allow []string
	// Cleartext allows mechanisms on connections without TLS.
	Cleartext Cleartext
	// Extra are mechanisms of the application's, by name in capitals. Without TLS they are
	// offered only if Cleartext is not CleartextNone. Authorize, After and Floor
	// apply to them.
	Extra map[string]func(ConnInfo) (Server, error)
	// Before is called as soon as the user is known (empty for tokens and
	// certificates without authzid), before anything is looked up. An error
	// refuses for now: rate limits and bans.
	Before func(ctx context.Context, ci ConnInfo, user string) error
	// After is called once for every attempt that came to a verdict. err says
	// which check failed, nil that id is in; id is as far as it was known.
	After func(ctx context.Context, ci ConnInfo, id Identity, err error)
	// Rehash is called when a password was good and its verifier is weaker than
	// NewVerifier's default: the moment to store a new one.
	Rehash func(ctx context.Context, user string, password Secret)
	// Decoy keys the fake salts of unknown users; empty: random per process,
	// which shows after a restart. Set it, alike on all nodes.
	Decoy Secret
	// DecoyShape must look like the site's usual verifiers; zero: the defaults
	// of NewVerifier.
	DecoyShape VerifierOptions
	// Floor is how long every failure takes at least; zero: 300 ms, negative:
	// none. It ends early with the context.
	Floor time.Duration
	// MaxKDF is how many key derivations run at once; zero: GOMAXPROCS. Those
	// that wait do so under their context, which makes it ErrTemporary.
	MaxKDF int

	once  sync.Once
	decoy decoys
	slots chan struct{}
}

// strength is the order in which mechanisms are listed.
var strength = []string{
	"EXTERNAL",
	"SCRAM-SHA-256-PLUS", "SCRAM-SHA-512-PLUS", "SCRAM-SHA-1-PLUS",
	"SCRAM-SHA-256", "SCRAM-SHA-512", "SCRAM-SHA-1",
	"OAUTHBEARER", "XOAUTH2", "PLAIN", "LOGIN", "CRAM-MD5", "ANONYMOUS",
}

// Mechanisms lists what is offered on this connection, strongest first. Login
// works exactly where PLAIN or LOGIN is listed.
func (a *Authenticator) Mechanisms(ci ConnInfo) []string {
	if a == nil {
		return nil
	}
	var out []string
	for _, mech := range append(strength[:len(strength):len(strength)], slices.Sorted(maps.Keys(a.Extra))...) {
		if a.offers(mech, ci) == nil && !slices.Contains(out, mech) {
			out = append(out, mech)
		}
	}
	return out
}

// Server starts an exchange. Errors wrap ErrTLSRequired if the mechanism would
// be offered under TLS, else ErrMechanism.
func (a *Authenticator) Server(mech string, ci ConnInfo) (Server, error) {
	mech = strings.ToUpper(mech)
	if a == nil {
		return nil, ErrMechanism
	}
	if err := a.offers(mech, ci); err != nil {
		return nil, err
	}
	if extra, ok := a.Extra[mech]; ok {
		s, err := extra(ci)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMechanism, err)
		}
		return &extraServer{a: a, ci: ci, s: s}, nil
	}
	return &serverDriver{a: a, ci: ci, x: a.machine(mech, ci)}, nil
}

// machine makes the exchange of a mechanism that is offered.
func (a *Authenticator) machine(mech string, ci ConnInfo) Exchange {
	switch mech {
	case "PLAIN":
		return NewPlainServer()
	case "LOGIN":
		return NewLoginServer()
	case "CRAM-MD5":
		return NewCramMD5Server(cramChallenge(ci.Host))
	case "OAUTHBEARER":
		return NewOAuthBearerServer()
	case "XOAUTH2":
		return NewXOAuth2Server()
	case "EXTERNAL":
		return NewExternalServer()
	case "ANONYMOUS":
		return NewAnonymousServer()
	}
	h, plus, _ := scramName(mech)
	return NewScramServer(ScramOptions{
		Hash: h.name, Nonce: nonce(), Plus: plus, Bindings: serverBindings(ci),
		CouldBind: a.offers(scramMechanism(h.name, true), ci) == nil,
	})
}

func cramChallenge(host string) string {
	return "<" + rand.Text() + "@" + cmp.Or(host, "localhost") + ">"
}

// offers says why mech is not offered on this connection, or nil.
func (a *Authenticator) offers(mech string, ci ConnInfo) error {
	if !a.serves(mech, ci) {
		return ErrMechanism
	}
	need := CleartextNone
	if _, ok := a.Extra[mech]; ok {
		need = CleartextHashed
	} else {
		switch kindOf(mech) {
		case kindHashed:
			need = CleartextHashed
		case kindPassword:
			need = CleartextAny
		case kindToken, kindCert:
			need = cleartextNever
		}
		if strings.HasSuffix(mech, "-PLUS") {
			need = cleartextNever // there is nothing to bind to
		}
	}
	if ci.TLS == nil && a.Cleartext < need {
		return ErrTLSRequired
	}
	return nil
}

// cleartextNever is beyond what can be allowed. RFC 7628, section 3: TLS MUST be
// used for OAUTHBEARER.
const cleartextNever = CleartextAny + 1

// serves reports whether the fields can serve mech, TLS or not.
func (a *Authenticator) serves(mech string, ci ConnInfo) bool {
	if a.Allow != nil && !offers(a.Allow, mech) {
		return false
	}
	if _, ok := a.Extra[mech]; ok {
		return true
	}
	switch listed := a.Allow != nil; mech {
	case "PLAIN":
		return a.Lookup != nil || a.CheckPassword != nil
	case "LOGIN":
		return listed && (a.Lookup != nil || a.CheckPassword != nil)
	case "CRAM-MD5":
		return listed && a.Lookup != nil
	case "OAUTHBEARER", "XOAUTH2":
		return a.CheckToken != nil
	case "EXTERNAL":
		return a.CheckCert != nil && (ci.TLS == nil || len(ci.TLS.VerifiedChains) > 0)
	case "ANONYMOUS":
		return listed
	}
	h, plus, ok := scramName(mech)
	if !ok || a.Lookup == nil || a.Allow == nil && !slices.Contains(a.schemes(), "SCRAM-"+h.name) {
		return false
	}
	return !plus || ci.TLS == nil || len(serverBindings(ci)) > 0
}

// Login checks a user name and password that came by a command of the protocol:
// IMAP's LOGIN, POP3's USER and PASS. The rules are those of PLAIN, and so are
// the errors; ErrTLSRequired and ErrMechanism are as from Server.
func (a *Authenticator) Login(ctx context.Context, ci ConnInfo, user string, password Secret) (Identity, error) {
	if a == nil {
		return Identity{}, ErrMechanism
	}
	if err := a.offers("PLAIN", ci); err != nil && a.offers("LOGIN", ci) != nil {
		return Identity{}, err
	}
	s := &serverDriver{a: a, ci: ci, x: newLoginCommand(user, password)}
	if _, _, err := s.Next(ctx, []byte{}); err != nil {
		return Identity{}, err
	}
	return s.Identity(), nil
}

// APOP checks POP3's APOP, RFC 1939, section 7: digest is the lower-case MD5 of
// stamp, as sent in the greeting with its angle brackets, followed by the
// password. It needs a PLAIN verifier and, without TLS, CleartextHashed.
// Allow does not name it: whoever sends a stamp offers APOP.
func (a *Authenticator) APOP(ctx context.Context, ci ConnInfo, user, stamp, digest string) (Identity, error) {
	if a == nil || a.Lookup == nil {
		return Identity{}, ErrMechanism
	}
	if ci.TLS == nil && a.Cleartext < CleartextHashed {
		return Identity{}, ErrTLSRequired
	}
	s := &serverDriver{a: a, ci: ci, x: newApopCommand(user, stamp, digest)}
	if _, _, err := s.Next(ctx, []byte{}); err != nil {
		return Identity{}, err
	}
	return s.Identity(), nil
}
