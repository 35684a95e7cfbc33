package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"slices"
	"time"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/mime"
	"github.com/mailwire/mailwire/pop3"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpserver"
)

// entry is what a list shows of a message, found out once, and the session that
// it came in. It does not change. What a stranger can make long is cut, so that
// a shelf full of entries is small beside the messages.
type entry struct {
	uid         imap.UID // given by the mailbox
	received    time.Time
	date        time.Time // that the message states; zero if it states none
	from, to    []address
	subject     string
	preview     string
	size        int64
	popSize     int64 // as POP3 counts
	attachments int
	session     session
	cost        int64 // octets that it is counted for
}

// address is a mailbox as people and programs read it.
type address struct {
	Name    string `json:"name"`
	Address string `json:"address"`
}

// String is an address as on the page of a message.
func (a address) String() string {
	if a.Name == "" {
		return a.Address
	}
	return fmt.Sprintf("%s <%s>", a.Name, a.Address)
}

const (
	maxText      = 300 // characters of a text in a list
	maxAddresses = 50  // of a field in a list
)

func newEntry(octets []byte, s session, now time.Time) *entry {
	m := mime.Parse(octets, nil)
	h := m.Header()
	e := &entry{received: now, size: m.Size(), session: s, attachments: len(m.Views().Attachments)}
	e.date, _ = h.Date()
	e.from, e.to = addresses(h, "From", maxAddresses), addresses(h, "To", maxAddresses)
	e.subject, e.preview = cut(h.Text("Subject"), maxText), m.Preview(maxText)
	e.popSize, _ = pop3.Size(bytes.NewReader(octets)) // a bytes.Reader has no errors
	e.cost = e.size + s.cost() + 4096
	return e
}

// addresses returns the mailboxes of a field, up to a number of them.
func addresses(h *mime.Header, field string, most int) []address {
	all := []address{} // [] in JSON
	for _, a := range h.Addresses(field).Mailboxes {
		if len(all) == most {
			break
		}
		all = append(all, address{cut(a.Name, maxText), cut(a.Spec(), maxText)})
	}
	return all
}

// session is what was told by SMTP beside the message, for the page and for JSON.
type session struct {
	Peer  string   `json:"peer"`
	Hello string   `json:"hello"` // with its verb
	TLS   string   `json:"tls"`   // "" without
	User  string   `json:"user"`  // "" without login
	From  string   `json:"from"`  // "" for the null path
	To    []string `json:"to"`
	Mail  string   `json:"mail"` // the command as it was understood, with its parameters
	Rcpt  []string `json:"rcpt"` // likewise
}

func newSession(hello smtp.Verb, m *smtpserver.Message) session {
	s := session{
		Peer:  m.Conn.Peer().String(),
		Hello: fmt.Sprintf("%s %s", hello, m.Conn.Hello()),
		From:  plain(m.From),
		Mail:  command("MAIL FROM:", m.From, func() ([]byte, error) { return smtp.AppendMail([]byte("MAIL "), m.From, &m.Options) }),
	}
	if state := m.Conn.TLS(); state != nil {
		s.TLS = tls.VersionName(state.Version) + ", " + tls.CipherSuiteName(state.CipherSuite)
	}
	if id, ok := m.Conn.Identity(); ok {
		s.User = id.Authcid
	}
	for _, to := range m.To {
		s.To = append(s.To, plain(to.Path))
		s.Rcpt = append(s.Rcpt, command("RCPT TO:", to.Path, func() ([]byte, error) { return smtp.AppendRcpt([]byte("RCPT "), to.Path, &to.Options) }))
	}
	return s
}

// plain is an address without angle brackets, "" for the null path.
func plain(p smtp.Path) string {
	if p.IsNull() {
		return ""
	}
	return p.String()
}

// command is a command line; where a parameter cannot be written, without any.
func command(verb string, p smtp.Path, write func() ([]byte, error)) string {
	line, err := write()
	if err != nil {
		return verb + "<" + plain(p) + ">"
	}
	return string(line)
}

// cost is how much memory the texts take, about.
func (s *session) cost() int64 {
	n := 0
	for _, text := range slices.Concat([]string{s.Hello, s.User, s.From, s.Mail}, s.To, s.Rcpt) {
		n += len(text)
	}
	return int64(n)
}
