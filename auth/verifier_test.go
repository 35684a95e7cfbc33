package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

var schemeNames = []string{"SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512", "argon2id", "scrypt", "bcrypt", "CRAM-MD5", "PLAIN"}

func TestVerifierOfEveryScheme(t *testing.T) {
	for _, scheme := range schemeNames {
		t.Run(scheme, func(t *testing.T) {
			v := cheap(t, scheme, "caf\u00e9")
			if v.Scheme() != scheme {
				t.Errorf("Scheme = %q", v.Scheme())
			}
			again := mustParse(t, v.Text())
			if again.Text() != v.Text() || again.Scheme() != scheme {
				t.Errorf("%q became %q", v.Text(), again.Text())
			}
			for _, v := range []Verifier{v, again} {
				for password, want := range map[Secret]bool{"caf\u00e9": true, "cafe\u0301": true, "cafe": false, "": false, "caf\u00e9\x00": false} {
					ok, rehash, err := v.Check(t.Context(), password)
					if ok != want || err != nil || rehash != want { // all are cheaper than the defaults
						t.Errorf("Check(%+q) = %v, %v, %v", string(password), ok, rehash, err)
					}
				}
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if ok, _, err := v.Check(ctx, "caf\u00e9"); ok || !errors.Is(err, context.Canceled) {
				t.Errorf("Check under a dead context = %v, %v", ok, err)
			}
			if _, err := NewVerifier(scheme, "", VerifierOptions{}); !errors.Is(err, ErrVerifier) {
				t.Errorf("empty password: %v", err)
			}
			if _, err := NewVerifier(scheme, "a\x00b", VerifierOptions{}); !errors.Is(err, ErrVerifier) {
				t.Errorf("password with NUL: %v", err)
			}
		})
	}
	if ok, _, err := (Verifier{}).Check(t.Context(), "x"); ok || err != nil {
		t.Errorf("zero Verifier: %v, %v", ok, err)
	}
}

// Texts made by other programs.
func TestParseVerifierOfOthers(t *testing.T) {
	for _, tt := range []struct {
		name, text, scheme, password, canonical string
	}{
		{"RFC 5802", "SCRAM-SHA-1$4096:QSXCR+Q6sek8bf92$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:D+CSWLOshSulAsxiupA+qs2/fTE=", "SCRAM-SHA-1", "pencil", ""},
		{"Dovecot SCRAM", "{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=", "SCRAM-SHA-256", "pencil",
			"SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="},
		{"doveadm pw -s SCRAM-SHA-1", "{SCRAM-SHA-1}4096,+ZGzvK3SXBItdcQ/zQXv1g==,0wCdcs4Y9sWkwl7ZoXRcM5/3iao=,JremAP0mjzovStubqdRwmNuzYs4=", "SCRAM-SHA-1", "pencil", ""},
		{"doveadm pw -s SCRAM-SHA-256", "{SCRAM-SHA-256}4096,Sax04M2CP5REJtBI0hEdrg==,10Kn9a368Rswi1TokqNr/1RmNDm+I86v8OHpx8GbT+c=,wbXCNVDxijwcE0mCE0FbP7I42Z7XzvvGMa8aLRbI5OM=", "SCRAM-SHA-256", "pencil", ""},
		{"doveadm pw -s CRAM-MD5", "{CRAM-MD5}d06d4e1b26fccaa4b0b61801132340a354b21152711fb604ca3e035e7015116b", "CRAM-MD5", "tanstaaftanstaaf", ""},
		{"doveadm pw -s ARGON2ID", "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$v1rfxqnPWfCtxoop+P+nCQ$r8XoF+4wQHplLVFODaugJZheNtibbPu7zTjHQDpiT3g", "argon2id", "pencil", ""},
		{"doveadm pw -s BLF-CRYPT", "{BLF-CRYPT}$2y$05$jKtuPGtrWeXW1tXPVHGadenfK8Xv8hOuudgEOqRI/qiVXhuXxpAXa", "bcrypt", "pencil", ""},
		{"PLAIN", "{plain}a}b{c$", "PLAIN", "a}b{c$", "{PLAIN}a}b{c$"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := mustParse(t, tt.text)
			if v.Scheme() != tt.scheme {
				t.Errorf("Scheme = %q", v.Scheme())
			}
			if want := tt.canonical; want != "" && v.Text() != want {
				t.Errorf("Text = %q, want %q", v.Text(), want)
			}
			if ok, _, err := v.Check(t.Context(), Secret(tt.password)); !ok || err != nil {
				t.Errorf("Check = %v, %v", ok, err)
			}
		})
	}
}

