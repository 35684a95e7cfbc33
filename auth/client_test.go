package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	tls13 := channels(t)[3].client
	verified := func(offered ...string) ConnInfo { ci := secure(); ci.Offered = offered; return ci }
	binding := func(offered ...string) ConnInfo { ci := tls13; ci.Offered = offered; return ci }
	unverified := func(offered ...string) ConnInfo { ci := tls13; ci.Verified = false; ci.Offered = offered; return ci }
	clear := func(offered ...string) ConnInfo { return ConnInfo{Offered: offered} }
	user := Credentials{Username: "ann", Password: "pw"}
	tokens := Credentials{Username: "ann", Token: func(context.Context, string, uint16) (Secret, error) { return "x", nil }}
	own := map[string]func(Credentials, ConnInfo) (Client, error){
		"X-OWN": func(Credentials, ConnInfo) (Client, error) {
			return &clientDriver{x: NewAnonymousClient("own")}, nil
		},
		"X-NONE": func(Credentials, ConnInfo) (Client, error) { return nil, errors.New("no ticket") },
	}
	for _, tt := range []struct {
		name string
		p    ClientPolicy
		c    Credentials
		ci   ConnInfo
		want string // mechanism, or empty
		err  error
	}{
		{"strongest", ClientPolicy{}, user, binding("PLAIN", "LOGIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"), "SCRAM-SHA-256-PLUS", nil},
		{"a weaker hash bound before a stronger one not", ClientPolicy{}, user, binding("SCRAM-SHA-256", "SCRAM-SHA-1-PLUS"), "SCRAM-SHA-1-PLUS", nil},
		{"cannot bind", ClientPolicy{}, user, verified("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"), "SCRAM-SHA-256", nil},
		{"lower case", ClientPolicy{}, user, verified("plain"), "PLAIN", nil},
		{"over cleartext", ClientPolicy{}, user, clear("PLAIN", "SCRAM-SHA-256"), "", ErrTLSRequired},
		{"over unverified TLS", ClientPolicy{}, user, unverified("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"), "", ErrTLSRequired},
		{"hashed over cleartext", ClientPolicy{Cleartext: CleartextHashed}, user, clear("PLAIN", "SCRAM-SHA-256"), "SCRAM-SHA-256", nil},
		{"PLAIN over cleartext, hashed allowed", ClientPolicy{Cleartext: CleartextHashed}, user, clear("PLAIN"), "", ErrTLSRequired},
		{"PLAIN over cleartext, asked for", ClientPolicy{Cleartext: CleartextAny}, user, clear("PLAIN"), "PLAIN", nil},
		{"tokens never over cleartext", ClientPolicy{Cleartext: CleartextAny}, tokens, clear("OAUTHBEARER", "XOAUTH2"), "", ErrTLSRequired},
		{"tokens", ClientPolicy{}, tokens, verified("PLAIN", "XOAUTH2", "OAUTHBEARER"), "OAUTHBEARER", nil},
		{"XOAUTH2", ClientPolicy{}, tokens, verified("PLAIN", "XOAUTH2"), "XOAUTH2", nil},
		{"only LOGIN and CRAM-MD5", ClientPolicy{}, user, verified("LOGIN", "CRAM-MD5"), "", ErrMechanism},
		{"preferred in lower case", ClientPolicy{Prefer: []string{"scram-sha-256"}}, user, verified("SCRAM-SHA-256"), "SCRAM-SHA-256", nil},
		{"LOGIN if listed", ClientPolicy{Prefer: []string{"CRAM-MD5", "LOGIN"}}, user, verified("LOGIN", "PLAIN"), "LOGIN", nil},
		{"CRAM-MD5 over cleartext", ClientPolicy{Prefer: []string{"CRAM-MD5"}, Cleartext: CleartextHashed}, user, clear("CRAM-MD5"), "CRAM-MD5", nil},
		{"ANONYMOUS if listed", ClientPolicy{Prefer: []string{"ANONYMOUS"}}, Credentials{}, clear("ANONYMOUS"), "ANONYMOUS", nil},
		{"EXTERNAL not asked for", ClientPolicy{}, user, verified("EXTERNAL", "PLAIN"), "PLAIN", nil},
		{"EXTERNAL", ClientPolicy{}, Credentials{Username: "ann", Password: "pw", External: true}, verified("EXTERNAL", "PLAIN"), "EXTERNAL", nil},
		{"EXTERNAL without TLS", ClientPolicy{Cleartext: CleartextAny}, Credentials{External: true}, clear("EXTERNAL"), "", ErrTLSRequired},
		{"binding required", ClientPolicy{RequireBinding: true}, user, binding("SCRAM-SHA-256", "PLAIN"), "", ErrMechanism},
		{"binding required and offered", ClientPolicy{RequireBinding: true}, user, binding("SCRAM-SHA-256", "SCRAM-SHA-1-PLUS"), "SCRAM-SHA-1-PLUS", nil},
		{"no password", ClientPolicy{}, Credentials{Username: "ann"}, verified("PLAIN", "SCRAM-SHA-256"), "", ErrMechanism},
		{"nothing offered", ClientPolicy{}, user, verified(), "", ErrMechanism},
		{"extra first", ClientPolicy{Extra: own}, user, verified("PLAIN", "X-OWN", "X-NONE"), "ANONYMOUS", nil},
		{"extra that gives up", ClientPolicy{Extra: own}, user, verified("PLAIN", "X-NONE"), "PLAIN", nil},
		{"extra over cleartext", ClientPolicy{Extra: own}, user, clear("X-OWN"), "", ErrTLSRequired},
		{"unknown, preferred", ClientPolicy{Prefer: []string{"NTLM"}}, user, verified("NTLM"), "", ErrMechanism},
		{"name that cannot be prepared", ClientPolicy{}, Credentials{Username: "a\u0007", Password: "pw"}, verified("PLAIN"), "", ErrPrepare},
		{"password that cannot be prepared", ClientPolicy{}, Credentials{Username: "ann", Password: "\ufffe"}, verified("PLAIN"), "", ErrPrepare},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := tt.p.Choose(tt.c, tt.ci)
			if !errors.Is(err, tt.err) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			got := ""
			if c != nil {
				got = c.Mechanism()
			}
			if got != tt.want {
				t.Errorf("mechanism %q, want %q", got, tt.want)
			}
		})
	}
}

