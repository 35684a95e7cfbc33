package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Vectors of RFC 5802, section 5, and RFC 7677, section 3.
var scramVectors = []struct {
	hash, clientNonce, serverNonce string
	verifier                       string
	clientFirst, serverFirst       string
	clientFinal, serverFinal       string
}{
	{
		"SHA-1", "fyko+d2lbbFgONRv9qkxdawL", "3rfcNHYJY1ZVvWVs7j",
		"SCRAM-SHA-1$4096:QSXCR+Q6sek8bf92$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:D+CSWLOshSulAsxiupA+qs2/fTE=",
		"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
		"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
		"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
		"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
	},
	{
		"SHA-256", "rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
		"SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
		"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
		"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
		"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
		"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
	},
}

func TestRFC5802_5_Dialogue(t *testing.T) { testScramDialogue(t, 0) }
func TestRFC7677_3_Dialogue(t *testing.T) { testScramDialogue(t, 1) }

func testScramDialogue(t *testing.T, i int) {
	tt := scramVectors[i]
	t.Run("client", func(t *testing.T) {
		c := NewScramClient("user", "", ScramOptions{Hash: tt.hash, Nonce: tt.clientNonce})
		wantTurn(t, c, nil, NoQuestion{}, Answer{}, Outcome{Send: []byte(tt.clientFirst)})
		if err := c.Finish(); !errors.Is(err, ErrUnproven) {
			t.Errorf("Finish after client-first = %v, want ErrUnproven", err)
		}
		q, ok := c.Step([]byte(tt.serverFirst)).(KeysQuestion)
		if !ok {
			t.Fatalf("server-first asks %T, want KeysQuestion", q)
		}
		wantOutcome(t, c.Settle(Answer{Keys: deriveKeys(t, q, "pencil")}), Outcome{Send: []byte(tt.clientFinal)})
		if err := c.Finish(); !errors.Is(err, ErrUnproven) {
			t.Errorf("Finish after client-final = %v, want ErrUnproven", err)
		}
		wantTurn(t, c, []byte(tt.serverFinal), NoQuestion{}, Answer{}, Outcome{Send: []byte{}})
		if err := c.Finish(); err != nil {
			t.Errorf("Finish = %v", err)
		}
	})
	t.Run("server", func(t *testing.T) {
		s := NewScramServer(ScramOptions{Hash: tt.hash, Nonce: tt.serverNonce})
		scheme := "SCRAM-" + tt.hash
		stored := Answer{Verifiers: []Verifier{mustParse(t, tt.verifier)}}
		id := Identity{Authcid: "user", Authzid: "user", Mechanism: scheme}
		wantTurn(t, s, []byte(tt.clientFirst), VerifierQuestion{"user", scheme}, stored, Outcome{Send: []byte(tt.serverFirst)})
		wantTurn(t, s, []byte(tt.clientFinal), AuthorizeQuestion{id}, Answer{}, Outcome{Send: []byte(tt.serverFinal)})
		wantTurn(t, s, []byte{}, NoQuestion{}, Answer{}, Outcome{Done: true, Identity: id})
	})
	t.Run("stored keys", func(t *testing.T) {
		v := mustParse(t, tt.verifier)
		if ok, _, err := v.Check(t.Context(), "pencil"); !ok || err != nil {
			t.Errorf("Check = %v, %v", ok, err)
		}
		if ok, _, err := v.Check(t.Context(), "pencils"); ok || err != nil {
			t.Errorf("Check of a wrong password = %v, %v", ok, err)
		}
	})
}

// wantTurn takes one turn and compares the question and the outcome.
func wantTurn(t *testing.T, x Exchange, in []byte, wantQ Question, a Answer, want Outcome) {
	t.Helper()
	if q := x.Step(in); !cmp.Equal(q, wantQ) {
		t.Fatalf("Step(%q) asks %#v, want %#v", in, q, wantQ)
	}
	wantOutcome(t, x.Settle(a), want)
}

// wantOutcome compares nil and empty as two values, and errors with errors.Is.
func wantOutcome(t *testing.T, got, want Outcome) {
	t.Helper()
	if !errors.Is(got.Err, want.Err) {
		t.Fatalf("error %v, want %v", got.Err, want.Err)
	}
	got.Err, want.Err = nil, nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("Outcome (-want +got):\n%s", diff)
	}
}

