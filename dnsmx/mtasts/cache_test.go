package mtasts

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mailwire/mailwire/dnsmx"
	"github.com/mailwire/mailwire/dnsmx/dnsmxtest"
)

// lab is a cache with the world around it.
type lab struct {
	*Cache
	*web
	zone *dnsmxtest.Zone
	t    *testing.T
}

func newLab(t *testing.T) *lab {
	w := newWeb(t)
	z := dnsmxtest.MustParseZone("")
	l := &lab{&Cache{Resolver: z, Fetcher: &Fetcher{Client: w.client}}, w, z, t}
	l.dns("_mta-sts.example.org. TXT \"v=STSv1; id=1\"")
	return l
}

func (l *lab) dns(zone string) {
	l.t.Helper()
	if err := l.zone.Replace(zone); err != nil {
		l.t.Fatal(err)
	}
}

// want checks what the cache says now, as "id mode", "stale id mode", "none", or the
// result of an error; and how many requests there were so far.
func (l *lab) want(what string, requests int) {
	l.t.Helper()
	got := describe(l.Policy(l.t.Context(), name("example.org")))
	if got != what || l.requests() != requests {
		l.t.Errorf("%s after %d requests; want %s after %d", got, l.requests(), what, requests)
	}
}

func describe(p *dnsmx.STSPolicy, err error) string {
	switch failed, ok := errors.AsType[*dnsmx.STSError](err); {
	case ok && p == nil:
		return failed.Result
	case err != nil:
		return "error: " + err.Error()
	case p == nil:
		return "none"
	case p.Stale != nil:
		return fmt.Sprint("stale ", p.ID, " ", p.Mode)
	}
	return fmt.Sprint(p.ID, " ", p.Mode)
}

const other = "version: STSv1\nmode: testing\nmx: other.example.org\nmax_age: 86400\n"

// Nothing but a newer policy replaces one, and nothing but time ends it.
func TestRFC8461_10_2_Rollback(t *testing.T) {
	const one, two = "_mta-sts.example.org. TXT \"v=STSv1; id=1\"", "_mta-sts.example.org. TXT \"v=STSv1; id=2\""
	for _, tt := range []struct {
		name   string
		attack func(l *lab)
		want   string
	}{
		{"nothing", func(l *lab) {}, "1 enforce"},
		{"TXT deleted", func(l *lab) { l.dns("example.org. TXT x") }, "1 enforce"},
		{"TXT denied", func(l *lab) { l.dns("") }, "1 enforce"},
		{"TXT fails", func(l *lab) { l.dns("!servfail _mta-sts.example.org.") }, "1 enforce"},
		{"TXT is not answered", func(l *lab) { l.dns("!silent _mta-sts.example.org.") }, "1 enforce"},
		{"two TXT", func(l *lab) { l.dns(one + "\n" + two) }, "1 enforce"},
		{"bad TXT", func(l *lab) { l.dns("_mta-sts.example.org. TXT \"v=STSv1; id=\"") }, "1 enforce"},
		{"new id, web server fails", func(l *lab) { l.dns(two); l.fail() }, "stale 1 enforce"},
		{"new id, bad policy", func(l *lab) { l.dns(two); l.serve("mode: none") }, "stale 1 enforce"},
		{"new id, bad certificate", func(l *lab) {
			l.dns(two)
			l.serve("version: STSv1\nmode: none\nmax_age: 1\n")
			l.setCert(l.t, func(c *x509.Certificate) { c.DNSNames = []string{"evil.example"} })
		}, "stale 1 enforce"},
		{"new id through an alias", func(l *lab) {
			l.dns("_mta-sts.example.org. CNAME sts.test.\nsts.test. TXT \"v=STSv1; id=3\"")
			l.serve(other)
		}, "3 testing"},
		{"new id and policy", func(l *lab) { l.dns(two); l.serve(other) }, "2 testing"},
		{"new id and mode none", func(l *lab) { l.dns(two); l.serve("version: STSv1\nmode: none\nmax_age: 3600\n") }, "none"},
		{"same id, other policy", func(l *lab) { l.serve(other) }, "1 enforce"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t)
				l.want("1 enforce", 1)
				tt.attack(l)
				if got := describe(l.Policy(t.Context(), name("example.org"))); got != tt.want {
					t.Errorf("%s, want %s", got, tt.want)
				}
				if !strings.Contains(tt.want, "1 enforce") {
					return
				}
				time.Sleep(24*time.Hour - time.Second)
				if got := describe(l.Policy(t.Context(), name("example.org"))); got != tt.want {
					t.Errorf("before its end: %s, want %s", got, tt.want)
				}
				time.Sleep(time.Second)
				if got := describe(l.Policy(t.Context(), name("example.org"))); strings.Contains(got, "1 enforce") && l.requests() < 2 {
					t.Errorf("after its end: %s", got)
				}
			})
		})
	}
}

