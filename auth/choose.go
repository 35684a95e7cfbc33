package auth

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mailwire/mailwire/internal/ascii"
)

// ClientPolicy says which mechanisms a client may use. The zero value sends
// credentials over verified TLS only and takes the strongest mechanism offered.
type ClientPolicy struct {
	// Prefer lists the mechanisms allowed, best first. nil: those of Extra by
	// name, EXTERNAL if the credentials ask for it, SCRAM-SHA-{256,512,1}-PLUS,
	// SCRAM-SHA-{256,512,1}, OAUTHBEARER, XOAUTH2, PLAIN. LOGIN, CRAM-MD5 and
	// ANONYMOUS are used only if listed.
	Prefer    []string
	Cleartext Cleartext
	// RequireBinding: nothing but a -PLUS mechanism will do.
	RequireBinding bool
	// Bounds on SCRAM's iteration count; zero or less: 4096 and 2 000 000.
	MinIterations, MaxIterations int
	// Extra are mechanisms of the caller's, by name in capitals. They are used over
	// cleartext only if Cleartext is not CleartextNone.
	Extra map[string]func(Credentials, ConnInfo) (Client, error)
}

var defaultPrefer = []string{
	"EXTERNAL",
	"SCRAM-SHA-256-PLUS", "SCRAM-SHA-512-PLUS", "SCRAM-SHA-1-PLUS",
	"SCRAM-SHA-256", "SCRAM-SHA-512", "SCRAM-SHA-1",
	"OAUTHBEARER", "XOAUTH2", "PLAIN",
}

// Choose returns the first preferred mechanism that the server offers, the
// credentials can serve and the policy allows on this connection. The error is
// a *NoMechanismError, or wraps ErrPrepare if a name or password cannot be
// prepared.
func (p ClientPolicy) Choose(c Credentials, ci ConnInfo) (Client, error) {
	c, err := c.prepared()
	if err != nil {
		return nil, err
	}
	none := &NoMechanismError{}
	for _, mech := range p.order() {
		mech = strings.ToUpper(mech)
		if !offers(ci.Offered, mech) {
			continue
		}
		why := p.allows(mech, c, ci)
		if why == nil {
			var cl Client
			if cl, why = p.client(mech, c, ci); why == nil {
				return cl, nil
			}
		}
		none.Refused = append(none.Refused, Refusal{mech, why})
	}
	for _, mech := range ci.Offered {
		mech = strings.ToUpper(mech)
		if !slices.ContainsFunc(none.Refused, func(r Refusal) bool { return r.Mechanism == mech }) {
			none.Refused = append(none.Refused, Refusal{mech, errNotPreferred})
		}
	}
	return nil, none
}

func (p ClientPolicy) order() []string {
	if p.Prefer != nil {
		return p.Prefer
	}
	return append(slices.Sorted(maps.Keys(p.Extra)), defaultPrefer...)
}

func offers(offered []string, mech string) bool {
	return slices.ContainsFunc(offered, func(o string) bool { return ascii.EqualFold(o, mech) })
}

// Why a mechanism that was offered is not used.
var (
	errNotPreferred = errors.New("not among the mechanisms preferred")
	errNoUser       = errors.New("no user name and password")
	errNoToken      = errors.New("no token")
	errNoExternal   = errors.New("not asked for")
	errNoBinding    = errors.New("no channel binding on this connection")
	errBindingOnly  = errors.New("channel binding required")
	errUnknown      = errors.New("unknown mechanism")
	errNeedsTLS     = fmt.Errorf("%w, and verified", ErrTLSRequired)
)