func mustParse(t testing.TB, text string) Verifier {
	t.Helper()
	v, err := ParseVerifier(text)
	if err != nil {
		t.Fatalf("ParseVerifier(%q): %v", text, err)
	}
	return v
}

func deriveKeys(t testing.TB, q KeysQuestion, password Secret) Keys {
	t.Helper()
	k, err := DeriveKeys(t.Context(), q, password)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

const (
	clientNonce = "fyko+d2lbbFgONRv9qkxdawL"
	serverNonce = "3rfcNHYJY1ZVvWVs7j"
)

func TestRFC5802_5_1_ServerFirst(t *testing.T) {
	const nonce = "r=" + clientNonce + serverNonce
	for _, tt := range []struct {
		name, msg string
		ok        bool
	}{
		{"plain", nonce + ",s=QSXCR+Q6sek8bf92,i=4096", true},
		{"unknown extension last", nonce + ",s=QSXCR+Q6sek8bf92,i=4096,x=1,y=a=b", true},
		{"salt of 8 octets", nonce + ",s=AAAAAAAAAAA=,i=4096", true},
		{"the cap itself", nonce + ",s=QSXCR+Q6sek8bf92,i=2000000", true},
		{"nonce not extended", "r=" + clientNonce + ",s=QSXCR+Q6sek8bf92,i=4096", false},
		{"nonce extended by 7", "r=" + clientNonce + "1234567,s=QSXCR+Q6sek8bf92,i=4096", false},
		{"nonce without our prefix", "r=F" + clientNonce[1:] + serverNonce + ",s=QSXCR+Q6sek8bf92,i=4096", false},
		{"nonce with a space", nonce + " ,s=QSXCR+Q6sek8bf92,i=4096", false},
		{"i = 0", nonce + ",s=QSXCR+Q6sek8bf92,i=0", false},
		{"i = 1", nonce + ",s=QSXCR+Q6sek8bf92,i=1", false},
		{"i = -1", nonce + ",s=QSXCR+Q6sek8bf92,i=-1", false},
		{"i = 4095", nonce + ",s=QSXCR+Q6sek8bf92,i=4095", false},
		{"i = 04096", nonce + ",s=QSXCR+Q6sek8bf92,i=04096", false},
		{"i = 2000001", nonce + ",s=QSXCR+Q6sek8bf92,i=2000001", false},
		{"i = 2147483647", nonce + ",s=QSXCR+Q6sek8bf92,i=2147483647", false},
		{"i = 2147483648", nonce + ",s=QSXCR+Q6sek8bf92,i=2147483648", false},
		{"i of 20 digits", nonce + ",s=QSXCR+Q6sek8bf92,i=99999999999999999999", false},
		{"salt empty", nonce + ",s=,i=4096", false},
		{"salt of 7 octets", nonce + ",s=AAAAAAAAAA==,i=4096", false},
		{"salt not base64", nonce + ",s=QSXCR+Q6sek8bf9!,i=4096", false},
		{"salt with trailing bits", nonce + ",s=AAAAAAAAAAB=,i=4096", false},
		{"m= first", "m=x," + nonce + ",s=QSXCR+Q6sek8bf92,i=4096", false},
		{"m= last", nonce + ",s=QSXCR+Q6sek8bf92,i=4096,m=x", false},
		{"second i= last", nonce + ",s=QSXCR+Q6sek8bf92,i=4096,i=8192", false},
		{"order", nonce + ",i=4096,s=QSXCR+Q6sek8bf92", false},
		{"trailing comma", nonce + ",s=QSXCR+Q6sek8bf92,i=4096,", false},
		{"empty", "", false},
		{"NUL", nonce + ",s=QSXCR+Q6sek8bf92,i=4096,x=\x00", false},
		{"not UTF-8", nonce + ",s=QSXCR+Q6sek8bf92,i=4096,x=\xff", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := NewScramClient("user", "", ScramOptions{Hash: "SHA-1", Nonce: clientNonce})
			c.Step(nil)
			c.Settle(Answer{})
			q := c.Step([]byte(tt.msg))
			if _, asked := q.(KeysQuestion); asked != tt.ok {
				t.Errorf("asks %#v, want keys: %v", q, tt.ok)
			}
			if o := c.Settle(Answer{Err: ErrTemporary}); tt.ok != errors.Is(o.Err, ErrTemporary) || o.Err == nil {
				t.Errorf("error %v", o.Err)
			}
		})
	}
}

