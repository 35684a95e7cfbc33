package dnsmx

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailwire/mailwire/auth"
)

// resolverFunc answers as a function does, and counts.
type resolverFunc struct {
	answer func(ctx context.Context, name Name, typ Type) (Answer, error)
	asked  atomic.Int32
}

func (r *resolverFunc) Query(ctx context.Context, name Name, typ Type) (Answer, error) {
	r.asked.Add(1)
	return r.answer(ctx, name, typ)
}

func fixed(a Answer, err error) *resolverFunc {
	return &resolverFunc{answer: func(context.Context, Name, Type) (Answer, error) { return a, err }}
}

func found(ttl time.Duration) Answer {
	return Answer{Canonical: mustName("a.example"), TTL: ttl, Secure: true, Records: []Record{{Type: TypeA, Addr: netip.AddrFrom4([4]byte{192, 0, 2, 1})}}}
}

// How long things are kept. After each wait comes the number of questions
// that reached the resolver behind the cache.
func TestRFC2181_8_CacheTTL(t *testing.T) {
	type step struct {
		wait  time.Duration
		asked int32
	}
	long := found(48 * time.Hour)
	big := found(time.Hour)
	big.Records[0].Text = strings.Repeat("x", maxAnswer)
	nodata := func(ttl time.Duration) Answer {
		return Answer{Status: NoData, Canonical: mustName("a.example"), TTL: ttl}
	}
	fail := &Error{Name: mustName("a.example"), RCode: 2}
	for _, tt := range []struct {
		name  string
		cache *Cache
		a     Answer
		err   error
		steps []step
	}{
		{"TTL", &Cache{}, found(60 * time.Second), nil, []step{{0, 1}, {59 * time.Second, 1}, {time.Second, 2}, {59 * time.Second, 2}}},
		{"TTL 0", &Cache{}, found(0), nil, []step{{0, 1}, {0, 2}}},
		{"MinTTL", &Cache{MinTTL: time.Minute}, found(0), nil, []step{{0, 1}, {59 * time.Second, 1}, {time.Second, 2}}},
		{"default MaxTTL", &Cache{}, long, nil, []step{{0, 1}, {24*time.Hour - time.Second, 1}, {time.Second, 2}}},
		{"MaxTTL", &Cache{MaxTTL: time.Minute}, long, nil, []step{{0, 1}, {59 * time.Second, 1}, {time.Second, 2}}},
		{"denial", &Cache{}, nodata(30 * time.Second), nil, []step{{0, 1}, {29 * time.Second, 1}, {time.Second, 2}}},
		{"denials for 3 h at most", &Cache{}, nodata(24 * time.Hour), nil, []step{{0, 1}, {3*time.Hour - time.Second, 1}, {time.Second, 2}}},
		{"failure", &Cache{}, Answer{}, fail, []step{{0, 1}, {5*time.Second - 1, 1}, {1, 2}}},
		{"FailTTL", &Cache{FailTTL: time.Minute}, Answer{}, fail, []step{{0, 1}, {59 * time.Second, 1}, {time.Second, 2}}},
		{"least FailTTL", &Cache{FailTTL: 1}, Answer{}, fail, []step{{0, 1}, {time.Second - 1, 1}, {1, 2}}},
		{"greatest FailTTL", &Cache{FailTTL: time.Hour}, Answer{}, fail, []step{{0, 1}, {5*time.Minute - 1, 1}, {1, 2}}},
		{"too big", &Cache{}, big, nil, []step{{0, 1}, {0, 2}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				next := fixed(tt.a, tt.err)
				c := tt.cache
				c.Next = next
				for i, s := range tt.steps {
					time.Sleep(s.wait)
					a, err := c.Query(t.Context(), mustName("a.example"), TypeA)
					if !errors.Is(err, tt.err) || a.Status != tt.a.Status || len(a.Records) != len(tt.a.Records) || a.Secure != tt.a.Secure {
						t.Fatalf("step %d: %+v, %v", i, a, err)
					}
					if got := next.asked.Load(); got != s.asked {
						t.Fatalf("step %d: asked %d times, want %d", i, got, s.asked)
					}
				}
			})
		})
	}
}

// What is left of the TTL, not what it was.
func TestCacheTTLCountsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &Cache{Next: fixed(found(time.Minute), nil)}
		for _, want := range []time.Duration{60, 40, 20} {
			a, err := c.Query(t.Context(), mustName("a.example"), TypeA)
			if a.TTL != want*time.Second || err != nil {
				t.Errorf("TTL %v, want %d s", a.TTL, want)
			}
			time.Sleep(20 * time.Second)
		}
	})
}

