package auth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailwire/mailwire/internal/memnet"
)

func TestAtLeast(t *testing.T) {
	levels := []TLSLevel{TLSVerified, TLSDANE, TLSEncrypted, TLSOpportunistic, TLSNever}
	rank := []int{3, 3, 2, 1, 0}
	for i, l := range levels {
		for j, m := range levels {
			if got := l.AtLeast(m); got != (rank[i] >= rank[j]) {
				t.Errorf("%v.AtLeast(%v) = %v", l, m, got)
			}
		}
	}
	if TLSLevel(77).AtLeast(TLSOpportunistic) {
		t.Error("an unknown level is strong")
	}
}

func TestRFC3207_6_Upgrade(t *testing.T) {
	for _, tt := range []struct {
		p          TLSPolicy
		offered    bool
		use        bool
		err        error
		checkClear error // of a connection that stayed without TLS
	}{
		{TLSPolicy{}, true, true, nil, ErrTLSRequired},
		{TLSPolicy{}, false, false, ErrTLSRequired, ErrTLSRequired},
		{TLSPolicy{Level: TLSDANE}, true, true, nil, ErrTLSRequired},
		{TLSPolicy{Level: TLSDANE}, false, false, ErrTLSRequired, ErrTLSRequired},
		{TLSPolicy{Level: TLSEncrypted}, true, true, nil, ErrTLSRequired},
		{TLSPolicy{Level: TLSEncrypted}, false, false, ErrTLSRequired, ErrTLSRequired},
		{TLSPolicy{Level: TLSOpportunistic}, true, true, nil, nil},
		{TLSPolicy{Level: TLSOpportunistic}, false, false, nil, nil},
		{TLSPolicy{Level: TLSNever}, true, false, nil, nil},
		{TLSPolicy{Level: TLSNever}, false, false, nil, nil},
		{TLSPolicy{Implicit: true}, true, false, ErrTLSRequired, ErrTLSRequired},
		{TLSPolicy{Implicit: true, Level: TLSOpportunistic}, false, false, ErrTLSRequired, ErrTLSRequired},
	} {
		use, err := tt.p.Upgrade(tt.offered)
		if use != tt.use || !errors.Is(err, tt.err) {
			t.Errorf("%v, implicit %v, offered %v: %v, %v", tt.p.Level, tt.p.Implicit, tt.offered, use, err)
		}
		if err := tt.p.Check(nil); !errors.Is(err, tt.checkClear) {
			t.Errorf("%v, implicit %v: Check(nil) = %v, want %v", tt.p.Level, tt.p.Implicit, err, tt.checkClear)
		}
	}
}

