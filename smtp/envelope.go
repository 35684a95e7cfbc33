package smtp

import "fmt"

// A Rcpt is a recipient with the parameters that came, or go, with it.
type Rcpt struct {
	Path    Path
	Options RcptOptions
}

// An Envelope is what SMTP carries beside the content of a message: RFC 5321,
// section 2.3.1. Servers and clients use the same type.
type Envelope struct {
	From    Path
	Options MailOptions
	To      []Rcpt // in the order of the RCPT commands; duplicates are legal
}

// NewEnvelope returns the envelope of a message from one address to others,
// each as people write it: local@domain, or "" for the null reverse-path. An
// address that cannot be parsed is kept as an invalid Path, so that Check and
// every use of the envelope name it.
func NewEnvelope(from string, to ...string) *Envelope {
	e := &Envelope{From: mailbox(from), To: make([]Rcpt, len(to))}
	for i, t := range to {
		e.To[i].Path = mailbox(t)
	}
	return e
}

func mailbox(s string) Path {
	if s == "" || s == "<>" {
		return Path{}
	}
	p, err := ParseMailbox(s)
	if err != nil {
		return Path{Local: s} // no domain: Check refuses it, with its text
	}
	return p
}

// Check reports the first thing in e that cannot be sent: a path, a recipient
// of <>, no recipient, or a parameter whose value cannot be written.
func (e *Envelope) Check() error {
	var buf []byte // of one command after the other
	o := options{mail: &e.Options}
	buf, err := appendEnvelopeArg(buf, "FROM:", e.From, mailParams[:], &o)
	if err != nil {
		return fmt.Errorf("sender %s: %w", quote(e.From.String()), err)
	}
	if len(e.To) == 0 {
		return &SyntaxError{What: "envelope", Want: "a recipient", Got: "none"}
	}
	for i := range e.To {
		to := &e.To[i]
		o = options{rcpt: &to.Options, check: o.check}
		if to.Path.IsNull() {
			err = &SyntaxError{What: "recipient", Want: "a mailbox", Got: `"<>"`}
		} else {
			buf, err = appendEnvelopeArg(buf[:0], "TO:", to.Path, rcptParams[:], &o)
		}
		if err != nil {
			return fmt.Errorf("recipient %s: %w", quote(to.Path.String()), err)
		}
	}
	return nil
}
