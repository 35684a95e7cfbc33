package auth

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
)

// Exchanges are fuzzed by opcodes: an octet chooses what happens in each turn, the
// rest of the input is what the peer sends, split at newlines.

const fuzzPassword = "hush-hush"

// fuzzServers makes every server there is, in an order that the corpus relies on.
func fuzzServers() []Exchange {
	bind := []Binding{{tlsExporter, []byte("data")}}
	return []Exchange{
		NewPlainServer(), NewLoginServer(), NewCramMD5Server("<1@x>"), NewOAuthBearerServer(), NewXOAuth2Server(),
		NewExternalServer(), NewAnonymousServer(),
		NewScramServer(ScramOptions{Hash: "SHA-1", Nonce: serverNonce}),
		NewScramServer(ScramOptions{Hash: "SHA-256", Nonce: serverNonce, CouldBind: true, Bindings: bind}),
		NewScramServer(ScramOptions{Hash: "SHA-512", Nonce: serverNonce, Plus: true, Bindings: bind}),
		newLoginCommand("ann", fuzzPassword), newApopCommand("ann", "<1@x>", ApopDigest("<1@x>", fuzzPassword)),
	}
}

// Done comes at most once and only after a positive answer, an error is final, and
// nothing is sent with Done.
func FuzzServerExchange(f *testing.F) {
	scram := scramVectors[0]
	f.Add([]byte{0, 1}, []byte("\x00ann\x00"+fuzzPassword))
	f.Add([]byte{1, 0, 1, 1}, []byte("ann\n"+fuzzPassword))
	f.Add([]byte{2, 0, 1, 1}, []byte("ann 0123456789abcdef0123456789abcdef"))
	f.Add([]byte{3, 2, 1}, []byte(bearIR+"\n\x01"))
	f.Add([]byte{4, 2, 1, 1}, []byte("user=u\x01auth=Bearer x\x01\x01\n\n"))
	f.Add([]byte{5, 1}, []byte("ann"))
	f.Add([]byte{6, 1}, []byte("sirhc"))
	f.Add([]byte{7, 1, 1, 1}, []byte(scram.clientFirst+"\n"+scram.clientFinal+"\n"))
	f.Add([]byte{9, 1, 1, 1}, []byte("p=tls-exporter,,n=ann,r="+clientNonce+"\nc=,r=,p=\n"))
	f.Add([]byte{11, 1}, []byte(""))
	stored := []Verifier{mustParse(f, scram.verifier), cheap(f, "PLAIN", fuzzPassword), cheap(f, "CRAM-MD5", fuzzPassword)}
	f.Fuzz(func(t *testing.T, ops, text []byte) {
		if len(ops) == 0 {
			return
		}
		servers := fuzzServers()
		x := servers[int(ops[0])%len(servers)]
		msgs := bytes.Split(text, []byte("\n"))
		var over error
		var positive bool
		for i, op := range ops[1:min(len(ops), 24)] {
			var in []byte
			if op&4 == 0 && i < len(msgs) {
				in = append([]byte{}, msgs[i]...)
			}
			q := x.Step(in)
			a := Answer{Verifiers: stored, Subject: "ann"}
			switch op & 3 {
			case 0:
				a.Verifiers, a.Subject = nil, ""
			case 2:
				a.Err = ErrCredentials
			case 3:
				a.Err = ErrTemporary
			}
			if _, none := q.(NoQuestion); !none {
				if over != nil {
					t.Fatalf("%s asks %T after %v", x.Mechanism(), q, over)
				}
				positive = a.Err == nil
			}
			o := x.Settle(a)
			switch {
			case over != nil && (o.Err == nil || o.Done || o.Send != nil):
				t.Fatalf("%s: %+v after %v", x.Mechanism(), o, over)
			case o.Done && (!positive || o.Err != nil || o.Send != nil || o.Identity.Authcid == "" || o.Identity.Authzid == ""):
				t.Fatalf("%s: %+v, last answer positive: %v", x.Mechanism(), o, positive)
			case !o.Done && o.Identity != (Identity{}):
				t.Fatalf("%s: an identity without Done: %+v", x.Mechanism(), o)
			case o.Err == nil && !o.Done && o.Send == nil:
				t.Fatalf("%s: neither challenge nor end", x.Mechanism())
			}
			if o.Done {
				over = errOver
			} else if over == nil {
				over = o.Err
			}
		}
	})
}

