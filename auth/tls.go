package auth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// TLSLevel says what a client demands of TLS.
type TLSLevel uint8

const (
	// TLSVerified: TLS, and a PKIX chain for one of the policy's names, or no
	// connection. The zero value.
	TLSVerified TLSLevel = iota
	// TLSDANE: TLS, and a match of the policy's TLSA records. Names count for
	// DANE-TA.
	TLSDANE
	// TLSEncrypted: TLS or no connection; the certificate is not checked.
	TLSEncrypted
	// TLSOpportunistic: TLS unchecked if it is offered, else cleartext. A
	// handshake that fails is a failure, not a reason to go on without.
	TLSOpportunistic
	// TLSNever: cleartext.
	TLSNever
)

// String is the name as in the source.
func (l TLSLevel) String() string {
	switch l {
	case TLSVerified:
		return "TLSVerified"
	case TLSDANE:
		return "TLSDANE"
	case TLSEncrypted:
		return "TLSEncrypted"
	case TLSOpportunistic:
		return "TLSOpportunistic"
	case TLSNever:
		return "TLSNever"
	}
	return fmt.Sprintf("TLSLevel(%d)", uint8(l))
}

// AtLeast compares by strength: Verified and DANE are equal, then come Encrypted,
// Opportunistic and Never. A connection whose TLS is on authenticates its server
// if its level is at least TLSVerified.
func (l TLSLevel) AtLeast(m TLSLevel) bool { return l.rank() >= m.rank() }

func (l TLSLevel) rank() int {
	switch l {
	case TLSVerified, TLSDANE:
		return 3
	case TLSEncrypted:
		return 2
	case TLSOpportunistic:
		return 1
	}
	return 0
}

// TLSPolicy is a client's TLS, the same for STARTTLS and for TLS from the first
// octet. The zero value demands verified TLS; with no name to verify, no
// certificate satisfies it, so a Dialer fills in ServerName.
type TLSPolicy struct {
	// Level is how much is demanded; zero: a verified certificate.
	Level TLSLevel
	// Implicit: TLS from the first octet, RFC 8314, section 3.
	Implicit bool
	// ServerName is the name sent in SNI. Names are the reference identifiers,
	// one of which the certificate must carry; nil: ServerName.
	ServerName string
	Names      []string
	// TLSA are the records for TLSDANE, from a validated answer.
	TLSA []TLSA
	// Roots are the trust anchors for TLSVerified; nil: the system's.
	Roots *x509.CertPool
	// ALPN are the protocols offered, RFC 7301; nil: those of Base.
	ALPN []string
	// Base holds client certificates, a session cache, a clock and the like; its
	// verification fields are ignored. MinVersion zero: TLS 1.2.
	Base *tls.Config
}

// Upgrade is the decision about STARTTLS: use it, go on without, or ErrTLSRequired,
// on which the connection is closed before any credential or mail is sent. It is
// asked on cleartext connections only; under Implicit, finding oneself on one is
// an error.
func (p TLSPolicy) Upgrade(offered bool) (use bool, err error) {
	switch {
	case p.Implicit && p.Level != TLSNever:
		return false, fmt.Errorf("%w from the first octet", ErrTLSRequired)
	case p.Level == TLSNever:
		return false, nil
	case offered:
		return true, nil
	case p.Level == TLSOpportunistic:
		return false, nil
	}
	return false, fmt.Errorf("%w: the server does not offer STARTTLS", ErrTLSRequired)
}

// Config returns a new configuration that enforces the policy in VerifyConnection,
// and so on resumed connections too.
func (p TLSPolicy) Config() *tls.Config {
	c := &tls.Config{}
	if p.Base != nil {
		c = p.Base.Clone()
	}
	if c.MinVersion == 0 {
		c.MinVersion = tls.VersionTLS12
	}
	if p.ALPN != nil {
		c.NextProtos = p.ALPN
	}
	c.ServerName = p.ServerName
	// crypto/tls verifies before a DANE-EE match could excuse names and dates, and
	// not again on resumption. Check does all of it.
	c.InsecureSkipVerify = true
	c.VerifyPeerCertificate = nil
	c.VerifyConnection = func(cs tls.ConnectionState) error { return p.Check(&cs) }
	return c
}

