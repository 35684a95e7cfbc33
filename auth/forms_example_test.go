package auth_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"

	"github.com/mailwire/mailwire/auth"
)

// What other software has stored checks passwords too.
func ExampleParseVerifier() {
	for _, text := range []string{"{PLAIN}pencil", "$2a$05$DLWrrqF5n4WrTcYN8H/GSesFJdd7a/W52akt2G9Uk2K0O2Ki2H136", "{MD5}x"} {
		v, err := auth.ParseVerifier(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		ok, rehash, err := v.Check(context.Background(), "pencil")
		fmt.Println(v.Scheme(), ok, rehash, err)
	}
	// Output:
	// PLAIN true true <nil>
	// bcrypt true true <nil>
	// auth: unusable verifier: unknown form
}

// Names and passwords are compared in one form.
func ExampleSASLprep() {
	for _, s := range []string{"I\u00adX", "\u2168", "user\u00a0name", "a\x07"} {
		p, err := auth.SASLprep(s, true)
		fmt.Printf("%+q %v\n", p, err)
	}
	// Output:
	// "IX" <nil>
	// "IX" <nil>
	// "user name" <nil>
	// "" auth: string cannot be prepared
}

func ExampleOpaqueString() {
	p, err := auth.OpaqueString("correct\u3000horse \u2168")
	fmt.Printf("%+q %v\n", p, err)
	// Output: "correct horse \u2168" <nil>
}

// The line of a response, as each of the three protocols has it.
func ExampleParseOctets() {
	for _, line := range []string{"AHRpbQB0YW5zdGFhZg==", "=", "*", "AHRpbQ"} {
		octets, err := auth.ParseOctets([]byte(line), 0)
		fmt.Printf("%q %v\n", octets, err)
	}
	fmt.Printf("%s\n", auth.AppendOctets(nil, []byte("\x00tim\x00tanstaaf")))
	// Output:
	// "\x00tim\x00tanstaaf" <nil>
	// "" <nil>
	// "" auth: exchange aborted
	// "" auth: not base64
	// AHRpbQB0YW5zdGFhZg==
}

// The example of RFC 1939, section 7.
func ExampleApopDigest() {
	fmt.Println(auth.ApopDigest("<1896.697170952@dbc.mtview.ca.us>", "tanstaaf"))
	// Output: c4c9334bac560ecc979e58001b3e22fb
}

// A secret is not printed, wherever it goes.
func ExampleSecret() {
	c := auth.Credentials{Username: "ann", Password: "correct horse"}
	fmt.Printf("%v %+q %x\n", c.Password, c.Password, c.Password)
	b, err := json.Marshal(map[string]any{"password": c.Password})
	fmt.Println(string(b), err)
	fmt.Println(string(c.Password)) // to whom it may concern
	// Output:
	// [redacted] [redacted] [redacted]
	// {"password":"[redacted]"} <nil>
	// correct horse
}

// Tokens of an OpenID provider.
func ExampleAuthenticator_checkToken() {
	authn := &auth.Authenticator{
		Floor: -1, // for the example's sake
		CheckToken: func(_ context.Context, authzid string, token auth.Secret) (string, error) {
			if token != "good" {
				return "", &auth.OAuthError{Status: "invalid_token", Scope: "mail"}
			}
			return "ann", nil
		},
	}
	ctx, ci := context.Background(), auth.ConnInfo{TLS: &tls.ConnectionState{}}
	fmt.Println(authn.Mechanisms(ci))
	s, err := authn.Server("OAUTHBEARER", ci)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, done, err := s.Next(ctx, []byte("n,a=ann,\x01auth=Bearer good\x01\x01"))
	fmt.Println(done, s.Identity().Authzid, err)

	s, _ = authn.Server("OAUTHBEARER", ci)
	challenge, _, err := s.Next(ctx, []byte("n,a=ann,\x01auth=Bearer old\x01\x01"))
	fmt.Printf("%s %v\n", challenge, err)
	// Output:
	// [OAUTHBEARER XOAUTH2]
	// true ann <nil>
	// {"status":"invalid_token","scope":"mail"} <nil>
}

// An exchange by hand, one side of it, as a test of another implementation does.
func ExampleNewPlainServer() {
	x := auth.NewPlainServer()
	q := x.Step([]byte("\x00ann\x00secret")).(auth.PasswordQuestion)
	fmt.Println(q.User, q.Password == "secret")
	o := x.Settle(auth.Answer{})
	fmt.Println(o.Done, o.Identity.Authcid)
	// Output:
	// ann true
	// true ann
}
