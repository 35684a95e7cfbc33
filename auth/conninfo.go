package auth

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"strings"
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