// A client never panics, never sends after an error, never lets the password out in
// anything but PLAIN and LOGIN, and Finish succeeds only where all was said.
func FuzzClientExchange(f *testing.F) {
	scram := scramVectors[0]
	f.Add(byte(0), []byte("x"))
	f.Add(byte(1), []byte("Username:\nPassword:\nThird:"))
	f.Add(byte(2), []byte("<1@x>\n<2@x>"))
	f.Add(byte(3), []byte(`{"status":"invalid_token"}`))
	f.Add(byte(4), []byte(`{"status":401}`))
	f.Add(byte(7), []byte(scram.serverFirst+"\n"+scram.serverFinal))
	f.Add(byte(7), []byte(scram.serverFirst+"\ne=other-error"))
	f.Add(byte(8), []byte("e=other-error"))
	f.Fuzz(func(t *testing.T, which byte, text []byte) {
		bind := []Binding{{tlsUnique, []byte("data")}}
		clients := []ClientExchange{
			NewPlainClient("ann", "", fuzzPassword), NewLoginClient("ann", fuzzPassword), NewCramMD5Client("ann", fuzzPassword),
			NewOAuthBearerClient("ann", "h", 1), NewXOAuth2Client("ann", "h", 1), NewExternalClient("ann"), NewAnonymousClient("ann"),
			NewScramClient("ann", "", ScramOptions{Hash: "SHA-1", Nonce: clientNonce}),
			NewScramClient("ann", "bob", ScramOptions{Hash: "SHA-256", Nonce: clientNonce, Plus: true, Bindings: bind}),
		}
		x := clients[int(which)%len(clients)]
		mayTell := slices.Contains([]string{"PLAIN", "LOGIN"}, x.Mechanism())
		var ended error
		var in []byte
		for _, msg := range append([][]byte{nil}, bytes.Split(text, []byte("\n"))...) {
			if in = nil; msg != nil {
				in = append([]byte{}, msg...)
			}
			q := x.Step(in)
			a := Answer{Token: "token"}
			if kq, ok := q.(KeysQuestion); ok {
				if kq.Iterations < minIterations || kq.Iterations > capIterations || len(kq.Salt) < minScramSalt {
					t.Fatalf("asks %+v", kq)
				}
				h, _ := findHash(kq.Hash)
				a.Keys = Keys{Secret(strings.Repeat("c", h.size)), Secret(strings.Repeat("s", h.size))}
			}
			o := x.Settle(a)
			if ended != nil && (o.Send != nil || o.Err == nil) {
				t.Fatalf("%s: %q, %v after %v", x.Mechanism(), o.Send, o.Err, ended)
			}
			if bytes.Contains(o.Send, []byte(fuzzPassword)) && !mayTell {
				t.Fatalf("%s sends the password: %q", x.Mechanism(), o.Send)
			}
			if o.Err != nil && o.Send != nil && !(strings.HasSuffix(x.Mechanism(), "OAUTH2") || x.Mechanism() == "OAUTHBEARER") {
				t.Fatalf("%s: %q with %v", x.Mechanism(), o.Send, o.Err)
			}
			ended = o.Err
			if err := x.Finish(); ended != nil && !errors.Is(err, ended) {
				t.Fatalf("%s: Finish = %v after %v", x.Mechanism(), err, ended)
			} else if err == nil && strings.HasPrefix(x.Mechanism(), "SCRAM-") {
				// With made-up keys only the true signature could have got here.
				if sig, _, _ := parseServerFinal(string(in)); len(sig) == 0 {
					t.Fatalf("%s: proved by %q", x.Mechanism(), in)
				}
			}
		}
	})
}