func TestNoMechanismError(t *testing.T) {
	ci := secure()
	ci.Offered = []string{"login", "CRAM-MD5", "SCRAM-SHA-256-PLUS", "OAUTHBEARER", "\x1b[31mX"}
	_, err := ClientPolicy{}.Choose(Credentials{Username: "ann", Password: "pw"}, ci)
	const want = "auth: no usable mechanism among those offered" +
		"; SCRAM-SHA-256-PLUS: no channel binding on this connection" +
		"; OAUTHBEARER: no token" +
		"; LOGIN: not among the mechanisms preferred" +
		"; CRAM-MD5: not among the mechanisms preferred" +
		`; \x1b[31MX: not among the mechanisms preferred`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if errors.Is(err, ErrTLSRequired) {
		t.Error("TLS would not have helped")
	}
	ci.Offered = make([]string, 1000)
	for i := range ci.Offered {
		ci.Offered[i] = fmt.Sprint("X-", i)
	}
	if _, err = (ClientPolicy{}).Choose(Credentials{}, ci); len(err.Error()) > 4096 {
		t.Errorf("%d octets of error for %d mechanisms", len(err.Error()), len(ci.Offered))
	}
}

// The token is fetched when it is needed, for the server that is connected to, under
// the caller's context.
func TestTokenIsFetchedLate(t *testing.T) {
	type key struct{}
	var asked []string
	ci := secure()
	ci.Offered, ci.Host, ci.Port = []string{"OAUTHBEARER"}, "imap.example.org", 993
	c, err := ClientPolicy{}.Choose(Credentials{Username: "ann", Token: func(ctx context.Context, host string, port uint16) (Secret, error) {
		asked = append(asked, fmt.Sprint(ctx.Value(key{}), " ", host, " ", port))
		return "x", nil
	}}, ci)
	if err != nil || len(asked) != 0 {
		t.Fatalf("Choose: %v, asked %q", err, asked)
	}
	ir, err := c.Start(context.WithValue(t.Context(), key{}, "ctx"))
	if want := "n,a=ann,\x01host=imap.example.org\x01port=993\x01auth=Bearer x\x01\x01"; err != nil || string(ir) != want {
		t.Errorf("initial response %q, %v, want %q", ir, err, want)
	}
	if len(asked) != 1 || asked[0] != "ctx imap.example.org 993" {
		t.Errorf("asked %q", asked)
	}
}