func TestParseVerifierRefuses(t *testing.T) {
	scram := scramVectors[1].verifier
	bcrypt := cheap(t, "bcrypt", "pw").Text()
	const argon = "$argon2id$v=19$m=65536,t=3,p=1$c29tZXNhbHQ$RdescudvJCsgt3ub+b7dWRWJTmaaBOr4kBz5iq+zjSg"
	const scrypt = "$scrypt$ln=15,r=8,p=1$c29tZXNhbHQ$RdescudvJCsgt3ub+b7dWRWJTmaaBOr4kBz5iq+zjSg"
	mustParse(t, argon)
	mustParse(t, scrypt)
	for _, text := range []string{
		"", "pw", "{}", "{PLAIN}", "{NOPE}x", "$", "$1$x", "SCRAM-MD5$1:a$b:c",
		scram[:len(scram)-1], strings.Replace(scram, "$4096", "$2147483648", 1), strings.Replace(scram, "$4096", "$10000001", 1),
		strings.Replace(scram, "$4096", "$0", 1), strings.Replace(scram, "$4096", "$-1", 1), strings.Replace(scram, "SCRAM-SHA-256", "SCRAM-SHA-1", 1),
		strings.Replace(scram, "SCRAM-SHA-256", "SHA-256", 1), strings.Replace(scram, "W22Z", "W2!Z", 1), strings.Replace(scram, ":W22ZaJ0SNY7soEsUEjb6gQ==", ":", 1),
		strings.Replace(argon, "m=65536", "m=4294967296", 1), strings.Replace(argon, "m=65536", "m=1048577", 1), strings.Replace(argon, "m=65536", "m=7", 1),
		strings.Replace(argon, "t=3", "t=0", 1), strings.Replace(argon, "t=3", "t=17", 1), strings.Replace(argon, "p=1", "p=17", 1), strings.Replace(argon, "p=1", "p=0", 1),
		strings.Replace(argon, "v=19", "v=16", 1), strings.Replace(argon, "argon2id", "argon2i", 1), argon[:len(argon)-1], argon + "$", argon + "\n",
		strings.Replace(scrypt, "ln=15", "ln=0", 1), strings.Replace(scrypt, "ln=15", "ln=31", 1), strings.Replace(scrypt, "ln=15", "ln=62", 1),
		strings.Replace(scrypt, "ln=15,r=8", "ln=20,r=3", 1), strings.Replace(scrypt, "r=8", "r=0", 1), strings.Replace(scrypt, "r=8", "r=2147483647", 1),
		strings.Replace(scrypt, "p=1", "p=99", 1), strings.Replace(scrypt, "ln=15", "N=15", 1),
		strings.Replace(bcrypt, "$04$", "$17$", 1), strings.Replace(bcrypt, "$04$", "$31$", 1), bcrypt[:59], bcrypt + "x", "$2x" + bcrypt[3:], bcrypt[:59] + "=",
		"{CRAM-MD5}", "{CRAM-MD5}" + strings.Repeat("0", 62), "{CRAM-MD5}" + strings.Repeat("g", 64),
		"{PLAIN}" + strings.Repeat("p", 1025), "{PLAIN}a\x00b", "{PLAIN}\xff", strings.Repeat("x", 1<<20),
	} {
		t.Run(shorten(text), func(t *testing.T) {
			v, err := ParseVerifier(text)
			if !errors.Is(err, ErrVerifier) || v.Scheme() != "" {
				t.Fatalf("%q, %v", v.Scheme(), err)
			}
			if len(text) > 20 && strings.Contains(err.Error(), text[len(text)-12:]) {
				t.Errorf("the error shows the text: %v", err)
			}
		})
	}
}

