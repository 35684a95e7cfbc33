package dnsmx

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailwire/mailwire/auth"
)

// A Planner finds out where the mail for a domain goes, and with how much
// security. It is safe for concurrent use if its parts are; the fields are not
// changed once in use.
type Planner struct {
	Resolver Resolver     // needed; a Cache, in most programs
	STS      PolicySource // nil: no MTA-STS
	NoDANE   bool         // TLSA records are not asked for
	// Floor is the least security; no plan has less, whatever the DNS says.
	Floor    Floor
	Families Families // which addresses we can reach
	// Self are our own names. The list of hosts is cut where we are in it.
	Self []Name
	// MaxMX and MaxAddr bound the hosts, and the addresses of one; zeros: 20 and 8.
	MaxMX, MaxAddr int
	// NextHop returns a static route for a domain, and false if there is none. Of
	// its hosts Name, Pref and Addrs count; without Addrs they are looked up. A
	// route is as good as a secure MX answer for DANE, and not subject to MTA-STS,
	// which is about the domain's own hosts.
	NextHop func(domain Name) ([]Host, bool)
	// Shuffle puts n hosts into random order; nil: math/rand/v2.
	Shuffle func(n int, swap func(i, j int))
}

// A Floor is the least security that a caller accepts of any host.
type Floor uint8

const (
	Opportunistic Floor = iota // TLS if it is offered
	Encrypted                  // TLS
	// Authenticated: TLS with a certificate for the name of the host. That name is
	// an attacker's choice where neither DNSSEC nor MTA-STS vouches for it: see
	// Plan.RequireTLS.
	Authenticated
)

func (f Floor) String() string {
	switch f {
	case Opportunistic:
		return "Opportunistic"
	case Encrypted:
		return "Encrypted"
	case Authenticated:
		return "Authenticated"
	}
	return fmt.Sprintf("Floor(%d)", uint8(f))
}

func (f Floor) level() auth.TLSLevel {
	switch f {
	case Opportunistic:
		return auth.TLSOpportunistic
	case Encrypted:
		return auth.TLSEncrypted
	}
	return auth.TLSVerified
}

// A Plan is where the mail for a domain goes. It is the caller's own.
type Plan struct {
	Asked  Name
	Domain Name // Asked, or what it is an alias of
	// Hosts are in the order to be tried, those that cannot be used among them.
	Hosts    []Host
	Implicit bool       // there is no MX, and the domain is its own host
	Secure   bool       // the MX answer was secure, or the route is ours
	STS      *STSPolicy // nil: none
	Valid    time.Time  // until when the answers hold: plan again then
	Findings []Finding  // for reports and logs
	floor    Floor
}

// A Host is one host to deliver to.
type Host struct {
	Name  Name
	Pref  uint16
	Addrs []netip.Addr // in the order to be tried
	TLS   auth.TLSPolicy
	// Secure: DNSSEC vouches for the way from the domain to these addresses.
	Secure bool
	// Err says why the host cannot be used now; nil: it can.
	Err error
}

// Usable returns the hosts without Err, in order.
func (p *Plan) Usable() iter.Seq[*Host] {
	return func(yield func(*Host) bool) {
		for i := range p.Hosts {
			if h := &p.Hosts[i]; h.Err == nil && !yield(h) {
				return
			}
		}
	}
}

const (
	defaultMaxMX   = 20
	defaultMaxAddr = 8
	planTime       = 60 * time.Second
)

