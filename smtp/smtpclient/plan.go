package smtpclient

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"github.com/mailwire/mailwire/smtp"
)

// A plan is an envelope as this server can take it: what the server does not
// offer is left out, or the plan fails.
type plan struct {
	from     smtp.Path
	mail     smtp.MailOptions
	to       []smtp.Rcpt // as in the envelope
	dropped  []string
	sevenBit bool // octets of 0x80 and above cannot be sent
}

// makePlan fits an envelope, which has been checked, to the server. size is that
// of the body, 0 if unknown.
func (c *Client) makePlan(e *smtp.Envelope, size int64) (*plan, error) {
	p := &plan{from: e.From, mail: e.Options, to: slices.Clone(e.To)}
	if err := p.settleUTF8(c.s.Extensions()); err != nil {
		return p, err
	}
	if err := p.settleMail(c, size); err != nil {
		return p, err
	}
	for i := range p.to {
		if err := p.settleRcpt(c.s.Extensions(), &p.to[i].Options); err != nil {
			return p, fmt.Errorf("recipient %q: %w", p.to[i].Path.String(), err)
		}
	}
	return p, nil
}

// settleUTF8 decides about SMTPUTF8. It is asked for only if a path, or the
// header, needs it: most mail does not, and could not be relayed on with it. A
// domain in UTF-8 does not, since its A-labels mean the same.
func (p *plan) settleUTF8(x *smtp.Extensions) error {
	need := p.mail.UTF8
	for path := range p.paths {
		if !isASCII(path.Local) || !isASCII(path.Domain) {
			_, ok := toASCII(*path)
			need = need || !ok
		}
	}
	p.mail.UTF8 = need
	if need && !x.SMTPUTF8 {
		return &smtp.NotOffered{Keyword: "SMTPUTF8"}
	}
	for path := range p.paths {
		if need || isASCII(path.Domain) {
			continue
		}
		*path, _ = toASCII(*path)
		if err := path.Check(false); err != nil { // as A-labels it may be too long
			return err
		}
	}
	return nil
}

// paths walks over all paths of the envelope.
func (p *plan) paths(yield func(*smtp.Path) bool) {
	if !yield(&p.from) {
		return
	}
	for i := range p.to {
		if !yield(&p.to[i].Path) {
			return
		}
	}
}

// toASCII returns the path in ASCII, if it has a form in ASCII.
func toASCII(p smtp.Path) (smtp.Path, bool) {
	if !isASCII(p.Local) {
		return p, false
	}
	if isASCII(p.Domain) {
		return p, true
	}
	domain, err := idna.Lookup.ToASCII(p.Domain)
	if err != nil {
		return p, false
	}
	p.Domain = domain
	return p, true
}

func isASCII[T string | []byte](s T) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// settleMail fits the parameters of MAIL to what the server offers.
func (p *plan) settleMail(c *Client, size int64) error {
	x, o := c.s.Extensions(), &p.mail
	if err := p.settleRequireTLS(c); err != nil {
		return err
	}
	if err := p.settleBody(x); err != nil {
		return err
	}
	if x.Size == nil {
		p.drop(o.Size != 0, "SIZE")
		o.Size = 0
	} else if o.Size = cmp.Or(o.Size, size); *x.Size > 0 && o.Size > *x.Size {
		return fmt.Errorf("%w: %d octets, at most %d", ErrTooBig, o.Size, *x.Size)
	}
	if !x.DSN {
		p.drop(o.Ret != smtp.RetUnset, "RET")
		p.drop(o.EnvID != "", "ENVID")
		o.Ret, o.EnvID = smtp.RetUnset, ""
	}
	if len(x.Auth) == 0 {
		p.drop(o.AuthAs != nil, "AUTH")
		o.AuthAs = nil
	}
	if x.Priority == nil {
		p.drop(o.Priority != nil, "MT-PRIORITY")
		o.Priority = nil
	}
	switch by := o.DeliverBy; {
	case by == nil || x.DeliverBy != nil:
	case by.Return: // RFC 2852, section 4: it is not relayed on those terms
		return &smtp.NotOffered{Keyword: "DELIVERBY"}
	default:
		p.drop(true, "BY")
		o.DeliverBy = nil
	}
	if (o.HoldFor != 0 || !o.HoldUntil.IsZero()) && x.FutureRelease == nil {
		return &smtp.NotOffered{Keyword: "FUTURERELEASE"}
	}
	return nil
}

// settleRequireTLS: a message that must not travel without TLS goes to a server
// only that is known to be the right one, and that will pass the demand on. A
// bounce has the demand too, but goes in any case. RFC 8689, section 4.2.1;
// section 5.
func (p *plan) settleRequireTLS(c *Client) error {
	verified, offered := c.verified(), c.s.Extensions().RequireTLS
	switch {
	case !p.mail.RequireTLS || verified && offered:
		return nil
	case p.from.IsNull():
		p.mail.RequireTLS = false
		p.drop(true, "REQUIRETLS")
		return nil
	case !verified:
		return fmt.Errorf("REQUIRETLS: %w", &smtp.Reject{Code: 550, Enhanced: smtp.EnhancedCode{5, 7, 10}, Text: "encryption needed"})
	}
	return fmt.Errorf("%w: %w", &smtp.NotOffered{Keyword: "REQUIRETLS"},
		&smtp.Reject{Code: 550, Enhanced: smtp.EnhancedCode{5, 7, 30}, Text: "REQUIRETLS support required"})
}

// settleBody decides about BODY. RFC 6152, section 3; RFC 3030, section 3.
func (p *plan) settleBody(x *smtp.Extensions) error {
	switch body := &p.mail.Body; *body {
	case smtp.BodyBinaryMIME:
		if !x.BinaryMIME || !x.Chunking {
			return &smtp.NotOffered{Keyword: "BINARYMIME"}
		}
	case smtp.Body7Bit:
		p.sevenBit = true
		if !x.EightBitMIME && !x.BinaryMIME {
			*body = smtp.BodyUnset
		}
	default:
		*body = smtp.Body8BitMIME
		if !x.EightBitMIME {
			*body, p.sevenBit = smtp.BodyUnset, true
		}
	}
	return nil
}

// settleRcpt fits the parameters of RCPT to what the server offers.
func (p *plan) settleRcpt(x *smtp.Extensions, o *smtp.RcptOptions) error {
	if !o.RRVS.Since.IsZero() && !x.RRVS {
		return &smtp.NotOffered{Keyword: "RRVS"}
	}
	if !x.DSN {
		p.drop(o.Notify != 0, "NOTIFY")
		p.drop(o.ORcpt != smtp.ORcpt{}, "ORCPT")
		o.Notify, o.ORcpt = 0, smtp.ORcpt{}
	}
	return nil
}

// drop names a parameter that was asked for and is left out.
func (p *plan) drop(asked bool, keyword string) {
	if asked && !slices.Contains(p.dropped, keyword) {
		p.dropped = append(p.dropped, keyword)
	}
}

// sizeOf returns how many octets are left in body, 0 if that cannot be known
// without reading it. With other line ends than CRLF the message will be larger:
// SIZE is an estimate. RFC 1870, section 6.
func sizeOf(body io.Reader) int64 {
	switch b := body.(type) {
	case interface{ Len() int }: // bytes.Reader, bytes.Buffer, strings.Reader
		return int64(b.Len())
	case *os.File:
		info, err := b.Stat()
		if err != nil || !info.Mode().IsRegular() {
			return 0
		}
		at, err := b.Seek(0, io.SeekCurrent)
		if err != nil {
			return 0
		}
		return max(0, info.Size()-at)
	}
	return 0
}