// A name that does not exist has no other types and nothing below it.
func TestRFC8020_2_NXDomain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &resolverFunc{answer: func(_ context.Context, n Name, typ Type) (Answer, error) {
			switch n.String() {
			case "gone.example":
				return Answer{Status: NXDomain, Canonical: n, Secure: true, TTL: time.Minute}, nil
			case "alias.example":
				return Answer{Status: NXDomain, Canonical: mustName("lost.example"), Aliases: names("alias.example"), TTL: time.Minute}, nil
			}
			return found(time.Hour), nil
		}}
		c := &Cache{Next: next}
		for _, tt := range []struct {
			name   string
			typ    Type
			asked  int32
			status Status
			secure bool
		}{
			{"a.gone.example", TypeA, 1, Found, true}, // known before its parent is denied
			{"gone.example", TypeMX, 2, NXDomain, true},
			{"gone.example", TypeMX, 2, NXDomain, true},
			{"gone.example", TypeA, 2, NXDomain, true},
			{"x.y.gone.example", TypeTLSA, 2, NXDomain, true},
			{"a.gone.example", TypeA, 2, Found, true},
			{"agone.example", TypeA, 3, Found, true},
			{"alias.example", TypeA, 4, NXDomain, false},
			{"alias.example", TypeTXT, 5, NXDomain, false}, // the alias exists
			{"below.alias.example", TypeTXT, 6, Found, true},
			{"lost.example", TypeTXT, 6, NXDomain, false},
			{"below.lost.example", TypeTXT, 6, NXDomain, false},
		} {
			a, err := c.Query(t.Context(), mustName(tt.name), tt.typ)
			if err != nil || a.Status != tt.status || a.Secure != tt.secure || next.asked.Load() != tt.asked {
				t.Errorf("%s %s: %v secure %v, %v, asked %d times; want %+v", typeName(tt.typ), tt.name, a.Status, a.Secure, err, next.asked.Load(), tt)
			}
			if len(a.Aliases) == 0 && a.Status == NXDomain && a.Canonical != mustName(tt.name) {
				t.Errorf("%s: canonical name %v", tt.name, a.Canonical)
			}
		}
		time.Sleep(time.Minute)
		if _, err := c.Query(t.Context(), mustName("gone.example"), TypeA); err != nil || next.asked.Load() != 7 {
			t.Errorf("after its time: %v, asked %d times", err, next.asked.Load())
		}
	})
}

func TestCacheForgetsTheLeastRecent(t *testing.T) {
	next := fixed(found(time.Hour), nil)
	c := &Cache{Next: next, Max: 3}
	ask := func(i int) (hit bool) {
		before := next.asked.Load()
		if _, err := c.Query(t.Context(), mustName(fmt.Sprintf("n%d.example", i)), TypeA); err != nil {
			t.Fatal(err)
		}
		return next.asked.Load() == before
	}
	for i, tt := range []struct {
		n   int
		hit bool
	}{{1, false}, {2, false}, {3, false}, {1, true}, {4, false}, {1, true}, {3, true}, {2, false}, {4, false}, {3, true}} {
		if hit := ask(tt.n); hit != tt.hit {
			t.Errorf("step %d, n%d: hit %v", i, tt.n, hit)
		}
		if len(c.entries) > 3 {
			t.Fatalf("%d entries", len(c.entries))
		}
	}
}

// Equal questions are one, and each waiter leaves on its own.
func TestCacheMerges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		var ended atomic.Int32
		next := &resolverFunc{answer: func(ctx context.Context, n Name, typ Type) (Answer, error) {
			select {
			case <-answer:
				return found(time.Hour), nil
			case <-ctx.Done():
				ended.Add(1)
				return Answer{}, ctx.Err()
			}
		}}
		c := &Cache{Next: next}
		ask := func(ctx context.Context) error {
			_, err := c.Query(ctx, mustName("a.example"), TypeA)
			return err
		}
		first, cancelFirst := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		var left, served atomic.Int32
		wg.Go(func() {
			if err := ask(first); errors.Is(err, context.Canceled) {
				left.Add(1)
			}
		})
		synctest.Wait()
		for range 5 {
			wg.Go(func() {
				if err := ask(t.Context()); err == nil {
					served.Add(1)
				}
			})
		}
		synctest.Wait()
		cancelFirst() // it asked first, and the others still get their answer
		synctest.Wait()
		if left.Load() != 1 || next.asked.Load() != 1 {
			t.Fatalf("%d left, %d asked", left.Load(), next.asked.Load())
		}
		close(answer)
		wg.Wait()
		if served.Load() != 5 || next.asked.Load() != 1 || ended.Load() != 0 {
			t.Errorf("%d served, %d asked, %d ended", served.Load(), next.asked.Load(), ended.Load())
		}
	})
}

