package auth

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/mailwire/mailwire/internal/ascii"
)

// ConnInfo is all that a mechanism may know of its connection.
type ConnInfo struct {
	// TLS is the state after the handshake; nil: cleartext.
	TLS *tls.ConnectionState
	// Verified, for a client: the TLS policy authenticated the server, which
	// is TLS being on and Level.AtLeast(TLSVerified).
	Verified bool
	// Endpoint, for a server: Certificates.Endpoint, the hash of the one leaf
	// in use; nil: unknown, and tls-server-end-point is not offered.
	Endpoint []byte
	// Offered, for a client: the mechanisms advertised on this connection,
	// read after TLS came on.
	Offered []string
	// Service and Host name what is connected to: "imap", "mail.example.org".
	// A client's OAuth token is for this Host and Port.
	Service, Host string
	Port          uint16
	Remote        netip.AddrPort
}

// Cleartext says which mechanisms may run where nobody vouches for the
// connection. For a server that is a connection without TLS; for a client also
// one whose TLS is not verified.
type Cleartext uint8

const (
	CleartextNone   Cleartext = iota // none; the zero value
	CleartextHashed                  // SCRAM, CRAM-MD5, APOP: the password does not cross the wire
	CleartextAny                     // PLAIN and LOGIN too. OAuth tokens and EXTERNAL never
)

// String is the name as in the source.
func (c Cleartext) String() string {
	switch c {
	case CleartextNone:
		return "CleartextNone"
	case CleartextHashed:
		return "CleartextHashed"
	case CleartextAny:
		return "CleartextAny"
	}
	return fmt.Sprintf("Cleartext(%d)", uint8(c))
}

// Client is one exchange in the client's role, as the protocols drive it. It is
// not reusable and not safe for concurrent use.
//
// Start gives the initial response: nil where the mechanism has none, empty
// where it is empty. Where the protocol cannot carry it with the command, it
// answers the server's empty first challenge instead. Next answers a challenge;
// what is returned is never nil without an error. On the protocol's success
// reply Finish must be called and its error obeyed: the server may not have
// proved itself, and the connection is to be closed.
//
// A response that comes together with an error is still to be sent, and one
// reply read, which will be a failure; the error says why. With an error alone,
// cancel with "*".
type Client interface {
	Mechanism() string
	Start(ctx context.Context) (ir []byte, err error)
	Next(ctx context.Context, challenge []byte) (response []byte, err error)
	Finish() error
}

// Credentials are what a client has to show. Fill in what there is; Choose takes
// what the server offers and the connection allows.
type Credentials struct {
	Username string
	Authzid  string // whom to act as; empty: the user
	Password Secret
	// Token fetches an OAuth access token for this server; it is called when
	// the exchange needs it, and not before TLS is verified.
	Token func(ctx context.Context, host string, port uint16) (Secret, error)
	// External asks for EXTERNAL: the client certificate of the TLS
	// configuration, or whatever else the server goes by.
	External bool
	// Keys remembers derived SCRAM keys; nil: none kept.
	Keys *KeyCache
	// Prepare is applied to names and password; nil: SASLprep.
	Prepare func(string) (string, error)
}

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
	// Bounds on SCRAM's iteration count; zero: 4096 and 2 000 000.
	MinIterations, MaxIterations int
	// Extra are mechanisms of the caller's, by name. They are used over
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

// kind says what a mechanism shows of its secret.
type kind uint8

const (
	kindUnknown  kind = iota
	kindHashed        // a proof
	kindPassword      // the password
	kindToken         // a bearer token
	kindCert          // the certificate of the TLS connection
	kindNone          // nothing: ANONYMOUS
)

func kindOf(mech string) kind {
	switch mech {
	case "CRAM-MD5":
		return kindHashed
	case "PLAIN", "LOGIN":
		return kindPassword
	case "OAUTHBEARER", "XOAUTH2":
		return kindToken
	case "EXTERNAL":
		return kindCert
	case "ANONYMOUS":
		return kindNone
	}
	if _, _, ok := scramName(mech); ok {
		return kindHashed
	}
	return kindUnknown
}

// scramName takes "SCRAM-SHA-256-PLUS" apart.
func scramName(mech string) (h scramHash, plus, ok bool) {
	name, ok := strings.CutPrefix(mech, "SCRAM-")
	if !ok {
		return scramHash{}, false, false
	}
	name, plus = strings.CutSuffix(name, "-PLUS")
	h, ok = findHash(name)
	return h, plus, ok
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

// prepared returns c with names and password prepared. An empty one stays empty.
func (c Credentials) prepared() (Credentials, error) {
	query, stored := prepareQuery, prepareStored
	if c.Prepare != nil {
		query, stored = c.Prepare, c.Prepare
	}
	var err error
	for _, f := range []struct {
		s       *string
		prepare func(string) (string, error)
		what    string
	}{
		{&c.Username, query, "user name"},
		{&c.Authzid, query, "authzid"},
		{(*string)(&c.Password), stored, "password"},
	} {
		if *f.s == "" {
			continue
		}
		if *f.s, err = f.prepare(*f.s); err != nil {
			return Credentials{}, fmt.Errorf("%w: %s", ErrPrepare, f.what)
		}
	}
	return c, nil
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

// clientDriver answers the questions of a client's machine.
type clientDriver struct {
	redacted
	x ClientExchange
	c Credentials
}

func (d *clientDriver) Mechanism() string { return d.x.Mechanism() }

func (d *clientDriver) Start(ctx context.Context) ([]byte, error) {
	return d.turn(ctx, nil)
}

func (d *clientDriver) Next(ctx context.Context, challenge []byte) ([]byte, error) {
	if challenge == nil {
		challenge = []byte{}
	}
	return d.turn(ctx, challenge)
}

func (d *clientDriver) Finish() error { return d.x.Finish() }

func (d *clientDriver) turn(ctx context.Context, in []byte) ([]byte, error) {
	o := d.x.Settle(d.answer(ctx, d.x.Step(in)))
	return o.Send, o.Err
}

func (d *clientDriver) answer(ctx context.Context, q Question) Answer {
	switch q := q.(type) {
	case NoQuestion:
		return Answer{}
	case KeysQuestion:
		keys, err := d.keys(ctx, q)
		return Answer{Keys: keys, Err: err}
	case BearerQuestion:
		token, err := d.c.Token(ctx, q.Host, q.Port)
		return Answer{Token: token, Err: err}
	}
	return Answer{Err: ErrMechanism}
}

func (d *clientDriver) keys(ctx context.Context, q KeysQuestion) (Keys, error) {
	if k, ok := d.c.Keys.get(d.c.Username, d.c.Password, q); ok {
		return k, nil
	}
	h, ok := findHash(q.Hash)
	if !ok {
		return Keys{}, ErrMechanism
	}
	k, err := h.keys(ctx, d.c.Password, q.Salt, q.Iterations)
	if err == nil {
		d.c.Keys.put(d.c.Username, d.c.Password, q, k)
	}
	return k, err
}

// nonce is 18 random octets in base64: no comma, no padding.
func nonce() string {
	var b [18]byte
	rand.Read(b[:])
	return base64.StdEncoding.EncodeToString(b[:])
}
