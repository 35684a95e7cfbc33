package auth

import (
	"crypto"
	_ "crypto/sha256" // for the hashes of Endpoint
	_ "crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
)

// The channel binding types, RFC 5929 and RFC 9266.
const (
	tlsExporter = "tls-exporter"
	tlsUnique   = "tls-unique"
	tlsEndpoint = "tls-server-end-point"
)

// ErrBinding: the type is unknown, or this connection has no data of it.
var ErrBinding = errors.New("auth: no channel binding of this type")

// ChannelBinding returns the data that binds to a TLS connection.
//
// "tls-exporter" is RFC 9266, section 2: on TLS 1.3, and on 1.2 with the extended
// master secret; "tls-unique" is RFC 5929, section 3: on TLS 1.2, likewise, since
// without that secret a man in the middle can make both his connections share a
// value. Neither exists where renegotiation is allowed. "tls-server-end-point",
// RFC 5929, section 4, is for the client's side only, where the peer's certificate
// is the server's; a server calls Endpoint with its own. Errors wrap ErrBinding.
func ChannelBinding(cs *tls.ConnectionState, typ string) ([]byte, error) {
	if cs == nil || !cs.HandshakeComplete {
		return nil, fmt.Errorf("%w: no TLS", ErrBinding)
	}
	switch typ {
	case tlsEndpoint:
		if len(cs.PeerCertificates) == 0 {
			return nil, fmt.Errorf("%w: %w", ErrBinding, errNoCertificate)
		}
		return Endpoint(cs.PeerCertificates[0])
	case tlsExporter, tlsUnique:
		// An empty context and none are two values on TLS 1.2; RFC 9266 has the
		// empty one. The call fails without extended master secret and with
		// renegotiation, which makes it the test for tls-unique too.
		data, err := cs.ExportKeyingMaterial("EXPORTER-Channel-Binding", []byte{}, 32)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%w: %w", ErrBinding, err)
		case typ == tlsExporter:
			return data, nil
		case cs.Version == tls.VersionTLS12 && len(cs.TLSUnique) > 0:
			return cs.TLSUnique, nil
		}
	}
	return nil, fmt.Errorf("%w: %q", ErrBinding, shorten(typ))
}

// Endpoint is the hash of a server's certificate for "tls-server-end-point":
// with the hash of its signature, and with SHA-256 in place of MD5 and SHA-1.
// Signatures without such a hash (Ed25519) have no binding: ErrBinding.
// RFC 5929, section 4.1.
func Endpoint(leaf *x509.Certificate) ([]byte, error) {
	var h crypto.Hash
	switch leaf.SignatureAlgorithm {
	case x509.MD5WithRSA, x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1,
		x509.SHA256WithRSA, x509.ECDSAWithSHA256, x509.SHA256WithRSAPSS, x509.DSAWithSHA256:
		h = crypto.SHA256
	case x509.SHA384WithRSA, x509.ECDSAWithSHA384, x509.SHA384WithRSAPSS:
		h = crypto.SHA384
	case x509.SHA512WithRSA, x509.ECDSAWithSHA512, x509.SHA512WithRSAPSS:
		h = crypto.SHA512
	default:
		return nil, fmt.Errorf("%w: certificate signed with %v", ErrBinding, leaf.SignatureAlgorithm)
	}
	d := h.New()
	d.Write(leaf.Raw)
	return d.Sum(nil), nil
}

// clientBindings are the types of this connection, the one to use first:
// tls-exporter on TLS 1.3, tls-unique on 1.2, where servers expect it, and the
// certificate where neither can be had.
func clientBindings(ci ConnInfo) []Binding {
	if ci.TLS != nil && ci.TLS.Version == tls.VersionTLS12 {
		return bindings(ci.TLS, tlsUnique, tlsExporter, tlsEndpoint)
	}
	return bindings(ci.TLS, tlsExporter, tlsEndpoint)
}

// serverBindings are the types that a client may choose from. A server that
// resumed a session cannot know which certificate its peer remembers.
func serverBindings(ci ConnInfo) []Binding {
	out := bindings(ci.TLS, tlsExporter, tlsUnique)
	if ci.TLS != nil && ci.TLS.HandshakeComplete && !ci.TLS.DidResume && ci.Endpoint != nil {
		out = append(out, Binding{tlsEndpoint, ci.Endpoint})
	}
	return out
}

func bindings(cs *tls.ConnectionState, types ...string) []Binding {
	var out []Binding
	for _, typ := range types {
		if data, err := ChannelBinding(cs, typ); err == nil {
			out = append(out, Binding{typ, data})
		}
	}
	return out
}
