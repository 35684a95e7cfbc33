package auth_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"os"

	"golang.org/x/crypto/acme/autocert"

	"github.com/mailwire/mailwire/auth"
)

// A server with its accounts in a map: PLAIN, SCRAM-SHA-256 and its -PLUS form, IMAP's
// LOGIN and POP3's USER and PASS follow from one verifier each.
func ExampleAuthenticator() {
	users := map[string][]auth.Verifier{}
	v, err := auth.NewVerifier("SCRAM-SHA-256", "correct horse", auth.VerifierOptions{})
	if err != nil {
		log.Fatal(err)
	}
	users["ann"] = []auth.Verifier{v}
	authn := &auth.Authenticator{Lookup: func(_ context.Context, user string) ([]auth.Verifier, error) {
		return users[user], nil
	}}

	overTLS := auth.ConnInfo{TLS: &tls.ConnectionState{}}
	fmt.Println(authn.Mechanisms(overTLS), authn.Mechanisms(auth.ConnInfo{}))
	id, err := authn.Login(context.Background(), overTLS, "ann", "correct horse")
	fmt.Println(id.Authcid, err)
	// Output:
	// [SCRAM-SHA-256 PLAIN] []
	// ann <nil>
}

// Passwords that somebody else checks: LDAP, PAM.
func ExampleAuthenticator_checkPassword() {
	authn := &auth.Authenticator{
		Floor: -1, // for the example's sake
		CheckPassword: func(_ context.Context, user string, password auth.Secret) error {
			if user == "ann" && string(password) == "correct horse" {
				return nil
			}
			return fmt.Errorf("ldap: %w", auth.ErrCredentials)
		},
		After: func(_ context.Context, _ auth.ConnInfo, id auth.Identity, err error) {
			fmt.Printf("log: %q: %v\n", id.Authcid, err)
		},
	}
	_, err := authn.Login(context.Background(), auth.ConnInfo{TLS: &tls.ConnectionState{}}, "bob", "guess")
	fmt.Println(err)
	// Output:
	// log: "bob": ldap: auth: credentials refused
	// auth: credentials refused
}

// Both ends of an exchange, as a protocol drives them.
func ExampleClientPolicy_Choose() {
	ctx := context.Background()
	v, err := auth.NewVerifier("SCRAM-SHA-256", "correct horse", auth.VerifierOptions{})
	if err != nil {
		log.Fatal(err)
	}
	authn := &auth.Authenticator{Lookup: func(context.Context, string) ([]auth.Verifier, error) { return []auth.Verifier{v}, nil }}
	conn := auth.ConnInfo{TLS: &tls.ConnectionState{}, Verified: true}
	conn.Offered = authn.Mechanisms(conn)

	client, err := auth.ClientPolicy{}.Choose(auth.Credentials{Username: "ann", Password: "correct horse"}, conn)
	if err != nil {
		log.Fatal(err)
	}
	server, err := authn.Server(client.Mechanism(), conn)
	if err != nil {
		log.Fatal(err)
	}
	octets, err := client.Start(ctx)
	for err == nil {
		var done bool
		if octets, done, err = server.Next(ctx, octets); done || err != nil {
			break
		}
		octets, err = client.Next(ctx, octets)
	}
	if err == nil {
		err = client.Finish() // the server has to prove itself too
	}
	fmt.Println(client.Mechanism(), server.Identity().Authcid, err)
	// Output: SCRAM-SHA-256 ann <nil>
}

// What is offered cannot be used, and the error says why.
func ExampleNoMechanismError() {
	_, err := auth.ClientPolicy{}.Choose(
		auth.Credentials{Username: "ann", Password: "correct horse"},
		auth.ConnInfo{Offered: []string{"LOGIN", "PLAIN"}}) // no TLS
	fmt.Println(err)
	fmt.Println(errors.Is(err, auth.ErrTLSRequired))
	// Output:
	// auth: no usable mechanism among those offered; PLAIN: auth: TLS required, and verified; LOGIN: not among the mechanisms preferred
	// true
}

