package auth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// plain is one PLAIN exchange with an initial response.
func plain(ctx context.Context, a *Authenticator, ci ConnInfo, msg string) (Identity, error) {
	s, err := a.Server("PLAIN", ci)
	if err != nil {
		return Identity{}, err
	}
	_, _, err = s.Next(ctx, []byte(msg))
	return s.Identity(), err
}

func TestMechanisms(t *testing.T) {
	lookup := accounts(nil)
	checkToken := func(context.Context, string, Secret) (string, error) { return "", ErrCredentials }
	checkCert := func(context.Context, string, [][]*x509.Certificate) (string, error) { return "", ErrCredentials }
	all := &Authenticator{Lookup: lookup, CheckToken: checkToken, CheckCert: checkCert}
	withAllow := func(a *Authenticator, allow ...string) *Authenticator {
		return &Authenticator{Lookup: a.Lookup, CheckToken: a.CheckToken, CheckCert: a.CheckCert, Allow: allow}
	}
	tls13 := channels(t)[3].server
	withCert := tls13
	withCert.TLS = new(*tls13.TLS)
	withCert.TLS.VerifiedChains = [][]*x509.Certificate{{{}}}
	for _, tt := range []struct {
		name string
		a    *Authenticator
		ci   ConnInfo
		want string
	}{
		{"nil", nil, tls13, ""},
		{"zero", &Authenticator{}, tls13, ""},
		{"lookup", &Authenticator{Lookup: lookup}, tls13, "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN"},
		{"lookup, nothing to bind to", &Authenticator{Lookup: lookup}, secure(), "SCRAM-SHA-256 PLAIN"},
		{"two schemes", &Authenticator{Lookup: lookup, Schemes: []string{"SCRAM-SHA-512", "SCRAM-SHA-1"}}, secure(), "SCRAM-SHA-512 SCRAM-SHA-1 PLAIN"},
		{"hashes alone", &Authenticator{Lookup: lookup, Schemes: []string{"argon2id"}}, tls13, "PLAIN"},
		{"password check", &Authenticator{CheckPassword: checking(nil)}, tls13, "PLAIN"},
		{"token check", &Authenticator{CheckToken: checkToken}, tls13, "OAUTHBEARER XOAUTH2"},
		{"certificate check, none shown", &Authenticator{CheckCert: checkCert}, tls13, ""},
		{"certificate check", &Authenticator{CheckCert: checkCert}, withCert, "EXTERNAL"},
		{"cleartext", &Authenticator{Lookup: lookup, CheckToken: checkToken}, ConnInfo{}, ""},
		{"cleartext, hashed", &Authenticator{Lookup: lookup, CheckToken: checkToken, Cleartext: CleartextHashed}, ConnInfo{}, "SCRAM-SHA-256"},
		{"cleartext, any", &Authenticator{Lookup: lookup, CheckToken: checkToken, Cleartext: CleartextAny}, ConnInfo{}, "SCRAM-SHA-256 PLAIN"},
		{"all allowed", withAllow(all, strength...), withCert, strings.Join(strength, " ")},
		{"allowed in lower case", withAllow(all, "plain"), withCert, "PLAIN"},
		{"allowed, but not served", withAllow(&Authenticator{}, "PLAIN", "OAUTHBEARER", "NOPE"), withCert, ""},
		{"bare name alone allowed", withAllow(all, "SCRAM-SHA-256"), tls13, "SCRAM-SHA-256"},
		{"extra", &Authenticator{Extra: map[string]func(ConnInfo) (Server, error){"GSSAPI": nil}}, tls13, "GSSAPI"},
		{"extra, cleartext", &Authenticator{Extra: map[string]func(ConnInfo) (Server, error){"GSSAPI": nil}}, ConnInfo{}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.a.Mechanisms(tt.ci)
			if s := strings.Join(got, " "); s != tt.want {
				t.Errorf("Mechanisms = %q, want %q", s, tt.want)
			}
			for _, mech := range strength {
				if _, err := tt.a.Server(mech, tt.ci); (err == nil) != contains(got, mech) {
					t.Errorf("Server(%s) = %v, listed: %v", mech, err, contains(got, mech))
				}
			}
		})
	}
}