// A count that would keep the CPU for hours fails before anything is derived: the
// context is already done, and a derivation would have said so.
func TestRFC5802_5_1_IterationsAreCheap(t *testing.T) {
	x := NewScramClient("user", "", ScramOptions{Hash: "SHA-1", Nonce: clientNonce})
	c := &clientDriver{x: x, c: Credentials{Password: "pencil"}}
	if _, err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Next(ctx, []byte("r="+clientNonce+serverNonce+",s=QSXCR+Q6sek8bf92,i=2147483647"))
	if !matches(err, errSyntax) {
		t.Errorf("error %v, want a SyntaxError", err)
	}
}

// At the cap a derivation takes long enough to be cancelled: the context is seen
// within one slice.
func TestRFC5802_5_1_DerivationObeysContext(t *testing.T) {
	ctx := &countdown{Context: t.Context(), left: 3}
	_, err := DeriveKeys(ctx, KeysQuestion{"SHA-256", []byte("saltsalt"), capIterations}, "pencil")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	if ctx.asked != 4 {
		t.Errorf("looked at the context %d times before it stopped, want 4", ctx.asked)
	}
}

// countdown is a context that is cancelled after it has been looked at left times.
type countdown struct {
	context.Context
	left, asked int
}

func (c *countdown) Err() error {
	c.asked++
	if c.asked > c.left {
		return context.Canceled
	}
	return nil
}

func TestRFC5802_5_1_ClientFirst(t *testing.T) {
	const r = ",r=" + clientNonce
	for _, tt := range []struct {
		name, msg string
		want      clientFirst // user and authzid alone
		ok        bool
		e         string
	}{
		{name: "plain", msg: "n,,n=user" + r, ok: true, want: clientFirst{user: "user"}},
		{name: "escapes", msg: "n,a==2C=3D,n=a=2Cb=3Dc" + r, ok: true, want: clientFirst{user: "a,b=c", gs2Header: gs2Header{authzid: ",="}}},
		{name: "unknown extension", msg: "n,,n=user" + r + ",z=1", ok: true, want: clientFirst{user: "user"}},
		{name: "U+2028", msg: "n,,n=a\u2028b" + r, ok: true, want: clientFirst{user: "a\u2028b"}},
		{name: "not NFC", msg: "n,,n=e\u0301" + r, ok: true, want: clientFirst{user: "e\u0301"}},
		{name: "user of 255 octets", msg: "n,,n=" + strings.Repeat("a", 255) + r, ok: true, want: clientFirst{user: strings.Repeat("a", 255)}},
		{name: "user of 256 octets", msg: "n,,n=" + strings.Repeat("a", 256) + r},
		{name: "n= empty", msg: "n,,n=" + r},
		{name: "lower case escape", msg: "n,,n=a=2c" + r},
		{name: "wrong escape", msg: "n,,n=a=2X" + r},
		{name: "cut escape", msg: "n,,n=a=2" + r},
		{name: "bare comma", msg: "n,,n=a,b" + r},
		{name: "NUL", msg: "n,,n=a\x00b" + r},
		{name: "not UTF-8", msg: "n,,n=\xc3" + r},
		{name: "m=", msg: "n,,m=x,n=user" + r, e: scramExtension},
		{name: "m= as extension", msg: "n,,n=user" + r + ",m=x", e: scramExtension},
		{name: "nonce of 3 octets", msg: "n,,n=user,r=abc"},
		{name: "nonce with a space", msg: "n,,n=user,r=abcdefgh i"},
		{name: "no nonce", msg: "n,,n=user"},
		{name: "order", msg: "n,,r=" + clientNonce + ",n=user"},
		{name: "second user", msg: "n,,n=user" + r + ",n=root"},
		{name: "no flag", msg: ",,n=user" + r},
		{name: "flag f", msg: "f,,n=user" + r},
		{name: "F,n", msg: "F,n,,n=user" + r},
		{name: "p without type", msg: "p=,,n=user" + r},
		{name: "p of a bad type", msg: "p=tls_unique,,n=user" + r},
		{name: "authzid without a=", msg: "n,admin,n=user" + r},
		{name: "authzid empty", msg: "n,a=,n=user" + r},
		{name: "64 KiB", msg: "n,,n=user" + r + ",z=" + strings.Repeat("z", 64<<10)},
		{name: "empty", msg: ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := NewScramServer(ScramOptions{Hash: "SHA-1", Nonce: serverNonce})
			q := s.Step([]byte(tt.msg))
			if vq, asked := q.(VerifierQuestion); asked != tt.ok || vq.User != tt.want.user {
				t.Fatalf("asks %#v, want user %q, %v", q, tt.want.user, tt.ok)
			}
			if got := s.(*scramServer).client.authzid; got != tt.want.authzid {
				t.Errorf("authzid %q, want %q", got, tt.want.authzid)
			}
			o := s.Settle(Answer{})
			var want []byte
			if tt.e != "" {
				want = []byte("e=" + tt.e)
			}
			if o.Err == nil || string(o.Send) != string(want) {
				t.Errorf("Outcome %q, %v, want %q and an error", o.Send, o.Err, want)
			}
		})
	}
}