// Plan makes the plan for a domain. Its hosts are found by MX, or the domain is its
// own; each has the strongest TLS policy of DANE, else MTA-STS, and in any case the
// floor. At most 4 + 5 × MaxMX questions are asked, the fewest that the answers
// allow. Without a deadline, ctx gets one of 60 seconds.
//
// Errors are a *Failure: ErrNullMX, ErrNoDomain and ErrLoop are about the domain
// and final; ErrUnknown and ErrNoHost may pass. If there are hosts and none of them
// can be used, the plan comes with the error, to show why each is out.
func (p *Planner) Plan(ctx context.Context, domain Name) (*Plan, error) {
	if domain.IsZero() {
		return nil, ErrNoDomain.with(errors.New("no name"))
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, planTime)
		defer cancel()
	}
	start := time.Now()
	j := &planning{Planner: p}
	j.plan = Plan{Asked: domain, Domain: domain, floor: p.Floor}
	if err := j.route(ctx); err != nil {
		return nil, err
	}
	j.gatherAll(ctx)
	if err := j.decideSTS(ctx); err != nil {
		return nil, err
	}
	for i := range j.plan.Hosts {
		j.decide(&j.plan.Hosts[i], &j.facts[i])
	}
	j.plan.Valid = start.Add(j.ttl.least())
	if s := j.plan.STS; s != nil && s.Expires.Before(j.plan.Valid) {
		j.plan.Valid = s.Expires
	}
	return &j.plan, j.verdict()
}

// planning is one call of Plan. For a usual domain it is all the memory there is,
// and what is needed while planning goes with what stays.
type planning struct {
	*Planner
	plan  Plan
	hosts [few]Host
	few   [few]gathered
	facts []gathered // one for each host
	ttl   ttl

	routed bool // by NextHop
	sts    *STSPolicy
	stsErr error
	taken  atomic.Int32
	others sync.WaitGroup
}

// few is how many hosts a usual domain has, at most.
const few = 4

// route finds the hosts, without their addresses.
func (j *planning) route(ctx context.Context) error {
	if j.NextHop != nil {
		if hosts, ok := j.NextHop(j.plan.Asked); ok {
			j.useRoute(hosts)
			return nil
		}
	}
	a, err := j.Resolver.Query(ctx, j.plan.Asked, TypeMX)
	if err != nil {
		return ErrUnknown.with(err)
	}
	j.ttl.add(a, nil)
	j.plan.Domain, j.plan.Secure = a.Canonical, a.Secure
	switch a.Status {
	case Found:
		j.plan.Hosts, j.plan.Findings, err = j.candidates(j.hosts[:0], a)
	case NoData:
		j.plan.Implicit = true
		j.plan.Hosts = append(j.hosts[:0], Host{Name: a.Canonical, Err: a.Canonical.hostErr()})
		_, err = j.cutSelf(j.plan.Hosts)
	default:
		err = ErrNoDomain
	}
	return err
}

// useRoute copies what counts of a static route.
func (j *planning) useRoute(hosts []Host) {
	j.routed, j.plan.Secure = true, true
	j.plan.Hosts = j.hosts[:0]
	for _, h := range hosts {
		j.plan.Hosts = append(j.plan.Hosts, Host{Name: h.Name, Pref: h.Pref, Addrs: slices.Clone(h.Addrs)})
	}
}

// patience is how long one goroutine works alone. From a cache it takes
// microseconds, and others would only cost; from the network the time of one
// server that does not answer should not be that of all hosts.
const (
	patience = 2 * time.Millisecond
	helpers  = 7
)

// gatherAll asks all that is to be asked about the policy and the hosts.
func (j *planning) gatherAll(ctx context.Context) {
	if j.facts = j.few[:min(few, len(j.plan.Hosts))]; len(j.plan.Hosts) > few {
		j.facts = make([]gathered, len(j.plan.Hosts))
	}
	if len(j.plan.Hosts) == 1 && j.STS == nil {
		j.gatherSome(ctx)
		return
	}
	j.others.Add(1)
	help := time.AfterFunc(patience, func() {
		defer j.others.Done()
		for range min(helpers, len(j.plan.Hosts)) {
			j.others.Go(func() { j.gatherSome(ctx) })
		}
	})
	j.gatherSome(ctx)
	if help.Stop() {
		j.others.Done()
	}
	j.others.Wait()
}

// gatherSome takes one task after the other: the policy, then each host. What it
// writes depends on the task alone.
func (j *planning) gatherSome(ctx context.Context) {
	for {
		switch i := int(j.taken.Add(1)) - 2; {
		case i >= len(j.plan.Hosts):
			return
		case i >= 0:
			j.gatherHost(ctx, &j.plan.Hosts[i], &j.facts[i])
		case j.STS != nil && !j.routed:
			j.sts, j.stsErr = j.STS.Policy(ctx, j.plan.Asked)
		}
	}
}