// Check tells whether a connection satisfies the policy; nil is a connection
// without TLS.
func (p TLSPolicy) Check(cs *tls.ConnectionState) error {
	if cs == nil {
		if p.Level.AtLeast(TLSEncrypted) || p.Implicit && p.Level != TLSNever {
			return ErrTLSRequired
		}
		return nil
	}
	switch p.Level {
	case TLSVerified:
		return p.verifyPKIX(cs)
	case TLSDANE:
		return verifyDANE(cs, p.TLSA, p.names(), p.now())
	}
	return nil
}

func (p TLSPolicy) names() []string {
	if p.Names == nil && p.ServerName != "" {
		return []string{p.ServerName}
	}
	return p.Names
}

func (p TLSPolicy) now() time.Time {
	if p.Base != nil && p.Base.Time != nil {
		return p.Base.Time()
	}
	return time.Now()
}

func (p TLSPolicy) verifyPKIX(cs *tls.ConnectionState) error {
	if len(cs.PeerCertificates) == 0 {
		return errNoCertificate
	}
	leaf := cs.PeerCertificates[0]
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots:         p.Roots,
		Intermediates: poolOf(cs.PeerCertificates[1:]),
		CurrentTime:   p.now(),
	})
	if err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: cs.PeerCertificates, Err: err}
	}
	if err := matchName(leaf, p.names()); err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: cs.PeerCertificates, Err: err}
	}
	return nil
}

var (
	errNoCertificate = errors.New("auth: the server sent no certificate")
	errNoName        = errors.New("auth: no name to verify the certificate against")
)

// matchName succeeds if the certificate carries one of the names.
func matchName(leaf *x509.Certificate, names []string) error {
	err := errNoName
	for _, name := range names {
		if err = leaf.VerifyHostname(name); err == nil {
			return nil
		}
	}
	return err
}

func poolOf(certs []*x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, c := range certs {
		pool.AddCert(c)
	}
	return pool
}

// Upgrader is the framing Reader of smtp, imap and pop3, or a driver's wrapper of
// one. Upgrade replaces its source by src, and fails if anything is buffered.
type Upgrader interface {
	Buffered() int
	Upgrade(src io.Reader) error
}

// StartClientTLS turns c into a TLS connection under the policy, after the server
// agreed to STARTTLS: r must have nothing buffered, reads from the new connection
// from now on, and the handshake obeys ctx. On any error c is closed. ErrInjected
// means that octets were waiting behind the server's reply: read as replies under
// TLS, they would speak for the server (CVE-2021-38371). The session starts afresh
// afterwards: nothing learned before counts.
func StartClientTLS(ctx context.Context, c net.Conn, r Upgrader, p TLSPolicy) (*tls.Conn, error) {
	return startTLS(ctx, c, r, func() *tls.Conn { return tls.Client(c, p.Config()) })
}

// StartServerTLS is the server's side of StartClientTLS: call it when the reply to
// STARTTLS or STLS has been flushed. Octets behind the command are ErrInjected.
// RFC 3207, section 4.2; RFC 2595, section 4.
func StartServerTLS(ctx context.Context, c net.Conn, r Upgrader, cfg *tls.Config) (*tls.Conn, error) {
	if cfg == nil {
		c.Close()
		return nil, errNoConfig
	}
	return startTLS(ctx, c, r, func() *tls.Conn { return tls.Server(c, cfg) })
}

var errNoConfig = errors.New("auth: no TLS configuration")

func startTLS(ctx context.Context, c net.Conn, r Upgrader, over func() *tls.Conn) (*tls.Conn, error) {
	// Asked before the tls.Conn exists, so that a Reader which fills itself
	// concurrently cannot take the first octets of the handshake.
	if n := r.Buffered(); n > 0 {
		c.Close()
		return nil, fmt.Errorf("%w: %d octets", ErrInjected, n)
	}
	tc := over()
	if err := r.Upgrade(tc); err != nil {
		c.Close()
		return nil, fmt.Errorf("%w: %w", ErrInjected, err)
	}
	if err := tc.HandshakeContext(ctx); err != nil {
		c.Close()
		return nil, fmt.Errorf("auth: TLS handshake: %w", err)
	}
	return tc, nil
}
