package mtasts

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mailwire/mailwire/dnsmx"
)

// An Entry is what is remembered of a domain. It can be stored as JSON.
type Entry struct {
	Policy  *dnsmx.STSPolicy // not to be changed; of mode none, too
	Fetched time.Time
}

// A Store keeps entries over a restart. It is safe for concurrent use. Load returns
// nil without error for a domain that it does not have.
type Store interface {
	Load(ctx context.Context, domain dnsmx.Name) (*Entry, error)
	Save(ctx context.Context, domain dnsmx.Name, e *Entry) error
}

// A Cache finds policies and remembers them. It implements dnsmx.PolicySource, and is
// safe for concurrent use; the fields are not changed once in use.
//
// Each call asks for the TXT record, through a dnsmx.Cache if Resolver is one. HTTPS
// is used only if that has another id than the policy at hand.
type Cache struct {
	Resolver dnsmx.Resolver
	Fetcher  *Fetcher // nil: one with this Resolver
	Store    Store    // nil: in memory alone
	// Backoff is how long nothing is fetched for a domain after that failed; zero: 5
	// min. RFC 8461, section 3.3.
	Backoff time.Duration
	// Max is how many domains are kept in memory; zero: 10 000.
	Max int

	mu       sync.Mutex
	entries  recent[*Entry] // nil values: the Store has none
	failures recent[failure]
	fetches  map[dnsmx.Name]*fetch
	fetcher  *Fetcher
}

const (
	defaultBackoff = 5 * time.Minute
	defaultMax     = 10_000
)

// failure is a fetch that failed.
type failure struct {
	until time.Time
	err   *dnsmx.STSError
}

// fetch is one under way: done is closed when the rest is set.
type fetch struct {
	done   chan struct{}
	policy *dnsmx.STSPolicy
	err    error
}

// Policy implements dnsmx.PolicySource. An *dnsmx.STSError means that no policy is
// known and none could be found, other errors are those of the Store and of ctx.
func (c *Cache) Policy(ctx context.Context, domain dnsmx.Name) (*dnsmx.STSPolicy, error) {
	e, err := c.load(ctx, domain)
	if err != nil {
		return nil, err
	}
	id, err := c.discover(ctx, domain)
	known := e.at(time.Now())
	switch {
	case known == nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case known == nil && err != nil:
		return nil, &dnsmx.STSError{Result: dnsmx.ResultSTSFetch, Err: err}
	case err != nil, id == "", known != nil && known.ID == id:
		return visible(known), nil
	}
	fetched, err := c.fetch(ctx, domain, id)
	failed, ok := errors.AsType[*dnsmx.STSError](err)
	switch {
	case err == nil:
		return visible(fetched), nil
	case known == nil || !ok:
		return nil, err
	}
	stale := *known
	stale.Stale = failed
	return visible(&stale), nil
}

// at returns the policy of an entry, nil if it has expired.
func (e *Entry) at(now time.Time) *dnsmx.STSPolicy {
	if e == nil || e.Policy == nil || !e.Policy.Expires.After(now) {
		return nil
	}
	return e.Policy
}

// visible hides a policy of mode none, which is there only to be known by its id.
func visible(p *dnsmx.STSPolicy) *dnsmx.STSPolicy {
	if p == nil || p.Mode == dnsmx.ModeNone {
		return nil
	}
	return p
}

// discover returns the id in the TXT record; "" if there is not one good record.
func (c *Cache) discover(ctx context.Context, domain dnsmx.Name) (string, error) {
	n, err := domain.Child("_mta-sts")
	if err != nil {
		return "", nil // too long a name to have one
	}
	texts, _, err := dnsmx.LookupTXT(ctx, c.Resolver, n)
	if err != nil {
		return "", err
	}
	return onlyID(texts), nil
}