func TestServerNeedsTLS(t *testing.T) {
	a := &Authenticator{Lookup: accounts(nil), CheckToken: func(context.Context, string, Secret) (string, error) { return "", nil }}
	for mech, want := range map[string]error{
		"PLAIN": ErrTLSRequired, "plain": ErrTLSRequired, "SCRAM-SHA-256": ErrTLSRequired, "SCRAM-SHA-256-PLUS": ErrTLSRequired,
		"OAUTHBEARER": ErrTLSRequired, "SCRAM-SHA-1": ErrMechanism, "LOGIN": ErrMechanism, "NTLM": ErrMechanism, "": ErrMechanism,
	} {
		if _, err := a.Server(mech, ConnInfo{}); !errors.Is(err, want) {
			t.Errorf("Server(%q) = %v, want %v", mech, err, want)
		}
	}
}

// An unknown user, a wrong password and a refused authzid are one thing to the
// client; After is told which it was.
func TestRFC4422_4_OneRefusal(t *testing.T) {
	var seen error
	var who Identity
	a := &Authenticator{
		Lookup: accounts(map[string][]Verifier{"ann": {cheap(t, "SCRAM-SHA-256", "pw")}, "old": {cheap(t, "bcrypt", "pw")}}),
		After:  func(_ context.Context, _ ConnInfo, id Identity, err error) { who, seen = id, err },
		Floor:  -1,
	}
	for _, tt := range []struct {
		name, mech, user, authzid string
		password                  Secret
		why                       error // nil: success
	}{
		{"PLAIN", "PLAIN", "ann", "", "pw", nil},
		{"PLAIN, authzid equal", "PLAIN", "ann", "ann", "pw", nil},
		{"PLAIN, authzid equal when prepared", "PLAIN", "ann", "a\u00adnn", "pw", nil},
		{"PLAIN, other authzid", "PLAIN", "ann", "bob", "pw", ErrCredentials},
		{"PLAIN, wrong password", "PLAIN", "ann", "", "PW", errWrongPassword},
		{"PLAIN, unknown user", "PLAIN", "bob", "", "pw", errNoSuchUser},
		{"PLAIN, password that cannot be prepared", "PLAIN", "ann", "", "p\u0007w", ErrPrepare},
		{"PLAIN, name that cannot be prepared", "PLAIN", "a\u0007nn", "", "pw", ErrPrepare},
		{"PLAIN, bcrypt and 73 octets", "PLAIN", "old", "", Secret(strings.Repeat("p", 73)), ErrVerifier},
		{"SCRAM", "SCRAM-SHA-256", "ann", "", "pw", nil},
		{"SCRAM, authzid equal", "SCRAM-SHA-256", "ann", "ann", "pw", nil},
		{"SCRAM, authzid to be escaped", "SCRAM-SHA-256", "ann", "b=o,b", "pw", ErrCredentials},
		{"SCRAM, wrong password", "SCRAM-SHA-256", "ann", "", "PW", errWrongPassword},
		{"SCRAM, unknown user", "SCRAM-SHA-256", "bob", "", "pw", errWrongPassword},
		{"SCRAM, user without its verifier", "SCRAM-SHA-256", "old", "", "pw", errWrongPassword},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var x ClientExchange
			if tt.mech == "PLAIN" {
				x = NewPlainClient(tt.user, tt.authzid, tt.password)
			} else {
				x = NewScramClient(tt.user, tt.authzid, ScramOptions{Hash: "SHA-256", Nonce: nonce()})
			}
			s, err := a.Server(tt.mech, secure())
			if err != nil {
				t.Fatal(err)
			}
			seen = errors.New("After was not called")
			client, server := converse(t.Context(), &clientDriver{x: x, c: Credentials{Password: tt.password}}, s)
			if !errors.Is(seen, tt.why) || (seen == nil) != (tt.why == nil) {
				t.Errorf("After saw %v, want %v", seen, tt.why)
			}
			want := Identity{Authcid: tt.user, Authzid: tt.user, Mechanism: tt.mech}
			if tt.why != nil {
				if server != ErrCredentials || client == nil {
					t.Errorf("server %v, client %v", server, client)
				}
				want = Identity{}
			} else if who != want {
				t.Errorf("After saw %+v, want %+v", who, want)
			}
			if got := s.Identity(); got != want {
				t.Errorf("Identity = %+v, want %+v", got, want)
			}
			if _, done, err := s.Next(t.Context(), []byte("\x00ann\x00pw")); done || err == nil {
				t.Error("the exchange can be used again")
			}
		})
	}
}

