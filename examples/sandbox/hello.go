package main

import (
	"fmt"
	"net/netip"
	"strings"
)

// hello is what is printed when the sandbox is ready: where it listens, and
// three lines to paste.
func (s *sandbox) hello() string {
	var b strings.Builder
	fmt.Fprint(&b, "The sandbox catches mail for everyone and sends none.\n\n")
	for i, service := range services {
		address := s.address(i)
		if i == webService {
			address = "http://" + address + "/"
		}
		fmt.Fprintf(&b, "  %-5s %-24s %s\n", service.name, address, service.what)
		if a, err := netip.ParseAddrPort(s.address(i)); err == nil && !a.Addr().IsLoopback() {
			fmt.Fprintf(&b, "        others can reach this address; nothing here is protected from them\n")
		}
	}
	login := strings.ReplaceAll(s.user+":"+string(s.password), "'", `'\''`) // for the shell
	fmt.Fprintf(&b, "\nIMAP and POP3: user %s, password %s\n", s.user, string(s.password))
	fmt.Fprintf(&b, "\nSend a message, wait for it as a test would, fetch it by IMAP:\n\n")
	fmt.Fprintf(&b, "  printf 'From: a@example.org\\r\\nTo: b@example.org\\r\\nSubject: Hello\\r\\n\\r\\nIt works.\\r\\n' | curl -sS --mail-from a@example.org --mail-rcpt b@example.org --upload-file - smtp://%s\n", s.address(smtpService))
	fmt.Fprintf(&b, "  curl -sS 'http://%s/api/v1/wait?q=to:b@example.org&timeout=10s'\n", s.address(webService))
	fmt.Fprintf(&b, "  curl -sS --user '%s' 'imap://%s/INBOX;MAILINDEX=1'\n", login, s.address(imapService))
	fmt.Fprintf(&b, "\nThe mail is kept in memory: up to %d messages and %d MiB. Ctrl-C ends the sandbox and forgets it.\n", s.keep.messages, s.keep.octets>>20)
	return b.String()
}