// An exchange by hand: the questions are the program's to answer.
func ExampleExchange() {
	x := auth.NewPlainServer()
	switch q := x.Step([]byte("\x00tim\x00tanstaaf")).(type) {
	case auth.PasswordQuestion:
		var answer auth.Answer
		if q.User != "tim" || string(q.Password) != "tanstaaf" {
			answer.Err = auth.ErrCredentials
		}
		out := x.Settle(answer)
		fmt.Println(out.Done, out.Identity.Authzid, out.Err)
		fmt.Println("for the log:", q)
	}
	// Output:
	// true tim <nil>
	// for the log: {tim  [redacted]}
}

// The dialogue of RFC 7677, section 3, octet for octet: the nonce is the caller's.
func ExampleDeriveKeys() {
	x := auth.NewScramClient("user", "", auth.ScramOptions{Hash: "SHA-256", Nonce: "rOprNGfwEbeRWgbNEkqO"})
	var in []byte
	for _, next := range []string{
		"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
		"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
		"",
	} {
		var answer auth.Answer
		if q, ok := x.Step(in).(auth.KeysQuestion); ok {
			answer.Keys, answer.Err = auth.DeriveKeys(context.Background(), q, "pencil")
		}
		fmt.Printf("%s\n", x.Settle(answer).Send)
		in = []byte(next)
	}
	fmt.Println(x.Finish())
	// Output:
	// n,,n=user,r=rOprNGfwEbeRWgbNEkqO
	// c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=
	//
	// <nil>
}

func ExampleNewVerifier() {
	v, err := auth.NewVerifier("SCRAM-SHA-256", "correct horse", auth.VerifierOptions{})
	if err != nil {
		log.Fatal(err)
	}
	stored := v.Text() // for the database
	fmt.Println("for the log:", v)

	v, err = auth.ParseVerifier(stored)
	if err != nil {
		log.Fatal(err)
	}
	ok, rehash, err := v.Check(context.Background(), "correct horse")
	fmt.Println(v.Scheme(), ok, rehash, err)
	// Output:
	// for the log: [redacted]
	// SCRAM-SHA-256 true false <nil>
}

func ExampleAppendInitial() {
	fmt.Printf("%s\n", auth.AppendInitial([]byte("AUTH PLAIN "), []byte("\x00tim\x00tanstaaf")))
	fmt.Printf("%s\n", auth.AppendInitial([]byte("AUTH EXTERNAL "), nil))
	// Output:
	// AUTH PLAIN AHRpbQB0YW5zdGFhZg==
	// AUTH EXTERNAL =
}

// The decision that a stripped STARTTLS has to meet.
func ExampleTLSPolicy_Upgrade() {
	for _, level := range []auth.TLSLevel{auth.TLSVerified, auth.TLSOpportunistic} {
		use, err := auth.TLSPolicy{Level: level}.Upgrade(false)
		fmt.Println(level, use, err)
	}
	// Output:
	// TLSVerified false auth: TLS required: the server does not offer STARTTLS
	// TLSOpportunistic false <nil>
}

// Certificates from files, read again when something says so (a signal, a timer).
func ExampleLoadCertificates() {
	certs, err := auth.LoadCertificates(func() ([]tls.Certificate, error) {
		cert, err := tls.LoadX509KeyPair("mail.example.org.crt", "mail.example.org.key")
		return []tls.Certificate{cert}, err
	})
	if err != nil {
		fmt.Println("nothing to start with:", errors.Is(err, os.ErrNotExist))
		return
	}
	cfg := certs.Config()      // for every server, once
	defer certs.Reload()       // a bad new set would keep the old one
	_, _ = cfg, certs.Endpoint // for ConnInfo.Endpoint
	// Output: nothing to start with: true
}

// Certificates by ACME: autocert's configuration is a server's TLS configuration as it
// is. It needs port 443 (or 80, with its HTTPHandler) for the challenge.
func Example_acme() {
	manager := &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		Cache:      autocert.DirCache("/var/lib/maild/acme"),
		HostPolicy: autocert.HostWhitelist("mail.example.org"),
	}
	cfg := manager.TLSConfig() // for smtpserver, imapserver, pop3server
	cfg.MinVersion = tls.VersionTLS12
	cfg.NextProtos = []string{"imap", "acme-tls/1"}
	fmt.Println(cfg.NextProtos)
	// Output: [imap acme-tls/1]
}