func (j *planning) gatherHost(ctx context.Context, h *Host, g *gathered) {
	switch {
	case h.Err != nil:
	case len(h.Addrs) > 0: // a route that needs no look-up
	case h.Name.IsZero():
		h.Err = errNoAddress
	default:
		g.gather(ctx, j.Planner, h.Name, j.plan.Secure)
		h.Addrs, h.Err = g.found, g.err
		h.Secure = j.plan.Secure && g.secure
	}
}

// decideSTS takes the policy over. That none could be found out is the one error
// that mail goes out in spite of: RFC 8461, section 10.2.
func (j *planning) decideSTS(ctx context.Context) error {
	j.plan.STS = j.sts
	failed, ok := errors.AsType[*STSError](j.stsErr)
	switch {
	case j.stsErr != nil && (!ok || ctx.Err() != nil):
		// Discovery that was not given its time has not failed.
		return ErrUnknown.with(j.stsErr)
	case j.stsErr != nil:
		j.ttl.addFailure()
		j.plan.STS = nil
	case j.sts != nil && j.sts.Mode == ModeNone:
		j.plan.STS = nil
	case j.sts != nil:
		failed = j.sts.Stale
	}
	if failed != nil {
		j.plan.Findings = append(j.plan.Findings, Finding{Policy: PolicySTS, Result: failed.Result, Detail: failed.Error()})
	}
	return nil
}

// decide makes the TLS policy of a host: DANE before MTA-STS before the floor. RFC
// 8461, section 2.
func (j *planning) decide(h *Host, g *gathered) {
	h.TLS.Level, h.TLS.ServerName = j.Floor.level(), h.Name.s
	j.ttl.merge(g.ttl)
	nextHop := []Name{j.plan.Asked, j.plan.Domain}
	if j.routed {
		nextHop = nil // the route's host is the next hop itself
	}
	if !g.dane(h, nextHop...) && j.plan.STS != nil && !h.Name.IsZero() {
		h.obey(j.plan.STS, g)
	}
	j.plan.Findings = append(j.plan.Findings, g.note...)
}

// obey applies an MTA-STS policy to a host.
func (h *Host) obey(s *STSPolicy, g *gathered) {
	switch {
	case s.Allows(h.Name) && s.Mode == ModeEnforce:
		h.TLS.Level = auth.TLSVerified
	case !s.Allows(h.Name):
		err := fmt.Errorf("%s is not among the hosts of policy %s", h.Name, quote(s.ID))
		g.note = append(g.note, Finding{Host: h.Name, Policy: PolicySTS, Result: ResultFailure, Detail: err.Error()})
		if s.Mode == ModeEnforce && h.Err == nil {
			h.Err = &PolicyError{PolicySTS, ResultFailure, err}
		}
	}
}

// verdict is the error of a plan without a usable host.
func (j *planning) verdict() error {
	var errs []error
	for i := range j.plan.Hosts {
		h := &j.plan.Hosts[i]
		if h.Err == nil {
			return nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", h.Name, h.Err))
	}
	if j.plan.Implicit && j.Families == Both && errors.Is(j.plan.Hosts[0].Err, errNoAddress) && j.ttl.least() > 0 {
		// All denials are answers, and so this one is final; but not if one came
		// without a SOA record, as from a server that does not know better.
		return ErrNoDomain.with(errors.New("it has neither MX nor address"))
	}
	return ErrNoHost.with(errors.Join(errs...))
}

// ttl is the least TTL of some answers.
type ttl struct {
	set   bool
	value time.Duration
}

func (t *ttl) add(a Answer, err error) {
	if err != nil {
		t.addFailure()
		return
	}
	t.merge(ttl{true, a.TTL})
}

// addFailure stands for an answer that is not known, and may be in a moment.
func (t *ttl) addFailure() { t.merge(ttl{true, defaultFailTTL}) }

func (t *ttl) merge(o ttl) {
	if o.set && (!t.set || o.value < t.value) {
		*t = o
	}
}

func (t *ttl) least() time.Duration {
	if !t.set {
		return defaultMaxTTL
	}
	return min(t.value, defaultMaxTTL)
}
