package main

import (
	"fmt"
	"net"
	"strings"

	"github.com/mailwire/mailwire/auth"
)

// hello is what the daemon prints when it is ready: where it listens, who may
// log in, and four lines to paste. Without a password curl asks for it.
func (d *daemon) hello(user string, password auth.Secret) string {
	var b strings.Builder
	fmt.Fprintf(&b, "maild keeps its data in %s\n\n", d.data)
	for i, s := range services {
		fmt.Fprintf(&b, "  %-11s %-16s %s\n", s.name, d.listeners[i].Addr(), s.what)
	}
	address := user + "@" + d.domain
	fmt.Fprintf(&b, "\n  user        %s (%s)\n", user, address)
	renew := "go run ./examples/maild -data " + shellQuote(d.data) + " passwd " + user
	if password != "" {
		fmt.Fprintf(&b, "  password    %s\n\nThe password is shown only now. For a new one: %s\n", string(password), renew)
		user += ":" + string(password)
	} else {
		fmt.Fprintf(&b, "  password    as set earlier; for a new one: %s\n", renew)
	}

	message := `From: ` + address + `\r\nTo: ` + address + `\r\nSubject: Hello\r\n\r\nIt works.\r\n`
	curl := "curl -sS --cacert " + shellQuote(d.certFile()) + " --user " + user + " "
	send, fetch := "smtp://"+d.dialAddr(submissionService), "pop3s://"+d.dialAddr(pop3sService)+"/"
	fmt.Fprintf(&b, "\nSend a message, list the mailbox, fetch the first message by POP3 and by IMAP:\n\n")
	fmt.Fprintf(&b, "  printf '%s' | %s--ssl-reqd --mail-from %s --mail-rcpt %s --upload-file - %s\n", message, curl, address, address, shellQuote(send))
	fmt.Fprintf(&b, "  %s%s\n", curl, shellQuote(fetch))
	fmt.Fprintf(&b, "  %s%s\n", curl, shellQuote(fetch+"1"))
	fmt.Fprintf(&b, "  %s%s\n", curl, shellQuote("imaps://"+d.dialAddr(imapsService)+"/INBOX;MAILINDEX=1"))
	if d.queue == nil {
		fmt.Fprintf(&b, "\nMail to other hosts is refused; the README says how to send it.\n")
	}
	fmt.Fprintf(&b, "\nCtrl-C stops the daemon.\n")
	return b.String()
}

// dialAddr is an address of a service that the certificate covers.
func (d *daemon) dialAddr(service int) string {
	addr := d.listeners[service].Addr().(*net.TCPAddr)
	if addr.IP.IsLoopback() {
		return addr.String()
	}
	return fmt.Sprintf("%s:%d", d.hostname, addr.Port)
}

// shellQuote makes s one word of a shell.
func shellQuote(s string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@%+:,./_-"
	if s != "" && strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