// Five levels, and what a certificate may be like. The client of the zero
// ClientPolicy sends credentials where the level authenticates, and nowhere else.
func TestPolicyByCertificate(t *testing.T) {
	ca, other := newAuthority(t, nil), newAuthority(t, nil)
	roots := poolOf([]*x509.Certificate{ca.cert})
	good := ca.leaf(t, certOptions{})
	certs := map[string]tls.Certificate{
		"good":       good,
		"wrong name": ca.leaf(t, certOptions{names: []string{"mail.evil"}}),
		"expired":    ca.leaf(t, certOptions{notAfter: time.Now().Add(-time.Hour)}),
		"stranger":   other.leaf(t, certOptions{}),
	}
	tlsa := []TLSA{{Usage: daneEE, Selector: 0, Match: 1, Data: sum256(good.Leaf.Raw)}}
	for name, cert := range certs {
		for _, level := range []TLSLevel{TLSVerified, TLSDANE, TLSEncrypted, TLSOpportunistic} {
			t.Run(name+"/"+level.String(), func(t *testing.T) {
				p := TLSPolicy{Level: level, ServerName: "mail.example", Roots: roots, TLSA: tlsa}
				cs, _, err := handshake(t, p.Config(), &tls.Config{Certificates: []tls.Certificate{cert}})
				want := name == "good" || !level.AtLeast(TLSVerified)
				if (err == nil) != want {
					t.Fatalf("handshake: %v", err)
				}
				if err != nil {
					return
				}
				ci := ConnInfo{TLS: &cs, Verified: level.AtLeast(TLSVerified), Offered: []string{"PLAIN", "SCRAM-SHA-256"}}
				_, err = ClientPolicy{}.Choose(Credentials{Username: "ann", Password: "pw"}, ci)
				if (err == nil) != level.AtLeast(TLSVerified) {
					t.Errorf("Choose: %v", err)
				}
			})
		}
	}
	t.Run("names", func(t *testing.T) {
		for _, tt := range []struct {
			names []string
			want  bool
		}{
			{nil, true}, {[]string{"mail.evil", "mail.example"}, true}, {[]string{"mail.evil"}, false}, {[]string{}, false},
		} {
			p := TLSPolicy{ServerName: "mail.example", Names: tt.names, Roots: roots}
			_, _, err := handshake(t, p.Config(), &tls.Config{Certificates: []tls.Certificate{good}})
			if (err == nil) != tt.want {
				t.Errorf("names %q: %v", tt.names, err)
			}
		}
	})
	t.Run("no name at all", func(t *testing.T) {
		if _, _, err := handshake(t, TLSPolicy{Roots: roots}.Config(), &tls.Config{Certificates: []tls.Certificate{good}}); !errors.Is(err, errNoName) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("TLS 1.1", func(t *testing.T) {
		p := TLSPolicy{Level: TLSEncrypted, ServerName: "mail.example"}
		server := &tls.Config{Certificates: []tls.Certificate{good}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
		if _, _, err := handshake(t, p.Config(), server); err == nil {
			t.Error("TLS 1.1 was accepted")
		}
	})
	t.Run("verification fields of Base", func(t *testing.T) {
		p := TLSPolicy{ServerName: "mail.example", Roots: roots, Base: &tls.Config{InsecureSkipVerify: true, ServerName: "mail.evil",
			VerifyConnection: func(tls.ConnectionState) error { return nil }, RootCAs: poolOf([]*x509.Certificate{other.cert})}}
		if _, _, err := handshake(t, p.Config(), &tls.Config{Certificates: []tls.Certificate{certs["stranger"]}}); err == nil {
			t.Error("Base turned verification off")
		}
	})
}

// Verdicts hold when a session is resumed under a policy that has changed.
func TestVerdictOnResumption(t *testing.T) {
	ca := newAuthority(t, nil)
	cert := ca.leaf(t, certOptions{})
	other := ca.leaf(t, certOptions{})
	record := func(c tls.Certificate) []TLSA { return []TLSA{{Usage: daneEE, Match: 1, Data: sum256(c.Leaf.Raw)}} }
	pkix := TLSPolicy{ServerName: "mail.example", Roots: poolOf([]*x509.Certificate{ca.cert})}
	dane := TLSPolicy{Level: TLSDANE, ServerName: "mail.example", TLSA: record(cert)}
	for _, tt := range []struct {
		name          string
		first, second TLSPolicy
		want          bool
	}{
		{"PKIX", pkix, pkix, true},
		{"DANE", dane, dane, true},
		{"other roots", pkix, TLSPolicy{ServerName: "mail.example", Roots: x509.NewCertPool()}, false},
		{"other name", pkix, TLSPolicy{ServerName: "mail.example", Names: []string{"mail.evil"}, Roots: pkix.Roots}, false},
		{"other TLSA", dane, TLSPolicy{Level: TLSDANE, ServerName: "mail.example", TLSA: record(other)}, false},
		{"expired meanwhile", pkix, TLSPolicy{ServerName: "mail.example", Roots: pkix.Roots,
			Base: &tls.Config{Time: func() time.Time { return time.Now().Add(90 * time.Minute) }}}, false},
		{"unverified before", TLSPolicy{Level: TLSEncrypted, ServerName: "mail.example"}, TLSPolicy{ServerName: "mail.example", Roots: x509.NewCertPool()}, false},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(tt.name+"/"+tls.VersionName(version), func(t *testing.T) {
				cache := tls.NewLRUClientSessionCache(1)
				server := &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: version}
				for i, p := range []TLSPolicy{tt.first, tt.second} {
					base := &tls.Config{ClientSessionCache: cache}
					if p.Base != nil {
						base.Time = p.Base.Time
					}
					p.Base = base
					cs, _, err := handshake(t, p.Config(), server)
					if want := i == 0 || tt.want; (err == nil) != want {
						t.Fatalf("connection %d: %v", i+1, err)
					}
					if i == 1 && err == nil && !cs.DidResume {
						t.Error("was not resumed")
					}
				}
			})
		}
	}
	t.Run("certificate changed", func(t *testing.T) {
		cache := tls.NewLRUClientSessionCache(1)
		p := dane
		p.Base = &tls.Config{ClientSessionCache: cache}
		if _, _, err := handshake(t, p.Config(), &tls.Config{Certificates: []tls.Certificate{cert}}); err != nil {
			t.Fatal(err)
		}
		// Another server, with other ticket keys: a full handshake.
		_, _, err := handshake(t, p.Config(), &tls.Config{Certificates: []tls.Certificate{other}})
		if !errors.Is(err, ErrTLSAMatch) {
			t.Errorf("error %v, want ErrTLSAMatch", err)
		}
	})
}

// closeSpy tells whether a connection was closed.
type closeSpy struct {
	net.Conn
	closed bool
}

func (c *closeSpy) Close() error { c.closed = true; return c.Conn.Close() }

func TestRFC3207_4_2_Injected(t *testing.T) {
	start := map[string]func(context.Context, net.Conn, Upgrader) error{
		"client": func(ctx context.Context, c net.Conn, r Upgrader) error {
			_, err := StartClientTLS(ctx, c, r, TLSPolicy{})
			return err
		},
		"server": func(ctx context.Context, c net.Conn, r Upgrader) error {
			_, err := StartServerTLS(ctx, c, r, &tls.Config{})
			return err
		},
	}
	for role, start := range start {
		for what, r := range map[string]*fakeReader{
			"one octet": {buffered: 1}, "a line": {buffered: len("NOOP\r\n")}, "a whole reply": {buffered: len("250 2.0.0 OK\r\n")},
			"found by the Reader": {err: errors.New("plaintext buffered")},
		} {
			t.Run(role+"/"+what, func(t *testing.T) {
				a, b := memnet.Pipe(memnet.Options{})
				defer b.Close()
				c := &closeSpy{Conn: a}
				if err := start(t.Context(), c, r); !errors.Is(err, ErrInjected) || !c.closed {
					t.Errorf("error %v, closed %v", err, c.closed)
				}
				if r.buffered > 0 && r.src != nil {
					t.Error("the Reader was upgraded all the same")
				}
			})
		}
	}
	a, b := memnet.Pipe(memnet.Options{})
	defer b.Close()
	c := &closeSpy{Conn: a}
	if _, err := StartServerTLS(t.Context(), c, &fakeReader{}, nil); err == nil || !c.closed {
		t.Errorf("no configuration: %v, closed %v", err, c.closed)
	}
}

func TestStartTLS(t *testing.T) {
	ca := newAuthority(t, nil)
	certs, err := LoadCertificates(func() ([]tls.Certificate, error) { return []tls.Certificate{ca.leaf(t, certOptions{})}, nil })
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		policy TLSPolicy
		ok     bool
	}{
		{"verified", TLSPolicy{ServerName: "mail.example", Roots: poolOf([]*x509.Certificate{ca.cert})}, true},
		{"wrong name", TLSPolicy{ServerName: "mail.evil", Roots: poolOf([]*x509.Certificate{ca.cert})}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := memnet.Pipe(memnet.Options{})
			cc, sc := &closeSpy{Conn: a}, &closeSpy{Conn: b}
			cr, sr := &fakeReader{}, &fakeReader{}
			type result struct {
				c   *tls.Conn
				err error
			}
			served := make(chan result, 1)
			go func() {
				c, err := StartServerTLS(t.Context(), sc, sr, certs.Config())
				served <- result{c, err}
				if err == nil {
					io.WriteString(c, "+OK")
				}
			}()
			client, err := StartClientTLS(t.Context(), cc, cr, tt.policy)
			if (err == nil) != tt.ok || cc.closed == tt.ok {
				t.Fatalf("client: %v, closed %v", err, cc.closed)
			}
			if !tt.ok {
				<-served
				return
			}
			// The Reader reads from the new connection.
			got := make([]byte, 3)
			if _, err := io.ReadFull(cr.src, got); err != nil || string(got) != "+OK" {
				t.Errorf("read %q, %v", got, err)
			}
			server := <-served
			if server.err != nil || sr.src != io.Reader(server.c) || !client.ConnectionState().HandshakeComplete {
				t.Errorf("server: %v", server.err)
			}
			cc.Close()
			sc.Close()
		})
	}
}

// A peer that says nothing: the handshake ends with its context, in both roles.
func TestStartTLSObeysContext(t *testing.T) {
	for _, role := range []string{"client", "server"} {
		t.Run(role, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := memnet.Pipe(memnet.Options{})
				defer b.Close()
				go io.Copy(io.Discard, b)
				c := &closeSpy{Conn: a}
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				begin := time.Now()
				var err error
				if role == "client" {
					_, err = StartClientTLS(ctx, c, &fakeReader{}, TLSPolicy{ServerName: "mail.example"})
				} else {
					_, err = StartServerTLS(ctx, c, &fakeReader{}, &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil }})
				}
				if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != 5*time.Second || !c.closed {
					t.Errorf("after %v: %v, closed %v", time.Since(begin), err, c.closed)
				}
			})
		})
	}
}