// Client against server, with every message changed at will: success on both sides if
// and only if passwords and bindings agree and nothing was changed, and the identity
// is what the client meant.
func FuzzScramPair(f *testing.F) {
	f.Add("ann", "", "pw", "pw", byte(0), byte(0), byte(0), byte(0))
	f.Add("a,n=n", "b=,", "pw", "pw", byte(3), byte(0), byte(0), byte(0))
	f.Add("ann", "", "pw", "pW", byte(1), byte(0), byte(0), byte(0))
	f.Add("ann", "bob", "pw", "pw", byte(2), byte(2), byte(9), byte(1))
	f.Add("ann", "", "pw", "pw", byte(7), byte(0), byte(0), byte(0))
	salt := []byte("saltsaltsaltsalt")
	f.Fuzz(func(t *testing.T, user, authzid, clientPw, serverPw string, flags, message, at, change byte) {
		if strings.Contains(clientPw+serverPw, "\x00") || max(len(clientPw), len(serverPw)) > 64 {
			return // HMAC pads its key with NUL and hashes a long one: "a" and "a\x00" are one key
		}
		h := scramHashes[int(flags>>4)%len(scramHashes)]
		// The bits of flags: the client binds; the server's channel is the client's;
		// the server runs -PLUS; the server could bind.
		client := ScramOptions{Hash: h.name, Nonce: clientNonce, Plus: flags&1 != 0, CouldBind: flags&1 == 0 && flags&8 != 0}
		server := ScramOptions{Hash: h.name, Nonce: serverNonce, Plus: flags&4 != 0, CouldBind: flags&4 == 0 && flags&8 != 0}
		client.Bindings = []Binding{{tlsExporter, []byte("one")}}
		if flags&8 != 0 || server.Plus {
			server.Bindings = []Binding{{tlsUnique, []byte("x")}, {tlsExporter, []byte("one")}}
			if flags&2 == 0 {
				server.Bindings[1].Data = []byte("two")
			}
		}
		bound := client.Plus && len(server.Bindings) > 0 && flags&2 != 0
		unbound := !client.Plus && !server.Plus && !(client.CouldBind && server.CouldBind)
		tampered := false
		meddle := func(n byte, msg []byte) []byte {
			if message != n || change == 0 || len(msg) == 0 {
				return msg
			}
			tampered = true
			out := slices.Clone(msg)
			out[int(at)%len(out)] ^= change
			return out
		}
		keys := func(password string) Keys {
			salted := h.mac([]byte(password), salt) // stands for the derivation
			return Keys{Secret(h.mac(salted, []byte("Client Key"))), Secret(h.mac(salted, []byte("Server Key")))}
		}
		k := keys(serverPw)
		v := newScramVerifier(h, minIterations, salt, h.sum([]byte(k.Client)), []byte(k.Server))
		c, s := NewScramClient(user, authzid, client), NewScramServer(server)
		var in []byte
		var id Identity
		done, n := false, byte(0)
		for range 4 {
			q := c.Step(in)
			o := c.Settle(Answer{Keys: keys(clientPw)})
			if o.Err != nil {
				break
			}
			if _, ok := q.(KeysQuestion); ok && n == 0 {
				t.Fatal("asks for keys before the server spoke")
			}
			n++
			s.Step(meddle(n, o.Send))
			o = s.Settle(Answer{Verifiers: []Verifier{v}})
			if o.Done {
				done, id = true, o.Identity
				break
			}
			if o.Err != nil {
				break
			}
			n++
			in = meddle(n, o.Send)
		}
		valid := user != "" && validName(user) && validName(authzid)
		want := valid && clientPw == serverPw && (bound || unbound) && !tampered
		if finished := c.Finish() == nil; done != want || finished != want {
			t.Fatalf("server done %v, client finished %v, want %v (bound %v, unbound %v, tampered %v)", done, finished, want, bound, unbound, tampered)
		}
		if !done {
			return
		}
		meant := Identity{Authcid: user, Authzid: authzid, Mechanism: scramMechanism(h.name, server.Plus)}
		if authzid == "" {
			meant.Authzid = user
		}
		if bound {
			meant.Binding = tlsExporter
		}
		if id != meant {
			t.Errorf("identity %+v, want %+v", id, meant)
		}
	})
}

// scramParts are what messages are put together from, by opcode.
var scramParts = []string{"n", "", "n=user", "r=" + clientNonce, "s=QSXCR+Q6sek8bf92", "i=4096", "c=biws", "p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
	"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", "e=other-error", "m=x", "x=1", "y", "p=tls-unique", "a=b=2C", "Z=a=b", "x"}

