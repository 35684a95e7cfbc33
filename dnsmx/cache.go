package dnsmx

import (
	"context"
	"errors"
	"sync"
	"time"
)

// A Cache is a Resolver that remembers what another one answered, as long as the
// answers say: denials by their SOA record, and failures briefly, RFC 9520,
// section 3.2. A name that does not exist denies all names below it: RFC 8020,
// section 2. Equal questions at the same time are asked once, and go on as long as
// anybody waits for the answer. It is safe for concurrent use; the fields are not
// changed once in use.
type Cache struct {
	// Next is asked what is not remembered. It is needed.
	Next Resolver
	// Max is how many answers are kept, the least recently used leaving first;
	// zero: 10 000. Answers of more than 4 KiB are not kept.
	Max int
	// MinTTL and MaxTTL bound how long an answer is kept; zeros: no least, 24 h.
	MinTTL, MaxTTL time.Duration
	// FailTTL is how long a failure is kept, within 1 s and 5 min; zero: 5 s.
	FailTTL time.Duration

	mu      sync.Mutex
	entries map[question]*entry
	flights map[question]*flight
	recent  entry // the ring of entries: next the most recently used, prev the least
}

const (
	defaultMax     = 10_000
	defaultMaxTTL  = 24 * time.Hour
	defaultFailTTL = 5 * time.Second
	minFailTTL     = time.Second
	maxFailTTL     = 5 * time.Minute
	maxAnswer      = 4 << 10
)

// question is a key. typeNone is for a name that does not exist, of whatever type.
type question struct {
	name Name
	typ  Type
}

const typeNone Type = 0

// entry is an answer that is kept.
type entry struct {
	question
	answer     Answer
	err        error
	expires    time.Time // by the monotonic clock, so that setting the time changes nothing
	prev, next *entry
}

// flight is a question under way.
type flight struct {
	done    chan struct{} // closed when answer and err are set
	answer  Answer
	err     error
	waiters int // under the Cache's lock; the last one to leave cancels
	cancel  context.CancelFunc
}

// Query implements Resolver. Answer.TTL is what is left of it; that of the records
// is as it came. A done ctx ends the wait of this caller alone.
func (c *Cache) Query(ctx context.Context, name Name, typ Type) (Answer, error) {
	q := question{name, typ}
	c.mu.Lock()
	if a, err, ok := c.lookup(q); ok {
		c.mu.Unlock()
		return a, err
	}
	if err := ctx.Err(); err != nil {
		c.mu.Unlock()
		return Answer{}, waitError(q, err)
	}
	f := c.flights[q]
	if f == nil {
		f = c.start(ctx, q)
	}
	f.waiters++
	c.mu.Unlock()

	select {
	case <-f.done:
		return f.answer, f.err
	case <-ctx.Done():
		c.leave(q, f)
		return Answer{}, waitError(q, ctx.Err())
	}
}

func waitError(q question, err error) error {
	return &Error{Name: q.name, Type: q.typ, Err: err, Timeout: errors.Is(err, context.DeadlineExceeded)}
}

// start sends a question on its way. It keeps the values of ctx, not its end: the
// one who asks first may leave first.
func (c *Cache) start(ctx context.Context, q question) *flight {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f := &flight{done: make(chan struct{}), cancel: cancel}
	if c.flights == nil {
		c.flights = make(map[question]*flight)
	}
	c.flights[q] = f
	go func() {
		defer cancel()
		answer, err := c.Next.Query(ctx, q.name, q.typ)
		c.mu.Lock()
		f.answer, f.err = answer, err
		if c.flights[q] == f { // else everybody left, and nobody knows what this error is worth
			delete(c.flights, q)
			c.keep(q, answer, err)
		}
		c.mu.Unlock()
		close(f.done)
	}()
	return f
}

func (c *Cache) leave(q question, f *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.waiters--; f.waiters == 0 && c.flights[q] == f {
		delete(c.flights, q)
		f.cancel()
	}
}

// lookup returns what is known about q. An answer about q itself goes before the
// denial of a name above it.
func (c *Cache) lookup(q question) (Answer, error, bool) {
	now := time.Now()
	if e := c.fresh(q, now); e != nil {
		a := e.answer
		if e.err == nil {
			a.TTL = e.expires.Sub(now)
		}
		return a, e.err, true
	}
	for n, ok := q.name, true; ok; n, ok = n.Parent() {
		if e := c.fresh(question{n, typeNone}, now); e != nil {
			a := e.answer
			a.Canonical, a.TTL = q.name, e.expires.Sub(now)
			return a, nil, true
		}
	}
	return Answer{}, nil, false
}

// fresh returns an entry that has not expired, and makes it the most recent.
func (c *Cache) fresh(q question, now time.Time) *entry {
	e := c.entries[q]
	switch {
	case e == nil:
		return nil
	case !e.expires.After(now):
		c.drop(e)
		return nil
	}
	if c.recent.next != e {
		e.unlink()
		e.linkAfter(&c.recent)
	}
	return e
}

// keep stores an answer or a failure.
func (c *Cache) keep(q question, a Answer, err error) {
	ttl := c.ttl(a, err)
	if ttl <= 0 || a.size() > maxAnswer {
		return
	}
	expires := time.Now().Add(ttl)
	if err != nil {
		a = Answer{}
	}
	c.put(&entry{question: q, answer: a, err: err, expires: expires})
	if err == nil && a.Status == NXDomain {
		denial := Answer{Status: NXDomain, Secure: a.Secure}
		c.put(&entry{question: question{a.Canonical, typeNone}, answer: denial, expires: expires})
	}
}

func (c *Cache) ttl(a Answer, err error) time.Duration {
	if err != nil {
		if c.FailTTL == 0 {
			return defaultFailTTL
		}
		return min(max(c.FailTTL, minFailTTL), maxFailTTL)
	}
	most := c.MaxTTL
	if most <= 0 {
		most = defaultMaxTTL
	}
	if a.Status != Found {
		most = min(most, maxDenial)
	}
	return min(max(a.TTL, c.MinTTL), most)
}

// size is about the octets that an answer holds.
func (a *Answer) size() int {
	const record = 16 // the fixed part on the wire
	n := len(a.Canonical.s)
	for _, alias := range a.Aliases {
		n += record + len(alias.s)
	}
	for i := range a.Records {
		r := &a.Records[i]
		n += record + len(r.Host.s) + len(r.Text) + len(r.TLSA.Data)
	}
	return n
}

func (c *Cache) put(e *entry) {
	most := c.Max
	if most <= 0 {
		most = defaultMax
	}
	if c.entries == nil {
		c.entries = make(map[question]*entry)
		c.recent.next, c.recent.prev = &c.recent, &c.recent
	}
	if old := c.entries[e.question]; old != nil {
		c.drop(old)
	}
	for len(c.entries) >= most {
		c.drop(c.recent.prev)
	}
	c.entries[e.question] = e
	e.linkAfter(&c.recent)
}

func (c *Cache) drop(e *entry) {
	delete(c.entries, e.question)
	e.unlink()
}

func (e *entry) unlink() {
	e.prev.next, e.next.prev = e.next, e.prev
}

func (e *entry) linkAfter(at *entry) {
	e.prev, e.next = at, at.next
	at.next.prev = e
	at.next = e
}
