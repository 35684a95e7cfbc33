package smtp

import (
	"bytes"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/mailwire/mailwire/internal/ascii"
)

// An XClient is what a trusted proxy says of the client that it stands for, in
// the XCLIENT command of Postfix (XCLIENT_README). Only the attributes in Given
// are said. One that is given with its zero value is said to be unavailable,
// which is not the same as not being said.
type XClient struct {
	Given XClientAttrs

	Name     string     // host name
	NameTemp bool       // Name is unavailable for now: looking it up failed
	Addr     netip.Addr // address
	Port     uint16
	Proto    string // "SMTP" or "ESMTP"
	Helo     string // what it called itself
	Login    string // whom it authenticated as
	DestAddr netip.Addr
	DestPort uint16
}

// XClientAttrs is a set of attributes of XCLIENT.
type XClientAttrs uint8

// The attributes, by their names.
const (
	XClientName XClientAttrs = 1 << iota
	XClientAddr
	XClientPort
	XClientProto
	XClientHelo
	XClientLogin
	XClientDestAddr
	XClientDestPort
)

var xclientNames = [...]string{"NAME", "ADDR", "PORT", "PROTO", "HELO", "LOGIN", "DESTADDR", "DESTPORT"}

// Names returns the names of the attributes in the set, as EHLO lists them.
func (a XClientAttrs) Names() []string {
	var names []string
	for i, name := range xclientNames {
		if a&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// ParseXClientAttrs is the reverse of Names, for what a server offers: see
// Extensions.XClient. Names are known in any case; others are left out.
func ParseXClientAttrs(names []string) (a XClientAttrs) {
	for i, n := range xclientNames {
		if slices.ContainsFunc(names, func(name string) bool { return ascii.EqualFold(n, name) }) {
			a |= 1 << i
		}
	}
	return a
}

const (
	xclientUnavailable = "[UNAVAILABLE]"
	xclientTempUnavail = "[TEMPUNAVAIL]"
)

// ParseXClient parses the argument of XCLIENT: name=value, separated by spaces,
// names in any case, values as xtext. Errors: a *ParamError for an attribute that
// is unknown or comes twice, else a *SyntaxError. No value that is returned holds
// a control character.
func ParseXClient(arg []byte) (XClient, error) {
	var x XClient
	if len(bytes.Trim(arg, " ")) == 0 {
		return x, &SyntaxError{What: "XCLIENT", Want: "an attribute", Got: quote(arg)}
	}
	for word := range bytes.FieldsFuncSeq(arg, func(c rune) bool { return c == ' ' }) {
		name, raw, ok := bytes.Cut(word, []byte("="))
		if !ok {
			return XClient{}, &SyntaxError{What: "XCLIENT", Want: "name=value", Got: quote(word)}
		}
		attr := XClientAttrs(0)
		for i, n := range xclientNames {
			if ascii.EqualFold(n, name) {
				attr = 1 << i
			}
		}
		if attr == 0 || x.Given&attr != 0 {
			return XClient{}, &ParamError{Keyword: string(name), Twice: attr != 0}
		}
		value, err := ParseXtext(nil, raw)
		if err != nil {
			return XClient{}, err
		}
		x.Given |= attr
		if !x.set(attr, string(value)) {
			return XClient{}, &SyntaxError{What: "XCLIENT", Want: "a value that fits its attribute", Got: quote(word)}
		}
	}
	return x, nil
}

// set takes a decoded value.
func (x *XClient) set(attr XClientAttrs, value string) bool {
	switch {
	case ascii.EqualFold(value, xclientUnavailable):
		return true
	case ascii.EqualFold(value, xclientTempUnavail):
		x.NameTemp = attr == XClientName
		return true
	case value == "" || !ascii.All(argClass, value):
		return false
	}
	switch attr {
	case XClientName:
		x.Name = value
	case XClientHelo:
		x.Helo = value
	case XClientLogin:
		x.Login = value
	case XClientProto:
		x.Proto = strings.ToUpper(value)
		return x.Proto == "SMTP" || x.Proto == "ESMTP"
	case XClientAddr:
		return parseXClientAddr(&x.Addr, value)
	case XClientDestAddr:
		return parseXClientAddr(&x.DestAddr, value)
	case XClientPort:
		return parseXClientPort(&x.Port, value)
	case XClientDestPort:
		return parseXClientPort(&x.DestPort, value)
	}
	return true
}

func parseXClientAddr(to *netip.Addr, value string) bool {
	const v6 = "IPV6:"
	is6 := ascii.HasPrefixFold(value, v6)
	if is6 {
		value = value[len(v6):]
	}
	a, err := netip.ParseAddr(value)
	*to = a
	return err == nil && a.Is6() == is6 && a.Zone() == ""
}

func parseXClientPort(to *uint16, value string) bool {
	n, err := ascii.ParseUint(value, 65535)
	*to = uint16(n)
	return err == nil
}

// AppendXClient appends the argument of XCLIENT. Whatever the values hold, it is
// one line.
func AppendXClient(dst []byte, x XClient) []byte {
	for i, name := range xclientNames {
		if x.Given&(1<<i) == 0 {
			continue
		}
		if x.Given&(1<<i-1) != 0 { // not the first
			dst = append(dst, ' ')
		}
		dst = append(append(dst, name...), '=')
		dst = AppendXtext(dst, x.value(1<<i))
	}
	return dst
}

func (x *XClient) value(attr XClientAttrs) string {
	v := ""
	switch attr {
	case XClientName:
		if v = x.Name; v == "" && x.NameTemp {
			return xclientTempUnavail
		}
	case XClientAddr:
		v = formatXClientAddr(x.Addr)
	case XClientPort:
		v = formatXClientPort(x.Port)
	case XClientProto:
		v = x.Proto
	case XClientHelo:
		v = x.Helo
	case XClientLogin:
		v = x.Login
	case XClientDestAddr:
		v = formatXClientAddr(x.DestAddr)
	case XClientDestPort:
		v = formatXClientPort(x.DestPort)
	}
	if v == "" {
		return xclientUnavailable
	}
	return v
}

func formatXClientAddr(a netip.Addr) string {
	switch a = a.Unmap().WithZone(""); {
	case !a.IsValid():
		return ""
	case a.Is4():
		return a.String()
	}
	return "IPV6:" + a.String()
}

func formatXClientPort(p uint16) string {
	if p == 0 {
		return ""
	}
	return strconv.Itoa(int(p))
}
