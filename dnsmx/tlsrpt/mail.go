package tlsrpt

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/mailwire/mailwire/dnsmx"
)

// A Mail is a report on its way to a domain.
type Mail struct {
	Report    *Report
	Domain    dnsmx.Name // that it is for
	Submitter dnsmx.Name // that it is from
	From, To  string     // addresses; From is in Submitter's domain
	Date      time.Time
}

var errMail = errors.New("tlsrpt: bad mail")

// Filename returns the name of the file in it: RFC 8460, section 5.1.
func (m *Mail) Filename() string {
	return fmt.Sprintf("%s!%s!%d!%d!%s.json.gz", m.Submitter, m.Domain, m.Report.Start.Unix(), m.Report.End.Unix(), tag(m.Report.ID))
}

// tag makes a short word of an ID, which may be of any characters.
func tag(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:8])
}

// AppendMail appends the message, with CRLF and ready for a DKIM signature, which RFC
// 8460, section 5.3, demands to be Submitter's. The error is about an address or an ID
// that no header field can take.
func AppendMail(dst []byte, m *Mail) ([]byte, error) {
	if !isAddress(m.From) || !isAddress(m.To) || m.Domain.IsZero() || m.Submitter.IsZero() {
		return dst, fmt.Errorf("%w: from %s to %s", errMail, quote(m.From), quote(m.To))
	}
	if id := m.Report.ID; id == "" || len(id) > 200 || !visible(id) {
		return dst, fmt.Errorf("%w: report ID %s", errMail, quote(id))
	}
	var file bytes.Buffer
	z := gzip.NewWriter(&file)
	if _, err := m.Report.WriteTo(z); err != nil {
		return dst, err
	}
	if err := z.Close(); err != nil {
		return dst, err
	}
	b := m.appendHeader(dst)
	b = m.appendText(b)
	return m.appendFile(b, file.Bytes()), nil
}

// boundary holds what base64 and the text of ours do not: "=_".
func (m *Mail) boundary() string { return "=_" + tag(m.Report.ID) }

func (m *Mail) appendHeader(b []byte) []byte {
	b = fmt.Appendf(b, "From: <%s>\r\nTo: <%s>\r\nDate: %s\r\n", m.From, m.To, m.Date.Format("Mon, 2 Jan 2006 15:04:05 -0700"))
	b = fmt.Appendf(b, "Message-ID: <%s@%s>\r\n", tag(m.Report.ID), m.Submitter)
	b = fmt.Appendf(b, "Subject: Report Domain: %s\r\n Submitter: %s\r\n Report-ID: <%s>\r\n", m.Domain, m.Submitter, m.Report.ID)
	b = fmt.Appendf(b, "TLS-Report-Domain: %s\r\nTLS-Report-Submitter: %s\r\n", m.Domain, m.Submitter)
	b = append(b, "TLS-Required: No\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"...)
	return fmt.Appendf(b, "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n boundary=\"%s\"\r\n\r\n", m.boundary())
}

func (m *Mail) appendText(b []byte) []byte {
	b = fmt.Appendf(b, "--%s\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n", m.boundary())
	return fmt.Appendf(b, "This is a report on TLS for mail to\r\n %s\r\nfrom\r\n %s\r\non %s. RFC 8460 says how to read it.\r\n",
		m.Domain, m.Submitter, m.Report.Start.UTC().Format(time.DateOnly))
}

func (m *Mail) appendFile(b, file []byte) []byte {
	b = fmt.Appendf(b, "--%s\r\nContent-Type: application/tlsrpt+gzip\r\nContent-Transfer-Encoding: base64\r\n", m.boundary())
	b = fmt.Appendf(b, "Content-Disposition: attachment;\r\n filename=\"%s\"\r\n\r\n", m.Filename())
	const line = 57 // octets that make a line of 76
	for len(file) > 0 {
		n := min(line, len(file))
		b = append(base64.StdEncoding.AppendEncode(b, file[:n]), "\r\n"...)
		file = file[n:]
	}
	return fmt.Appendf(b, "--%s--\r\n", m.boundary())
}