func TestAuthorize(t *testing.T) {
	var asked []Identity
	refuse := error(nil)
	a := &Authenticator{
		Lookup:    accounts(map[string][]Verifier{"ann": {cheap(t, "SCRAM-SHA-256", "pw")}}),
		Authorize: func(_ context.Context, id Identity) error { asked = append(asked, id); return refuse },
		Floor:     -1,
	}
	for _, mech := range []string{"PLAIN", "SCRAM-SHA-256"} {
		for _, tt := range []struct{ refuse, want error }{
			{nil, nil}, {errors.New("no"), ErrCredentials}, {ErrTemporary, ErrTemporary},
		} {
			asked, refuse = nil, tt.refuse
			ci := secure()
			ci.Offered = []string{mech}
			c, err := ClientPolicy{}.Choose(Credentials{Username: "ann", Authzid: "shared", Password: "pw"}, ci)
			if err != nil {
				t.Fatal(err)
			}
			s, err := a.Server(mech, ci)
			if err != nil {
				t.Fatal(err)
			}
			_, server := converse(t.Context(), c, s)
			if !errors.Is(server, tt.want) {
				t.Errorf("%s, %v: %v, want %v", mech, tt.refuse, server, tt.want)
			}
			want := []Identity{{Authcid: "ann", Authzid: "shared", Mechanism: mech}}
			if diff := cmp.Diff(want, asked); diff != "" {
				t.Errorf("%s: asked (-want +got):\n%s", mech, diff)
			}
		}
	}
}

// What an unknown user is shown: like a known one, and the same on every try.
func TestRFC5802_9_UnknownUserLooksKnown(t *testing.T) {
	v, err := NewVerifier("SCRAM-SHA-256", "pw", VerifierOptions{Iterations: 5000, SaltLen: 24})
	if err != nil {
		t.Fatal(err)
	}
	shape := VerifierOptions{Iterations: 5000, SaltLen: 24}
	nodes := []*Authenticator{
		{Lookup: accounts(map[string][]Verifier{"ann": {v}}), Decoy: "key", DecoyShape: shape, Floor: -1},
		{Lookup: accounts(nil), Decoy: "key", DecoyShape: shape, Floor: -1},
		{Lookup: accounts(nil), Decoy: "other key", DecoyShape: shape, Floor: -1},
	}
	first := func(a *Authenticator, user string) serverFirst {
		t.Helper()
		s, err := a.Server("SCRAM-SHA-256", secure())
		if err != nil {
			t.Fatal(err)
		}
		out, _, err := s.Next(t.Context(), []byte("n,,n="+user+",r="+clientNonce))
		if err != nil {
			t.Fatal(err)
		}
		m, f := parseServerFirst(string(out), 1, maxIterations)
		if f != nil {
			t.Fatalf("%q: %v", out, f)
		}
		return m
	}
	known, bob := first(nodes[0], "ann"), first(nodes[0], "bob")
	if known.iterations != bob.iterations || len(known.salt) != len(bob.salt) || len(known.nonce) != len(bob.nonce) {
		t.Errorf("known %+v, unknown %+v", known, bob)
	}
	for i, again := range []serverFirst{first(nodes[0], "bob"), first(nodes[1], "bob")} {
		if string(again.salt) != string(bob.salt) {
			t.Errorf("%d: salt %x, then %x", i, bob.salt, again.salt)
		}
	}
	for i, other := range []serverFirst{first(nodes[0], "eve"), first(nodes[2], "bob")} {
		if string(other.salt) == string(bob.salt) {
			t.Errorf("%d: the salt of another user or key is the same", i)
		}
	}
}

// spy counts how often a derivation looks at its context, which is its work in slices.
type spy struct {
	context.Context
	mu    sync.Mutex
	looks int
}

func (s *spy) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks++
	return s.Context.Err()
}

// The work done for an unknown user is that for a known one. (Durations are the
// same thing measured badly; the floor above them is tested on its own.)
func TestUnknownUserCostsTheSame(t *testing.T) {
	shape := VerifierOptions{Iterations: 5 * kdfSlice}
	v, err := NewVerifier("SCRAM-SHA-256", "pw", shape)
	if err != nil {
		t.Fatal(err)
	}
	a := &Authenticator{Lookup: accounts(map[string][]Verifier{"ann": {v}, "empty": {}, "zero": {{}}}), DecoyShape: shape, Floor: -1}
	work := func(user string, password Secret) int {
		ctx := &spy{Context: t.Context()}
		if _, err := a.Login(ctx, secure(), user, password); (err == nil) != (password == "pw" && user == "ann") {
			t.Fatalf("%s: %v", user, err)
		}
		return ctx.looks
	}
	want := work("ann", "pw")
	if want < 5 {
		t.Fatalf("%d looks at the context", want)
	}
	for _, user := range []string{"ann", "bob", "empty", "zero"} {
		if got := work(user, "wrong"); got != want {
			t.Errorf("%s: %d looks, want %d", user, got, want)
		}
	}
}

