package imaptest

import (
	"crypto/tls"
	"crypto/x509"
	"time"
)

// startTLS is a case of RunClient about TLS; trust is what the client believes.
func startTLS(trust *x509.CertPool) func(*clientRun) {
	return func(r *clientRun) {
		if !r.has(r.client.StartTLS != nil) {
			return
		}
		err := r.client.StartTLS(r.ctx, r.addr, &tls.Config{RootCAs: trust, ServerName: "localhost"})
		if r.want(err); err == nil && r.server.find("LOGIN") < 0 && r.server.find("AUTHENTICATE") < 0 {
			r.fail("no error, and no login")
		}
	}
}

// tlsClientCases are servers that are asked for TLS.
func tlsClientCases() ([]clientCase, error) {
	trust := x509.NewCertPool()
	show := func(name string, until time.Time, trusted bool) (*tls.Config, error) {
		cert, _, err := certificate(name, until)
		if err == nil && trusted {
			trust.AddCert(cert.Leaf)
		}
		return &tls.Config{Certificates: []tls.Certificate{cert}}, err
	}
	soon := time.Now().Add(time.Hour)
	good, err := show("localhost", soon, true)
	if err != nil {
		return nil, err
	}
	otherName, err := show("other.example", soon, true)
	if err != nil {
		return nil, err
	}
	expired, err := show("localhost", time.Now().Add(-time.Hour), true)
	if err != nil {
		return nil, err
	}
	untrusted, err := show("localhost", soon, false)
	if err != nil {
		return nil, err
	}
	old := good.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS11, tls.VersionTLS11

	use := startTLS(trust)
	refused := func(id, name, title, section string, part tlsPart) clientCase {
		return clientCase{id: id, name: name, title: title, refs: []string{"RFC 9051, section " + section}, level: Must, use: use, tls: &part, wantErr: true, noLogin: true}
	}
	fine := func(id, name, title, section string, part tlsPart) clientCase {
		c := refused(id, name, title, section, part)
		c.wantErr, c.noLogin = false, false
		return c
	}
	preauth := refused("AUT-6", "PREAUTH", "PREAUTH leaves no room for the STARTTLS that is demanded", "7.1.4", tlsPart{answer: "BAD you are logged in"})
	preauth.greeting = "PREAUTH welcome"
	stalled := refused("TLS-5", "a handshake that stalls", "a handshake without an end is left when the context ends", "11.1", tlsPart{stall: true})
	stalled.use = silent(use)
	const behind = "cleartext behind the OK of STARTTLS is not used"
	return []clientCase{
		fine("TLS-5", "STARTTLS", "STARTTLS, and then the login", "6.2.1", tlsPart{config: good}),
		fine("AUT-8", "capabilities before TLS", "capabilities learnt before STARTTLS are forgotten", "6.2.1", tlsPart{caps: "IMAP4rev1 STARTTLS LOGINDISABLED AUTH=X-NONE", config: good}),
		preauth,
		refused("TLS-5", "not offered", "no login where STARTTLS is demanded and missing", "11.1", tlsPart{caps: "IMAP4rev1 AUTH=PLAIN", answer: "BAD unknown"}),
		refused("TLS-5", "NO", "no login where STARTTLS is refused", "11.1", tlsPart{answer: "NO not now"}),
		refused("TLS-5", "BAD", "no login where STARTTLS is refused", "11.1", tlsPart{answer: "BAD what"}),
		refused("TLS-5", "no handshake", "a handshake that fails is never cleartext again", "11.1", tlsPart{garbage: true}),
		stalled,
		refused("TLS-3", "data", behind, "11.3", tlsPart{behind: "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n", config: good}),
		refused("TLS-3", "a tagged OK", behind, "11.3", tlsPart{behind: "a2 OK LOGIN done\r\nA2 OK done\r\n2 OK done\r\n", config: good}),
		refused("TLS-3", "PREAUTH", behind, "11.3", tlsPart{behind: "* PREAUTH welcome\r\n", config: good}),
		refused("TLS-4", "wrong name", "a certificate for another name is refused", "11.1", tlsPart{config: otherName}),
		refused("TLS-4", "expired", "a certificate whose time is over is refused", "11.1", tlsPart{config: expired}),
		refused("TLS-4", "untrusted", "a certificate that nobody vouches for is refused", "11.1", tlsPart{config: untrusted}),
		refused("TLS-4", "TLS 1.1", "TLS 1.1 is refused", "11.1", tlsPart{config: old}),
	}, nil
}
