package auth

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
	"time"
)

// TLSA is one record of RFC 6698, section 2.1, taken from a validated answer.
type TLSA struct {
	Usage    uint8 // 2: DANE-TA, 3: DANE-EE; the PKIX usages are not for mail
	Selector uint8 // 0: the certificate, 1: its public key
	Match    uint8 // 0: as it is, 1: SHA-256, 2: SHA-512
	Data     []byte
}

const (
	daneTA = 2
	daneEE = 3
)

// What VerifyDANE refuses with.
var (
	ErrNoTLSA    = errors.New("auth: no usable TLSA record")
	ErrTLSAMatch = errors.New("auth: no TLSA record matches")
)

// Usable returns the records that VerifyDANE can act on: usages DANE-TA and DANE-EE
// with known selectors and matching types, a digest of the right length, and full
// data that parses. RFC 7672, sections 3.1.3 and 2.2: PKIX-TA and PKIX-EE are
// unusable for mail, and a domain with nothing but unusable records gets encryption
// without authentication, which is for the caller to decide.
func Usable(recs []TLSA) []TLSA {
	var out []TLSA
	for _, r := range recs {
		if r.usable() {
			out = append(out, r)
		}
	}
	return out
}

func (r TLSA) usable() bool {
	if r.Usage != daneTA && r.Usage != daneEE || r.Selector > 1 {
		return false
	}
	switch r.Match {
	case 0:
		if r.Selector == 0 {
			_, err := x509.ParseCertificate(r.Data)
			return err == nil
		}
		_, err := x509.ParsePKIXPublicKey(r.Data)
		return err == nil
	case 1:
		return len(r.Data) == sha256.Size
	case 2:
		return len(r.Data) == sha512.Size
	}
	return false
}

// matches reports whether the record names this certificate.
func (r TLSA) matches(c *x509.Certificate) bool {
	data := c.Raw
	if r.Selector == 1 {
		data = c.RawSubjectPublicKeyInfo
	}
	switch r.Match {
	case 1:
		sum := sha256.Sum256(data)
		data = sum[:]
	case 2:
		sum := sha512.Sum512(data)
		data = sum[:]
	}
	return bytes.Equal(data, r.Data)
}

// VerifyDANE authenticates a server by TLSA records, RFC 7672, section 3.1. One
// match is enough. A DANE-EE record accepts the leaf that it names, whatever names
// and dates the certificate carries. A DANE-TA record accepts a leaf that carries
// one of names and chains, within all dates, to the certificate that the record
// names; that one may be an intermediate, may be missing from the handshake if the
// record holds all of it, and is never the leaf itself. Records that are not Usable
// are ignored; ErrNoTLSA if there is no other.
func VerifyDANE(cs *tls.ConnectionState, recs []TLSA, names []string) error {
	return verifyDANE(cs, recs, names, time.Now())
}

func verifyDANE(cs *tls.ConnectionState, recs []TLSA, names []string, now time.Time) error {
	recs = Usable(recs)
	if len(recs) == 0 {
		return ErrNoTLSA
	}
	if cs == nil || len(cs.PeerCertificates) == 0 {
		return errNoCertificate
	}
	leaf := cs.PeerCertificates[0]
	for _, r := range recs {
		if r.Usage == daneEE && r.matches(leaf) {
			return nil
		}
	}
	anchors := daneAnchors(recs, cs.PeerCertificates)
	if len(anchors) == 0 {
		return ErrTLSAMatch
	}
	if err := matchName(leaf, names); err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: cs.PeerCertificates, Err: err}
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots:         poolOf(anchors),
		Intermediates: poolOf(cs.PeerCertificates[1:]),
		CurrentTime:   now,
	})
	if err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: cs.PeerCertificates, Err: err}
	}
	return nil
}

// daneAnchors gathers the certificates that DANE-TA records vouch for. The leaf is
// none of them, though the server may send it twice: accepted as its own anchor,
// it would need neither chain nor issuer.
func daneAnchors(recs []TLSA, chain []*x509.Certificate) []*x509.Certificate {
	var out []*x509.Certificate
	add := func(c *x509.Certificate) {
		if !c.Equal(chain[0]) && !slices.ContainsFunc(out, c.Equal) {
			out = append(out, c)
		}
	}
	for _, r := range recs {
		if r.Usage != daneTA {
			continue
		}
		for _, c := range chain[1:] {
			if r.matches(c) {
				add(c)
			}
		}
		if r.Selector == 0 && r.Match == 0 {
			if c, err := x509.ParseCertificate(r.Data); err == nil {
				add(c)
			}
		}
	}
	return out
}
