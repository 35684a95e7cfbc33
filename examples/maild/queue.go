package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/mailwire/mailwire/examples/maild/store"
	"github.com/mailwire/mailwire/smtp"
)

// queue brings mail to other hosts, and tries again until it is there or its time
// is up. What is in it is in the store alone: a queue forgets nothing when it is
// killed, and whatever it had not written down yet it does again.
type queue struct {
	*daemon
	relay  *relay
	now    func() time.Time
	random func() float64        // in [0, 1)
	pause  func(context.Context) // after an error of our own

	wake    chan struct{} // holds one
	running sync.WaitGroup

	mu      sync.Mutex
	workers map[string]int // by domain
	total   int
	busy    map[string]store.Busy // by domain
}

func newQueue(d *daemon) (*queue, error) {
	r, err := newRelay(&d.config, d.store, d.log.With("server", "relay"))
	if err != nil {
		return nil, err
	}
	return &queue{daemon: d, relay: r, now: time.Now, random: rand.Float64, pause: pause, wake: make(chan struct{}, 1),
		workers: map[string]int{}, busy: map[string]store.Busy{}}, nil
}

const (
	maxWorkers   = 32 // deliveries at the same time
	maxPerDomain = 4  // of these for one domain
	maxRetry     = 4 * time.Hour
	pollTime     = time.Second // how soon what another process has changed is seen
)

// schedule says when to do what about mail that does not get through.
type schedule struct {
	retry  time.Duration // until the second attempt; each further wait is twice as long, up to maxRetry
	warn   time.Duration // until the sender is told that it takes long
	expire time.Duration // until the message is returned: RFC 5321, section 4.5.4.1, wants 4 days or more
}

// backoff is how long to wait after so many attempts. By chance it is up to a
// quarter more or less, so that what failed together is not tried together again.
func (q *queue) backoff(attempts int) time.Duration {
	d := q.retry
	for range attempts - 1 {
		if d = min(2*d, maxRetry); d == maxRetry {
			break
		}
	}
	return time.Duration(float64(d) * (0.75 + q.random()/2))
}

// recipient is a new recipient of the queue, due at once.
func (q *queue) recipient(to smtp.Rcpt, domain string, now time.Time) store.Waiting {
	return store.Waiting{Rcpt: to, Domain: domain, Next: now, Warn: now.Add(q.warn), Expires: now.Add(q.expire)}
}

// poke has the queue look for mail that is due.
func (q *queue) poke() {
	select {
	case q.wake <- struct{}{}:
	default: // it will
	}
}

// run starts workers until ctx ends. Those under way then finish the message that
// they have, unless work ends too; wait for them by q.running.
func (q *queue) run(ctx, work context.Context) {
	for ctx.Err() == nil {
		pause := pollTime
		next, err := q.start(ctx, work)
		if err != nil && ctx.Err() == nil {
			q.log.Error("queue", "err", err)
		}
		if !next.IsZero() {
			pause = min(pause, max(0, next.Sub(q.now())))
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-q.wake:
		}
		timer.Stop()
	}
}

// start starts the workers that there is mail and room for, and returns when more
// mail will come due, if any.
func (q *queue) start(ctx, work context.Context) (next time.Time, err error) {
	now := q.now()
	due, err := q.store.Due(ctx, now)
	if err != nil {
		return next, err
	}
	for _, d := range due {
		for q.hire(d) {
			q.running.Go(func() { q.worker(ctx, work, d.Domain) })
		}
	}
	return q.store.NextDue(ctx, now)
}

// hire makes room for one more worker, unless there are enough.
func (q *queue) hire(d store.Due) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.total >= maxWorkers || q.workers[d.Domain] >= min(maxPerDomain, d.Messages) {
		return false
	}
	q.total++
	q.workers[d.Domain]++
	return true
}

func (q *queue) dismiss(domain string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.total--
	if q.workers[domain]--; q.workers[domain] == 0 {
		delete(q.workers, domain)
		delete(q.busy, domain)
	}
}