func TestNewVerifierBounds(t *testing.T) {
	for _, tt := range []struct {
		scheme string
		o      VerifierOptions
	}{
		{"SCRAM-SHA-256", VerifierOptions{Iterations: 4095}},
		{"SCRAM-SHA-256", VerifierOptions{Iterations: maxIterations + 1}},
		{"SCRAM-SHA-256", VerifierOptions{Iterations: -1}},
		{"SCRAM-SHA-256", VerifierOptions{SaltLen: 7}},
		{"SCRAM-SHA-256", VerifierOptions{SaltLen: 65}},
		{"SCRAM-SHA-224", VerifierOptions{}},
		{"SHA-256", VerifierOptions{}},
		{"", VerifierOptions{}},
		{"argon2id", VerifierOptions{Memory: 1<<20 + 1}},
		{"argon2id", VerifierOptions{Iterations: 17}},
		{"argon2id", VerifierOptions{Threads: 17}},
		{"scrypt", VerifierOptions{Iterations: 12345}},
		{"scrypt", VerifierOptions{Iterations: 1 << 20}},
		{"bcrypt", VerifierOptions{Iterations: 17}},
		{"bcrypt", VerifierOptions{Iterations: 3}},
	} {
		if v, err := NewVerifier(tt.scheme, "pw", tt.o); !errors.Is(err, ErrVerifier) || v.Scheme() != "" {
			t.Errorf("%s, %+v: %v", tt.scheme, tt.o.Iterations, err)
		}
	}
	if _, err := NewVerifier("bcrypt", Secret(strings.Repeat("p", 73)), VerifierOptions{Iterations: 4}); !errors.Is(err, ErrVerifier) {
		t.Errorf("bcrypt of 73 octets: %v", err)
	}
	if ok, _, err := cheap(t, "bcrypt", Secret(strings.Repeat("p", 72))).Check(t.Context(), Secret(strings.Repeat("p", 73))); ok || !errors.Is(err, ErrVerifier) {
		t.Errorf("bcrypt check of 73 octets: %v, %v", ok, err)
	}
}

func TestVerifierRehash(t *testing.T) {
	for _, scheme := range []string{"SCRAM-SHA-256", "argon2id", "scrypt"} {
		v, err := NewVerifier(scheme, "pw", VerifierOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if ok, rehash, err := v.Check(t.Context(), "pw"); !ok || rehash || err != nil {
			t.Errorf("%s at its defaults: %v, %v, %v", scheme, ok, rehash, err)
		}
	}
}

// The other preparation, on both sides.
func TestVerifierPrepare(t *testing.T) {
	v, err := NewVerifier("SCRAM-SHA-256", "\u2168", VerifierOptions{Iterations: minIterations, Prepare: OpaqueString})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		prepare func(string) (string, error)
		want    error
	}{{OpaqueString, nil}, {nil, ErrCredentials}} {
		a := &Authenticator{Lookup: accounts(map[string][]Verifier{"ann": {v}}), PreparePassword: tt.prepare, Floor: -1}
		if _, err := a.Login(t.Context(), secure(), "ann", "\u2168"); !errors.Is(err, tt.want) {
			t.Errorf("%v, want %v", err, tt.want)
		}
	}
}

