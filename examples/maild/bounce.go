package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/dnsmx"
	"github.com/mailwire/mailwire/examples/maild/store"
	"github.com/mailwire/mailwire/mime"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpclient"
)

// action is what a report says of a recipient: RFC 3464, section 2.3.3.
type action int

const (
	failed action = iota
	delayed
	relayed   // to a host that will not report any further
	delivered // into a mailbox here
	numActions
)

var actions = [numActions]struct {
	name, subject, human string
	wanted               smtp.Notify // RFC 3461, section 4.1
	unasked              bool        // also if nothing was said of reports
}{
	failed: {"failed", "Not delivered", "Your message could not be delivered to these recipients,\nand will not be tried again:",
		smtp.NotifyFailure, true},
	delayed: {"delayed", "Delayed", "Your message has not been delivered to these recipients yet.\nYou need not send it again; it is tried further:",
		smtp.NotifyDelay, true},
	relayed: {"relayed", "Sent on", "Your message was handed over for these recipients\nto a host that does not say what becomes of it:",
		smtp.NotifySuccess, false},
	delivered: {"delivered", "Delivered", "Your message was delivered to these recipients:",
		smtp.NotifySuccess, false},
}

// reports gathers what the sender of one message is to be told.
type reports [numActions][]reported

type reported struct {
	rcpt store.Waiting
	verdict
}

// add notes an event, unless the sender does not want to hear of it.
func (r *reports) add(a action, rcpt store.Waiting, v verdict) {
	notify := rcpt.Options.Notify
	if notify&actions[a].wanted != 0 || notify == 0 && actions[a].unasked {
		r[a] = append(r[a], reported{rcpt, v})
	}
}

// maxReturned is how much of a message comes back with a report, whatever was asked
// for: RFC 3461, section 6.2. Of a longer one it is the header.
const maxReturned = 1 << 20

// notices makes the reports about a message, for the account that sent it. An error
// means that it may work another time. Nobody
// is told of what came from the null path, or reports would answer reports: RFC
// 5321, section 4.5.5.
func (d *daemon) notices(m *store.Outgoing, r *reports, now time.Time) ([]store.Notice, error) {
	var all []store.Notice
	for a, of := range r {
		if len(of) == 0 || m.From.IsNull() {
			continue
		}
		ctx := context.Background() // it belongs to a change that is made as a whole
		owner, _, err := d.accounts.owner(ctx, m.From)
		if err != nil {
			return nil, err
		}
		if owner == "" {
			d.log.Warn("no account for a report", "id", m.Name, "from", m.From.String(), "action", actions[a].name)
			continue
		}
		original, full, err := d.original(ctx, m, action(a))
		if err != nil {
			return nil, err
		}
		text, err := d.report(m, action(a), of, now, original, full)
		if err != nil { // another time it would not work either
			d.log.Error("no report", "id", m.Name, "from", m.From.String(), "action", actions[a].name, "err", err)
			continue
		}
		all = append(all, store.Notice{Account: owner, Content: text})
	}
	return all, nil
}

// report makes one delivery status notification: RFC 3464.
func (d *daemon) report(m *store.Outgoing, a action, of []reported, now time.Time, original *mime.Message, full bool) ([]byte, error) {
	status := mime.DeliveryStatus{ReportingMTA: d.hostname, EnvelopeID: m.Options.EnvID, Arrival: m.Arrived}
	var human strings.Builder
	fmt.Fprintf(&human, "This is %s.\n\n%s\n\n", d.hostname, actions[a].human)
	for _, r := range of {
		status.Recipients = append(status.Recipients, r.status(a, now))
		fmt.Fprintf(&human, "  %s\n", r.rcpt.Path)
		if r.err != nil {
			fmt.Fprintf(&human, "    %s\n", lastWords(r.err))
		}
	}
	b := new(mime.Builder).
		From(mime.Address{Name: "Mail system", Local: "postmaster", Domain: d.domain}).
		To(mime.Address{Local: m.From.Local, Domain: m.From.Domain}).
		Subject(actions[a].subject).
		Report(&status, human.String(), original, full)
	b.Date = now
	if err := b.Header.Add("Auto-Submitted", "auto-replied"); err != nil { // RFC 3834, section 5
		return nil, err
	}
	out := bytes.NewBufferString("Return-Path: <>\r\n")
	_, err := b.WriteTo(out)
	return out.Bytes(), err
}