// load returns what is remembered, nil if there is nothing.
func (c *Cache) load(ctx context.Context, domain dnsmx.Name) (*Entry, error) {
	c.mu.Lock()
	e, ok := c.entries.get(domain)
	c.mu.Unlock()
	if ok || c.Store == nil {
		return e, nil
	}
	e, err := c.Store.Load(ctx, domain)
	if err != nil {
		return nil, fmt.Errorf("mtasts: load the policy of %s: %w", domain, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if newer, ok := c.entries.get(domain); ok && newer != nil {
		return newer, nil // fetched while we were waiting for the Store
	}
	c.entries.put(domain, e, c.max())
	return e, nil
}

func (c *Cache) max() int {
	if c.Max <= 0 {
		return defaultMax
	}
	return c.Max
}

// fetch gets a policy and remembers it, unless that failed a short while ago. Those
// who want the policy of one domain at the same time get it from one fetch, that of
// the first; if its time ends before theirs, they have had the same failure.
func (c *Cache) fetch(ctx context.Context, domain dnsmx.Name, id string) (*dnsmx.STSPolicy, error) {
	c.mu.Lock()
	if f, ok := c.failures.get(domain); ok && time.Now().Before(f.until) {
		c.mu.Unlock()
		return nil, f.err
	}
	f, running := c.fetches[domain]
	if !running {
		f = &fetch{done: make(chan struct{})}
		if c.fetches == nil {
			c.fetches = make(map[dnsmx.Name]*fetch)
		}
		c.fetches[domain] = f
	}
	c.mu.Unlock()
	if !running {
		f.policy, f.err = c.get(ctx, domain, id)
		c.mu.Lock()
		delete(c.fetches, domain)
		c.mu.Unlock()
		close(f.done)
		return f.policy, f.err
	}
	select {
	case <-f.done:
		if errors.Is(f.err, context.Canceled) && ctx.Err() == nil {
			return c.fetch(ctx, domain, id) // its caller went away, we did not
		}
		return f.policy, f.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// get fetches a policy, and writes down what came of it.
func (c *Cache) get(ctx context.Context, domain dnsmx.Name, id string) (*dnsmx.STSPolicy, error) {
	p, err := c.theFetcher().Fetch(ctx, domain)
	if failed, ok := errors.AsType[*dnsmx.STSError](err); ok {
		backoff := c.Backoff
		if backoff <= 0 {
			backoff = defaultBackoff
		}
		c.mu.Lock()
		c.failures.put(domain, failure{time.Now().Add(backoff), failed}, c.max())
		c.mu.Unlock()
	}
	if err != nil {
		return nil, err
	}
	p.ID = id
	e := &Entry{Policy: p, Fetched: time.Now()}
	c.mu.Lock()
	c.failures.drop(domain)
	c.entries.put(domain, e, c.max())
	c.mu.Unlock()
	if c.Store != nil {
		if err := c.Store.Save(ctx, domain, e); err != nil {
			return nil, fmt.Errorf("mtasts: save the policy of %s: %w", domain, err)
		}
	}
	return p, nil
}

func (c *Cache) theFetcher() *Fetcher {
	if c.Fetcher != nil {
		return c.Fetcher
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fetcher == nil {
		c.fetcher = &Fetcher{Resolver: c.Resolver}
	}
	return c.fetcher
}

// refreshAge is when a policy is fetched again at the latest: RFC 8461, section 3.3,
// thinks of once a day.
const refreshAge = 24 * time.Hour

// due reports whether an entry should be renewed now, while it still stands.
func (e *Entry) due(now time.Time) bool {
	p := e.at(now)
	return p != nil && now.Sub(e.Fetched) >= min(refreshAge, p.MaxAge/2)
}

// Refresh fetches again the policies in memory that are half through their time, or
// a day old, so that a domain which gets little mail keeps its protection. Call it
// every hour or so. One whose TXT record is gone is left to expire. The error joins
// those of all domains; Refresh ends early only with ctx.
func (c *Cache) Refresh(ctx context.Context) error {
	now := time.Now()
	var due []dnsmx.Name
	c.mu.Lock()
	for n, e := range c.entries.byName {
		if e.Value.(*named[*Entry]).value.due(now) {
			due = append(due, n)
		}
	}
	c.mu.Unlock()
	var errs []error
	for _, n := range due {
		if ctx.Err() != nil {
			return errors.Join(append(errs, ctx.Err())...)
		}
		id, err := c.discover(ctx, n)
		if err == nil && id != "" {
			_, err = c.fetch(ctx, n, id)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("mtasts: refresh %s: %w", n, err))
		}
	}
	return errors.Join(errs...)
}