// allows says why mech cannot be used here, or nil.
func (p ClientPolicy) allows(mech string, c Credentials, ci ConnInfo) error {
	secure := ci.TLS != nil && ci.Verified
	if p.RequireBinding && !strings.HasSuffix(mech, "-PLUS") {
		return errBindingOnly
	}
	if _, ok := p.Extra[mech]; ok {
		return unless(secure || p.Cleartext >= CleartextHashed, errNeedsTLS)
	}
	switch kindOf(mech) {
	case kindHashed:
		return errors.Join(
			unless(secure || p.Cleartext >= CleartextHashed, errNeedsTLS),
			unless(c.Username != "" && c.Password != "", errNoUser))
	case kindPassword:
		return errors.Join(
			unless(secure || p.Cleartext >= CleartextAny, errNeedsTLS),
			unless(c.Username != "" && c.Password != "", errNoUser))
	case kindToken:
		return errors.Join(unless(secure, errNeedsTLS), unless(c.Token != nil, errNoToken))
	case kindCert:
		return errors.Join(unless(secure, errNeedsTLS), unless(c.External, errNoExternal))
	case kindNone:
		return nil
	}
	return errUnknown
}

func unless(ok bool, err error) error {
	if ok {
		return nil
	}
	return err
}

// client makes the exchange for a mechanism that is allowed.
func (p ClientPolicy) client(mech string, c Credentials, ci ConnInfo) (Client, error) {
	if extra, ok := p.Extra[mech]; ok {
		return extra(c, ci)
	}
	d := &clientDriver{c: c}
	switch mech {
	case "PLAIN":
		d.x = NewPlainClient(c.Username, c.Authzid, c.Password)
	case "LOGIN":
		d.x = NewLoginClient(c.Username, c.Password)
	case "CRAM-MD5":
		d.x = NewCramMD5Client(c.Username, c.Password)
	case "OAUTHBEARER":
		d.x = NewOAuthBearerClient(cmp.Or(c.Authzid, c.Username), ci.Host, ci.Port)
	case "XOAUTH2":
		d.x = NewXOAuth2Client(cmp.Or(c.Authzid, c.Username), ci.Host, ci.Port)
	case "EXTERNAL":
		d.x = NewExternalClient(c.Authzid)
	case "ANONYMOUS":
		d.x = NewAnonymousClient(c.Username)
	default:
		return p.scram(mech, d, ci)
	}
	return d, nil
}

// scram decides about channel binding. RFC 5802, section 6: "y" is for a client that
// could bind and was not offered -PLUS, so that a server which did offer it notices;
// one whose policy leaves an offered -PLUS out says "n", as if it could not.
func (p ClientPolicy) scram(mech string, d *clientDriver, ci ConnInfo) (Client, error) {
	h, plus, ok := scramName(mech)
	if !ok {
		return nil, errUnknown
	}
	o := ScramOptions{
		Hash: h.name, Nonce: nonce(), Plus: plus, Bindings: clientBindings(ci),
		MinIterations: p.MinIterations, MaxIterations: p.MaxIterations,
	}
	if plus && len(o.Bindings) == 0 {
		return nil, errNoBinding
	}
	o.CouldBind = len(o.Bindings) > 0 && !offers(ci.Offered, scramMechanism(h.name, true))
	d.x = NewScramClient(d.c.Username, d.c.Authzid, o)
	return d, nil
}

// NoMechanismError says what was offered and why none of it can be used. It is
// ErrMechanism, and ErrTLSRequired too if verified TLS would have helped.
type NoMechanismError struct{ Refused []Refusal }

// Refusal is one mechanism that the server offers and the client does not use.
type Refusal struct {
	Mechanism string // as the server spells it, in capitals
	Why       error
}

func (e *NoMechanismError) Error() string {
	if len(e.Refused) == 0 {
		return "auth: no mechanism: the server offers none"
	}
	var b strings.Builder
	b.WriteString("auth: no usable mechanism among those offered")
	for i, r := range e.Refused {
		if i == maxListed {
			fmt.Fprintf(&b, "; and %d more", len(e.Refused)-i)
			break
		}
		fmt.Fprintf(&b, "; %s: %s", strings.Trim(sample(r.Mechanism), `"`), strings.ReplaceAll(r.Why.Error(), "\n", ", "))
	}
	return b.String()
}

const maxListed = 32

// Is matches ErrMechanism, and ErrTLSRequired where TLS would have helped.
func (e *NoMechanismError) Is(target error) bool {
	return target == ErrMechanism || target == ErrTLSRequired &&
		slices.ContainsFunc(e.Refused, func(r Refusal) bool { return errors.Is(r.Why, ErrTLSRequired) })
}
