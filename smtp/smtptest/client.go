package smtptest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailwire/mailwire/smtp"
)

// RunClient tests a client: deliver sends a message over SMTP to addr, on
// loopback, without TLS unless it likes, and returns an error unless every
// recipient was accepted. It is called once for each case, each time for another
// server. The envelope may be one that cannot be sent, which is then an error too.
//
// An error with a method Temporary() bool is asked it where that matters.
func RunClient(t *testing.T, deliver func(ctx context.Context, addr string, e *smtp.Envelope, body []byte) error) {
	runClient(t, smtp.SMTP, deliver)
}

// RunLMTPClient is RunClient for a client of LMTP.
func RunLMTPClient(t *testing.T, deliver func(ctx context.Context, addr string, e *smtp.Envelope, body []byte) error) {
	runClient(t, smtp.LMTP, deliver)
}

func runClient(t *testing.T, protocol smtp.Protocol, deliver func(ctx context.Context, addr string, e *smtp.Envelope, body []byte) error) {
	for _, c := range clientCases {
		if c.protocol != nil && *c.protocol != protocol {
			continue
		}
		t.Run(c.id, func(t *testing.T) {
			p := startPeer(t, &c, protocol)
			e := smtp.NewEnvelope("from@x.example", "u1@x.example", "u2@x.example", "u3@x.example")
			if c.envelope != nil {
				e = c.envelope()
			}
			body := "Subject: test\r\n\r\nx\r\n"
			if c.body != "" {
				body = c.body
			}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			err := deliver(ctx, p.addr, e, []byte(body))
			p.stop()
			p.mu.Lock()
			defer p.mu.Unlock()
			wrong := p.wrong
			if wrong == "" && ctx.Err() != nil {
				wrong = "the client hangs"
			}
			if wrong == "" {
				wrong = c.check(p, err)
			}
			if skip, ok := strings.CutPrefix(wrong, "skip: "); ok {
				t.Skip(skip)
			}
			if wrong != "" {
				t.Errorf("%s (%s; %s): %s: %s\nerror of the client: %v\n%s", c.id, c.level, strings.Join(c.refs, "; "), c.title, wrong, err, p.log.String())
			}
		})
	}
}

// A clientCase is a server that does one thing, and what must come of it.
type clientCase struct {
	id, title string
	refs      []string
	level     Level
	protocol  *smtp.Protocol // nil: any

	offers   []string // of EHLO; nil: PIPELINING and 8BITMIME
	envelope func() *smtp.Envelope
	body     string
	// reply says what is answered instead of what is usual: "": the usual. verb is
	// in capitals, "." for the end of content, "" for the greeting; n counts those
	// of its kind, from 0. A reply that ends in "!" is the last: the connection is
	// closed behind it.
	reply func(verb, arg string, n int) string
	check func(p *peer, err error) string // "": right
}

var (
	onlySMTP = new(smtp.SMTP)
	onlyLMTP = new(smtp.LMTP)
)

// on answers one verb in another way.
func on(verb, reply string) func(string, string, int) string {
	return func(v, _ string, _ int) string {
		if v == verb {
			return reply
		}
		return ""
	}
}

// delivered wants success, and the message at the server.
func delivered(p *peer, err error) string {
	if err != nil {
		return "want success"
	}
	return p.arrived("Subject: test\r\n\r\nx\r\n", "u1", "u2", "u3")
}

// failed wants an error, and nothing at the server.
func failed(p *peer, err error) string {
	switch {
	case err == nil:
		return "want an error"
	case len(p.messages) > 0:
		return fmt.Sprintf("a message was sent: %.100q", p.messages[0].content)
	}
	return ""
}

// wantError wants an error, whatever was sent.
func wantError(_ *peer, err error) string {
	if err == nil {
		return "want an error"
	}
	return ""
}