// scramPair is a client and a server of SCRAM-SHA-1 before client-final.
func scramPair(t testing.TB, client, server ScramOptions) (c ClientExchange, s Exchange, final []byte) {
	t.Helper()
	v := mustParse(t, scramVectors[0].verifier)
	client.Hash, client.Nonce, server.Hash, server.Nonce = "SHA-1", clientNonce, "SHA-1", serverNonce
	c, s = NewScramClient("user", "", client), NewScramServer(server)
	c.Step(nil)
	s.Step(c.Settle(Answer{}).Send)
	o := s.Settle(Answer{Verifiers: []Verifier{v}})
	if o.Err != nil {
		t.Fatal(o.Err)
	}
	q := c.Step(o.Send)
	return c, s, c.Settle(Answer{Keys: deriveKeys(t, q.(KeysQuestion), "pencil")}).Send
}

func TestRFC5802_5_1_ClientFinal(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(msg string) string
		e    string
		ok   bool
	}{
		{name: "untouched", edit: func(s string) string { return s }, ok: true},
		{name: "c= of another header", edit: replace("c=biws", "c=eSws"), e: scramMismatch},
		{name: "c= in another letter case", edit: replace("c=biws", "c=BIWS"), e: scramMismatch},
		{name: "c= with more data", edit: replace("c=biws", "c=biwsAAAA"), e: scramMismatch},
		{name: "c= with trailing bits", edit: replace("c=biws", "c=biwt"), e: scramMismatch},
		{name: "m=", edit: replace(",p=", ",m=x,p="), e: scramExtension},
		{name: "other nonce", edit: replace("r=f", "r=F")},
		{name: "shorter nonce", edit: replace("Vs7j", "Vs7")},
		{name: "no proof", edit: func(s string) string { return s[:strings.Index(s, ",p=")] }},
		{name: "empty proof", edit: func(s string) string { return s[:strings.Index(s, ",p=")+3] }},
		{name: "proof of 19 octets", edit: func(s string) string { return s[:strings.Index(s, ",p=")] + ",p=AAAAAAAAAAAAAAAAAAAAAAAAAA==" }},
		{name: "proof with trailing bits", edit: func(s string) string { return s[:len(s)-2] + string(s[len(s)-2]+1) + "=" }},
		{name: "proof twice", edit: replace(",p=", ",p=AAAA,p=")},
		{name: "wrong proof", edit: func(s string) string { return s[:strings.Index(s, ",p=")] + ",p=AAAAAAAAAAAAAAAAAAAAAAAAAAA=" }},
		{name: "extension changes what is signed", edit: replace(",p=", ",z=1,p=")},
		{name: "empty", edit: func(string) string { return "" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, s, final := scramPair(t, ScramOptions{}, ScramOptions{})
			q := s.Step([]byte(tt.edit(string(final))))
			if _, asked := q.(AuthorizeQuestion); asked != tt.ok {
				t.Errorf("asks %#v, want an AuthorizeQuestion: %v", q, tt.ok)
			}
			o := s.Settle(Answer{})
			var want string
			switch {
			case tt.ok:
				want = scramVectors[0].serverFinal
			case tt.e != "":
				want = "e=" + tt.e
			}
			if string(o.Send) != want || (o.Err == nil) != tt.ok || o.Done {
				t.Errorf("Outcome %q, %v, want %q", o.Send, o.Err, want)
			}
		})
	}
}

func replace(old, new string) func(string) string {
	return func(s string) string { return strings.Replace(s, old, new, 1) }
}

