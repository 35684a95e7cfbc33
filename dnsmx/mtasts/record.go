package mtasts

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Record is the TXT record at _mta-sts.DOMAIN: RFC 8461, section 3.1.
type Record struct {
	ID  string // 1 to 32 letters and digits, another one for each version of the policy
	Ext []Pair // extensions, in their order
}

// A Pair is a field that this package does not know.
type Pair struct{ Name, Value string }

const version = "STSv1"

var errRecord = errors.New("mtasts: bad record")

// IsRecord reports whether a TXT record is about MTA-STS at all. Others are not seen.
func IsRecord(txt string) bool { return strings.HasPrefix(txt, "v="+version+";") }

// ParseRecord parses a TXT record. The version comes first and is followed by its
// semicolon without a space, whatever the grammar allows: the text of RFC 8461,
// section 3.1, discards all other records.
func ParseRecord(txt string) (Record, error) {
	if !IsRecord(txt) {
		return Record{}, fmt.Errorf("%w: does not start with v=STSv1;", errRecord)
	}
	var r Record
	rest := strings.TrimRight(txt[len("v="+version+";"):], " \t")
	for field := range strings.SplitSeq(strings.TrimSuffix(rest, ";"), ";") {
		name, value, ok := strings.Cut(strings.Trim(field, " \t"), "=")
		switch {
		case !ok || !isExtName(name) || !isExtValue(value):
			return Record{}, fmt.Errorf("%w: field %s", errRecord, quote(field))
		case name != "id":
			r.Ext = append(r.Ext, Pair{name, value})
		case r.ID != "":
			return Record{}, fmt.Errorf("%w: two ids", errRecord)
		case !isID(value):
			return Record{}, fmt.Errorf("%w: id %s", errRecord, quote(value))
		default:
			r.ID = value
		}
	}
	if r.ID == "" {
		return Record{}, fmt.Errorf("%w: no id", errRecord)
	}
	return r, nil
}

// AppendRecord appends the text of a record, to be published. It refuses what
// ParseRecord would.
func AppendRecord(dst []byte, r Record) ([]byte, error) {
	b := append(dst, "v="+version+"; id="+r.ID...)
	for _, x := range r.Ext {
		b = append(b, "; "+x.Name+"="+x.Value...)
	}
	b = append(b, ';')
	if _, err := ParseRecord(string(b[len(dst):])); err != nil {
		return dst, err
	}
	return b, nil
}

// onlyID returns the id of the one record among the texts of a name; "" if there is
// none, or more than one, or a bad one. RFC 8461, section 3.1: all of that is no
// policy.
func onlyID(texts []string) string {
	texts = slices.DeleteFunc(slices.Clone(texts), func(txt string) bool { return !IsRecord(txt) })
	if len(texts) != 1 {
		return ""
	}
	r, err := ParseRecord(texts[0])
	if err != nil {
		return ""
	}
	return r.ID
}

const alnum = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

func isID(s string) bool { return s != "" && len(s) <= 32 && each(s, alnum) }

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

func isExtValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < '!' || c > '~' || c == ';' || c == '=' {
			return false
		}
	}
	return s != ""
}

// quote returns a sample of s that is safe in messages and logs.
func quote(s string) string {
	const most = 80
	if len(s) > most {
		return strconv.QuoteToASCII(s[:most]) + "..."
	}
	return strconv.QuoteToASCII(s)
}