func TestDecoyOfEveryScheme(t *testing.T) {
	for _, scheme := range []string{"SCRAM-SHA-512", "argon2id", "scrypt", "bcrypt", "CRAM-MD5", "PLAIN"} {
		t.Run(scheme, func(t *testing.T) {
			v := cheap(t, scheme, "pw")
			shape := map[string]VerifierOptions{
				"SCRAM-SHA-512": {Iterations: minIterations}, "argon2id": {Iterations: 1, Memory: 64}, "scrypt": {Iterations: 16}, "bcrypt": {Iterations: 4},
			}[scheme]
			a := &Authenticator{Lookup: accounts(map[string][]Verifier{"ann": {v}}), Schemes: []string{scheme}, DecoyShape: shape, Floor: -1}
			if _, err := plain(t.Context(), a, secure(), "\x00ann\x00pw"); err != nil {
				t.Errorf("known: %v", err)
			}
			if _, err := plain(t.Context(), a, secure(), "\x00bob\x00pw"); err != ErrCredentials {
				t.Errorf("unknown: %v", err)
			}
			if got := a.decoy.password.Scheme(); got != scheme {
				t.Errorf("decoy of scheme %q", got)
			}
		})
	}
	bad := &Authenticator{Lookup: accounts(nil), DecoyShape: VerifierOptions{Iterations: 1}, Floor: -1}
	if _, err := plain(t.Context(), bad, secure(), "\x00ann\x00pw"); !errors.Is(err, ErrTemporary) {
		t.Errorf("unusable DecoyShape: %v, want ErrTemporary", err)
	}
}

// Every failure takes the floor, success nothing, and a hung-up client ends it.
func TestFloor(t *testing.T) {
	oauth := func(context.Context, string, Secret) (string, error) { return "", ErrCredentials }
	v := cheap(t, "PLAIN", "pw")
	for _, tt := range []struct {
		name  string
		floor time.Duration
		do    func(ctx context.Context, a *Authenticator) error
		want  time.Duration
	}{
		{"success", 0, login("ann", "pw"), 0},
		{"wrong password", 0, login("ann", "x"), defaultFloor},
		{"unknown user", 0, login("bob", "x"), defaultFloor},
		{"name refused by Prepare", 0, login("b\u0007", "x"), defaultFloor},
		{"floor of a second", time.Second, login("bob", "x"), time.Second},
		{"no floor", -1, login("bob", "x"), 0},
		{"syntax", 0, serve("PLAIN", "no NUL"), defaultFloor},
		{"error document", 0, serve("OAUTHBEARER", bearIR), defaultFloor},
		{"error document and its answer", 0, serve("OAUTHBEARER", bearIR, "\x01"), defaultFloor},
		{"channel binding flag", 0, serve("SCRAM-SHA-256", "p=x,,n=ann,r="+clientNonce), defaultFloor},
		{"hung up", 0, func(ctx context.Context, a *Authenticator) error {
			ctx, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
			defer cancel()
			return login("bob", "x")(ctx, a)
		}, 10 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &Authenticator{
					Lookup: accounts(map[string][]Verifier{"ann": {v}}), Schemes: []string{"PLAIN", "SCRAM-SHA-256"},
					CheckToken: oauth, Floor: tt.floor,
				}
				begin := time.Now()
				if err := tt.do(t.Context(), a); err != nil {
					t.Fatal(err)
				}
				if got := time.Since(begin); got != tt.want {
					t.Errorf("took %v, want %v", got, tt.want)
				}
			})
		})
	}
}

func login(user string, password Secret) func(context.Context, *Authenticator) error {
	return func(ctx context.Context, a *Authenticator) error {
		_, err := a.Login(ctx, secure(), user, password)
		if (err == nil) != (user == "ann" && password == "pw") {
			return fmt.Errorf("Login: %v", err)
		}
		return nil
	}
}

func serve(mech string, msgs ...string) func(context.Context, *Authenticator) error {
	return func(ctx context.Context, a *Authenticator) error {
		s, err := a.Server(mech, secure())
		if err != nil {
			return err
		}
		for i, msg := range msgs {
			_, done, err := s.Next(ctx, []byte(msg))
			if done || i > 0 && err == nil {
				return fmt.Errorf("Next %d: %v, %v", i, done, err)
			}
		}
		return nil
	}
}

// gate is a context whose Err blocks, so that a derivation stands still inside.
type gate struct {
	context.Context
	entered chan struct{}
	open    chan struct{}
}

func (g *gate) Err() error {
	g.entered <- struct{}{}
	<-g.open
	return g.Context.Err()
}