// worker delivers the mail for a domain, one message after the other, over the same
// connection if it can, until nothing is due any more.
func (q *queue) worker(ctx, work context.Context, domain string) {
	defer q.poke() // another domain may have waited for the room
	defer q.dismiss(domain)
	for ctx.Err() == nil && work.Err() == nil {
		m, err := q.take(work, domain)
		if err == nil {
			err = q.attempt(ctx, work, domain, m)
			q.putBack(domain, m)
		}
		switch {
		case errors.Is(err, store.ErrNotFound):
			return
		case err != nil && work.Err() == nil:
			q.trouble(ctx, err)
		}
	}
}

// trouble reports an error of our own and waits, since it will hardly go away at once.
func (q *queue) trouble(ctx context.Context, err error) {
	if ctx.Err() == nil {
		q.log.Error("queue", "err", err)
		q.pause(ctx)
	}
}

func pause(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	<-ctx.Done()
}

// take finds a message that no other worker has.
func (q *queue) take(ctx context.Context, domain string) (*store.Outgoing, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.busy[domain] == nil {
		q.busy[domain] = store.Busy{}
	}
	m, err := q.store.Take(ctx, domain, q.now(), q.busy[domain])
	if err == nil {
		q.busy[domain][m.ID()] = true
	}
	return m, err
}

func (q *queue) putBack(domain string, m *store.Outgoing) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.busy[domain], m.ID())
}

// attempt tries to deliver a message once, and writes down what came of it. If
// work ends meanwhile nothing has been tried.
func (q *queue) attempt(ctx, work context.Context, domain string, m *store.Outgoing) error {
	open := func() (io.ReadCloser, error) { return q.store.OutgoingContent(work, m) }
	verdicts, reached := q.relay.send(work, m, open)
	if work.Err() != nil && !slices.ContainsFunc(verdicts, func(v verdict) bool { return v.err == nil || v.final }) {
		return work.Err()
	}
	now := q.now()
	err := q.settle(m, verdicts, now)
	for err != nil && ctx.Err() == nil { // if a host has taken it, to forget that would send it again
		q.trouble(ctx, err)
		err = q.settle(m, verdicts, now)
	}
	if err == nil && !reached && !verdicts[0].final { // what is final takes no time
		err = q.store.Postpone(domain, now, now.Add(q.backoff(1)), lastWords(verdicts[0].err))
	}
	return err
}

// settle writes down what an attempt means for each recipient, together with the
// reports that the sender gets of it.
func (q *queue) settle(m *store.Outgoing, verdicts []verdict, now time.Time) error {
	var done, later []store.Waiting
	var reports reports
	for i, w := range m.Rcpts {
		v := verdicts[i]
		log := q.log.With("id", m.Name, "to", w.Path.String(), "attempt", w.Attempts+1)
		switch {
		case v.err == nil:
			done = append(done, w)
			if v.relayed {
				reports.add(relayed, w, v)
			}
		case v.final || !now.Before(w.Expires):
			log.Warn("not delivered", "err", v.err, "expired", !v.final)
			done = append(done, w)
			reports.add(failed, w, v)
		default:
			w.Attempts++
			w.Next, w.Last = now.Add(q.backoff(w.Attempts)), lastWords(v.err)
			if w.Next.After(w.Expires) {
				w.Next = w.Expires
			}
			if !w.Warn.IsZero() && !now.Before(w.Warn) {
				w.Warn = time.Time{}
				reports.add(delayed, w, v)
			}
			log.LogAttrs(context.Background(), slog.LevelInfo, "deferred", slog.Any("err", v.err), slog.Time("next", w.Next))
			later = append(later, w)
		}
	}
	notices, err := q.notices(m, &reports, now)
	if err != nil {
		return err
	}
	if err := q.store.Settle(done, later, notices, now); err != nil {
		return err
	}
	q.log.Info("settled", "id", m.Name, "done", len(done), "waiting", len(later), "reports", len(notices))
	return nil
}
