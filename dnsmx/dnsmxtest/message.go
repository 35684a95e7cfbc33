package dnsmxtest

import (
	"errors"
	"time"

	"github.com/mailwire/mailwire/dnsmx"
	"golang.org/x/net/dns/dnsmessage"
)

// query is what a message asks.
type query struct {
	header   dnsmessage.Header
	question dnsmessage.Question
	name     dnsmx.Name
	edns     bool
	size     int // of the answer, over UDP
}

// readQuery reads a message; false for what a server does not answer.
func readQuery(msg []byte) (q query, ok bool) {
	var p dnsmessage.Parser
	var err error
	if q.header, err = p.Start(msg); err != nil || q.header.Response {
		return q, false
	}
	if q.question, err = p.Question(); err != nil {
		return q, false
	}
	if q.name, err = dnsmx.ParseNameLax(q.question.Name.String()); err != nil {
		return q, false
	}
	q.size = 512
	if p.SkipAllQuestions() != nil || p.SkipAllAnswers() != nil || p.SkipAllAuthorities() != nil {
		return q, false
	}
	for {
		h, err := p.AdditionalHeader()
		if err != nil {
			return q, true
		}
		if h.Type == dnsmessage.TypeOPT {
			q.edns, q.size = true, max(512, int(h.Class))
		}
		if p.SkipAdditional() != nil {
			return q, false
		}
	}
}

// builder writes an answer; the first error is kept.
type builder struct {
	dnsmessage.Builder
	err error
}

func (b *builder) do(err error) { b.err = errors.Join(b.err, err) }

// message writes r as the answer to q: truncated if it has more than most octets,
// since a server has to leave out what it cannot send.
func (r reply) message(q query, edns bool, most int) ([]byte, error) {
	h := dnsmessage.Header{
		ID: q.header.ID, Response: true, RecursionDesired: q.header.RecursionDesired, RecursionAvailable: true,
		RCode: r.rcode, AuthenticData: r.Secure && q.header.AuthenticData,
	}
	if r.rcode == dnsmessage.RCodeSuccess && r.Status == dnsmx.NXDomain {
		h.RCode = dnsmessage.RCodeNameError
	}
	msg, err := r.build(h, q, edns)
	if err == nil && len(msg) > most {
		h.Truncated = true
		msg, err = reply{}.build(h, q, edns)
	}
	return msg, err
}

func (r reply) build(h dnsmessage.Header, q query, edns bool) ([]byte, error) {
	b := builder{Builder: dnsmessage.NewBuilder(nil, h)}
	b.EnableCompression()
	b.do(b.StartQuestions())
	b.do(b.Question(q.question))
	b.do(b.StartAnswers())
	for i, alias := range r.chain {
		b.record(r.Aliases[i], alias)
	}
	for _, rec := range r.Records {
		b.record(r.Canonical, rec)
	}
	if r.zone.String() != "" {
		b.do(b.StartAuthorities())
		b.soa(r.zone, r.TTL)
	}
	if edns {
		b.do(b.StartAdditionals())
		b.opt(r)
	}
	if b.err != nil {
		return nil, b.err
	}
	return b.Finish()
}

func (b *builder) name(s string) dnsmessage.Name {
	n, err := dnsmessage.NewName(s)
	b.do(err)
	return n
}

func (b *builder) header(owner dnsmx.Name, typ dnsmx.Type, ttl time.Duration) dnsmessage.ResourceHeader {
	return dnsmessage.ResourceHeader{
		Name: b.name(owner.String() + "."), Type: typ, Class: dnsmessage.ClassINET, TTL: uint32(ttl / time.Second),
	}
}

// target is the name in the data of a record. A bad one goes out as it would from a
// careless zone.
func target(r dnsmx.Record) string {
	if bad, ok := errors.AsType[*dnsmx.NameError](r.Err); ok {
		return bad.Name
	}
	return r.Host.String() + "."
}

func (b *builder) record(owner dnsmx.Name, r dnsmx.Record) {
	h := b.header(owner, r.Type, r.TTL)
	switch r.Type {
	case dnsmx.TypeA:
		b.do(b.AResource(h, dnsmessage.AResource{A: r.Addr.As4()}))
	case dnsmx.TypeAAAA:
		b.do(b.AAAAResource(h, dnsmessage.AAAAResource{AAAA: r.Addr.As16()}))
	case dnsmx.TypeCNAME:
		b.do(b.CNAMEResource(h, dnsmessage.CNAMEResource{CNAME: b.name(target(r))}))
	case dnsmx.TypeNS:
		b.do(b.NSResource(h, dnsmessage.NSResource{NS: b.name(target(r))}))
	case dnsmx.TypePTR:
		b.do(b.PTRResource(h, dnsmessage.PTRResource{PTR: b.name(target(r))}))
	case dnsmx.TypeMX:
		b.do(b.MXResource(h, dnsmessage.MXResource{Pref: r.Pref, MX: b.name(target(r))}))
	case dnsmx.TypeSRV:
		b.do(b.SRVResource(h, dnsmessage.SRVResource{Priority: r.Pref, Weight: r.Weight, Port: r.Port, Target: b.name(target(r))}))
	case dnsmx.TypeTXT:
		b.do(b.TXTResource(h, dnsmessage.TXTResource{TXT: chunks(r.Text)}))
	case dnsmx.TypeTLSA:
		data := append([]byte{r.TLSA.Usage, r.TLSA.Selector, r.TLSA.Match}, r.TLSA.Data...)
		b.do(b.UnknownResource(h, dnsmessage.UnknownResource{Type: r.Type, Data: data}))
	}
}

// chunks splits a text into the strings of a TXT record.
func chunks(s string) (list []string) {
	for len(s) > 255 {
		list = append(list, s[:255])
		s = s[255:]
	}
	return append(list, s)
}

func (b *builder) soa(zone dnsmx.Name, ttl time.Duration) {
	b.do(b.SOAResource(b.header(zone, typeSOA, ttl), dnsmessage.SOAResource{
		NS: b.name("ns.invalid."), MBox: b.name("hostmaster.invalid."),
		Serial: 1, Refresh: 3600, Retry: 600, Expire: 86400, MinTTL: uint32(ttl / time.Second),
	}))
}

func (b *builder) opt(r reply) {
	var h dnsmessage.ResourceHeader
	b.do(h.SetEDNS0(1232, r.rcode, false))
	var opt dnsmessage.OPTResource
	if r.ede != 0 || r.info != "" {
		const optionEDE = 15
		data := append([]byte{byte(r.ede >> 8), byte(r.ede)}, r.info...)
		opt.Options = []dnsmessage.Option{{Code: optionEDE, Data: data}}
	}
	b.do(b.OPTResource(h, opt))
}