// Nothing that holds a secret prints it, in any verb, log or encoding.
func TestSecretsAreRedacted(t *testing.T) {
	const hush = "hush-hush"
	verifier := cheap(t, "PLAIN", hush)
	plainClient := NewPlainClient("ann", "", hush)
	cramClient := NewCramMD5Client("ann", hush)
	loginClient := NewLoginClient("ann", hush)
	policyClient, err := ClientPolicy{}.Choose(Credentials{Username: "ann", Password: hush}, func() ConnInfo {
		ci := secure()
		ci.Offered = []string{"PLAIN"}
		return ci
	}())
	if err != nil {
		t.Fatal(err)
	}
	cache := new(KeyCache)
	cache.put("ann", hush, KeysQuestion{}, Keys{Client: hush})
	question := NewPlainServer().Step([]byte("\x00ann\x00" + hush))
	server := NewLoginServer()
	server.Step([]byte("ann"))
	server.Settle(Answer{})
	server.Step([]byte(hush))
	values := map[string]any{
		"Secret": Secret(hush), "Verifier": verifier, "Verifiers": map[string][]Verifier{"ann": {verifier}},
		"Credentials": Credentials{Username: "ann", Password: hush}, "pointer": &Credentials{Password: hush},
		"Keys": Keys{Client: hush, Server: hush}, "Answer": Answer{Token: hush, Keys: Keys{Client: hush}, Verifiers: []Verifier{verifier}},
		"question": question, "PLAIN": plainClient, "CRAM-MD5": cramClient, "LOGIN": loginClient, "Client": policyClient, "server": server,
		"KeyCache": cache, "Authenticator": &Authenticator{Decoy: hush},
	}
	// fmt asks no methods of unexported fields, and a Verifier there is an address.
	for _, verb := range []string{"%v", "%+v", "%#v"} {
		wantHushed(t, "unexported "+verb, fmt.Sprintf(verb, struct{ v Verifier }{verifier}))
	}
	for name, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			wantHushed(t, name+" "+verb, fmt.Sprintf(verb, v))
		}
		var b strings.Builder
		slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "v", v)
		wantHushed(t, name+" slog", b.String())
		if out, err := json.Marshal(v); err == nil {
			wantHushed(t, name+" JSON", string(out))
		}
	}
	if got := fmt.Sprintf("%v %q %#v", Secret(hush), Secret(hush), verifier); got != "[redacted] [redacted] [redacted]" {
		t.Errorf("got %s", got)
	}
	// And the errors of messages that hold secrets.
	for _, x := range []Exchange{NewPlainServer(), NewLoginServer(), NewOAuthBearerServer(), NewXOAuth2Server(), NewCramMD5Server("<1@x>")} {
		for _, msg := range []string{hush, "\x00" + hush, hush + "\xff", "user=u\x01auth=Bearer " + hush, "n,,\x01auth=Bearer " + hush, "\x00ann\x00" + hush + "\x00"} {
			for range 3 {
				x.Step([]byte(msg))
				if o := x.Settle(Answer{Err: ErrCredentials}); o.Err != nil {
					wantHushed(t, x.Mechanism(), o.Err.Error())
				}
			}
		}
	}
}

func wantHushed(t *testing.T, what, got string) {
	t.Helper()
	if strings.Contains(got, "hush-hush") || strings.Contains(got, fmt.Sprintf("%x", "hush-hush")) {
		t.Errorf("%s shows the secret: %s", what, got)
	}
}

func FuzzVerifier(f *testing.F) {
	for _, scheme := range schemeNames {
		f.Add(cheap(f, scheme, "pw").Text(), "pw")
	}
	f.Add("{SCRAM-SHA-1}4096,QSXCR+Q6sek8bf92,6dlGYMOdZcOPutkcNY8U2g7vK9Y=,D+CSWLOshSulAsxiupA+qs2/fTE=", "pencil")
	f.Add("{BLF-CRYPT}"+cheap(f, "bcrypt", "pw").Text(), "pw")
	f.Fuzz(func(t *testing.T, text, password string) {
		v, err := ParseVerifier(text)
		if err != nil {
			if !errors.Is(err, ErrVerifier) {
				t.Errorf("error %v", err)
			}
			return
		}
		again, err := ParseVerifier(v.Text())
		if err != nil || again.Text() != v.Text() || again.Scheme() != v.Scheme() {
			t.Fatalf("%q: %q, then %q, %v", text, v.Text(), again.Text(), err)
		}
		p := v.p
		switch {
		case strings.HasPrefix(p.scheme, "SCRAM-") && p.cost > 10_000_000,
			p.scheme == "argon2id" && (p.memory > 1<<20 || p.cost > 16 || p.threads > 16),
			p.scheme == "scrypt" && 128*p.cost*p.memory > 256<<20,
			p.scheme == "bcrypt" && p.cost > 16:
			t.Fatalf("%q is beyond the bounds", text)
		case p.cost > 1<<13 || p.scheme == "argon2id" && p.memory*p.cost > 1<<12 || p.scheme == "bcrypt" && p.cost > 5 || p.scheme == "scrypt" && p.cost*p.memory*p.threads > 1<<13:
			return // within the bounds, too slow for fuzzing
		}
		if ok, _, err := v.Check(t.Context(), Secret(password)); ok && (err != nil || password == "") {
			t.Errorf("%q: %v with %v", text, ok, err)
		}
	})
}
