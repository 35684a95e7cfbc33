package auth

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
	"testing"
)

// channel is one kind of connection, seen from both ends.
type channel struct {
	name           string
	client, server ConnInfo
	usable         []string // what the server can bind to
}

// channels makes one connection of every kind that RFC 5929 and RFC 9266 tell apart.
func channels(t *testing.T) []channel {
	t.Helper()
	ca := newAuthority(t, nil)
	cert := ca.leaf(t, certOptions{})
	endpoint, err := Endpoint(cert.Leaf)
	if err != nil {
		t.Fatal(err)
	}
	connect := func(name string, client, server *tls.Config, usable ...string) channel {
		server.Certificates = []tls.Certificate{cert}
		client.RootCAs, client.ServerName = poolOf([]*x509.Certificate{ca.cert}), "mail.example"
		c, s, err := handshake(t, client, server)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return channel{
			name:   name,
			client: ConnInfo{TLS: &c, Verified: true},
			server: ConnInfo{TLS: &s, Endpoint: endpoint}, usable: usable,
		}
	}
	// Without extended master secret crypto/tls refuses to export keys, exactly as it
	// does with renegotiation, which can be had here.
	bare := connect("TLS 1.2 without EMS", &tls.Config{MaxVersion: tls.VersionTLS12, Renegotiation: tls.RenegotiateOnceAsClient},
		&tls.Config{}, tlsEndpoint)
	bare.server.TLS = bare.client.TLS
	out := []channel{
		{name: "cleartext"},
		connect("TLS 1.2", &tls.Config{MaxVersion: tls.VersionTLS12}, &tls.Config{}, tlsExporter, tlsUnique, tlsEndpoint),
		bare,
		connect("TLS 1.3", &tls.Config{MinVersion: tls.VersionTLS13}, &tls.Config{}, tlsExporter, tlsEndpoint),
	}
	for _, v := range []struct {
		name    string
		version uint16
		usable  []string
	}{
		{"TLS 1.3 resumed", tls.VersionTLS13, []string{tlsExporter}},
		{"TLS 1.2 resumed", tls.VersionTLS12, []string{tlsExporter, tlsUnique}},
	} {
		client := &tls.Config{MaxVersion: v.version, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
		server := &tls.Config{}
		connect(v.name, client, server)
		ch := connect(v.name, client, server, v.usable...)
		if !ch.server.TLS.DidResume {
			t.Fatalf("%s: was not resumed", v.name)
		}
		out = append(out, ch)
	}
	return out
}

// Every flag on every kind of connection to both names of the mechanism.
func TestRFC5802_6_FlagsOnConnections(t *testing.T) {
	a := &Authenticator{
		Lookup:    accounts(map[string][]Verifier{"user": {cheap(t, "SCRAM-SHA-256", "pencil")}}),
		Cleartext: CleartextHashed, Floor: -1,
	}
	for _, ch := range channels(t) {
		for _, plus := range []bool{false, true} {
			mech := scramMechanism("SHA-256", plus)
			for _, flag := range []string{"n", "y", tlsExporter, tlsUnique, tlsEndpoint, "x"} {
				t.Run(ch.name+"/"+mech+"/"+flag, func(t *testing.T) {
					s, err := a.Server(mech, ch.server)
					if plus && len(ch.usable) == 0 {
						if !errors.Is(err, ErrTLSRequired) {
							t.Fatalf("Server: %v, want ErrTLSRequired", err)
						}
						return
					}
					if err != nil {
						t.Fatal(err)
					}
					o := ScramOptions{Hash: "SHA-256", Nonce: nonce()}
					switch flag {
					case "n":
					case "y":
						o.CouldBind = true
					default:
						data, err := ChannelBinding(ch.client.TLS, flag)
						if err != nil {
							data = []byte("made up")
						}
						o.Plus, o.Bindings = true, []Binding{{flag, data}}
					}
					c := &clientDriver{x: NewScramClient("user", "", o), c: Credentials{Password: "pencil"}}
					client, server := converse(t.Context(), c, s)
					want := wantFlag(flag, plus, ch.usable)
					if want == "" {
						if client != nil || server != nil {
							t.Errorf("client %v, server %v, want success", client, server)
						}
						return
					}
					got, ok := errors.AsType[*ScramError](client)
					if !ok || got.Value != want {
						t.Errorf("client %v, want e=%s", client, want)
					}
				})
			}
		}
	}
}

// wantFlag is the table again, column by column.
func wantFlag(flag string, plus bool, usable []string) string {
	switch {
	case plus && (flag == "n" || flag == "y"):
		return "other-error"
	case flag == "n", slices.Contains(usable, flag):
		return ""
	case flag == "y" && len(usable) > 0:
		return "server-does-support-channel-binding"
	case flag == "y":
		return ""
	case len(usable) == 0:
		return "channel-binding-not-supported"
	}
	return "unsupported-channel-binding-type"
}

// What a client takes by itself, and what it then is.
func TestRFC9266_3_ClientChoice(t *testing.T) {
	a := &Authenticator{
		Lookup:    accounts(map[string][]Verifier{"user": {cheap(t, "SCRAM-SHA-256", "pencil")}}),
		Cleartext: CleartextHashed, Floor: -1,
	}
	want := map[string]string{
		"cleartext": "", "TLS 1.2": tlsUnique, "TLS 1.2 without EMS": tlsEndpoint, "TLS 1.3": tlsExporter,
		"TLS 1.3 resumed": tlsExporter, "TLS 1.2 resumed": tlsUnique,
	}
	for _, ch := range channels(t) {
		t.Run(ch.name, func(t *testing.T) {
			ch.client.Offered = a.Mechanisms(ch.server)
			c, err := ClientPolicy{Cleartext: CleartextHashed}.Choose(Credentials{Username: "user", Password: "pencil"}, ch.client)
			if err != nil {
				t.Fatal(err)
			}
			s, err := a.Server(c.Mechanism(), ch.server)
			if err != nil {
				t.Fatal(err)
			}
			client, server := converse(t.Context(), c, s)
			if client != nil || server != nil {
				t.Fatalf("client %v, server %v", client, server)
			}
			if got := s.Identity().Binding; got != want[ch.name] {
				t.Errorf("bound to %q, want %q", got, want[ch.name])
			}
		})
	}
}

// Somebody takes -PLUS off the list: both sides notice.
func TestRFC5802_6_StrippedOffer(t *testing.T) {
	var seen error
	a := &Authenticator{
		Lookup: accounts(map[string][]Verifier{"user": {cheap(t, "SCRAM-SHA-256", "pencil")}}),
		After:  func(_ context.Context, _ ConnInfo, _ Identity, err error) { seen = err }, Floor: -1,
	}
	for _, ch := range channels(t)[1:] {
		t.Run(ch.name, func(t *testing.T) {
			ch.client.Offered = []string{"SCRAM-SHA-256"}
			c, err := ClientPolicy{}.Choose(Credentials{Username: "user", Password: "pencil"}, ch.client)
			if err != nil {
				t.Fatal(err)
			}
			s, err := a.Server("SCRAM-SHA-256", ch.server)
			if err != nil {
				t.Fatal(err)
			}
			client, _ := converse(t.Context(), c, s)
			if !errors.Is(client, ErrDowngrade) {
				t.Errorf("client: %v, want ErrDowngrade", client)
			}
			if !errors.Is(seen, ErrDowngrade) {
				t.Errorf("After saw %v, want ErrDowngrade", seen)
			}
		})
	}
}

func TestRFC9266_2_EmptyContext(t *testing.T) {
	for _, ch := range channels(t) {
		if ch.name != "TLS 1.2" && ch.name != "TLS 1.3" {
			continue
		}
		t.Run(ch.name, func(t *testing.T) {
			c, err := ChannelBinding(ch.client.TLS, tlsExporter)
			s, err2 := ChannelBinding(ch.server.TLS, tlsExporter)
			if err != nil || err2 != nil || len(c) != 32 || !bytes.Equal(c, s) {
				t.Fatalf("client %x, %v; server %x, %v", c, err, s, err2)
			}
			without, err := ch.client.TLS.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32)
			if err != nil {
				t.Fatal(err)
			}
			// Only TLS 1.2 tells no context from an empty one. RFC 5705, section 4.
			if differs := !bytes.Equal(c, without); differs != (ch.name == "TLS 1.2") {
				t.Errorf("nil context differs: %v", differs)
			}
		})
	}
}

