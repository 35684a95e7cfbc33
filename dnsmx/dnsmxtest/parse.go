package dnsmxtest

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/dnsmx"
	"golang.org/x/net/dns/dnsmessage"
)

// split takes a line apart at spaces, outside quotes. What follows ; is left out.
// A quoted word keeps its first quote, so that it is known as one.
func split(line string) (words []string, err error) {
	for {
		line = strings.TrimLeft(line, " \t\r\n")
		switch {
		case line == "" || line[0] == ';':
			return words, nil
		case line[0] == '"':
			end := strings.IndexByte(line[1:], '"')
			if end < 0 {
				return nil, fmt.Errorf("a quote without its end")
			}
			words = append(words, line[:1+end])
			line = line[1+end+1:]
		default:
			end := strings.IndexAny(line, " \t\r\n;")
			if end < 0 {
				end = len(line)
			}
			words = append(words, line[:end])
			line = line[end:]
		}
	}
}

type parser struct {
	*data
	origin string // with its final dot, "" before the first record
}

func (p *parser) line(words []string) error {
	if words[0] == "$ORIGIN" && len(words) == 2 && strings.HasSuffix(words[1], ".") {
		p.origin = words[1]
		return nil
	}
	if directive, ok := strings.CutPrefix(words[0], "!"); ok {
		return p.directive(directive, words[1:])
	}
	if p.origin == "" && !strings.HasSuffix(words[0], ".") {
		return fmt.Errorf("%s is relative, and there is no origin", words[0])
	}
	if p.origin == "" {
		p.origin = words[0]
	}
	return p.record(words)
}

func (p *parser) name(s string) (dnsmx.Name, error) {
	return dnsmx.ParseNameLax(p.absolute(s))
}

func (p *parser) absolute(s string) string {
	switch {
	case s == "@":
		return p.origin
	case strings.HasSuffix(s, "."):
		return s
	}
	return s + "." + p.origin
}

// owner is a name that may start with a wild card.
func (p *parser) owner(s string) (dnsmx.Name, error) {
	if below, ok := strings.CutPrefix(s, "*."); ok {
		n, err := p.name(below)
		if err != nil {
			return n, err
		}
		return n.Child(wildcard)
	}
	return p.name(s)
}

// wildcard stands for "*" in keys: a label that no test asks for.
const wildcard = "_wildcard_"

func (p *parser) directive(directive string, args []string) error {
	if len(args) == 0 || len(args) > 2 {
		return fmt.Errorf("!%s wants a name, and at most a type", directive)
	}
	n, err := p.name(args[0])
	if err != nil {
		return err
	}
	typ := anyType
	if len(args) == 2 {
		var ok bool
		if typ, ok = types[args[1]]; !ok {
			return fmt.Errorf("unknown type %s", args[1])
		}
	}
	switch directive {
	case "secure", "insecure":
		p.secure[n] = directive == "secure"
	case "servfail":
		p.faults[key{n, typ}] = fault{rcode: dnsmessage.RCodeServerFailure}
	case "refused":
		p.faults[key{n, typ}] = fault{rcode: dnsmessage.RCodeRefused}
	case "bogus":
		p.faults[key{n, typ}] = fault{rcode: dnsmessage.RCodeServerFailure, ede: 6, info: "validation failure"}
	case "silent":
		p.faults[key{n, typ}] = fault{silent: true}
	default:
		return fmt.Errorf("unknown directive !%s", directive)
	}
	return nil
}

const typeSOA = dnsmessage.TypeSOA

var types = map[string]dnsmx.Type{
	"A": dnsmx.TypeA, "AAAA": dnsmx.TypeAAAA, "CNAME": dnsmx.TypeCNAME, "MX": dnsmx.TypeMX, "NS": dnsmx.TypeNS,
	"PTR": dnsmx.TypePTR, "SRV": dnsmx.TypeSRV, "TXT": dnsmx.TypeTXT, "TLSA": dnsmx.TypeTLSA, "SOA": typeSOA,
}

// nameOf returns the name of a type.
func nameOf(typ dnsmx.Type) string {
	for name, t := range types {
		if t == typ {
			return name
		}
	}
	return typ.String()
}