func TestKeyCache(t *testing.T) {
	var c KeyCache
	q := KeysQuestion{Hash: "SHA-256", Salt: []byte("salt"), Iterations: 4096}
	k := Keys{Client: "c", Server: "s"}
	c.put("ann", "pw", q, k)
	if got, ok := c.get("ann", "pw", q); !ok || got != k {
		t.Errorf("got %v, %v", got, ok)
	}
	misses := map[string]func() (Keys, bool){
		"user":       func() (Keys, bool) { return c.get("bob", "pw", q) },
		"password":   func() (Keys, bool) { return c.get("ann", "new", q) },
		"hash":       func() (Keys, bool) { return c.get("ann", "pw", KeysQuestion{"SHA-1", q.Salt, 4096}) },
		"salt":       func() (Keys, bool) { return c.get("ann", "pw", KeysQuestion{"SHA-256", []byte("tlas"), 4096}) },
		"iterations": func() (Keys, bool) { return c.get("ann", "pw", KeysQuestion{"SHA-256", q.Salt, 4097}) },
	}
	for name, get := range misses {
		if _, ok := get(); ok {
			t.Errorf("found in spite of another %s", name)
		}
	}
	for i := range keyCacheSize {
		c.put(fmt.Sprint(i), "pw", q, k)
		c.get("ann", "pw", q) // stays recent
	}
	if _, ok := c.get("ann", "pw", q); !ok {
		t.Error("the entry in use was dropped")
	}
	if _, ok := c.get("0", "pw", q); ok {
		t.Error("the oldest entry was kept")
	}
	if n := len(c.at); n != keyCacheSize || c.used.Len() != n {
		t.Errorf("%d and %d entries, want %d", n, c.used.Len(), keyCacheSize)
	}
	if _, ok := (*KeyCache)(nil).get("ann", "pw", q); ok {
		t.Error("a nil cache finds something")
	}
	(*KeyCache)(nil).put("ann", "pw", q, k)
}

// With cached keys the password is not derived again: a context that is done would
// stop the derivation.
func TestKeyCacheSavesTheDerivation(t *testing.T) {
	a := &Authenticator{Lookup: accounts(map[string][]Verifier{"ann": {cheap(t, "SCRAM-SHA-256", "pw")}}), Floor: -1}
	cache := new(KeyCache)
	for i, want := range []bool{false, true, true} {
		ci := secure()
		ci.Offered = []string{"SCRAM-SHA-256"}
		c, err := ClientPolicy{}.Choose(Credentials{Username: "ann", Password: "pw", Keys: cache}, ci)
		if err != nil {
			t.Fatal(err)
		}
		s, err := a.Server("SCRAM-SHA-256", ci)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		if i != 1 {
			cancel() // i = 0: must fail; i = 2: cached by then
		}
		client, server := converse(ctx, c, s)
		cancel()
		if ok := client == nil && server == nil; ok != want {
			t.Errorf("%d: client %v, server %v", i, client, server)
		}
	}
}

func TestCleartextString(t *testing.T) {
	got := fmt.Sprint(CleartextNone, CleartextHashed, CleartextAny, Cleartext(9))
	if want := "CleartextNone CleartextHashed CleartextAny Cleartext(9)"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := fmt.Sprint(TLSVerified, TLSDANE, TLSEncrypted, TLSOpportunistic, TLSNever, TLSLevel(9)); strings.Contains(got, "%!") ||
		got != "TLSVerified TLSDANE TLSEncrypted TLSOpportunistic TLSNever TLSLevel(9)" {
		t.Error(got)
	}
}