// When the last waiter leaves, the question ends, and says nothing to those after.
func TestCacheEndsWithItsLastWaiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &resolverFunc{answer: func(ctx context.Context, n Name, typ Type) (Answer, error) {
			<-ctx.Done()
			return Answer{}, ctx.Err()
		}}
		c := &Cache{Next: next}
		for i := range int32(2) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, err := c.Query(ctx, mustName("a.example"), TypeA)
			cancel()
			e, ok := errors.AsType[*Error](err)
			if !ok || !e.Timeout || !errors.Is(err, context.DeadlineExceeded) || next.asked.Load() != i+1 {
				t.Fatalf("%v, asked %d times", err, next.asked.Load())
			}
		}
		synctest.Wait()
		if len(c.flights) != 0 || len(c.entries) != 0 {
			t.Errorf("%d flights, %d entries left", len(c.flights), len(c.entries))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.Query(ctx, mustName("a.example"), TypeA); !errors.Is(err, context.Canceled) || next.asked.Load() != 2 {
			t.Errorf("with a context that is done: %v, asked %d times", err, next.asked.Load())
		}
	})
}

// The cache answers as the resolver behind it would, whatever is asked when, but for
// what happened in the meantime: it is a plain map in which each answer has an end.
func FuzzCache(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 0x80, 0, 1, 0xC0, 2, 3})
	f.Fuzz(func(t *testing.T, ops []byte) {
		synctest.Test(t, func(t *testing.T) {
			type known struct {
				a   Answer
				err error
				end time.Time
			}
			model := make(map[question]known)
			var next *resolverFunc
			next = &resolverFunc{answer: func(_ context.Context, n Name, typ Type) (Answer, error) {
				i := int(next.asked.Load())
				ttl := time.Duration(i*7%5) * time.Second
				q, k := question{n, typ}, known{Answer{Canonical: n, TTL: ttl, Records: []Record{{Pref: uint16(i)}}}, nil, time.Now().Add(ttl)}
				switch i % 4 {
				case 1:
					k.a.Status, k.a.Records = NXDomain, nil
					model[question{n, typeNone}] = k
				case 2:
					k = known{Answer{}, &Error{EDE: uint16(i)}, time.Now().Add(defaultFailTTL)}
				}
				model[q] = k
				return k.a, k.err
			}}
			c := &Cache{Next: next}
			all := names("a.example", "b.a.example", "c.b.a.example", "d.example")
			for _, op := range ops[:min(len(ops), 200)] {
				if op >= 0x80 {
					time.Sleep(time.Duration(op&0x7F) * 100 * time.Millisecond)
					continue
				}
				q := question{all[op%4], Type(op/4%3 + 1)}
				want, ok := model[q]
				if ok = ok && want.end.After(time.Now()); !ok {
					for n, more := q.name, true; more && !ok; n, more = n.Parent() {
						want, ok = model[question{n, typeNone}]
						ok = ok && want.end.After(time.Now())
					}
				}
				before := next.asked.Load()
				a, err := c.Query(t.Context(), q.name, q.typ)
				if hit := next.asked.Load() == before; hit != ok {
					t.Fatalf("%v: hit %v, want %v", q, hit, ok)
				}
				if !ok {
					want = model[q]
				}
				if !errors.Is(err, want.err) || a.Status != want.a.Status || len(a.Records) != len(want.a.Records) || len(a.Records) > 0 && a.Records[0].Pref != want.a.Records[0].Pref {
					t.Fatalf("%v: %+v, %v; want %+v", q, a, err, want)
				}
			}
		})
	})
}

func TestCacheHitAllocs(t *testing.T) {
	c := &Cache{Next: fixed(found(time.Hour), nil)}
	name := mustName("a.example")
	c.Query(t.Context(), name, TypeA)
	if got := testing.AllocsPerRun(100, func() { c.Query(t.Context(), name, TypeA) }); got > 0 {
		t.Errorf("%v allocations", got)
	}
}

func BenchmarkCacheHit(b *testing.B) {
	a := found(time.Hour)
	a.Records[0].TLSA = auth.TLSA{Usage: 3}
	c := &Cache{Next: fixed(a, nil)}
	name := mustName("mx1.mail.example.org")
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Query(ctx, name, TypeA); err != nil {
			b.Fatal(err)
		}
	}
}