var clientCases = []clientCase{
	{
		id: "CLIENT-79", title: "a reply needs no text", refs: []string{"RFC 5321, section 4.2"}, level: Must,
		reply: func(verb, _ string, _ int) string {
			switch verb {
			case "MAIL", "RCPT", ".", "QUIT", "RSET":
				return "250\r\n"
			case "DATA":
				return "354\r\n"
			}
			return ""
		},
		check: delivered,
	},
	{
		id: "CLIENT-79b", title: "replies may have many lines, keywords any case", refs: []string{"RFC 5321, section 4.2", "RFC 5321, section 4.1.1.1"}, level: Must,
		offers: []string{"pipelining", "8bitmime", "Size 1000000"},
		reply: func(verb, _ string, _ int) string {
			switch verb {
			case "":
				return "220-mx.example\r\n220-welcome\r\n220 go\r\n"
			case "RCPT":
				return "250-2.1.5 one\r\n250-2.1.5 two\r\n250 2.1.5 three\r\n"
			}
			return ""
		},
		check: delivered,
	},
	{
		id: "CLIENT-79c", title: "a reply of two codes is no reply", refs: []string{"RFC 5321, section 4.2.1"}, level: Must,
		reply: on("MAIL", "250-fine\r\n550 not so fine\r\n"), check: failed,
	},
	{
		id: "CLIENT-79d", title: "a reply without end is given up", level: Practice,
		reply: on("MAIL", strings.Repeat("250-on and on and on and on and on and on\r\n", 250_000)+"250 at last\r\n"), check: failed,
	},
	{
		id: "CLIENT-79e", title: "octets behind the reply to STARTTLS end the connection", refs: []string{"RFC 3207, section 4.2"}, level: Must,
		offers: []string{"STARTTLS"}, reply: on("STARTTLS", "220 go\r\n250 injected\r\n!"),
		check: func(p *peer, err error) string {
			if !slices.Contains(p.verbs, "STARTTLS") {
				return "skip: the client does not use STARTTLS"
			}
			return failed(p, err)
		},
	},
	{
		id: "CLIENT-79f", title: "what is no reply ends the connection", refs: []string{"RFC 5321, section 4.2"}, level: Must,
		reply: on("MAIL", "fine\r\n250 OK\r\n"), check: failed,
	},
	{
		id: "CLIENT-80", title: "CR, LF, NUL and > in an address are not sent", refs: []string{"RFC 5321, section 4.1.2"}, level: Must,
		envelope: func() *smtp.Envelope {
			e := smtp.NewEnvelope("from@x.example", "u1@x.example")
			e.To = append(e.To, smtp.Rcpt{Path: smtp.Path{Local: "u2", Domain: "x.example>\r\nRCPT TO:<evil@x.example"}})
			return e
		},
		check: notInjected,
	},
	{
		id: "CLIENT-80b", title: "neither are they in a local part", refs: []string{"RFC 5321, section 4.1.2"}, level: Must,
		envelope: func() *smtp.Envelope {
			e := smtp.NewEnvelope("", "u1@x.example")
			e.From = smtp.Path{Local: "from\r\nRCPT TO:<evil@x.example>", Domain: "x.example"}
			return e
		},
		check: notInjected,
	},
	{
		id: "CLIENT-80c", title: "nor in a parameter", refs: []string{"RFC 3461, section 4.4"}, level: Must, offers: []string{"PIPELINING", "DSN"},
		envelope: func() *smtp.Envelope {
			e := smtp.NewEnvelope("from@x.example", "u1@x.example")
			e.Options.EnvID = "x\r\nRCPT TO:<evil@x.example>"
			return e
		},
		check: notInjected,
	},
	{
		id: "CLIENT-81", title: "no bare CR or LF is sent, dots are stuffed, and the end is CRLF.CRLF", refs: []string{"RFC 5321, section 2.3.8", "RFC 5321, section 4.5.2"}, level: Must,
		body: ".first\r\n..\n.\nMAIL FROM:<x>\r.\r\nx\r\r\n.\r\n.\n.\r\nno end",
		check: func(p *peer, err error) string {
			switch {
			case err != nil && len(p.messages) == 0: // refused, as it may be
				return ""
			case len(p.messages) != 1:
				return fmt.Sprintf("%d messages arrived", len(p.messages))
			}
			got := strings.ReplaceAll(string(p.messages[0].content), "\r\n", "\n")
			want := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(".first\r\n..\n.\nMAIL FROM:<x>\r.\r\nx\r\r\n.\r\n.\n.\r\nno end\r\n")
			if got != want {
				return fmt.Sprintf("the lines arrived as %q, want %q", got, want)
			}
			return ""
		},
	},
	{
		id: "CLIENT-82", title: "421 amid the replies fails what follows it", refs: []string{"RFC 5321, section 3.8"}, level: Should,
		reply: func(verb, _ string, n int) string {
			if verb == "RCPT" && n == 1 {
				return "421 4.3.2 closing\r\n!"
			}
			return ""
		},
		check: failed,
	},
	{
		id: "CLIENT-82b", title: "552 to RCPT is a temporary failure", refs: []string{"RFC 5321, section 4.5.3.1.10"}, level: Should,
		reply: on("RCPT", "552 too many recipients\r\n"),
		check: func(p *peer, err error) string {
			if wrong := failed(p, err); wrong != "" {
				return wrong
			}
			if e, ok := errors.AsType[interface {
				error
				Temporary() bool
			}](err); !ok {
				return "skip: the error does not say whether it is temporary"
			} else if !e.Temporary() {
				return "the error is not temporary"
			}
			return ""
		},
	},
	{
		id: "CLIENT-83", title: "the message goes to those who are accepted", refs: []string{"RFC 5321, section 3.3", "RFC 2920, section 3.1"}, level: Must,
		reply: func(verb, arg string, _ int) string {
			if verb == "RCPT" && strings.Contains(arg, "u2") {
				return "550 5.1.1 nobody\r\n"
			}
			return ""
		},
		check: func(p *peer, err error) string {
			if err == nil {
				return "want an error for the second recipient"
			}
			return p.arrived("Subject: test\r\n\r\nx\r\n", "u1", "u3")
		},
	},
	{
		id: "CLIENT-83b", title: "354 without a recipient draws no message", refs: []string{"RFC 2920, section 3.1"}, level: Must, protocol: onlySMTP,
		reply: func(verb, _ string, _ int) string {
			switch verb {
			case "RCPT":
				return "550 5.1.1 nobody\r\n"
			case "DATA":
				return "354 go\r\n"
			}
			return ""
		},
		check: func(p *peer, err error) string {
			if err == nil {
				return "want an error"
			}
			for _, m := range p.messages {
				if len(m.content) > 0 {
					return fmt.Sprintf("content was sent: %.100q", m.content)
				}
			}
			return ""
		},
	},
	{
		id: "CLIENT-83c", title: "a MAIL that is refused is a failure, whatever comes behind", refs: []string{"RFC 2920, section 3.1"}, level: Must,
		reply: on("MAIL", "550 no\r\n"), check: failed,
	},
	{
		id: "CLIENT-83d", title: "a message that is refused is a failure", refs: []string{"RFC 5321, section 4.2.5"}, level: Must,
		reply: on(".", "554 no\r\n"), check: wantError,
	},
	{
		id: "CLIENT-83e", title: "a message is not delivered before that is said", refs: []string{"RFC 5321, section 4.2.5"}, level: Must,
		reply: on(".", "!"), check: wantError,
	},
	{
		id: "CLIENT-84", title: "a greeting of 554 is a failure", refs: []string{"RFC 5321, section 3.1"}, level: Must,
		reply: on("", "554 no service\r\n"),
		check: func(p *peer, err error) string {
			for _, v := range p.verbs {
				if v != "QUIT" {
					return v + " was sent behind 554"
				}
			}
			return failed(p, err)
		},
	},
	{
		id: "CLIENT-85", title: "HELO is for servers that know no EHLO", refs: []string{"RFC 5321, section 3.2"}, level: Should, protocol: onlySMTP,
		reply: on("EHLO", "502 what?\r\n"), check: delivered,
	},
	{
		id: "CLIENT-86", title: "without PIPELINING every command waits", refs: []string{"RFC 2920, section 3.1"}, level: Must, offers: []string{"8BITMIME"}, check: delivered,
	},
	{
		id: "CLIENT-87", title: "in LMTP each recipient has a reply", refs: []string{"RFC 2033, section 4.2"}, level: Must, protocol: onlyLMTP,
		reply: func(verb, _ string, n int) string {
			if verb == "." && n == 1 {
				return "452 4.2.2 full\r\n"
			}
			return ""
		},
		check: func(p *peer, err error) string {
			if err == nil {
				return "want an error for the second recipient"
			}
			return p.arrived("Subject: test\r\n\r\nx\r\n", "u1", "u2", "u3")
		},
	},
	{
		id: "CLIENT-87b", title: "in LMTP only the recipients that were accepted have one", refs: []string{"RFC 2033, section 4.2"}, level: Must, protocol: onlyLMTP,
		reply: func(verb, arg string, _ int) string {
			if verb == "RCPT" && !strings.Contains(arg, "u3") {
				return "550 5.1.1 nobody\r\n"
			}
			return ""
		},
		check: func(p *peer, err error) string {
			if err == nil {
				return "want an error for two recipients"
			}
			return p.arrived("Subject: test\r\n\r\nx\r\n", "u3")
		},
	},
	{
		id: "CLIENT-66", title: "8-bit content is for servers that offer 8BITMIME", refs: []string{"RFC 6152, section 3"}, level: Must, offers: []string{"PIPELINING"},
		body: "Subject: test\r\n\r\ncaf\xe9\r\n",
		check: func(p *peer, err error) string {
			for _, m := range p.messages {
				if bytes.ContainsFunc(m.content, func(c rune) bool { return c >= 0x80 }) {
					return "8-bit content was sent"
				}
			}
			return ""
		},
	},
	{
		id: "CLIENT-42", title: "RCPTMAX is obeyed", refs: []string{"RFC 9422, section 4"}, level: Must, offers: []string{"PIPELINING", "LIMITS RCPTMAX=2"},
		check: func(p *peer, err error) string {
			for _, m := range p.messages {
				if len(m.to) > 2 {
					return "a third recipient was named"
				}
			}
			if len(p.messages) == 0 || err == nil && len(p.messages) < 2 {
				return fmt.Sprintf("%d messages arrived", len(p.messages))
			}
			return ""
		},
	},
	{
		id: "CLIENT-94", title: "no initial response makes a line of over 512 octets", refs: []string{"RFC 4954, section 4"}, level: Must, offers: []string{"AUTH PLAIN LOGIN CRAM-MD5"},
		reply: on("AUTH", "535 5.7.8 no\r\n"),
		check: func(p *peer, err error) string {
			for i, v := range p.verbs {
				if v == "AUTH" && p.lengths[i] > 512 {
					return fmt.Sprintf("an AUTH line of %d octets", p.lengths[i])
				}
			}
			if !slices.Contains(p.verbs, "AUTH") {
				return "skip: the client does not use AUTH"
			}
			return ""
		},
	},
}

func notInjected(p *peer, err error) string {
	if bytes.Contains(p.wire, []byte("RCPT TO:<evil@x.example")) {
		return "a command was injected"
	}
	if bytes.Contains(p.wire, []byte("evil")) {
		return "an address was sent that is none"
	}
	return failed(p, err)
}