// Discovery, back-off, expiry, and mode none.
func TestRFC8461_5_1_Life(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		l.dns("")
		l.want("none", 0)
		l.dns("!servfail _mta-sts.example.org.")
		l.want(dnsmx.ResultSTSFetch, 0)
		l.dns("_mta-sts.example.org. TXT \"v=STSv1; id=1\"")
		l.fail()
		l.want(dnsmx.ResultSTSFetch, 1)
		l.serve(policyText)
		l.want(dnsmx.ResultSTSFetch, 1) // within the back-off
		time.Sleep(5*time.Minute - 1)
		l.want(dnsmx.ResultSTSFetch, 1)
		time.Sleep(time.Nanosecond)
		l.want("1 enforce", 2)
		l.want("1 enforce", 2)

		l.dns("_mta-sts.example.org. TXT \"v=STSv1; id=2\"")
		l.fail()
		l.want("stale 1 enforce", 3)
		l.want("stale 1 enforce", 3)
		time.Sleep(5 * time.Minute)
		l.want("stale 1 enforce", 4)
		l.serve("version: STSv1\nmode: none\nmax_age: 3600\n")
		time.Sleep(5 * time.Minute)
		l.want("none", 5)
		l.want("none", 5) // known by its id
		time.Sleep(time.Hour)
		l.want("none", 6)

		l.dns("_mta-sts.example.org. TXT \"v=STSv1; id=3\"")
		l.serve(policyText)
		l.want("3 enforce", 7)
		time.Sleep(24 * time.Hour)
		l.fail()
		l.want(dnsmx.ResultSTSFetch, 8) // max_age has passed
		l.dns("")
		l.want("none", 8)
	})
}

// fakeStore is a Store in memory that can fail.
type fakeStore struct {
	mu          sync.Mutex
	entries     map[dnsmx.Name]*Entry
	load, save  error
	loads, puts int
}

func (s *fakeStore) Load(_ context.Context, d dnsmx.Name) (*Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loads++
	return s.entries[d], s.load
}

func (s *fakeStore) Save(_ context.Context, d dnsmx.Name, e *Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.puts++
	if s.save == nil {
		s.entries[d] = e
	}
	return s.save
}

// A policy outlives the process, and a store that fails is not an empty one.
func TestStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		store := &fakeStore{entries: make(map[dnsmx.Name]*Entry)}
		l.Store = store
		l.want("1 enforce", 1)
		l.want("1 enforce", 1)
		if store.loads != 1 || store.puts != 1 {
			t.Errorf("%d loads, %d saves", store.loads, store.puts)
		}
		b, err := json.Marshal(store.entries[name("example.org")])
		if err != nil {
			t.Fatal(err)
		}
		var stored Entry
		if err := json.Unmarshal(b, &stored); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(store.entries[name("example.org")], &stored); diff != "" {
			t.Errorf("as JSON:\n%s", diff)
		}
		store.entries[name("example.org")] = &stored

		restart := func() { l.Cache = &Cache{Resolver: l.zone, Fetcher: l.Fetcher, Store: store} }
		restart()
		l.dns("")
		l.fail()
		l.want("1 enforce", 1)

		restart()
		store.load = errors.New("disk")
		l.want("error: mtasts: load the policy of example.org: disk", 1)
		store.load = nil
		l.want("1 enforce", 1)

		l.dns("_mta-sts.example.org. TXT \"v=STSv1; id=2\"")
		l.serve(other)
		store.save = errors.New("disk")
		l.want("error: mtasts: save the policy of example.org: disk", 2)

		l.dns("")
		store.save = nil
		loads := store.loads
		for range 3 {
			if got := describe(l.Policy(t.Context(), name("example.net"))); got != "none" {
				t.Error(got)
			}
		}
		if store.loads != loads+1 {
			t.Errorf("%d loads for a domain that is not in the store", store.loads-loads)
		}
	})
}

func TestMergedFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		release := make(chan struct{})
		served := l.handler
		l.handle(func(rw http.ResponseWriter, r *http.Request) {
			select {
			case <-release:
				served(rw, r)
			case <-r.Context().Done():
			}
		})
		var wg sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		results := make(chan string, 10)
		ask := func(ctx context.Context) {
			wg.Go(func() { results <- describe(l.Policy(ctx, name("example.org"))) })
			synctest.Wait()
		}
		ask(ctx)
		for range 4 {
			ask(t.Context())
		}
		gone, leave := context.WithCancel(t.Context())
		ask(gone)
		if l.requests() != 1 {
			t.Errorf("%d requests", l.requests())
		}
		leave()
		if got := <-results; got != "error: context canceled" {
			t.Error(got)
		}
		cancel() // the first one leaves, and one of the others goes on
		if got := <-results; got != "error: context canceled" {
			t.Error(got)
		}
		synctest.Wait()
		if l.requests() != 2 {
			t.Errorf("%d requests", l.requests())
		}
		close(release)
		wg.Wait()
		for range 4 {
			if got := <-results; got != "1 enforce" {
				t.Error(got)
			}
		}
		if l.requests() != 2 {
			t.Errorf("%d requests", l.requests())
		}
	})
}

// A caller whose time is over is not told that there is no policy.
func TestPolicyContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if p, err := l.Policy(ctx, name("example.org")); !errors.Is(err, context.Canceled) {
			t.Errorf("%+v, %v", p, err)
		}
		l.want("1 enforce", 1)
		if p, err := l.Policy(ctx, name("example.org")); err != nil || p == nil {
			t.Errorf("of one that is known: %+v, %v", p, err)
		}
	})
}

func TestRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		l.serve(strings.Replace(policyText, "86400", "604800", 1))
		l.want("1 enforce", 1)
		refresh := func(requests int, failed bool) {
			t.Helper()
			if err := l.Refresh(t.Context()); (err != nil) != failed || l.requests() != requests {
				t.Errorf("%v after %d requests, want %d", err, l.requests(), requests)
			}
		}
		refresh(1, false)
		time.Sleep(24*time.Hour - 1)
		refresh(1, false)
		time.Sleep(time.Nanosecond)
		l.dns("") // left to expire
		refresh(1, false)
		l.dns("!servfail _mta-sts.example.org.")
		refresh(1, true)
		l.dns("_mta-sts.example.org. TXT \"v=STSv1; id=1\"")
		l.fail()
		refresh(2, true)
		refresh(2, true) // back-off
		l.want("1 enforce", 2)
		time.Sleep(5 * time.Minute)
		l.serve(policyText)
		refresh(3, false)
		time.Sleep(12*time.Hour - 1)
		refresh(3, false)
		time.Sleep(time.Nanosecond)
		refresh(4, false)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		time.Sleep(13 * time.Hour)
		if err := l.Refresh(ctx); !errors.Is(err, context.Canceled) || l.requests() != 4 {
			t.Errorf("%v after %d requests", err, l.requests())
		}
	})
}

func TestMax(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		l.Max = 2
		l.setCert(t, func(c *x509.Certificate) { c.DNSNames = []string{"mta-sts.a.test", "mta-sts.b.test", "mta-sts.c.test"} })
		l.dns("_mta-sts.a.test. TXT \"v=STSv1; id=1\"\n_mta-sts.b.test. TXT \"v=STSv1; id=1\"\n_mta-sts.c.test. TXT \"v=STSv1; id=1\"\n_mta-sts.d.test. TXT \"v=STSv1; id=1\"")
		for _, tt := range []struct {
			domain   string
			requests int
		}{{"a.test", 1}, {"b.test", 2}, {"a.test", 2}, {"c.test", 3}, {"a.test", 3}, {"b.test", 4}} {
			if got := describe(l.Policy(t.Context(), name(tt.domain))); got != "1 enforce" || l.requests() != tt.requests {
				t.Errorf("%s: %s after %d requests, want %d", tt.domain, got, l.requests(), tt.requests)
			}
		}
		// What fails takes no room from what is known.
		if got := describe(l.Policy(t.Context(), name("d.test"))); got != dnsmx.ResultSTSWebPKI {
			t.Error(got)
		}
		l.dns("")
		if got := describe(l.Policy(t.Context(), name("b.test"))); got != "1 enforce" {
			t.Error(got)
		}
	})
}
