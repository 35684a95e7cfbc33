package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/mailwire/mailwire/smtp"
)

// config is what the command line says.
type config struct {
	data     string // absolute
	hostname string // how the daemon greets, and a name in its certificate
	domain   string // of all addresses here
	addr     [len(services)]string
	verbose  bool
}

const usage = `Usage: maild [flags]              run the daemon
       maild [flags] adduser NAME  create an account, print its password
       maild [flags] passwd NAME   give an account a new password, print it

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
	c.data, err = filepath.Abs(c.data)
	return c, f.Args(), err
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
