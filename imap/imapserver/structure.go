package imapserver

import (
	"bytes"
	"strings"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/mime"
)

// NewIndex computes what is stored beside a message: for APPEND NewMessage.Index
// does it, this is for mail that comes another way. Of the source of m only
// headers are read.
func NewIndex(m *mime.Message) Index {
	e := encoders.Get().(*imap.Encoder)
	defer encoders.Put(e)
	defer e.Reset()
	e.UTF8, e.Rev2 = false, false
	envelope := m.Envelope()
	e.Envelope(envelopeOf(&envelope))
	n := len(e.Bytes())
	e.BodyStructure(bodyOf(m.BodyStructure()), true)
	printed := bytes.Clone(e.Bytes())
	return Index{Parts: m.AppendIndex(nil), Envelope: printed[:n:n], Body: printed[n:]}
}

// envelopeOf turns an envelope of package mime into one that can be printed.
func envelopeOf(e *mime.Envelope) *imap.Envelope {
	return &imap.Envelope{
		Date: e.Date, Subject: e.Subject, InReplyTo: e.InReplyTo, MessageID: e.MessageID,
		From: addresses(e.From), Sender: addresses(e.Sender), ReplyTo: addresses(e.ReplyTo),
		To: addresses(e.To), Cc: addresses(e.Cc), Bcc: addresses(e.Bcc),
	}
}

func addresses(list []mime.EnvelopeAddress) []imap.Address {
	out := make([]imap.Address, len(list))
	for i, a := range list {
		out[i] = imap.Address{Name: a.Name, Route: a.Route, Mailbox: a.Mailbox, Host: a.Host}
	}
	return out
}

// bodyOf does the same for a structure. RFC 9051, section 7.5.2.
func bodyOf(b *mime.BodyStructure) *imap.Body {
	out := &imap.Body{
		Type: upperText(b.Type), Subtype: upperText(b.Subtype), Params: paramsOf(b.Params),
		ID: b.ID, Description: b.Description, Encoding: upperText(b.Encoding),
		Octets: uint64(b.Octets), Lines: uint64(b.Lines),
		MD5: b.MD5, Location: b.Location,
	}
	if b.Disposition != "" {
		out.Disposition = &imap.Disposition{Type: imap.Text(b.Disposition), Params: paramsOf(b.DispositionParams)}
	}
	for _, l := range b.Language {
		out.Language = append(out.Language, imap.Text(l))
	}
	for i := range b.Children {
		out.Parts = append(out.Parts, *bodyOf(&b.Children[i]))
	}
	if b.Envelope != nil && b.Body != nil {
		out.Envelope, out.Parts = envelopeOf(b.Envelope), []imap.Body{*bodyOf(b.Body)}
	}
	return out
}

func upperText(s string) imap.Text {
	if s == "" {
		return nil
	}
	if t, ok := upper[s]; ok {
		return t
	}
	return imap.Text(strings.ToUpper(s))
}

// upper has what nearly all structures consist of, as package mime gives it.
var upper = func() map[string]imap.Text {
	m := make(map[string]imap.Text)
	for s := range strings.FieldsSeq("text plain html multipart mixed alternative related signed report message rfc822 delivery-status " +
		"application octet-stream pdf image png jpeg charset boundary format name filename 7bit 8bit quoted-printable base64") {
		m[s] = imap.Text(strings.ToUpper(s))
	}
	return m
}()

// paramsOf prints parameters that came in the extended form of RFC 2231 in that
// form again, percent-encoded with their charset: nothing is lost, and it is
// ASCII.
func paramsOf(params mime.Params) []imap.BodyParam {
	var out []imap.BodyParam
	for _, p := range params {
		v := imap.Text(p.Value)
		if strings.HasSuffix(p.Name, "*") {
			v = appendExtended(nil, p.Lang, p.Value)
		}
		out = append(out, imap.BodyParam{Name: upperText(p.Name), Value: v})
	}
	return out
}

// attributeChar is what stands for itself in an extended value. RFC 2231,
// section 7.
func attributeChar(c byte) bool {
	return c > ' ' && c < 0x7F && strings.IndexByte(`*'%()<>@,;:\"/[]?=`, c) < 0
}

func appendExtended(dst []byte, lang, value string) []byte {
	dst = append(dst, "utf-8'"...)
	for _, c := range []byte(lang) {
		if attributeChar(c) {
			dst = append(dst, c)
		}
	}
	dst = append(dst, '\'')
	for _, c := range []byte(value) {
		if attributeChar(c) {
			dst = append(dst, c)
			continue
		}
		const hex = "0123456789ABCDEF"
		dst = append(dst, '%', hex[c>>4], hex[c&15])
	}
	return dst
}

// parseStored takes a stored ENVELOPE or BODYSTRUCTURE apart.
func parseStored[T any](stored []byte, rule func(*imap.Parser) T) (T, bool) {
	p := imap.NewParser(stored)
	p.Depth = 1000
	t := rule(p)
	return t, p.AtEnd()
}

// decodeParams gives extended parameters their plain name and their value in
// UTF-8, as it is printed where that was agreed on. RFC 9051, section 7.5.2.
func decodeParams(b *imap.Body) {
	decodeList(b.Params)
	if b.Disposition != nil {
		decodeList(b.Disposition.Params)
	}
	for i := range b.Parts {
		decodeParams(&b.Parts[i])
	}
}

func decodeList(params []imap.BodyParam) {
	for i := range params {
		name, extended := bytes.CutSuffix(params[i].Name, []byte("*"))
		parts := bytes.SplitN(params[i].Value, []byte("'"), 3)
		if !extended || len(parts) != 3 {
			continue
		}
		params[i] = imap.BodyParam{Name: name, Value: unescape(parts[2])}
	}
}

func unescape(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '%' && i+2 < len(b) {
			if hi, lo := unhex(b[i+1]), unhex(b[i+2]); hi >= 0 && lo >= 0 {
				out = append(out, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		out = append(out, b[i])
	}
	return out
}

func unhex(c byte) int { return strings.IndexByte("0123456789ABCDEF", c) }