func TestChannelBindingRefuses(t *testing.T) {
	tls13 := channels(t)[3].client.TLS
	for _, tt := range []struct {
		name string
		cs   *tls.ConnectionState
		typ  string
	}{
		{"no TLS", nil, tlsExporter},
		{"no handshake", &tls.ConnectionState{}, tlsExporter},
		{"tls-unique on 1.3", tls13, tlsUnique},
		{"unknown type", tls13, "tls-server-end-point2"},
		{"no certificate", &tls.ConnectionState{HandshakeComplete: true}, tlsEndpoint},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if data, err := ChannelBinding(tt.cs, tt.typ); !errors.Is(err, ErrBinding) {
				t.Errorf("%x, %v", data, err)
			}
		})
	}
}

func TestRFC5929_4_1_Endpoint(t *testing.T) {
	rsaKey := rsaKey(t)
	for _, tt := range []struct {
		name string
		o    certOptions
		want func(raw []byte) []byte
	}{
		{"ECDSA with SHA-256", certOptions{sig: x509.ECDSAWithSHA256}, sum256},
		{"ECDSA with SHA-384", certOptions{sig: x509.ECDSAWithSHA384}, func(raw []byte) []byte { s := sha512.Sum384(raw); return s[:] }},
		{"RSA with SHA-256", certOptions{key: rsaKey, sig: x509.SHA256WithRSA}, sum256},
		{"RSA with SHA-512", certOptions{key: rsaKey, sig: x509.SHA512WithRSA}, func(raw []byte) []byte { s := sha512.Sum512(raw); return s[:] }},
		{"RSA-PSS with SHA-256", certOptions{key: rsaKey, sig: x509.SHA256WithRSAPSS}, sum256},
		{"Ed25519", certOptions{key: ed25519Key(t)}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cert, _ := (*authority)(nil).issue(t, tt.o)
			got, err := Endpoint(cert)
			if tt.want == nil {
				if !errors.Is(err, ErrBinding) {
					t.Errorf("%x, %v, want ErrBinding", got, err)
				}
				return
			}
			if err != nil || !bytes.Equal(got, tt.want(cert.Raw)) {
				t.Errorf("%x, %v", got, err)
			}
		})
	}
	for _, old := range []x509.SignatureAlgorithm{x509.MD5WithRSA, x509.SHA1WithRSA, x509.ECDSAWithSHA1} {
		got, err := Endpoint(&x509.Certificate{SignatureAlgorithm: old, Raw: []byte("raw")})
		if err != nil || !bytes.Equal(got, sum256([]byte("raw"))) {
			t.Errorf("%v: %x, %v, want SHA-256", old, got, err)
		}
	}
}

func sum256(raw []byte) []byte { s := sha256.Sum256(raw); return s[:] }
