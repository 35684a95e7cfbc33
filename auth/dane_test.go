package auth

import (
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/bits"
	"testing"
	"time"
)

func record(usage, selector, match uint8, c *x509.Certificate) TLSA {
	data := c.Raw
	if selector == 1 {
		data = c.RawSubjectPublicKeyInfo
	}
	switch match {
	case 1:
		data = sum256(data)
	case 2:
		s := sha512.Sum512(data)
		data = s[:]
	}
	return TLSA{usage, selector, match, data}
}

// daneChain is a leaf under an intermediate under a root, and other certificates.
type daneChain struct {
	root, middle              *authority
	leaf, expired, otherName  *x509.Certificate
	stranger                  *x509.Certificate
	selfSigned, expiredMiddle *x509.Certificate
	underExpired              *x509.Certificate
}

func newDaneChain(t testing.TB) daneChain {
	t.Helper()
	root := newAuthority(t, nil)
	middle := newAuthority(t, root)
	d := daneChain{root: root, middle: middle}
	d.leaf, _ = middle.issue(t, certOptions{})
	d.expired, _ = middle.issue(t, certOptions{notAfter: time.Now().Add(-time.Hour)})
	d.otherName, _ = middle.issue(t, certOptions{names: []string{"other.example"}})
	d.stranger = newAuthority(t, nil).cert
	d.selfSigned, _ = (*authority)(nil).issue(t, certOptions{})
	cert, key := root.issue(t, certOptions{names: []string{"old"}, ca: true, notAfter: time.Now().Add(-time.Hour)})
	old := &authority{cert, key}
	d.expiredMiddle = cert
	d.underExpired, _ = old.issue(t, certOptions{})
	return d
}

func TestRFC7672_3_1_VerifyDANE(t *testing.T) {
	d := newDaneChain(t)
	root, middle := d.root.cert, d.middle.cert
	names := []string{"mail.example", "example"}
	for _, tt := range []struct {
		name  string
		recs  []TLSA
		chain []*x509.Certificate
		ok    bool
	}{
		{"3 0 0", []TLSA{record(3, 0, 0, d.leaf)}, []*x509.Certificate{d.leaf}, true},
		{"3 0 1", []TLSA{record(3, 0, 1, d.leaf)}, []*x509.Certificate{d.leaf}, true},
		{"3 0 2", []TLSA{record(3, 0, 2, d.leaf)}, []*x509.Certificate{d.leaf}, true},
		{"3 1 0", []TLSA{record(3, 1, 0, d.leaf)}, []*x509.Certificate{d.leaf}, true},
		{"3 1 1", []TLSA{record(3, 1, 1, d.leaf)}, []*x509.Certificate{d.leaf}, true},
		{"3 1 2", []TLSA{record(3, 1, 2, d.leaf)}, []*x509.Certificate{d.leaf}, true},
		{"EE ignores dates", []TLSA{record(3, 1, 1, d.expired)}, []*x509.Certificate{d.expired}, true},
		{"EE ignores names", []TLSA{record(3, 1, 1, d.otherName)}, []*x509.Certificate{d.otherName}, true},
		{"EE ignores the chain", []TLSA{record(3, 1, 1, d.selfSigned)}, []*x509.Certificate{d.selfSigned}, true},
		{"EE of another", []TLSA{record(3, 1, 1, d.stranger)}, []*x509.Certificate{d.leaf, middle}, false},
		{"EE names the intermediate", []TLSA{record(3, 1, 1, middle)}, []*x509.Certificate{d.leaf, middle}, false},
		{"2 0 1 root", []TLSA{record(2, 0, 1, root)}, []*x509.Certificate{d.leaf, middle, root}, true},
		{"2 1 1 root", []TLSA{record(2, 1, 1, root)}, []*x509.Certificate{d.leaf, middle, root}, true},
		{"2 0 1 intermediate", []TLSA{record(2, 0, 1, middle)}, []*x509.Certificate{d.leaf, middle}, true},
		{"2 1 2 intermediate", []TLSA{record(2, 1, 2, middle)}, []*x509.Certificate{d.leaf, middle}, true},
		{"2 0 0 intermediate not sent", []TLSA{record(2, 0, 0, middle)}, []*x509.Certificate{d.leaf}, true},
		{"2 0 0 root not sent", []TLSA{record(2, 0, 0, root)}, []*x509.Certificate{d.leaf, middle}, true},
		{"2 0 1 root not sent", []TLSA{record(2, 0, 1, root)}, []*x509.Certificate{d.leaf, middle}, false},
		{"2 0 0 root, intermediate missing", []TLSA{record(2, 0, 0, root)}, []*x509.Certificate{d.leaf}, false},
		{"TA needs the name", []TLSA{record(2, 0, 1, root)}, []*x509.Certificate{d.otherName, middle, root}, false},
		{"TA needs the dates", []TLSA{record(2, 0, 1, root)}, []*x509.Certificate{d.expired, middle, root}, false},
		{"TA needs the dates above", []TLSA{record(2, 0, 1, root)}, []*x509.Certificate{d.underExpired, d.expiredMiddle, root}, false},
		{"TA of another", []TLSA{record(2, 0, 1, d.stranger)}, []*x509.Certificate{d.leaf, middle, d.stranger}, false},
		{"TA is not the leaf", []TLSA{record(2, 0, 1, d.selfSigned)}, []*x509.Certificate{d.selfSigned}, false},
		{"TA is not the leaf sent twice", []TLSA{record(2, 0, 1, d.selfSigned)}, []*x509.Certificate{d.selfSigned, d.selfSigned}, false},
		{"2 0 0 is not the leaf", []TLSA{record(2, 0, 0, d.selfSigned)}, []*x509.Certificate{d.selfSigned}, false},
		{"EE before TA", []TLSA{record(2, 0, 1, d.stranger), record(3, 1, 1, d.otherName)}, []*x509.Certificate{d.otherName}, true},
		{"one of several", []TLSA{record(3, 1, 1, d.stranger), record(2, 1, 1, d.stranger), record(2, 1, 1, root)}, []*x509.Certificate{d.leaf, middle, root}, true},
		{"no certificate", []TLSA{record(3, 1, 1, d.leaf)}, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := VerifyDANE(&tls.ConnectionState{PeerCertificates: tt.chain}, tt.recs, names)
			if (err == nil) != tt.ok {
				t.Errorf("error %v, want ok: %v", err, tt.ok)
			}
		})
	}
	if err := VerifyDANE(nil, []TLSA{record(3, 1, 1, d.leaf)}, names); err == nil {
		t.Error("no connection is accepted")
	}
	if err := VerifyDANE(&tls.ConnectionState{PeerCertificates: []*x509.Certificate{d.leaf, middle, root}}, []TLSA{record(2, 0, 1, root)}, nil); err == nil {
		t.Error("DANE-TA without a name is accepted")
	}
}