// original is what a report returns of the message. All of it goes only to a sender
// who asked, about a failure, and not if it was to be kept from prying eyes: RFC
// 3461, section 4.3; RFC 8689, section 5.
func (d *daemon) original(ctx context.Context, m *store.Outgoing, a action) (_ *mime.Message, full bool, err error) {
	full = m.Options.Ret == smtp.RetFull && a == failed && !m.Options.RequireTLS && m.Size <= maxReturned
	if a == delivered { // it has just come and is not stored yet; who sent it knows it
		return nil, false, nil
	}
	content, err := d.store.OutgoingContent(ctx, m)
	if err != nil {
		return nil, false, err
	}
	defer content.Close()
	most := int64(maxHeader)
	if full {
		most = m.Size
	}
	octets, err := io.ReadAll(io.LimitReader(content, most))
	return mime.Parse(octets, nil), full, err
}

// status is the group of fields about one recipient.
func (r *reported) status(a action, now time.Time) mime.RecipientStatus {
	s := mime.RecipientStatus{Final: "rfc822; " + r.rcpt.Path.String(), Action: actions[a].name, Status: r.code(a).String(), RemoteMTA: r.host}
	if o := r.rcpt.Options.ORcpt; o.Addr != "" {
		s.Original = o.Type + "; " + o.Addr
	}
	if r.reply.Code != 0 {
		s.Diagnostic = "smtp; " + oneLine(r.reply.String())
	}
	if a != delivered {
		s.LastAttempt = now
	}
	if a == delayed {
		s.WillRetryUntil = r.rcpt.Expires
	}
	return s
}

// code is the status: what the host said, or what comes closest.
func (r *reported) code(a action) smtp.EnhancedCode {
	class := map[action]uint16{failed: 5, delayed: 4, relayed: 2, delivered: 2}[a]
	code := r.enhanced()
	if a == failed && !r.final && code[0] != 5 {
		return smtp.EnhancedCode{5, 4, 7} // RFC 3463, section 3.5: delivery time expired
	}
	code[0] = class
	return code
}

func (r *reported) enhanced() smtp.EnhancedCode {
	if r.reply.Code != 0 {
		return r.reply.Enhanced
	}
	if f, ok := errors.AsType[*dnsmx.Failure](r.err); ok {
		return f.Enhanced
	}
	if f, ok := errors.AsType[*smtp.Reject](r.err); ok {
		return f.Enhanced
	}
	if h, ok := errors.AsType[*smtpclient.HostError](r.err); ok {
		switch h.Stage {
		case smtpclient.StageTLS:
			return smtp.EnhancedCode{4, 7, 5}
		case smtpclient.StageConnect:
			return smtp.EnhancedCode{4, 4, 1}
		}
		return smtp.EnhancedCode{4, 4, 2}
	}
	for _, known := range []struct {
		err  error
		code smtp.EnhancedCode
	}{
		{smtpclient.Err8Bit, smtp.EnhancedCode{5, 6, 3}},
		{smtpclient.ErrTooBig, smtp.EnhancedCode{5, 3, 4}},
		{smtpclient.ErrUncertain, smtp.EnhancedCode{4, 4, 2}},
		{auth.ErrTLSRequired, smtp.EnhancedCode{4, 7, 5}},
	} {
		if errors.Is(r.err, known.err) {
			return known.code
		}
	}
	return smtp.EnhancedCode{}
}

// lastWords is an error for people: a report, or the list of the queue.
func lastWords(err error) string {
	if refused, ok := errors.AsType[*smtp.ReplyError](err); ok {
		return "the host said: " + oneLine(refused.Reply.String())
	}
	return oneLine(err.Error())
}

// oneLine keeps the words of strangers short and in their place.
func oneLine(s string) string {
	const most = 400
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return ' '
		}
		return c
	}, s)
	if s = strings.Join(strings.Fields(s), " "); len(s) > most {
		s = s[:most] + "..."
	}
	return s
}
