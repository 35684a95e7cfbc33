package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"

	"github.com/mailwire/mailwire/dnsmx"
	"github.com/mailwire/mailwire/dnsmx/mtasts"
	"github.com/mailwire/mailwire/examples/maild/store"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpclient"
)

// relay finds out where the mail for a domain goes, and takes it there.
type relay struct {
	planner   *dnsmx.Planner
	policies  *mtasts.Cache
	deliverer *smtpclient.Deliverer
	roots     *x509.CertPool // nil: the system's
	log       *slog.Logger
}

// Of a domain with many hosts some are enough: each may take 30 s to be found dead.
const (
	maxHosts = 10
	maxAddrs = 4
)

func newRelay(c *config, db *store.Store, log *slog.Logger) (*relay, error) {
	roots, err := c.loadRoots()
	if err != nil {
		return nil, err
	}
	stub, err := c.stub()
	if err != nil {
		return nil, err
	}
	self, err := dnsmx.ParseName(c.hostname)
	if err != nil {
		return nil, err
	}
	resolver := &dnsmx.Cache{Next: stub}
	policies := &mtasts.Cache{Resolver: resolver, Store: stsStore{db}, Fetcher: &mtasts.Fetcher{Client: c.stsClient(resolver, roots)}}
	return &relay{
		planner:  &dnsmx.Planner{Resolver: resolver, STS: policies, Self: []dnsmx.Name{self}, MaxMX: maxHosts, MaxAddr: maxAddrs},
		policies: policies,
		deliverer: &smtpclient.Deliverer{
			Dialer: smtpclient.Dialer{LocalName: c.hostname, Logger: log.With("client", "smtp")},
			Port:   uint16(c.mxPort),
		},
		roots: roots,
		log:   log,
	}, nil
}

func (c *config) stub() (*dnsmx.Stub, error) {
	if c.dns == "" {
		return dnsmx.System()
	}
	server, err := netip.ParseAddrPort(c.dns)
	if err != nil {
		return nil, fmt.Errorf("-dns: %w", err)
	}
	return &dnsmx.Stub{Servers: []netip.AddrPort{server}}, nil
}

func (c *config) loadRoots() (*x509.CertPool, error) {
	if c.roots == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(c.roots)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, err
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("-roots: no certificate in %s", c.roots)
	}
	return pool, nil
}

// stsClient fetches MTA-STS policies from the hosts that our resolver knows.
func (c *config) stsClient(r dnsmx.Resolver, roots *x509.CertPool) *http.Client {
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		name, err := dnsmx.ParseNameLax(host)
		if err != nil {
			return nil, err
		}
		addrs, _, err := dnsmx.LookupAddrs(ctx, r, name, dnsmx.Both)
		if err != nil {
			return nil, err
		}
		err = fmt.Errorf("%s has no address", name)
		for _, a := range addrs[:min(len(addrs), maxAddrs)] {
			var conn net.Conn
			if conn, err = new(net.Dialer).DialContext(ctx, network, netip.AddrPortFrom(a, uint16(c.stsPort)).String()); err == nil {
				return conn, nil
			}
		}
		return nil, err
	}
	return &http.Client{Transport: &http.Transport{
		DialContext:            dial,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: 64 << 10,
	}}
}

// verdict is what an attempt means for one recipient.
type verdict struct {
	err     error // nil: the host has taken the message
	final   bool  // no further attempt will do better
	host    string
	reply   smtp.Reply // of that host
	relayed bool       // it knows nothing of delivery reports: RFC 3461, section 5.2.2
}

