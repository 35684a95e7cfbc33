package main

import (
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/mailwire/mailwire/auth"
)

// services are what the sandbox listens for, in the order of the addresses in config.
var services = [...]struct{ name, flag, addr, what string }{
	smtpService: {"SMTP", "smtp", "127.0.0.1:1025", "takes any mail, with or without STARTTLS and any login"},
	webService:  {"web", "web", "127.0.0.1:8025", "shows it"},
	imapService: {"IMAP", "imap", "127.0.0.1:1143", "the same mail"},
	pop3Service: {"POP3", "pop3", "127.0.0.1:1110", "the same mail"},
}

const (
	smtpService = iota
	webService
	imapService
	pop3Service
)

// config is what the command line says.
type config struct {
	addr     [len(services)]string
	user     string
	password auth.Secret
	names    []string // of the web page, beside localhost
	keep     bounds
	verbose  bool
}

// bounds are how much mail is kept. The oldest makes room for the newest.
type bounds struct {
	messages int
	octets   int64
}

// parseConfig returns the settings. Help goes to out.
func parseConfig(args []string, out io.Writer) (c config, err error) {
	f := flag.NewFlagSet("sandbox", flag.ContinueOnError)
	f.SetOutput(out)
	for i, s := range services {
		f.StringVar(&c.addr[i], s.flag, s.addr, "address to listen on for "+s.name)
	}
	f.StringVar(&c.user, "user", "sandbox", "who reads the mail by IMAP and POP3")
	f.StringVar((*string)(&c.password), "password", "", "of that user (default: random, printed at the start)")
	names := f.String("host", "", "more names that the web page may be called by, with commas between")
	f.IntVar(&c.keep.messages, "messages", 5000, "how many messages to keep; the oldest are dropped")
	mib := f.Int64("mib", 256, "how much mail to keep, in MiB; the oldest is dropped")
	f.BoolVar(&c.verbose, "v", false, "log every command")
	if err := f.Parse(args); err != nil {
		return c, err
	}
	if f.NArg() > 0 {
		return c, fmt.Errorf("%q: no arguments are wanted", f.Args())
	}
	if c.keep.messages < 1 || *mib < 1 || *mib > 1<<20 {
		return c, errors.New("-messages and -mib want at least 1")
	}
	c.keep.octets = *mib << 20
	for name := range strings.FieldsFuncSeq(*names, func(r rune) bool { return r == ',' }) {
		c.names = append(c.names, strings.ToLower(strings.TrimSpace(name)))
	}
	if c.password == "" {
		c.password = auth.Secret(strings.ToLower(rand.Text()[:12]))
	}
	return c, nil
}