// record reads owner, TTL, class, type and data.
func (p *parser) record(words []string) error {
	owner, err := p.owner(words[0])
	if err != nil {
		return err
	}
	r := dnsmx.Record{TTL: 300 * time.Second}
	words = words[1:]
	if len(words) > 0 {
		if n, err := strconv.ParseUint(words[0], 10, 32); err == nil {
			r.TTL = time.Duration(n) * time.Second
			words = words[1:]
		}
	}
	if len(words) > 0 && words[0] == "IN" {
		words = words[1:]
	}
	if len(words) == 0 {
		return fmt.Errorf("no type")
	}
	var ok bool
	if r.Type, ok = types[words[0]]; !ok {
		return fmt.Errorf("unknown type %s", words[0])
	}
	if err := p.rdata(&r, owner, words[1:]); err != nil {
		return fmt.Errorf("%s: %w", words[0], err)
	}
	if r.Type != typeSOA {
		p.records[key{owner, r.Type}] = append(p.records[key{owner, r.Type}], r)
	}
	for n, ok := owner, true; ok; n, ok = n.Parent() {
		p.names[n] = true
	}
	return nil
}

// fields says how many words the data of each type has.
var fields = map[dnsmx.Type]int{
	dnsmx.TypeA: 1, dnsmx.TypeAAAA: 1, dnsmx.TypeCNAME: 1, dnsmx.TypeNS: 1, dnsmx.TypePTR: 1,
	dnsmx.TypeMX: 2, dnsmx.TypeSRV: 4, dnsmx.TypeTLSA: 4, typeSOA: 7,
}

func (p *parser) rdata(r *dnsmx.Record, owner dnsmx.Name, words []string) (err error) {
	if r.Type == dnsmx.TypeTXT {
		return txt(r, words)
	}
	if len(words) != fields[r.Type] {
		return fmt.Errorf("%d fields, want %d", len(words), fields[r.Type])
	}
	last := words[len(words)-1]
	number := func(i, bits int) (n uint64) {
		if err == nil {
			n, err = strconv.ParseUint(words[i], 10, bits)
		}
		return n
	}
	switch r.Type {
	case dnsmx.TypeA, dnsmx.TypeAAAA:
		if r.Addr, err = netip.ParseAddr(last); err == nil && r.Addr.Is4() != (r.Type == dnsmx.TypeA) {
			err = fmt.Errorf("%s is of the other family", last)
		}
	case dnsmx.TypeMX:
		r.Pref = uint16(number(0, 16))
		p.host(r, last)
	case dnsmx.TypeSRV:
		r.Pref, r.Weight, r.Port = uint16(number(0, 16)), uint16(number(1, 16)), uint16(number(2, 16))
		p.host(r, last)
	case dnsmx.TypeCNAME:
		p.host(r, last)
		err = r.Err
	case dnsmx.TypeNS, dnsmx.TypePTR:
		p.host(r, last)
	case dnsmx.TypeTLSA:
		r.TLSA = auth.TLSA{Usage: uint8(number(0, 8)), Selector: uint8(number(1, 8)), Match: uint8(number(2, 8))}
		if err == nil {
			r.TLSA.Data, err = hex.DecodeString(last)
		}
	case typeSOA:
		p.soa[owner] = min(r.TTL, time.Duration(number(6, 32))*time.Second)
	}
	return err
}

func (p *parser) host(r *dnsmx.Record, s string) {
	if s == "." {
		r.Root = true
		if r.Type != dnsmx.TypeMX && r.Type != dnsmx.TypeSRV {
			_, r.Err = dnsmx.ParseNameLax(s)
		}
		return
	}
	if _, err := netip.ParseAddr(s); err == nil {
		s += "." // relative to the origin it would be a name
	}
	r.Host, r.Err = p.name(s)
}

func txt(r *dnsmx.Record, words []string) error {
	if len(words) == 0 {
		return fmt.Errorf("no strings")
	}
	for _, w := range words {
		r.Text += strings.TrimPrefix(w, `"`)
	}
	return nil
}