// Parse, append, parse; and the definition: split at commas, in their order. The
// message is raw, or else put together from parts.
func FuzzScramMessage(f *testing.F) {
	for _, v := range scramVectors {
		for _, s := range []string{v.clientFirst, v.serverFirst, v.clientFinal, v.serverFinal} {
			f.Add([]byte(s), []byte{})
		}
	}
	f.Add([]byte("p=tls-exporter,a=b=2C,n=u=3D,r=abcdefgh,x=1"), []byte{})
	f.Add([]byte("v=AAAA,m=x"), []byte{})
	f.Add([]byte("e=other-error,x="), []byte{})
	f.Add([]byte{}, []byte{0, 1, 2, 3, 11})
	f.Add([]byte{}, []byte{3, 4, 5})
	f.Add([]byte{}, []byte{6, 3, 7})
	f.Fuzz(func(t *testing.T, in, parts []byte) {
		if len(in) == 0 {
			var chosen []string
			for _, p := range parts[:min(len(parts), 12)] {
				chosen = append(chosen, scramParts[int(p)%len(scramParts)])
			}
			in = []byte(strings.Join(chosen, ","))
		}
		s, bad := scramText(in)
		if bad != nil {
			return
		}
		part := strings.Split(s, ",")
		if m, bad := parseClientFirst(s); bad == nil {
			if len(part) < 4 || part[2] != m.bare[:strings.Index(m.bare, ",")] || part[3] != "r="+m.nonce || !extensionsOnly(part[4:]) {
				t.Fatalf("client-first %q", s)
			}
			out := m.appendBare(m.gs2Header.append(nil))
			again, bad := parseClientFirst(string(out))
			m.bare, again.bare = "", "" // extensions are not written
			if bad != nil || again != m {
				t.Fatalf("client-first %q: %+v, then %+v", s, m, again)
			}
		} else if len(part) == 4 && part[0] == "n" && part[1] == "" && part[2] == "n=user" && strings.HasPrefix(part[3], "r=") && validNonce(part[3][2:]) {
			t.Fatalf("client-first %q is refused", s)
		}
		if m, bad := parseServerFirst(s, 1, maxIterations); bad == nil {
			if len(part) < 3 || part[0] != "r="+m.nonce || !extensionsOnly(part[3:]) || string(m.append(nil)) != strings.Join(part[:3], ",") {
				t.Fatalf("server-first %q", s)
			}
		}
		if m, bad := parseClientFinal(s); bad == nil {
			last := len(part) - 1
			if last < 2 || part[0] != "c="+m.binding || part[1] != "r="+m.nonce || !extensionsOnly(part[2:last]) || string(m.appendProof([]byte(m.bare))) != s {
				t.Fatalf("client-final %q", s)
			}
		}
		if sig, e, bad := parseServerFinal(s); bad == nil {
			if (e == "") == (len(sig) == 0) || !extensionsOnly(part[1:]) || e != "" && part[0] != "e="+e {
				t.Fatalf("server-final %q", s)
			}
		}
	})
}

func extensionsOnly(part []string) bool {
	for _, p := range part {
		if len(p) < 3 || p[1] != '=' || strings.Contains("aceimnprsv", p[:1]) {
			return false
		}
	}
	return true
}

func FuzzPlain(f *testing.F) {
	for _, s := range []string{"\x00tim\x00pw", "a\x00b\x00c", "\x00\x00", "\x00a\x00b\x00", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		authzid, user, password, ok := parsePlain(in)
		part := strings.Split(string(in), "\x00")
		want := len(part) == 3 && part[1] != "" && part[2] != "" && len(part[0]) <= 255 && len(part[1]) <= 255 && len(part[2]) <= 1024 &&
			strings.ToValidUTF8(string(in), "") == string(in)
		if ok != want || ok && (authzid != part[0] || user != part[1] || password != part[2]) {
			t.Fatalf("%q: %q %q %q %v, want %v", in, authzid, user, password, ok, want)
		}
		if !ok {
			return
		}
		c := NewPlainClient(user, authzid, Secret(password))
		c.Step(nil)
		if o := c.Settle(Answer{}); !bytes.Equal(o.Send, in) {
			t.Errorf("%q is sent as %q", in, o.Send)
		}
	})
}