// A slot is held until the derivation has really ended, and waiting obeys ctx.
func TestMaxKDF(t *testing.T) {
	v := cheap(t, "SCRAM-SHA-256", "pw")
	synctest.Test(t, func(t *testing.T) {
		a := &Authenticator{Lookup: accounts(map[string][]Verifier{"ann": {v}}), MaxKDF: 1, Floor: -1,
			DecoyShape: VerifierOptions{Iterations: minIterations}}
		ctx, hangUp := context.WithCancel(t.Context())
		stuck := &gate{ctx, make(chan struct{}), make(chan struct{})}
		first := make(chan error, 1)
		go func() {
			_, err := a.Login(stuck, secure(), "ann", "pw")
			first <- err
		}()
		<-stuck.entered // the first derivation holds the only slot
		second := make(chan error, 1)
		waiting, giveUp := context.WithTimeout(t.Context(), time.Minute)
		defer giveUp()
		go func() {
			_, err := a.Login(waiting, secure(), "ann", "pw")
			second <- err
		}()
		synctest.Wait()
		hangUp()
		go func() { // its caller reads the reason; the derivation is still inside
			for range stuck.entered {
			}
		}()
		synctest.Wait()
		select {
		case err := <-second:
			t.Fatalf("the slot was given away: %v", err)
		default:
		}
		close(stuck.open)
		if err := <-first; !errors.Is(err, ErrTemporary) || !errors.Is(err, context.Canceled) {
			t.Errorf("hung up: %v", err)
		}
		if err := <-second; err != nil {
			t.Errorf("second: %v", err)
		}
		close(stuck.entered)

		// Nobody frees the slot this time: the wait ends with the context.
		a.slots <- struct{}{}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		_, err := a.Login(short, secure(), "ann", "pw")
		if !errors.Is(err, ErrTemporary) || !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Second {
			t.Errorf("waited %v: %v", time.Since(begin), err)
		}
		<-a.slots
	})
}