func TestRFC5802_7_ServerFinal(t *testing.T) {
	good := scramVectors[0].serverFinal
	for _, tt := range []struct {
		name, msg string
		want      error // nil: proved
	}{
		{"right", good, nil},
		{"extra attributes", good + ",x=1,z=y", nil},
		{"wrong", "v=AAAAAAAAAAAAAAAAAAAAAAAAAAA=", ErrUnproven},
		{"truncated", "v=rmF9pqV8S7suAoZWja4dJRkF", ErrUnproven},
		{"not base64", good[:len(good)-1], errSyntax},
		{"empty", "", errSyntax},
		{"v= empty", "v=", errSyntax},
		{"m= behind", good + ",m=x", ErrCredentials},
		{"other-error", "e=other-error", ErrCredentials},
		{"unknown value", "e=\u202edoes not matter", ErrCredentials},
		{"downgrade", "e=" + scramDowngrade, ErrDowngrade},
		{"v behind e", "e=other-error," + good, errSyntax},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _, _ := scramPair(t, ScramOptions{}, ScramOptions{})
			c.Step([]byte(tt.msg))
			o := c.Settle(Answer{})
			if !matches(o.Err, tt.want) {
				t.Errorf("error %v, want %v", o.Err, tt.want)
			}
			if err := c.Finish(); !matches(err, tt.want) {
				t.Errorf("Finish = %v, want %v", err, tt.want)
			}
		})
	}
}

// errSyntax stands for any *SyntaxError in a table.
var errSyntax = errors.New("a SyntaxError")

func matches(err, want error) bool {
	if want == errSyntax {
		_, ok := errors.AsType[*SyntaxError](err)
		return ok
	}
	return errors.Is(err, want)
}

// Bounds that make no sense are the defaults, and never no bounds.
func TestRFC5802_5_1_PolicyBounds(t *testing.T) {
	for _, tt := range []struct {
		minimum, maximum int
		count            string
		ok               bool
	}{
		{0, 0, "4096", true}, {-1, -1, "4096", true}, {-1, -1, "4095", false}, {-1, -1, "2000001", false},
		{-1, -1, "9223372036854775807", false}, {1, 0, "1", true}, {1, 100, "101", false}, {0, 3_000_000, "3000000", true},
	} {
		c := NewScramClient("user", "", ScramOptions{Hash: "SHA-1", Nonce: clientNonce, MinIterations: tt.minimum, MaxIterations: tt.maximum})
		c.Step(nil)
		c.Settle(Answer{})
		if _, ok := c.Step([]byte("r=" + clientNonce + serverNonce + ",s=QSXCR+Q6sek8bf92,i=" + tt.count)).(KeysQuestion); ok != tt.ok {
			t.Errorf("%d to %d, i=%s: %v, want %v", tt.minimum, tt.maximum, tt.count, ok, tt.ok)
		}
	}
}

func TestRFC5802_3_SuccessWithoutProof(t *testing.T) {
	for _, turns := range []int{0, 1, 2} {
		t.Run(fmt.Sprint(turns, " turns"), func(t *testing.T) {
			c := NewScramClient("user", "", ScramOptions{Hash: "SHA-1", Nonce: clientNonce})
			if turns > 0 {
				c.Step(nil)
				c.Settle(Answer{})
			}
			if turns > 1 {
				q := c.Step([]byte(scramVectors[0].serverFirst))
				c.Settle(Answer{Keys: deriveKeys(t, q.(KeysQuestion), "pencil")})
			}
			if err := c.Finish(); !errors.Is(err, ErrUnproven) {
				t.Errorf("Finish = %v, want ErrUnproven", err)
			}
		})
	}
}

