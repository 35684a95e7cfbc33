package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/mailwire/mailwire/examples/maild/store"
	"github.com/mailwire/mailwire/smtp"
)

// config is what the command line says.
type config struct {
	data     string // absolute
	hostname string // how the daemon greets, and a name in its certificate
	domain   string // of all addresses here
	addr     [len(services)]string
	verbose  bool

	readable   bool          // keep passwords readable, offer APOP
	history    int           // removals that each mailbox remembers
	loginDelay time.Duration // whole seconds between logins by POP3

	relay    bool   // send mail to other hosts
	dns      string // server, host:port; "": the system's
	mxPort   uint   // of other hosts
	stsPort  uint   // of the hosts of MTA-STS policies
	roots    string // file with trust anchors beside the system's
	schedule        // of what does not get through
}

const usage = `Usage: maild [flags]              run the daemon
       maild [flags] adduser NAME  create an account, print its password
       maild [flags] passwd NAME   give an account a new password, print it
       maild [flags] queue         list the mail that waits for other hosts
       maild [flags] queue retry ID
       maild [flags] queue remove ID

Flags:
`

// parseConfig returns the settings and the words behind the flags. Help goes to out.
func parseConfig(args []string, out io.Writer) (c config, words []string, err error) {
	f := flag.NewFlagSet("maild", flag.ContinueOnError)
	f.SetOutput(out)
	f.Usage = func() {
		io.WriteString(out, usage)
		f.PrintDefaults()
	}
	f.StringVar(&c.data, "data", "maild-data", "folder of the mail and the certificate, created if missing")
	f.StringVar(&c.hostname, "hostname", "maild.localhost", "name of this host, fully qualified")
	f.StringVar(&c.domain, "domain", "", "domain of the mail addresses (default: the hostname)")
	for i, s := range services {
		f.StringVar(&c.addr[i], s.flag, s.addr, "address to listen on for "+s.what)
	}
	f.BoolVar(&c.verbose, "v", false, "log every command")
	f.BoolVar(&c.readable, "readable-passwords", false, "keep new passwords readable in the database, as APOP needs it, and offer APOP")
	f.IntVar(&c.history, "history", store.DefaultHistory, "removals that each mailbox remembers for clients that come back by QRESYNC")
	f.DurationVar(&c.loginDelay, "login-delay", 0, "time that an account has to wait between two logins by POP3, in whole seconds")
	f.BoolVar(&c.relay, "relay", false, "send mail of the accounts here to other hosts")
	f.StringVar(&c.dns, "dns", "", "DNS server that validates, as 127.0.0.1:53 (default: the system's)")
	f.UintVar(&c.mxPort, "mx-port", 25, "port of other hosts; for tests")
	f.UintVar(&c.stsPort, "sts-port", 443, "port of MTA-STS policies; for tests")
	f.StringVar(&c.roots, "roots", "", "PEM file of certificates to trust beside those of the system")
	f.DurationVar(&c.retry, "retry", 5*time.Minute, "wait before the second attempt; each further wait is twice as long, up to 4 h")
	f.DurationVar(&c.warn, "warn", 4*time.Hour, "age of a message that its sender is told about")
	f.DurationVar(&c.expire, "expire", 5*24*time.Hour, "age of a message that is returned")
	if err := f.Parse(args); err != nil {
		return c, nil, err
	}
	if c.domain == "" {
		c.domain = c.hostname
	}
	for _, name := range []string{c.hostname, c.domain} {
		if err := checkDomain(name); err != nil {
			return c, nil, err
		}
	}
	if c.loginDelay < 0 || c.loginDelay%time.Second != 0 {
		return c, nil, errors.New("-login-delay wants whole seconds")
	}
	if c.history < 0 {
		return c, nil, errors.New("-history: less than nothing cannot be remembered")
	}
	if err := c.checkRelay(); err != nil {
		return c, nil, err
	}
	c.data, err = filepath.Abs(c.data)
	return c, f.Args(), err
}

func (c *config) checkRelay() error {
	if lower := strings.ToLower(c.hostname); c.relay && strings.HasSuffix(lower, ".localhost") {
		return fmt.Errorf("-relay: other hosts know nobody called %s: set -hostname to a name that the DNS has", c.hostname)
	}
	for _, port := range []uint{c.mxPort, c.stsPort} {
		if port == 0 || port > 65535 {
			return fmt.Errorf("%d is no port", port)
		}
	}
	if c.retry <= 0 || c.warn <= 0 || c.expire <= 0 {
		return errors.New("-retry, -warn and -expire want more than nothing")
	}
	return nil
}

// checkDomain wants at least two labels: RFC 6409, section 4.2 has a submission
// server refuse addresses in anything shorter, its own would be unusable.
func checkDomain(name string) error {
	err := smtp.Path{Local: "postmaster", Domain: name}.Check(false)
	if err != nil || !strings.Contains(name, ".") || strings.HasPrefix(name, "[") {
		return errors.Join(fmt.Errorf("%q is not a fully qualified domain name", name), err)
	}
	return nil
}