// However many log in, MaxKDF of them derive, and so hold memory.
func TestMaxKDFAtOnce(t *testing.T) {
	v := cheap(t, "SCRAM-SHA-256", "pw")
	synctest.Test(t, func(t *testing.T) {
		a := &Authenticator{Lookup: accounts(map[string][]Verifier{"ann": {v}}), MaxKDF: 2, Floor: -1,
			DecoyShape: VerifierOptions{Iterations: minIterations}}
		ctx := &gate{t.Context(), make(chan struct{}, 100), make(chan struct{})}
		done := make(chan error, 10)
		for range 10 {
			go func() {
				_, err := a.Login(ctx, secure(), "ann", "pw")
				done <- err
			}()
		}
		synctest.Wait()
		if n := len(ctx.entered); n != 2 {
			t.Errorf("%d derivations at once, want 2", n)
		}
		close(ctx.open)
		for range 10 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestManyLogins(t *testing.T) {
	a := &Authenticator{Lookup: accounts(map[string][]Verifier{"ann": {cheap(t, "argon2id", "pw")}}), MaxKDF: 2, Floor: -1,
		Schemes: []string{"argon2id"}, DecoyShape: VerifierOptions{Iterations: 1, Memory: 64}}
	var wg sync.WaitGroup
	errs := make(chan error, 2000)
	for i := range 2000 {
		wg.Go(func() {
			user, ok := "ann", i%2 == 0
			if !ok {
				user = fmt.Sprint("user", i)
			}
			if _, err := plain(t.Context(), a, secure(), "\x00"+user+"\x00pw"); (err == nil) != ok {
				errs <- fmt.Errorf("%s: %w", user, err)
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		t.Error(err)
	}
	if n := len(a.slots); n != 0 || cap(a.slots) != 2 {
		t.Errorf("%d of %d slots still held", n, cap(a.slots))
	}
}

func TestBeforeAndAfter(t *testing.T) {
	type event struct {
		Hook, User string
		Err        string
	}
	var events []event
	limit := errors.New("too many attempts")
	a := &Authenticator{
		Lookup: func(_ context.Context, user string) ([]Verifier, error) {
			events = append(events, event{"Lookup", user, ""})
			if user == "broken" {
				return nil, errors.New("database down")
			}
			return map[string][]Verifier{"ann": {cheap(t, "PLAIN", "pw")}}[user], nil
		},
		Schemes: []string{"PLAIN"},
		Before: func(_ context.Context, _ ConnInfo, user string) error {
			events = append(events, event{"Before", user, ""})
			if user == "banned" {
				return limit
			}
			return nil
		},
		After: func(_ context.Context, _ ConnInfo, id Identity, err error) {
			events = append(events, event{"After", id.Authcid, fmt.Sprint(err)})
		},
		Prepare: func(s string) (string, error) { return strings.ToLower(s), nil },
		Floor:   -1,
	}
	for _, tt := range []struct {
		user string
		err  error
		want []event
	}{
		{"Ann", nil, []event{{"Before", "ann", ""}, {"Lookup", "ann", ""}, {"After", "ann", "<nil>"}}},
		{"Bob", ErrCredentials, []event{{"Before", "bob", ""}, {"Lookup", "bob", ""}, {"After", "bob", errNoSuchUser.Error()}}},
		{"banned", limit, []event{{"Before", "banned", ""}, {"After", "banned", "auth: temporary failure: too many attempts"}}},
		{"broken", ErrTemporary, []event{{"Before", "broken", ""}, {"Lookup", "broken", ""}, {"After", "broken", "auth: temporary failure: database down"}}},
	} {
		t.Run(tt.user, func(t *testing.T) {
			events = nil
			_, err := plain(t.Context(), a, secure(), "\x00"+tt.user+"\x00pw")
			if !errors.Is(err, tt.err) || tt.err == limit && !errors.Is(err, ErrTemporary) {
				t.Errorf("error %v, want %v", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, events); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

// Folding the case of names is not folding that of passwords.
func TestPrepareIsForNames(t *testing.T) {
	a := &Authenticator{
		CheckPassword: checking(map[string]Secret{"ann": "PW"}),
		Prepare:       func(s string) (string, error) { return strings.ToLower(s), nil }, Floor: -1,
	}
	for password, want := range map[string]error{"PW": nil, "pw": ErrCredentials} {
		if _, err := plain(t.Context(), a, secure(), "\x00ANN\x00"+password); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", password, err, want)
		}
	}
}

func TestCheckPasswordErrors(t *testing.T) {
	for _, tt := range []struct{ give, want error }{
		{nil, nil}, {ErrCredentials, ErrCredentials}, {fmt.Errorf("ldap: %w", ErrCredentials), ErrCredentials},
		{errors.New("ldap: down"), ErrTemporary}, {context.DeadlineExceeded, ErrTemporary},
	} {
		a := &Authenticator{CheckPassword: func(context.Context, string, Secret) error { return tt.give }, Floor: -1}
		if _, err := a.Login(t.Context(), secure(), "ann", "pw"); !errors.Is(err, tt.want) {
			t.Errorf("%v: %v, want %v", tt.give, err, tt.want)
		}
	}
}

func TestLogin(t *testing.T) {
	check := checking(map[string]Secret{"ann": "pw"})
	for _, tt := range []struct {
		name, user string
		a          *Authenticator
		ci         ConnInfo
		want       error
	}{
		{"good", "ann", &Authenticator{CheckPassword: check, Floor: -1}, secure(), nil},
		{"wrong", "bob", &Authenticator{CheckPassword: check, Floor: -1}, secure(), ErrCredentials},
		{"empty user", "", &Authenticator{CheckPassword: check, Floor: -1}, secure(), ErrCredentials},
		{"user with NUL", "ann\x00", &Authenticator{CheckPassword: check, Floor: -1}, secure(), ErrCredentials},
		{"cleartext", "ann", &Authenticator{CheckPassword: check, Floor: -1}, ConnInfo{}, ErrTLSRequired},
		{"cleartext allowed", "ann", &Authenticator{CheckPassword: check, Floor: -1, Cleartext: CleartextAny}, ConnInfo{}, nil},
		{"LOGIN alone allowed", "ann", &Authenticator{CheckPassword: check, Floor: -1, Allow: []string{"LOGIN"}}, secure(), nil},
		{"no password mechanism allowed", "ann", &Authenticator{CheckPassword: check, Floor: -1, Allow: []string{"SCRAM-SHA-256"}}, secure(), ErrMechanism},
		{"nothing to check with", "ann", &Authenticator{Floor: -1}, secure(), ErrMechanism},
		{"nil", "ann", nil, secure(), ErrMechanism},
	} {
		t.Run(tt.name, func(t *testing.T) {
			id, err := tt.a.Login(t.Context(), tt.ci, tt.user, "pw")
			if !errors.Is(err, tt.want) {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
			var want Identity
			if tt.want == nil {
				want = Identity{Authcid: "ann", Authzid: "ann", Mechanism: "LOGIN"}
			}
			if id != want {
				t.Errorf("identity %+v, want %+v", id, want)
			}
		})
	}
}

func TestRehash(t *testing.T) {
	var told []string
	a := &Authenticator{
		Lookup: accounts(map[string][]Verifier{"weak": {cheap(t, "SCRAM-SHA-256", "pw")}, "plain": {cheap(t, "PLAIN", "pw")}}),
		Rehash: func(_ context.Context, user string, password Secret) { told = append(told, user+" "+string(password)) },
		Floor:  -1,
	}
	strong, err := NewVerifier("SCRAM-SHA-256", "pw", VerifierOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for user, vs := range map[string][]Verifier{"strong": {strong}} {
		before := a.Lookup
		a.Lookup = func(ctx context.Context, u string) ([]Verifier, error) {
			if u == user {
				return vs, nil
			}
			return before(ctx, u)
		}
	}
	for _, msg := range []string{"\x00weak\x00pw", "\x00strong\x00pw", "\x00plain\x00pw", "\x00weak\x00wrong"} {
		plain(t.Context(), a, secure(), msg)
	}
	if diff := cmp.Diff([]string{"weak pw", "plain pw"}, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// One verifier serves every mechanism, for every spelling of the same name and
// password.
func TestRFC4013_1_OneVerifierForAll(t *testing.T) {
	const stored, composed, decomposed = "caf\u00e9 x", "caf\u00e9\u00a0x", "cafe\u0301 x"
	v := cheap(t, "SCRAM-SHA-256", Secret(composed))
	a := &Authenticator{Lookup: accounts(map[string][]Verifier{stored: {v}}), Allow: []string{"SCRAM-SHA-256", "PLAIN", "LOGIN"}, Floor: -1}
	for _, mech := range a.Mechanisms(secure()) {
		for _, spelling := range []string{stored, composed, decomposed} {
			// A client that prepares, and one that does not.
			for name, prepare := range map[string]func(string) (string, error){"prepared": nil, "raw": func(s string) (string, error) { return s, nil }} {
				if mech == "SCRAM-SHA-256" && name == "raw" && spelling != stored {
					continue // the client derives from what it was given
				}
				ci := secure()
				ci.Offered = []string{mech}
				c, err := ClientPolicy{Prefer: []string{mech}}.Choose(Credentials{Username: spelling, Password: Secret(spelling), Prepare: prepare}, ci)
				if err != nil {
					t.Fatal(err)
				}
				s, err := a.Server(mech, ci)
				if err != nil {
					t.Fatal(err)
				}
				if client, server := converse(t.Context(), c, s); client != nil || server != nil || s.Identity().Authcid != stored {
					t.Errorf("%s, %q, %s: client %v, server %v, identity %+v", mech, spelling, name, client, server, s.Identity())
				}
			}
		}
	}
}

func TestExternal(t *testing.T) {
	chains := [][]*x509.Certificate{{{Raw: []byte("ann")}}}
	withCert := ConnInfo{TLS: &tls.ConnectionState{VerifiedChains: chains}, Verified: true, Offered: []string{"EXTERNAL"}}
	a := &Authenticator{
		CheckCert: func(_ context.Context, authzid string, chains [][]*x509.Certificate) (string, error) {
			return string(chains[0][0].Raw), nil
		},
		Floor: -1,
	}
	for _, tt := range []struct {
		name, authzid string
		ci            ConnInfo
		offer, ok     error
	}{
		{"no authzid", "", withCert, nil, nil},
		{"authzid equal", "ann", withCert, nil, nil},
		{"authzid of another", "bob", withCert, nil, ErrCredentials},
		{"no certificate", "", secure(), ErrMechanism, nil},
		{"no TLS", "", ConnInfo{}, ErrTLSRequired, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := a.Server("EXTERNAL", tt.ci)
			if !errors.Is(err, tt.offer) {
				t.Fatalf("Server: %v, want %v", err, tt.offer)
			}
			if err != nil {
				return
			}
			c, err := ClientPolicy{}.Choose(Credentials{Authzid: tt.authzid, External: true}, tt.ci)
			if err != nil {
				t.Fatal(err)
			}
			if _, server := converse(t.Context(), c, s); !errors.Is(server, tt.ok) {
				t.Errorf("server %v, want %v", server, tt.ok)
			}
			if want := (Identity{Authcid: "ann", Authzid: "ann", Mechanism: "EXTERNAL"}); tt.ok == nil && s.Identity() != want {
				t.Errorf("identity %+v, want %+v", s.Identity(), want)
			}
		})
	}
}

func TestRFC4505_2_Anonymous(t *testing.T) {
	var before []string
	a := &Authenticator{Allow: []string{"ANONYMOUS"}, Floor: -1, Before: func(_ context.Context, _ ConnInfo, user string) error {
		before = append(before, user)
		return nil
	}}
	for _, tt := range []struct {
		name, trace string
		ok          bool
	}{
		{"sirhc", "sirhc", true},
		{"empty", "", true},
		{"address", "chris@example.com", true},
		{"255 characters", strings.Repeat("\u00e9", 255), true},
		{"256 characters", strings.Repeat("a", 256), false},
		{"stray @", "@", false},
		{"@ at the end", "chris@", false},
		{"two @", "a@b@c", false},
		{"control", "a\x01", false},
		{"not UTF-8", "a\xff", false},
		{"private use", "\ue000", false},
		{"mixed directions", "a\u05d0", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before = nil
			s, err := a.Server("ANONYMOUS", ConnInfo{})
			if err != nil {
				t.Fatal(err)
			}
			_, done, err := s.Next(t.Context(), []byte(tt.trace))
			if done != tt.ok || (err == nil) != tt.ok {
				t.Fatalf("done %v, %v", done, err)
			}
			want := Identity{Authcid: "anonymous", Authzid: "anonymous", Mechanism: "ANONYMOUS", Trace: tt.trace}
			if tt.ok && (s.Identity() != want || !cmp.Equal(before, []string{""})) {
				t.Errorf("identity %+v, Before %q", s.Identity(), before)
			}
		})
	}
	if got := (&Authenticator{Lookup: accounts(nil)}).Mechanisms(secure()); contains(got, "ANONYMOUS") {
		t.Errorf("offered though not listed: %q", got)
	}
}

// ownServer is an application's mechanism: one message, which is the name.
type ownServer struct{ id Identity }

func (*ownServer) Mechanism() string    { return "X-OWN" }
func (s *ownServer) Identity() Identity { return s.id }
func (s *ownServer) Next(_ context.Context, r []byte) ([]byte, bool, error) {
	switch string(r) {
	case "":
		return []byte("who?"), false, nil
	case "fail":
		return nil, false, errors.New("ticket server down")
	case "bad":
		return nil, false, &SyntaxError{Mechanism: "X-OWN", Want: "a name"}
	}
	s.id = newIdentity(string(r), "", "")
	return nil, true, nil
}

func TestExtra(t *testing.T) {
	var seen []error
	a := &Authenticator{
		Extra: map[string]func(ConnInfo) (Server, error){"X-OWN": func(ConnInfo) (Server, error) { return &ownServer{}, nil }},
		After: func(_ context.Context, _ ConnInfo, _ Identity, err error) { seen = append(seen, err) },
		Authorize: func(_ context.Context, id Identity) error {
			return unless(id.Authcid == "ann", errors.New("no account"))
		},
		Floor: -1,
	}
	for name, want := range map[string]error{"ann": nil, "bob": ErrCredentials, "fail": ErrTemporary, "bad": errSyntax} {
		seen = nil
		s, err := a.Server("x-own", secure())
		if err != nil {
			t.Fatal(err)
		}
		if ch, done, err := s.Next(t.Context(), nil); string(ch) != "who?" || done || err != nil {
			t.Fatalf("challenge %q, %v, %v", ch, done, err)
		}
		_, done, err := s.Next(t.Context(), []byte(name))
		if !matches(err, want) || done != (want == nil) || len(seen) != 1 {
			t.Errorf("%s: %v, %v, After saw %v", name, done, err, seen)
		}
		if got := s.Identity().Authcid; (got == "ann") != (want == nil) {
			t.Errorf("%s: identity %q", name, got)
		}
	}
}

func TestRFC7628_3_2_Host(t *testing.T) {
	a := &Authenticator{CheckToken: func(context.Context, string, Secret) (string, error) { return "ann", nil }, Floor: -1}
	for _, tt := range []struct {
		host, sni string
		want      bool
	}{
		{"", "mail.example", true}, {"mail.example", "", true}, {"MAIL.example.", "mail.example", true}, {"imap.evil", "mail.example", false},
	} {
		ci := ConnInfo{TLS: &tls.ConnectionState{ServerName: tt.sni}}
		s, err := a.Server("OAUTHBEARER", ci)
		if err != nil {
			t.Fatal(err)
		}
		host := ""
		if tt.host != "" {
			host = "host=" + tt.host + "\x01"
		}
		_, done, _ := s.Next(t.Context(), []byte("n,,\x01"+host+"auth=Bearer x\x01\x01"))
		if done != tt.want {
			t.Errorf("host %q, SNI %q: %v, want %v", tt.host, tt.sni, done, tt.want)
		}
	}
}
