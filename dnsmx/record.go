package dnsmx

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/mailwire/mailwire/auth"
)

// A Record is one record of an answer. Which fields are set depends on the type.
type Record struct {
	Type               Type
	TTL                time.Duration
	Pref, Weight, Port uint16     // MX; SRV, whose priority is Pref
	Host               Name       // MX, SRV, PTR, NS, CNAME
	Root               bool       // MX, SRV: the target is ".", which means none
	Addr               netip.Addr // A, AAAA
	Text               string     // TXT: the strings joined without spaces
	TLSA               auth.TLSA  // TLSA
	Err                error      // the record is well formed and useless: its host is not a name of hosts
}

// value reads the data of a record.
func (w wire) value(rec rr, t *textName) (Record, error) {
	out := Record{Type: rec.typ, TTL: seconds(ttlOf(rec))}
	data := w[rec.data:rec.end]
	var err error
	switch rec.typ {
	case TypeA, TypeAAAA:
		var ok bool
		if out.Addr, ok = netip.AddrFromSlice(data); !ok || out.Addr.Is4() != (rec.typ == TypeA) {
			err = errLength
		}
	case TypeMX:
		if len(data) < 3 {
			return out, errLength
		}
		out.Pref = data.uint16(0)
		err = w.host(rec, rec.data+2, t, &out)
	case TypeSRV:
		if len(data) < 7 {
			return out, errLength
		}
		out.Pref, out.Weight, out.Port = data.uint16(0), data.uint16(2), data.uint16(4)
		err = w.host(rec, rec.data+6, t, &out)
	case TypePTR, TypeNS, TypeCNAME:
		err = w.host(rec, rec.data, t, &out)
	case TypeTXT:
		out.Text, err = text(data)
	case TypeTLSA:
		if len(data) < 3 {
			return out, errLength
		}
		out.TLSA = auth.TLSA{Usage: data[0], Selector: data[1], Match: data[2], Data: []byte(string(data[3:]))}
	default:
		err = fmt.Errorf("records of type %s have no value here", typeName(rec.typ))
	}
	return out, err
}

// host reads the name that ends a record. One that is no name of a host is the
// record's own trouble, so that the others stand.
func (w wire) host(rec rr, off int, t *textName, out *Record) error {
	if err := w.nameAtEnd(rec, off, t); err != nil {
		return err
	}
	if t.n == 0 {
		out.Root = true
		if rec.typ != TypeMX && rec.typ != TypeSRV {
			out.Err = &NameError{".", "the root is no host"}
		}
		return nil
	}
	host := Name{string(t.bytes())}
	if out.Err = host.hostErr(); out.Err == nil {
		out.Host = host
	}
	return nil
}

// text joins the strings of a TXT record, of which there is at least one.
// RFC 1035, section 3.3.14.
func text(data wire) (string, error) {
	if len(data) == 0 {
		return "", errLength
	}
	if n := int(data[0]); n == len(data)-1 {
		return string(data[1:]), nil
	}
	var b strings.Builder
	b.Grow(len(data))
	for len(data) > 0 {
		n := int(data[0])
		if n >= len(data) {
			return "", errLength
		}
		b.Write(data[1 : 1+n])
		data = data[1+n:]
	}
	return b.String(), nil
}