// The table of RFC 5802, section 6, as this package decides it.
func TestRFC5802_6_Flags(t *testing.T) {
	exporter := Binding{tlsExporter, []byte("exported")}
	for _, tt := range []struct {
		name, flag string
		o          ScramOptions
		want       string // e=, or empty for success so far
	}{
		{"n, offered", "n", ScramOptions{CouldBind: true, Bindings: []Binding{exporter}}, ""},
		{"n, could not", "n", ScramOptions{}, ""},
		{"n, PLUS", "n", ScramOptions{Plus: true, Bindings: []Binding{exporter}}, scramOther},
		{"y, offered", "y", ScramOptions{CouldBind: true, Bindings: []Binding{exporter}}, scramDowngrade},
		{"y, could not", "y", ScramOptions{}, ""},
		{"y, PLUS", "y", ScramOptions{Plus: true, Bindings: []Binding{exporter}}, scramOther},
		{"p usable, offered", "p=tls-exporter", ScramOptions{CouldBind: true, Bindings: []Binding{exporter}}, ""},
		{"p usable, PLUS", "p=tls-exporter", ScramOptions{Plus: true, Bindings: []Binding{exporter}}, ""},
		{"p other, offered", "p=tls-unique", ScramOptions{CouldBind: true, Bindings: []Binding{exporter}}, scramBindingType},
		{"p other, could not", "p=tls-unique", ScramOptions{}, scramNoBinding},
		{"p other, PLUS", "p=tls-unique", ScramOptions{Plus: true, Bindings: []Binding{exporter}}, scramBindingType},
		{"type in other case", "p=TLS-Exporter", ScramOptions{Plus: true, Bindings: []Binding{exporter}}, scramBindingType},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.o.Hash, tt.o.Nonce = "SHA-1", serverNonce
			s := NewScramServer(tt.o)
			s.Step([]byte(tt.flag + ",,n=user,r=" + clientNonce))
			o := s.Settle(Answer{Verifiers: []Verifier{mustParse(t, scramVectors[0].verifier)}})
			if tt.want == "" {
				if o.Err != nil {
					t.Errorf("error %v", o.Err)
				}
				return
			}
			if string(o.Send) != "e="+tt.want || !errors.Is(o.Err, ErrCredentials) {
				t.Errorf("Outcome %q, %v, want e=%s", o.Send, o.Err, tt.want)
			}
			if errors.Is(o.Err, ErrDowngrade) != (tt.want == scramDowngrade) {
				t.Errorf("error %v, ErrDowngrade: %v", o.Err, !errors.Is(o.Err, ErrDowngrade))
			}
			s.Step([]byte("c=biws"))
			if o := s.Settle(Answer{}); o.Err == nil || o.Send != nil {
				t.Errorf("after the end: %q, %v", o.Send, o.Err)
			}
		})
	}
}

func TestRFC5802_6_BindingIsChecked(t *testing.T) {
	for _, tt := range []struct {
		name           string
		plus           bool // of the server; the client of SCRAM-X may bind too
		client, server string
		ok             bool
	}{
		{"PLUS, same channel", true, "data", "data", true},
		{"PLUS, man in the middle", true, "data", "Data", false},
		{"bare name, same channel", false, "data", "data", true},
		{"bare name, man in the middle", false, "data", "Data", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, s, final := scramPair(t,
				ScramOptions{Plus: true, Bindings: []Binding{{tlsUnique, []byte(tt.client)}}},
				ScramOptions{Plus: tt.plus, Bindings: []Binding{{tlsUnique, []byte(tt.server)}}})
			q, asked := s.Step(final).(AuthorizeQuestion)
			o := s.Settle(Answer{})
			if asked != tt.ok || (o.Err == nil) != tt.ok {
				t.Errorf("asked %v, error %v", asked, o.Err)
			}
			if tt.ok && q.Identity.Binding != tlsUnique {
				t.Errorf("Binding %q, want %q", q.Identity.Binding, tlsUnique)
			}
		})
	}
}

func TestRFC5802_5_1_ServerEnd(t *testing.T) {
	t.Run("refused by Authorize", func(t *testing.T) {
		_, s, final := scramPair(t, ScramOptions{}, ScramOptions{})
		s.Step(final)
		if o := s.Settle(Answer{Err: ErrCredentials}); o.Send != nil || !errors.Is(o.Err, ErrCredentials) {
			t.Errorf("Outcome %q, %v: the server's proof must not leave", o.Send, o.Err)
		}
	})
	t.Run("last response not empty", func(t *testing.T) {
		_, s, final := scramPair(t, ScramOptions{}, ScramOptions{})
		s.Step(final)
		s.Settle(Answer{})
		s.Step([]byte("x"))
		if o := s.Settle(Answer{}); o.Done || o.Err == nil {
			t.Errorf("Outcome %v", o)
		}
	})
	t.Run("no initial response", func(t *testing.T) {
		s := NewScramServer(ScramOptions{Hash: "SHA-1", Nonce: serverNonce})
		wantTurn(t, s, nil, NoQuestion{}, Answer{}, Outcome{Send: []byte{}})
		s.Step(nil)
		if o := s.Settle(Answer{}); o.Err == nil {
			t.Error("nil twice is accepted")
		}
	})
}
