package dnsmxtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mailwire/mailwire/dnsmx"
	"golang.org/x/net/dns/dnsmessage"
)

// A Zone is the DNS as a test wants it: a Resolver in memory, which Serve puts
// behind real sockets. It is safe for concurrent use.
type Zone struct {
	mu   sync.Mutex
	data *data
	log  []string
}

// data is what a text says. It is not changed once made.
type data struct {
	records map[key][]dnsmx.Record
	names   map[dnsmx.Name]bool // those that exist, empty ones between others too
	soa     map[dnsmx.Name]time.Duration
	secure  map[dnsmx.Name]bool // from this name down; false: an unsigned zone below a signed one
	faults  map[key]fault
}

type key struct {
	name dnsmx.Name
	typ  dnsmx.Type // anyType: whatever the type
}

const anyType dnsmx.Type = 0

// fault is what is answered in place of records.
type fault struct {
	rcode  dnsmessage.RCode
	ede    uint16
	info   string
	silent bool
}

// denialTTL is that of denials in a zone without SOA record.
const denialTTL = time.Minute

// ParseZone reads a zone from text, a record or a directive to a line:
//
//	$ORIGIN example.org.
//	example.org. 300 IN MX 10 mx        ; the TTL may be missing: 300 s; IN too
//	mx               A    192.0.2.25
//	*.sub            TXT  "two " "strings"
//	!secure example.org.                ; answers for it and below are Secure
//	!insecure sub.example.org.          ; but not those for this and below
//	!servfail mx AAAA                   ; without a type: whatever the type
//	!bogus _25._tcp.mx TLSA             ; SERVFAIL, with the extended error for DNSSEC
//	!refused mx A
//	!silent mx A                        ; never answered
//
// Names without a final dot are relative to $ORIGIN, or without that to the owner
// of the first record. "@" is the origin itself. Types: A, AAAA, CNAME, MX, NS, PTR,
// SRV, TXT, TLSA, and SOA, of which only the last field counts, the TTL of denials.
// A name of hosts that is none, as 10.0.0.1 for the target of an MX, makes a record
// with Err. The error names the line.
func ParseZone(text string) (*Zone, error) {
	z := new(Zone)
	return z, z.Replace(text)
}

// MustParseZone is ParseZone for texts that are known to be right.
func MustParseZone(text string) *Zone {
	z, err := ParseZone(text)
	if err != nil {
		panic(err)
	}
	return z
}

