package dnsmx

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"slices"
)

// candidates makes the list of hosts from an answer that has MX records: lowest
// preference first, equal ones shuffled, cut at our own. Hosts with bad names are
// in it, with Err. RFC 5321, section 5.1; RFC 7505, section 3.
func (p *Planner) candidates(dst []Host, a Answer) ([]Host, []Finding, error) {
	if !slices.ContainsFunc(a.Records, func(r Record) bool { return !r.Root }) {
		return nil, nil, ErrNullMX
	}
	var findings []Finding
	dst = slices.Grow(dst[:0], len(a.Records))
	for i := range a.Records {
		r := &a.Records[i]
		if r.Root {
			findings = append(findings, Finding{Detail: "a null MX beside other MX records is ignored"})
			continue
		}
		if i := slices.IndexFunc(dst, func(h Host) bool { return h.Name == r.Host && r.Err == nil }); i >= 0 {
			dst[i].Pref = min(dst[i].Pref, r.Pref)
			continue
		}
		dst = append(dst, Host{Name: r.Host, Pref: r.Pref, Err: r.Err})
	}
	p.shuffle(dst)
	slices.SortStableFunc(dst, func(a, b Host) int { return cmp.Compare(a.Pref, b.Pref) })
	dst, err := p.cutSelf(dst)
	most := p.MaxMX
	if most <= 0 {
		most = defaultMaxMX
	}
	return dst[:min(len(dst), most)], findings, err
}

// shuffle spreads the load over hosts of one preference: a shuffled list that is
// sorted stably has them in random order.
func (p *Planner) shuffle(hosts []Host) {
	if p.Shuffle != nil {
		p.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
		return
	}
	for i := len(hosts) - 1; i > 0; i-- {
		j := rand.IntN(i + 1)
		hosts[i], hosts[j] = hosts[j], hosts[i]
	}
}

// cutSelf removes ourselves and all hosts that are not better than we are: mail
// that we passed on to one of them would come back.
func (p *Planner) cutSelf(sorted []Host) ([]Host, error) {
	self := slices.IndexFunc(sorted, p.isSelf)
	if self < 0 {
		return sorted, nil
	}
	better := slices.IndexFunc(sorted, func(h Host) bool { return h.Pref >= sorted[self].Pref })
	if better == 0 {
		return nil, ErrLoop.with(errors.New(quote(sorted[self].Name.s)))
	}
	return sorted[:better], nil
}

func (p *Planner) isSelf(h Host) bool {
	return !h.Name.IsZero() && slices.Contains(p.Self, h.Name)
}
