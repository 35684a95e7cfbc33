package imaptest

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// RunClientTLS tests what a client does about TLS: use connects to addr, on
// loopback, demands STARTTLS with a server that config trusts to be localhost,
// logs in as User with Password, and logs out. Where it cannot do so safely it
// has to return an error, within a minute at most, and must not have said the
// password, nor have tried to go on in cleartext.
func RunClientTLS(t *testing.T, use func(ctx context.Context, addr string, config *tls.Config) error) {
	var certs tlsCerts
	config := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "localhost"}
	for _, row := range []struct {
		cert    *tls.Certificate
		name    string
		until   time.Time
		trusted bool
	}{
		{&certs.good, "localhost", time.Now().Add(time.Hour), true},
		{&certs.otherName, "other.example", time.Now().Add(time.Hour), true},
		{&certs.expired, "localhost", time.Now().Add(-time.Hour), true},
		{&certs.untrusted, "localhost", time.Now().Add(time.Hour), false},
	} {
		cert, _, err := certificate(row.name, row.until)
		if err != nil {
			t.Fatal(err)
		}
		if *row.cert = cert; row.trusted {
			config.RootCAs.AddCert(cert.Leaf)
		}
	}
	for _, c := range tlsClientCases(&certs) {
		t.Run(c.name, func(t *testing.T) {
			s := &scripted{c: clientCase{rule: c.rule, noLogin: c.wantErr}, stop: make(chan struct{})}
			s.serve = func(conn net.Conn) { s.tlsSession(conn, &c) }
			addr := s.start(t)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			err := use(ctx, addr, config.Clone())
			if ctx.Err() != nil {
				t.Fatalf("%s: no end, %v", c.rule, err)
			}
			s.check(t)
			if (err != nil) != c.wantErr {
				t.Errorf("%s: error %v", c.rule, err)
			}
			if err == nil && !s.password {
				t.Errorf("%s: no error, and no login", c.rule)
			}
		})
	}
}

// A tlsClientCase is a server that is asked for TLS.
type tlsClientCase struct {
	name, rule string
	greeting   string // "": OK
	caps       string // before TLS; "": IMAP4rev1 STARTTLS
	answer     string // to STARTTLS, behind the tag; "": OK
	behind     string // what follows in cleartext in the same packet; TAG is that of STARTTLS
	config     *tls.Config
	garbage    bool // no handshake comes
	wantErr    bool
}

// tlsCerts are those that servers show.
type tlsCerts struct{ good, otherName, expired, untrusted tls.Certificate }

func tlsClientCases(certs *tlsCerts) []tlsClientCase {
	show := func(c tls.Certificate) *tls.Config { return &tls.Config{Certificates: []tls.Certificate{c}} }
	trusted := show(certs.good)
	return []tlsClientCase{
		{name: "good", rule: "RFC 9051, section 6.2.1: STARTTLS, and then the login", config: trusted},
		{name: "capabilities before", rule: "RFC 9051, section 6.2.1: capabilities learnt before STARTTLS are forgotten", caps: "IMAP4rev1 STARTTLS LOGINDISABLED AUTH=X-NONE", config: trusted},
		{name: "not offered", rule: "RFC 9051, section 11.1: no login where STARTTLS is demanded and missing", caps: "IMAP4rev1 AUTH=PLAIN", answer: "BAD unknown", wantErr: true},
		{name: "NO", rule: "RFC 9051, section 11.1: no login where STARTTLS is refused", answer: "NO not now", wantErr: true},
		{name: "BAD", rule: "RFC 9051, section 11.1: no login where STARTTLS is refused", answer: "BAD what", wantErr: true},
		{name: "PREAUTH", rule: "RFC 9051, section 7.1.4: PREAUTH leaves no room for the STARTTLS that is demanded", greeting: "PREAUTH welcome", answer: "BAD you are logged in", wantErr: true},
		{name: "data behind OK", rule: "RFC 9051, section 11.3: cleartext behind the OK of STARTTLS is not used", behind: "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n", config: trusted, wantErr: true},
		{name: "OK behind OK", rule: "RFC 9051, section 11.3: an answer in cleartext behind the OK of STARTTLS is not used", behind: "a2 OK LOGIN done\r\nA2 OK done\r\n2 OK done\r\n", config: trusted, wantErr: true},
		{name: "PREAUTH behind OK", rule: "RFC 9051, section 11.3: no greeting follows STARTTLS", behind: "* PREAUTH welcome\r\n", config: trusted, wantErr: true},
		{name: "wrong name", rule: "RFC 9051, section 11.1: a certificate for another name is refused", config: show(certs.otherName), wantErr: true},
		{name: "expired", rule: "RFC 9051, section 11.1: a certificate whose time is over is refused", config: show(certs.expired), wantErr: true},
		{name: "untrusted", rule: "RFC 9051, section 11.1: a certificate that nobody vouches for is refused", config: show(certs.untrusted), wantErr: true},
		{name: "TLS 1.1", rule: "RFC 9051, section 11.1: TLS 1.1 is refused", config: &tls.Config{Certificates: []tls.Certificate{certs.good}, MinVersion: tls.VersionTLS11, MaxVersion: tls.VersionTLS11}, wantErr: true},
		{name: "no handshake", rule: "RFC 9051, section 11.1: a handshake that fails is never cleartext again", garbage: true, wantErr: true},
	}
}

// tlsSession speaks up to STARTTLS as the case has it, and then as scripted does.
func (s *scripted) tlsSession(conn net.Conn, c *tlsClientCase) {
	greeting, caps := c.greeting, c.caps
	if greeting == "" {
		greeting = "OK ready"
	}
	if caps == "" {
		caps = "IMAP4rev1 STARTTLS AUTH=PLAIN"
	}
	io.WriteString(conn, "* "+greeting+"\r\n")
	r := bufio.NewReader(conn)
	for encrypted := false; ; {
		line, err := command(r, conn)
		if err != nil {
			return
		}
		tag, rest, _ := strings.Cut(line, " ")
		out, end := "", false
		switch v := verb(rest); {
		case v == "STARTTLS" && !encrypted && c.answer == "":
			io.WriteString(conn, tag+" OK begin\r\n"+strings.ReplaceAll(c.behind, "TAG", tag))
			if c.garbage {
				io.WriteString(conn, "this is no TLS\r\n* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] go on in clear\r\n")
				continue
			}
			conn = tls.Server(conn, c.config)
			r, encrypted = bufio.NewReader(conn), true
			continue
		case v == "STARTTLS" && !encrypted:
			out = tag + " " + c.answer + "\r\n"
		case v == "CAPABILITY" && !encrypted:
			out = "* CAPABILITY " + caps + "\r\n" + tag + " OK done\r\n"
		default:
			if !encrypted && (v == "LOGIN" || v == "AUTHENTICATE" || v == "SELECT") {
				s.offend(fmt.Sprintf("%s in cleartext", v))
			}
			out, end = s.answer(r, conn, tag, v, rest)
		}
		if _, err := io.WriteString(conn, out); err != nil || end {
			return
		}
	}
}
