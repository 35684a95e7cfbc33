package tlsrpt

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/mailwire/mailwire/dnsmx"
)

// A Record is the TXT record at _smtp._tls.DOMAIN, which says where reports go: RFC
// 8460, section 3. Addresses of other schemes are left out.
type Record struct {
	Mail  []string // mail addresses, without "mailto:" and percent-encoding
	HTTPS []string // URLs, as they came
	Ext   []Pair   // extensions, in their order
}

// A Pair is a field that this package does not know.
type Pair struct{ Name, Value string }

const version = "v=TLSRPTv1"

var errRecord = errors.New("tlsrpt: bad record")

// IsRecord reports whether a TXT record is about reports at all. Others are not seen.
func IsRecord(txt string) bool { return strings.HasPrefix(txt, version+";") }

// ParseRecord parses a TXT record. It has one "rua", with at least one address.
func ParseRecord(txt string) (Record, error) {
	if !IsRecord(txt) {
		return Record{}, fmt.Errorf("%w: does not start with %s;", errRecord, version)
	}
	var r Record
	seen := false
	rest := strings.TrimRight(txt[len(version+";"):], " \t")
	for field := range strings.SplitSeq(strings.TrimSuffix(rest, ";"), ";") {
		name, value, ok := strings.Cut(strings.Trim(field, " \t"), "=")
		switch {
		case !ok || !isExtName(name):
			return Record{}, fmt.Errorf("%w: field %s", errRecord, quote(field))
		case name != "rua":
			if !isExtValue(value) {
				return Record{}, fmt.Errorf("%w: field %s", errRecord, quote(field))
			}
			r.Ext = append(r.Ext, Pair{name, value})
		case seen:
			return Record{}, fmt.Errorf("%w: two rua", errRecord)
		default:
			seen = true
			if err := r.addURIs(value); err != nil {
				return Record{}, err
			}
		}
	}
	if len(r.Mail)+len(r.HTTPS) == 0 {
		return Record{}, fmt.Errorf("%w: no address to report to", errRecord)
	}
	return r, nil
}

// addURIs reads the list of addresses. Commas, semicolons and exclamation marks in
// them are percent-encoded.
func (r *Record) addURIs(list string) error {
	for s := range strings.SplitSeq(list, ",") {
		s = strings.Trim(s, " \t")
		u, err := url.Parse(s)
		if err != nil || !isURI(s) || u.Scheme == "" {
			return fmt.Errorf("%w: address %s", errRecord, quote(s))
		}
		switch u.Scheme { // in lower case
		case "mailto":
			a, err := url.PathUnescape(u.Opaque)
			if err != nil || !isAddress(a) {
				return fmt.Errorf("%w: address %s", errRecord, quote(s))
			}
			r.Mail = append(r.Mail, a)
		case "https":
			if u.Host == "" {
				return fmt.Errorf("%w: address %s", errRecord, quote(s))
			}
			r.HTTPS = append(r.HTTPS, s)
		}
	}
	return nil
}

// AppendRecord appends the text of a record, to be published. It refuses what
// ParseRecord would read otherwise.
func AppendRecord(dst []byte, r Record) ([]byte, error) {
	var uris []string
	for _, a := range r.Mail {
		uris = append(uris, "mailto:"+escape(a))
	}
	uris = append(uris, r.HTTPS...)
	b := append(dst, version+"; rua="+strings.Join(uris, ",")...)
	for _, x := range r.Ext {
		b = append(b, "; "+x.Name+"="+x.Value...)
	}
	b = append(b, ';')
	again, err := ParseRecord(string(b[len(dst):]))
	if err == nil && (!slices.Equal(again.Mail, r.Mail) || !slices.Equal(again.HTTPS, r.HTTPS) || !slices.Equal(again.Ext, r.Ext)) {
		err = fmt.Errorf("%w: it would be read as another", errRecord)
	}
	if err != nil {
		return dst, err
	}
	return b, nil
}

// escape percent-encodes what has a meaning in an URI or in the record.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c >= 0x80 || strings.IndexByte(` %!,;?#&+"<>\^{|}[]/:=`+"`", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// Lookup returns the record of a domain. Without record or error the domain wants no
// reports: there is none, or more than one, or a bad one. RFC 8460, section 3.
func Lookup(ctx context.Context, r dnsmx.Resolver, d dnsmx.Name) (Record, error) {
	n, err := d.Child("_smtp._tls")
	if err != nil {
		return Record{}, err
	}
	texts, _, err := dnsmx.LookupTXT(ctx, r, n)
	if err != nil {
		return Record{}, err
	}
	texts = slices.DeleteFunc(texts, func(txt string) bool { return !IsRecord(txt) })
	if len(texts) != 1 {
		return Record{}, nil
	}
	rec, err := ParseRecord(texts[0])
	if err != nil {
		return Record{}, nil
	}
	return rec, nil
}

const alnum = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// each reports whether every octet of s is one of set.
func each(s, set string) bool {
	for i := range len(s) {
		if strings.IndexByte(set, s[i]) < 0 {
			return false
		}
	}
	return true
}

func isExtName(s string) bool {
	return s != "" && len(s) <= 32 && each(s[:1], alnum) && each(s[1:], alnum+"_-.")
}

func isExtValue(s string) bool { return s != "" && visible(s) && !strings.ContainsAny(s, ";=") }

func isURI(s string) bool { return visible(s) && !strings.ContainsAny(s, ";!") }

// isAddress is what a header field and an envelope can take without quoting.
func isAddress(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && local != "" && domain != "" && visible(s) && !strings.ContainsAny(s, `<>()[]\,;:"`) && !strings.Contains(domain, "@")
}

// visible reports whether s is ASCII without spaces and control characters.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// quote returns a sample of s that is safe in messages and logs.
func quote(s string) string {
	const most = 80
	if len(s) > most {
		return strconv.QuoteToASCII(s[:most]) + "..."
	}
	return strconv.QuoteToASCII(s)
}