func TestRFC7672_3_1_3_Usable(t *testing.T) {
	d := newDaneChain(t)
	for _, tt := range []struct {
		name string
		rec  TLSA
		want bool
	}{
		{"PKIX-TA", record(0, 0, 1, d.leaf), false},
		{"PKIX-EE", record(1, 0, 1, d.leaf), false},
		{"DANE-TA", record(2, 0, 1, d.leaf), true},
		{"DANE-EE", record(3, 1, 2, d.leaf), true},
		{"usage 4", record(4, 0, 1, d.leaf), false},
		{"usage 255", record(255, 0, 1, d.leaf), false},
		{"selector 2", record(3, 2, 1, d.leaf), false},
		{"match 3", record(3, 0, 3, d.leaf), false},
		{"SHA-256 of 31 octets", TLSA{3, 1, 1, make([]byte, 31)}, false},
		{"SHA-512 of 32 octets", TLSA{3, 1, 2, make([]byte, 32)}, false},
		{"empty", TLSA{3, 1, 1, nil}, false},
		{"full certificate", record(2, 0, 0, d.leaf), true},
		{"full key", record(3, 1, 0, d.leaf), true},
		{"full, not a certificate", TLSA{2, 0, 0, []byte("x")}, false},
		{"full, not a key", TLSA{3, 1, 0, []byte("x")}, false},
		{"full, empty", TLSA{3, 0, 0, nil}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := len(Usable([]TLSA{tt.rec})) == 1; got != tt.want {
				t.Errorf("usable %v", got)
			}
			err := VerifyDANE(&tls.ConnectionState{PeerCertificates: []*x509.Certificate{d.leaf}}, []TLSA{tt.rec}, nil)
			if errors.Is(err, ErrNoTLSA) == tt.want {
				t.Errorf("VerifyDANE = %v", err)
			}
		})
	}
}

// Removing a usable record never turns refusal into acceptance while another
// usable one remains, and the order of records says nothing.
func FuzzVerifyDANE(f *testing.F) {
	d := newDaneChain(f)
	certs := []*x509.Certificate{d.leaf, d.middle.cert, d.root.cert, d.expired, d.otherName, d.selfSigned, d.stranger, d.underExpired, d.expiredMiddle}
	f.Add([]byte{0, 1, 2}, []byte{2, 0, 1, 2, 3, 1, 1, 6})
	f.Add([]byte{5, 5}, []byte{2, 0, 0, 5, 2, 0, 1, 5})
	f.Add([]byte{7, 8, 2}, []byte{2, 0, 0, 8, 0, 0, 1, 0})
	f.Fuzz(func(t *testing.T, chain, recs []byte) {
		var cs tls.ConnectionState
		for _, b := range chain[:min(len(chain), 4)] {
			cs.PeerCertificates = append(cs.PeerCertificates, certs[int(b)%len(certs)])
		}
		var all []TLSA
		for ; len(recs) >= 4 && len(all) < 5; recs = recs[4:] {
			all = append(all, record(recs[0]%5, recs[1]%3, recs[2]%4, certs[int(recs[3])%len(certs)]))
		}
		names := []string{"mail.example"}
		accepts := func(set uint) (ok bool, usable int) {
			var some []TLSA
			for i, r := range all {
				if set&(1<<i) != 0 {
					some = append([]TLSA{r}, some...)
				}
			}
			return VerifyDANE(&cs, some, names) == nil, len(Usable(some))
		}
		whole := uint(1)<<len(all) - 1
		ok, _ := accepts(whole)
		if fwd := VerifyDANE(&cs, all, names) == nil; fwd != ok {
			t.Fatalf("order matters: %v, reversed %v", fwd, ok)
		}
		for set := range whole {
			if fewer, usable := accepts(set); fewer && (!ok || usable == 0) {
				t.Fatalf("records %v refused, the %d of %b accepted (%d usable)", all, bits.OnesCount(set), set, usable)
			}
		}
	})
}
