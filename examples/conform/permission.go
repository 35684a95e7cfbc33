package main

import (
	"errors"
	"flag"
	"fmt"
	"net/url"
	"strings"

	"github.com/mailwire/mailwire/imap/imaptest"
	"github.com/mailwire/mailwire/pop3/pop3test"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtptest"
)

// A permission is what the flags allow to do to the server.
type permission struct {
	forbidden smtptest.Harm // the suites mean the same by it

	good, bad, from []smtp.Path
	prefix          string  // of mailboxes that may be changed
	fill            *server // nil: the maildrop cannot be filled
}

// wants is the flag that allows some harm.
var wants = []struct {
	harm smtptest.Harm
	flag string
}{
	{smtptest.Delivers, "-deliver-to"},
	{imaptest.Changes, "-destructive"},
	{pop3test.Empties, "-empty-account"},
	{smtptest.Loads, "-load"},
	{smtptest.Guesses, "-guess"},
	{smtptest.Exposes, "-expose"},
}

// asks returns the flags that are missing for a case of such harm.
func (p *permission) asks(harm smtptest.Harm) (flags []string) {
	for _, w := range wants {
		if harm&p.forbidden&w.harm != 0 {
			flags = append(flags, w.flag)
		}
	}
	return flags
}

// flags adds those of permission to fs. What it returns is called once they are
// parsed.
func (p *permission) flags(fs *flag.FlagSet) (complete func(*server) error) {
	to := fs.String("deliver-to", "", "SMTP: send mail to these `addresses`, with commas between; each case sends some, and three are best")
	refused := fs.String("refused", "", "SMTP: an `address` that is refused at RCPT")
	from := fs.String("from", "", "SMTP: the `address` that mail is from, if it is not smtptest at the domain of the first recipient")
	fs.StringVar(&p.prefix, "destructive", "", "IMAP: make and delete mailboxes whose names begin with this `prefix`")
	empty := fs.Bool("empty-account", false, "IMAP, POP3: delete all mail of the account, again and again")
	fill := fs.String("fill", "", "POP3: the `URL` of IMAP by which the maildrop is filled; the user is the same")
	load := fs.Bool("load", false, "send a lot, and connect often")
	guess := fs.Bool("guess", false, "log in with wrong passwords")
	expose := fs.Bool("expose", false, "say the password without TLS where that must be refused")
	return func(s *server) (err error) {
		for _, row := range []struct {
			list string
			to   *[]smtp.Path
		}{{*to, &p.good}, {*refused, &p.bad}, {*from, &p.from}} {
			if *row.to, err = addresses(row.list); err != nil {
				return err
			}
		}
		allowed := map[string]bool{
			"-deliver-to": len(p.good) > 0, "-destructive": p.prefix != "" || *empty, "-empty-account": *empty, "-load": *load, "-guess": *guess, "-expose": *expose,
		}
		for _, w := range wants {
			if !allowed[w.flag] {
				p.forbidden |= w.harm
			}
		}
		if *fill != "" {
			p.fill, err = filler(*fill, s)
		}
		return err
	}
}

func addresses(list string) (out []smtp.Path, err error) {
	for address := range strings.SplitSeq(list, ",") {
		if address = strings.TrimSpace(address); address == "" {
			continue
		}
		p, err := smtp.ParsePath([]byte("<"+address+">"), true)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// filler is the server of IMAP that has the maildrop of s, with its user and its
// trust.
func filler(target string, s *server) (*server, error) {
	if s.login == nil {
		return nil, errors.New("-fill: there is no -user")
	}
	u, err := url.Parse(target)
	if err != nil || schemes[u.Scheme].protocol != "imap" {
		return nil, errors.New("-fill: want a URL of IMAP")
	}
	f := *s
	if err := f.parse(target, s.login.Username, string(s.login.Password)); err != nil {
		return nil, fmt.Errorf("-fill: %w", err)
	}
	if f.tls != nil && f.host != s.host { // and so another name is in its certificate
		f.tls = f.tls.Clone()
		f.tls.ServerName = f.host
	}
	return &f, nil
}
