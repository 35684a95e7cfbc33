package smtp

import (
	"net/netip"
	"time"

	"github.com/mailwire/mailwire/internal/ascii"
)

// A Received is the trace field that a server puts on top of a message:
// RFC 5321, section 4.4. Zero fields are left out.
type Received struct {
	Helo string     // what the client called itself
	Name string     // its host name as the server verified it
	Addr netip.Addr // its address
	By   string     // this server
	With string     // ESMTP, ESMTPSA, LMTP, UTF8SMTPS, ...: RFC 3848, section 1; RFC 6531, section 4.3
	ID   string     // what the server calls the message
	TLS  string     // protocol version and cipher; becomes a comment
	For  Path       // the recipient if there is exactly one
	Time time.Time
}

// AppendReceived appends the field, folded, with CRLF at the end. What a peer
// said is reduced to what the grammar allows in its place: a Helo that is no
// domain gives way to the address literal.
func AppendReceived(dst []byte, r Received) []byte {
	dst = append(dst, "Received: from "...)
	if r.Helo != "" && checkDomain(r.Helo, true) == nil && isASCII(r.Helo) { // RFC 6531, section 3.7.1
		dst = append(dst, r.Helo...)
	} else {
		dst = appendAddressLiteral(dst, r.Addr)
	}
	if r.Addr.IsValid() {
		dst = append(dst, " ("...)
		if r.Name != "" && checkDomain(r.Name, false) == nil && isASCII(r.Name) {
			dst = append(append(dst, r.Name...), ' ')
		}
		dst = append(appendAddressLiteral(dst, r.Addr), ')')
	}
	dst = append(dst, "\r\n\tby "...)
	dst = appendAtom(dst, r.By, "unknown")
	dst = append(dst, " with "...)
	dst = appendAtom(dst, r.With, "SMTP")
	if r.ID != "" {
		dst = append(dst, " id "...)
		dst = appendAtom(dst, r.ID, "unknown")
	}
	if r.TLS != "" {
		dst = append(dst, "\r\n\t("...)
		dst = appendComment(dst, r.TLS)
		dst = append(dst, ')')
	}
	if !r.For.IsNull() {
		if p, err := AppendPath(append(dst, "\r\n\tfor "...), r.For); err == nil {
			dst = p
		}
	}
	dst = append(dst, ";\r\n\t"...)
	dst = r.Time.AppendFormat(dst, "Mon, 2 Jan 2006 15:04:05 -0700")
	return append(dst, "\r\n"...)
}

// appendAddressLiteral appends the address as RFC 5321, section 4.1.3 writes it.
func appendAddressLiteral(dst []byte, a netip.Addr) []byte {
	a = a.Unmap().WithZone("")
	switch {
	case !a.IsValid():
		return append(dst, "unknown"...)
	case a.Is4():
		dst = append(dst, '[')
	default:
		dst = append(dst, "[IPv6:"...)
	}
	return append(a.AppendTo(dst), ']')
}

// traceClass is what may stand where a Received field wants an atom or a domain.
var traceClass = ascii.Atext.Or(ascii.Of(".[]:"), ascii.High)

// maxTrace is the length to which an atom or a comment may grow, so that no line
// of the field comes near the 998 octets of RFC 5322, section 2.1.1.
const maxTrace = 255

func appendAtom(dst []byte, s, def string) []byte {
	if s == "" || len(s) > maxTrace || !ascii.All(traceClass, s) {
		s = def
	}
	return append(dst, s...)
}

func appendComment(dst []byte, s string) []byte {
	for i := range min(len(s), maxTrace) {
		if c := s[i]; ascii.Print[c] && c != '(' && c != ')' && c != '\\' {
			dst = append(dst, c)
		} else {
			dst = append(dst, '?')
		}
	}
	return dst
}