// send tries to deliver a message whose recipients are all of one domain. There is
// a verdict for each of them. reached is false if no host came to see the message,
// so that others for the domain would not have fared better.
func (r *relay) send(ctx context.Context, m *store.Outgoing, open func() (io.ReadCloser, error)) (verdicts []verdict, reached bool) {
	reached = m.Options.RequireTLS // what it demands is nothing to do with others
	hosts, err := r.hosts(ctx, m)
	if err != nil {
		failure, known := errors.AsType[*dnsmx.Failure](err)
		v := verdict{err: err, final: known && !failure.Temporary()}
		for range m.Rcpts {
			verdicts = append(verdicts, v)
		}
		return verdicts, reached
	}
	e := &smtp.Envelope{From: m.From, Options: smtp.MailOptions{Size: m.Size, RequireTLS: m.Options.RequireTLS, Ret: m.Options.Ret, EnvID: m.Options.EnvID}}
	for i := range m.Rcpts {
		e.To = append(e.To, m.Rcpts[i].Rcpt)
	}
	d, _ := r.deliverer.Deliver(ctx, hosts, e, open)
	for i := range m.Rcpts {
		verdicts = append(verdicts, r.judge(m, d, i))
	}
	for i := range d.Attempts {
		reached = reached || d.Attempts[i].Err == nil
	}
	return verdicts, reached
}

// hosts returns where to deliver to, and under which TLS.
func (r *relay) hosts(ctx context.Context, m *store.Outgoing) ([]smtpclient.Host, error) {
	domain, err := dnsmx.ParseName(m.Rcpts[0].Domain)
	if err != nil {
		return nil, err
	}
	plan, err := r.planner.Plan(ctx, domain)
	if plan != nil {
		for _, f := range plan.Findings {
			r.log.Warn("finding", "domain", domain.String(), "host", f.Host.String(), "policy", f.Policy, "result", f.Result, "detail", f.Detail)
		}
		switch {
		case m.Options.RequireTLS && err == nil:
			plan, err = plan.RequireTLS()
		case m.Relaxed && (err == nil || errors.Is(err, dnsmx.ErrNoHost)):
			plan = plan.Relaxed()
		}
	}
	if plan == nil {
		return nil, err
	}
	var hosts []smtpclient.Host
	for h := range plan.Usable() {
		policy := h.TLS
		policy.Roots = r.roots
		hosts = append(hosts, smtpclient.Host{Name: h.Name.String(), Addrs: h.Addrs, TLS: policy})
	}
	if len(hosts) == 0 {
		return nil, err
	}
	return hosts, nil
}

// judge reads what a delivery says of recipient i, and tells the log.
func (r *relay) judge(m *store.Outgoing, d *smtpclient.Delivery, i int) verdict {
	result := &d.Rcpts[i]
	v := verdict{err: result.Err, final: result.Err != nil && !d.Temporary(i)}
	if d.By[i] < 0 {
		return v
	}
	a := &d.Attempts[d.By[i]]
	v.relayed = !a.Extensions.DSN
	v.reply = result.Final
	if refused, ok := errors.AsType[*smtp.ReplyError](result.Err); ok {
		v.reply = refused.Reply
	}
	if v.reply.Code != 0 {
		v.host = a.Host
	}
	if v.err == nil {
		r.log.Info("sent", "id", m.Name, "to", m.Rcpts[i].Path.String(), "host", a.Host, "addr", a.Addr.String(),
			"policy", a.Level.String(), "tls", tlsName(a.TLS), "reused", a.Reused)
	}
	return v
}

func tlsName(s *tls.ConnectionState) string {
	if s == nil {
		return "none"
	}
	return tls.VersionName(s.Version)
}

// stsStore keeps MTA-STS policies over a restart.
type stsStore struct{ store *store.Store }

func (s stsStore) Load(ctx context.Context, domain dnsmx.Name) (*mtasts.Entry, error) {
	text, err := s.store.STSPolicy(ctx, domain.String())
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	e := new(mtasts.Entry)
	return e, json.Unmarshal(text, e)
}

func (s stsStore) Save(_ context.Context, domain dnsmx.Name, e *mtasts.Entry) error {
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return s.store.SetSTSPolicy(domain.String(), text)
}

// refreshPolicies renews what is remembered before it expires.
func (r *relay) refreshPolicies(ctx context.Context) {
	every := time.NewTicker(time.Hour)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
			if err := r.policies.Refresh(ctx); err != nil {
				r.log.Warn("MTA-STS policies not renewed", "err", err)
			}
		}
	}
}
