// Package account has the flags of programs that log in to a server of IMAP.
package account

import (
	"crypto/x509"
	"flag"
	"fmt"
	"os"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap/imapclient"
)

// Flags adds them to fs. What it returns is to be called when they were parsed, and
// completes d. The password is taken from the environment, which other users of the
// machine do not see.
func Flags(fs *flag.FlagSet, d *imapclient.Dialer) func() error {
	fs.StringVar(&d.Addr, "server", "localhost", "host, or host:`port` if that is not 993, which means TLS from the first octet")
	fs.StringVar(&d.Credentials.Username, "user", "", "user; the password is in $MAIL_PASSWORD")
	roots := fs.String("cafile", "", "`file` with the certificates to trust, in place of the system's")
	insecure := fs.Bool("insecure", false, "take any server and any connection, also without TLS: for the loopback")
	return func() error {
		d.Credentials.Password = auth.Secret(os.Getenv("MAIL_PASSWORD"))
		if *insecure {
			d.TLS.Level, d.Auth.Cleartext = auth.TLSOpportunistic, auth.CleartextAny
		}
		if *roots == "" {
			return nil
		}
		pem, err := os.ReadFile(*roots)
		if err != nil {
			return err
		}
		d.TLS.Roots = x509.NewCertPool()
		if !d.TLS.Roots.AppendCertsFromPEM(pem) {
			return fmt.Errorf("%s has no certificate in PEM", *roots)
		}
		return nil
	}
}
