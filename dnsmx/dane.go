package dnsmx

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/mailwire/mailwire/auth"
)

// gathered is what the DNS says of one host.
type gathered struct {
	found   []netip.Addr
	err     error // why the host cannot be used: *PolicyError if for DANE
	secure  bool  // its addresses, or their absence, are secure
	base    Name  // where the TLSA records are; zero: there are none
	tlsa    []auth.TLSA
	note    []Finding
	ttl     ttl
	storage [defaultMaxAddr]netip.Addr
}

// gather asks for addresses and, where that is not in vain, for TLSA records.
// chained says that the way to this host's name is secure.
func (g *gathered) gather(ctx context.Context, p *Planner, host Name, chained bool) {
	dane := chained && !p.NoDANE
	a := g.addresses(ctx, p, host, dane)
	if g.err == nil && len(a.Aliases) > 0 {
		g.err = a.Canonical.hostErr() // it may become the name of a certificate
	}
	if g.err != nil || !dane {
		return
	}
	bases, err := g.bases(ctx, p.Resolver, host, a)
	for _, base := range bases {
		if err != nil || !g.base.IsZero() {
			break
		}
		err = g.records(ctx, p.Resolver, base)
	}
	if err != nil {
		// RFC 7672, section 2.1.2: a host that may have TLSA records is not used
		// without them, since an attacker can make any look-up fail.
		g.err = &PolicyError{PolicyTLSA, ResultDNSSECInvalid, err}
	}
}

// addresses asks for both families and returns the answer that speaks for the
// host: a secure one, if there is one. RFC 7672, section 2.2.
func (g *gathered) addresses(ctx context.Context, p *Planner, host Name, dane bool) Answer {
	var answers [2]Answer // IPv6 and IPv4
	var errs [2]error
	for i, typ := range [...]Type{TypeAAAA, TypeA} {
		if typ == TypeA && p.Families == Only6 || typ == TypeAAAA && p.Families == Only4 {
			continue
		}
		answers[i], errs[i] = p.Resolver.Query(ctx, host, typ)
		g.ttl.add(answers[i], errs[i])
	}
	six, four := &answers[0], &answers[1]
	most := p.MaxAddr
	if most <= 0 {
		most = defaultMaxAddr
	}
	g.found = slices.DeleteFunc(interleave(g.storage[:0], six.Records, four.Records), nowhere)
	g.found = g.found[:min(len(g.found), most)]
	g.secure = six.Secure || four.Secure
	failed := errs[0]
	if failed == nil {
		failed = errs[1]
	}
	switch {
	case failed != nil && len(g.found) == 0:
		g.err = failed
	case failed != nil && dane && !g.secure:
		// The answer that failed may have been the secure one.
		g.err = &PolicyError{PolicyTLSA, ResultDNSSECInvalid, failed}
	case failed != nil:
		g.note = append(g.note, Finding{Host: host, Detail: failed.Error()})
	case len(g.found) == 0:
		g.err = errNoAddress
	}
	if six.Secure || !four.Secure && len(six.Records) > 0 {
		return *six
	}
	return *four
}

var errNoAddress = errors.New("dnsmx: the host has no address that can be used")

// nowhere reports whether an address cannot be that of a host. Dialled, the
// unspecified one would lead to ourselves.
func nowhere(a netip.Addr) bool { return !a.IsValid() || a.IsUnspecified() || a.IsMulticast() }

// bases returns the names under which TLSA records may lie, the first to be asked
// first. Below insecure names nobody is asked: servers there answer such questions
// with failures, which would be taken for an attack. RFC 7672, section 2.2.2 and
// section 2.2.3.
func (g *gathered) bases(ctx context.Context, r Resolver, host Name, a Answer) ([]Name, error) {
	switch {
	case g.secure && a.Canonical != host && !a.Canonical.IsZero():
		return []Name{a.Canonical, host}, nil
	case g.secure:
		return []Name{host}, nil
	case len(a.Aliases) == 0:
		return nil, nil
	}
	// An alias that leads into an unsigned zone can be signed itself.
	alias, err := r.Query(ctx, host, TypeCNAME)
	g.ttl.add(alias, err)
	if err == nil && alias.Secure {
		return []Name{host}, nil
	}
	return nil, err
}

// records asks for TLSA records, and takes them if they are secure.
func (g *gathered) records(ctx context.Context, r Resolver, base Name) error {
	name, err := base.Child("_25._tcp")
	if err != nil {
		return nil // too long to have any
	}
	a, err := r.Query(ctx, name, TypeTLSA)
	g.ttl.add(a, err)
	if err != nil || a.Status != Found || !a.Secure {
		return err
	}
	g.base = base
	for i := range a.Records {
		g.tlsa = append(g.tlsa, a.Records[i].TLSA)
	}
	return nil
}

// dane turns TLSA records into a policy: authentication by those that are usable,
// or if none is, encryption. RFC 7672, section 2.2 and section 3.2.2. The
// names are for DANE-TA records, and are those that a secure chain of look-ups led
// through, from nextHop on.
func (g *gathered) dane(h *Host, nextHop ...Name) (usable bool) {
	if g.base.IsZero() {
		return false
	}
	recs := auth.Usable(g.tlsa)
	if len(recs) == 0 {
		g.note = append(g.note, Finding{
			Host: h.Name, Policy: PolicyTLSA, Result: ResultTLSAInvalid,
			Detail: fmt.Sprintf("none of %d TLSA records can be used", len(g.tlsa)),
		})
		h.TLS.Level = stronger(h.TLS.Level, auth.TLSEncrypted)
		return false
	}
	h.TLS.Level, h.TLS.TLSA, h.TLS.ServerName = auth.TLSDANE, recs, g.base.s
	for _, n := range append([]Name{g.base, h.Name}, nextHop...) {
		if !slices.Contains(h.TLS.Names, n.s) {
			h.TLS.Names = append(h.TLS.Names, n.s)
		}
	}
	return true
}

func stronger(a, b auth.TLSLevel) auth.TLSLevel {
	if a.AtLeast(b) {
		return a
	}
	return b
}
