package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/mailwire/mailwire/auth"
)

// A server is what is tested, and how it is reached.
type server struct {
	name          string // its URL, without a password
	scheme        scheme
	host          string
	network, addr string
	login         *auth.Credentials // nil: none
	tls           *tls.Config       // nil: never
	startTLS      bool              // always, and first
	insecure      bool
	patience      time.Duration
}

// A scheme is that of a URL.
type scheme struct {
	protocol string // of the suite
	port     string
	implicit bool // TLS from the first octet: RFC 8314, section 3
}

var schemes = map[string]scheme{
	"smtp":        {"smtp", "25", false},
	"smtps":       {"smtp", "465", true},
	"submission":  {"submission", "587", false},
	"submissions": {"submission", "465", true},
	"lmtp":        {"lmtp", "24", false},
	"imap":        {"imap", "143", false},
	"imaps":       {"imap", "993", true},
	"pop3":        {"pop3", "110", false},
	"pop3s":       {"pop3", "995", true},
}

// flags adds those of the connection to fs. What it returns is called with the URL
// once they are parsed.
func (s *server) flags(fs *flag.FlagSet) (complete func(target string) error) {
	user := fs.String("user", "", "user `name`, if the URL has none; the password is in $MAIL_PASSWORD, or see -passwordfile")
	password := fs.String("passwordfile", "", "`file` whose first line is the password")
	level := fs.String("tls", "try", "`policy`: try (STARTTLS is tested where it is offered, and comes before a password), starttls (it comes first in every session), never")
	fs.BoolVar(&s.insecure, "insecure", false, "take any certificate")
	roots := fs.String("cafile", "", "`file` with the certificates to trust, in place of the system's")
	name := fs.String("servername", "", "the `name` in the certificate, if it is not that of the URL")
	fs.DurationVar(&s.patience, "patience", 10*time.Second, "how long to wait for a reply")
	return func(target string) error {
		secret, err := readPassword(*password)
		if err != nil {
			return err
		}
		if err := s.parse(target, *user, secret); err != nil {
			return err
		}
		return s.configure(*level, *roots, cmp.Or(*name, s.host))
	}
}

// readPassword returns the first line of a file, or what the environment has,
// which other users of the machine do not see, as they see arguments.
func readPassword(file string) (string, error) {
	if file == "" {
		return os.Getenv("MAIL_PASSWORD"), nil
	}
	b, err := os.ReadFile(file)
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSuffix(line, "\r"), err
}

// parse takes a URL. Its user and password come before the others.
func (s *server) parse(target, user, password string) error {
	u, err := url.Parse(target)
	if err != nil {
		return errors.New("the URL cannot be read") // the error has all of it
	}
	known := false
	if s.scheme, known = schemes[u.Scheme]; !known {
		return fmt.Errorf("%q is no scheme that is known: want smtp, submission, lmtp, imap or pop3, or with an s at its end", u.Scheme)
	}
	if u.User != nil {
		user = u.User.Username()
		if p, has := u.User.Password(); has {
			password = p
		}
	}
	if user != "" && password == "" {
		return errors.New("there is a user and no password: want $MAIL_PASSWORD or -passwordfile")
	}
	if user != "" {
		s.login = &auth.Credentials{Username: user, Password: auth.Secret(password)}
	}
	s.name = u.Scheme + "://" + u.Host
	s.host = u.Hostname()
	s.network, s.addr = "tcp", net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), s.scheme.port))
	if u.Host == "" && u.Path != "" {
		s.network, s.addr, s.name = "unix", u.Path, u.Scheme+"://"+u.Path
	}
	return nil
}

// configure sets the policy of TLS.
func (s *server) configure(level, roots, name string) error {
	switch {
	case level != "try" && level != "starttls" && level != "never":
		return fmt.Errorf("-tls: %q is no policy: want try, starttls or never", level)
	case level == "never" && s.scheme.implicit:
		return errors.New("-tls never, and a scheme that is TLS")
	case level == "never":
		return nil
	}
	s.startTLS = level == "starttls"
	s.tls = &tls.Config{ServerName: name, MinVersion: tls.VersionTLS12, InsecureSkipVerify: s.insecure}
	if roots == "" {
		return nil
	}
	pem, err := os.ReadFile(roots)
	if err != nil {
		return err
	}
	s.tls.RootCAs = x509.NewCertPool()
	if !s.tls.RootCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("%s has no certificate in PEM", roots)
	}
	return nil
}

// dial makes a connection, for the suites.
func (s *server) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, s.network, s.addr)
	if err != nil || !s.scheme.implicit {
		return c, err
	}
	tc := tls.Client(c, s.tls)
	if err := tc.HandshakeContext(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return tc, nil
}

// greeting is the first line that the server says.
func (s *server) greeting(ctx context.Context) (string, error) {
	if s.addr == ":"+s.scheme.port {
		return "", errors.New("the URL has no host")
	}
	c, err := s.dial(ctx)
	if err != nil {
		return "", err
	}
	defer c.Close()
	c.SetReadDeadline(time.Now().Add(s.patience))
	line, err := bufio.NewReader(io.LimitReader(c, 4096)).ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("no greeting: %w", err)
	}
	return printable(strings.TrimRight(line, "\r\n")), nil
}

// printable has no octet that a terminal would obey.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, s)
}