// The driver as a whole, every mechanism, any message: no success without the secret.
func FuzzAuthenticator(f *testing.F) {
	f.Add(byte(8), []byte("\x00ann\x00nope"))
	f.Add(byte(0), []byte("ann"))
	f.Add(byte(1), []byte("n,,n=ann,r="+clientNonce+"\nc=biws,r="+clientNonce+",p=AAAA\n"))
	f.Add(byte(6), []byte(bearIR+"\n\x01"))
	a := &Authenticator{
		Lookup: accounts(map[string][]Verifier{"ann": {cheap(f, "PLAIN", fuzzPassword), cheap(f, "SCRAM-SHA-256", fuzzPassword), cheap(f, "CRAM-MD5", fuzzPassword)}}),
		CheckToken: func(_ context.Context, _ string, token Secret) (string, error) {
			return "ann", unless(token == fuzzPassword, ErrCredentials)
		},
		Schemes: []string{"PLAIN"}, Allow: strength, Floor: -1,
	}
	f.Fuzz(func(t *testing.T, which byte, text []byte) {
		mechs := a.Mechanisms(secure())
		mech := mechs[int(which)%len(mechs)]
		s, err := a.Server(mech, secure())
		if err != nil {
			t.Fatal(err)
		}
		var in []byte
		if which&0x80 == 0 {
			in, text = cutLine(text)
		}
		for range maxRounds + 2 {
			ch, done, err := s.Next(t.Context(), in)
			if done && mech != "ANONYMOUS" {
				if !bytes.Contains(text, []byte(fuzzPassword)) && !bytes.Contains(in, []byte(fuzzPassword)) {
					t.Fatalf("%s: success without the secret", mech)
				}
			}
			if done || err != nil {
				if done && (ch != nil || err != nil) {
					t.Fatalf("%s: %q, %v with success", mech, ch, err)
				}
				break
			}
			in, text = cutLine(text)
		}
	})
}

// Client against server for every mechanism, with the right secret and one octet of
// one message changed: nobody becomes anyone else, and unchanged it succeeds.
func FuzzMutatedExchange(f *testing.F) {
	for i := range byte(10) {
		f.Add(i, byte(0), byte(0), byte(0))
		f.Add(i, byte(1), byte(3), byte(1))
		f.Add(i, byte(2), byte(40), byte(0x20))
	}
	a := &Authenticator{
		Lookup: accounts(map[string][]Verifier{
			"ann": {cheap(f, "PLAIN", "pw"), cheap(f, "SCRAM-SHA-1", "pw"), cheap(f, "SCRAM-SHA-256", "pw"), cheap(f, "SCRAM-SHA-512", "pw")},
		}),
		CheckToken: func(_ context.Context, _ string, token Secret) (string, error) {
			return "ann", unless(token == "token", ErrCredentials)
		},
		Schemes: []string{"PLAIN"}, Allow: strength, Floor: -1,
	}
	mechs := a.Mechanisms(secure())
	keys := new(KeyCache)
	f.Fuzz(func(t *testing.T, which, message, at, change byte) {
		ci := secure()
		mech := mechs[int(which)%len(mechs)]
		ci.Offered = []string{mech}
		c, err := ClientPolicy{Prefer: ci.Offered}.Choose(Credentials{Username: "ann", Authzid: "ann", Password: "pw", Keys: keys,
			Token: func(context.Context, string, uint16) (Secret, error) { return "token", nil }}, ci)
		if err != nil {
			t.Fatal(err)
		}
		s, err := a.Server(mech, ci)
		if err != nil {
			t.Fatal(err)
		}
		changed := false
		n := byte(0)
		meddle := func(msg []byte) []byte {
			if n++; n == message && len(msg) > 0 && change != 0 {
				changed = true
				msg = slices.Clone(msg)
				msg[int(at)%len(msg)] ^= change
			}
			return msg
		}
		client, server := converse(t.Context(), &meddledClient{c, meddle}, s)
		id := s.Identity()
		switch ok := client == nil && server == nil; {
		case !changed && (!ok || id.Authcid == ""):
			t.Fatalf("%s: client %v, server %v", mech, client, server)
		case mech == "ANONYMOUS":
		case id != (Identity{}) && (id.Authcid != "ann" || id.Authzid != "ann"):
			t.Fatalf("%s: %+v", mech, id)
		case changed && ok && strings.HasPrefix(mech, "SCRAM-"):
			t.Fatalf("%s: a changed message went unnoticed", mech)
		}
	})
}

// meddledClient is a Client whose messages, in both directions, pass through f.
type meddledClient struct {
	Client
	f func([]byte) []byte
}

func (m *meddledClient) Start(ctx context.Context) ([]byte, error) {
	out, err := m.Client.Start(ctx)
	return m.f(out), err
}

func (m *meddledClient) Next(ctx context.Context, challenge []byte) ([]byte, error) {
	out, err := m.Client.Next(ctx, m.f(challenge))
	return m.f(out), err
}

func cutLine(text []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(text, []byte("\n"))
	return append([]byte{}, line...), rest
}