// Replace makes the zone say something else from now on. On error it stays as it is.
func (z *Zone) Replace(text string) error {
	p := parser{data: &data{
		records: make(map[key][]dnsmx.Record),
		names:   make(map[dnsmx.Name]bool),
		soa:     make(map[dnsmx.Name]time.Duration),
		secure:  make(map[dnsmx.Name]bool),
		faults:  make(map[key]fault),
	}}
	n := 0
	for line := range strings.Lines(text) {
		n++
		words, err := split(line)
		if err == nil && len(words) > 0 {
			err = p.line(words)
		}
		if err != nil {
			return fmt.Errorf("dnsmxtest: line %d: %w", n, err)
		}
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	z.data = p.data
	return nil
}

// Log returns the questions that were asked so far, each as "MX example.org".
func (z *Zone) Log() []string {
	z.mu.Lock()
	defer z.mu.Unlock()
	return slices.Clone(z.log)
}

// ClearLog forgets the questions.
func (z *Zone) ClearLog() {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.log = nil
}

// reply is an answer before it takes a form.
type reply struct {
	fault
	dnsmx.Answer
	chain []dnsmx.Record // the CNAME of each alias
	zone  dnsmx.Name     // the owner of the SOA record, for denials
}

// answer follows aliases, as a recursive server does.
func (z *Zone) answer(name dnsmx.Name, typ dnsmx.Type) reply {
	z.mu.Lock()
	d := z.data
	z.log = append(z.log, nameOf(typ)+" "+name.String())
	z.mu.Unlock()
	if d == nil {
		d = new(data)
	}
	return d.answer(name, typ)
}

func (d *data) answer(name dnsmx.Name, typ dnsmx.Type) (r reply) {
	r.Canonical, r.Secure = name, true
	r.TTL = 1<<31*time.Second - time.Second
	for {
		if f, ok := d.fault(r.Canonical, typ); ok {
			return reply{fault: f}
		}
		r.Secure = r.Secure && d.isSecure(r.Canonical)
		var alias []dnsmx.Record
		r.Records, alias, r.Status = d.at(r.Canonical, typ)
		if len(alias) == 0 {
			break
		}
		if len(r.Aliases) == maxChain {
			return reply{fault: fault{rcode: dnsmessage.RCodeServerFailure, info: "chain of aliases"}}
		}
		r.Aliases = append(r.Aliases, r.Canonical)
		r.chain = append(r.chain, alias[0])
		r.TTL = min(r.TTL, alias[0].TTL)
		r.Canonical = alias[0].Host
	}
	for _, rec := range r.Records {
		r.TTL = min(r.TTL, rec.TTL)
	}
	if r.Status != dnsmx.Found {
		var ttl time.Duration
		r.zone, ttl = d.denial(r.Canonical)
		r.TTL = min(r.TTL, ttl)
	}
	return r
}

const maxChain = 16

func (d *data) fault(n dnsmx.Name, typ dnsmx.Type) (fault, bool) {
	f, ok := d.faults[key{n, typ}]
	if !ok {
		f, ok = d.faults[key{n, anyType}]
	}
	return f, ok
}

// at returns the records of a name, or the alias that it is.
func (d *data) at(n dnsmx.Name, typ dnsmx.Type) (records, alias []dnsmx.Record, status dnsmx.Status) {
	exists := d.names[n]
	if !exists {
		// The wild card below the closest name that exists: RFC 4592, section 3.3.1.
		closest, ok := n.Parent()
		for ok && !d.names[closest] {
			closest, ok = closest.Parent()
		}
		if star, err := closest.Child(wildcard); ok && err == nil && d.names[star] {
			n, exists = star, true
		}
	}
	records = d.records[key{n, typ}]
	switch alias = d.records[key{n, dnsmx.TypeCNAME}]; {
	case !exists:
		return nil, nil, dnsmx.NXDomain
	case len(alias) > 0 && typ != dnsmx.TypeCNAME:
		return nil, alias, dnsmx.Found
	case len(records) == 0:
		return nil, nil, dnsmx.NoData
	}
	return slices.Clone(records), nil, dnsmx.Found
}

// isSecure asks the closest of the names above that says something.
func (d *data) isSecure(n dnsmx.Name) bool {
	for ok := true; ok; n, ok = n.Parent() {
		if secure, said := d.secure[n]; said {
			return secure
		}
	}
	return false
}

// denial returns the zone of a name and how long its denials hold.
func (d *data) denial(n dnsmx.Name) (dnsmx.Name, time.Duration) {
	top := n
	for ok := true; ok; n, ok = n.Parent() {
		if ttl, said := d.soa[n]; said {
			return n, ttl
		}
		top = n
	}
	return top, denialTTL
}

// Query implements dnsmx.Resolver.
func (z *Zone) Query(ctx context.Context, name dnsmx.Name, typ dnsmx.Type) (dnsmx.Answer, error) {
	if err := ctx.Err(); err != nil {
		return dnsmx.Answer{}, &dnsmx.Error{Name: name, Type: typ, Err: err}
	}
	r := z.answer(name, typ)
	switch {
	case r.silent:
		return dnsmx.Answer{}, &dnsmx.Error{Name: name, Type: typ, Timeout: true}
	case r.rcode != dnsmessage.RCodeSuccess:
		return dnsmx.Answer{}, &dnsmx.Error{Name: name, Type: typ, RCode: r.rcode, EDE: r.ede, Info: r.info}
	}
	return r.Answer, nil
}
