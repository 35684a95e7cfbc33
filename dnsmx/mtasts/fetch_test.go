package mtasts

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mailwire/mailwire/dnsmx"
	"github.com/mailwire/mailwire/dnsmx/dnsmxtest"
)

func name(s string) dnsmx.Name {
	n, err := dnsmx.ParseNameLax(s)
	if err != nil {
		panic(err)
	}
	return n
}

func plain(text string) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/plain")
		io.WriteString(rw, text)
	}
}

// What is not a policy, although HTTPS gave something.
func TestRFC8461_3_3_Fetch(t *testing.T) {
	padded := func(n int) string {
		return policyText + strings.Repeat("x: yyyyyyyyyyyyyyyyyyyyyyyyyyyyy\n", n/32)[:n-len(policyText)-1] + "\n"
	}
	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
		cert    func(c *x509.Certificate)
		result  string // "": a policy
	}{
		{name: "policy"},
		{name: "wild card certificate", cert: func(c *x509.Certificate) { c.DNSNames = []string{"*.example.org"} }},
		{name: "64 KiB", handler: plain(padded(64 << 10))},
		{name: "64 KiB and one", handler: plain(padded(64<<10 + 1)), result: dnsmx.ResultSTSFetch},
		{name: "no end", handler: func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", "text/plain")
			for range 1 << 20 {
				if _, err := io.WriteString(rw, policyText); err != nil {
					return
				}
			}
		}, result: dnsmx.ResultSTSFetch},
		{name: "media type in upper case", handler: func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", "TEXT/Plain;charset=us-ascii")
			io.WriteString(rw, policyText)
		}},
		{name: "HTML", handler: func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", "text/html")
			io.WriteString(rw, policyText)
		}, result: dnsmx.ResultSTSFetch},
		{name: "no media type", handler: func(rw http.ResponseWriter, r *http.Request) {
			rw.Header()["Content-Type"] = nil
			io.WriteString(rw, policyText)
		}, result: dnsmx.ResultSTSFetch},
		{name: "301", handler: func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/there" {
				plain(policyText)(rw, r)
				return
			}
			http.Redirect(rw, r, "/there", http.StatusMovedPermanently)
		}, result: dnsmx.ResultSTSFetch},
		{name: "404", handler: func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", "text/plain")
			rw.WriteHeader(http.StatusNotFound)
			io.WriteString(rw, policyText)
		}, result: dnsmx.ResultSTSFetch},
		{name: "203", handler: func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", "text/plain")
			rw.WriteHeader(http.StatusNonAuthoritativeInfo)
			io.WriteString(rw, policyText)
		}, result: dnsmx.ResultSTSFetch},
		{name: "cut", handler: func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", "text/plain")
			rw.Header().Set("Content-Length", "1000")
			io.WriteString(rw, policyText)
		}, result: dnsmx.ResultSTSFetch},
		{name: "syntax", handler: plain("version: STSv1\nmode: enforce\nmax_age: 1\n"), result: dnsmx.ResultSTSInvalid},
		{name: "expired certificate", cert: func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, result: dnsmx.ResultSTSWebPKI},
		{name: "certificate of another name", cert: func(c *x509.Certificate) { c.DNSNames = []string{"example.org", "mta-sts.example.com"} }, result: dnsmx.ResultSTSWebPKI},
		{name: "common name alone", cert: func(c *x509.Certificate) { c.DNSNames, c.Subject.CommonName = nil, "mta-sts.example.org" }, result: dnsmx.ResultSTSWebPKI},
		{name: "certificate of an address", cert: func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = nil, []net.IP{net.IPv4(192, 0, 2, 25)} }, result: dnsmx.ResultSTSWebPKI},
		{name: "wild card two labels up", cert: func(c *x509.Certificate) { c.DNSNames = []string{"*.org"} }, result: dnsmx.ResultSTSWebPKI},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWeb(t)
				if tt.handler != nil {
					w.handle(tt.handler)
				}
				if tt.cert != nil {
					w.setCert(t, tt.cert)
				}
				p, err := (&Fetcher{Client: w.client}).Fetch(t.Context(), name("example.org"))
				if tt.result != "" {
					if e, ok := errors.AsType[*dnsmx.STSError](err); !ok || e.Result != tt.result || p != nil {
						t.Errorf("%+v, %v; want %s", p, err, tt.result)
					}
					if tt.result == dnsmx.ResultSTSWebPKI && w.requests() != 0 {
						t.Error("a request was sent before the certificate was verified")
					}
					return
				}
				want := &dnsmx.STSPolicy{Mode: dnsmx.ModeEnforce, MX: []string{"mx.example.org"}, MaxAge: 24 * time.Hour, Expires: time.Now().Add(24 * time.Hour)}
				if diff := cmp.Diff(want, p); diff != "" || err != nil {
					t.Errorf("%v\n%s", err, diff)
				}
				if w.requests() != 1 || w.hosts[0] != "mta-sts.example.org" {
					t.Errorf("requests to %q", w.hosts)
				}
			})
		})
	}
}

// What a client brings with it does not loosen the rules.
func TestFetchClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWeb(t)
		w.handle(func(rw http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Cookie") != "" {
				t.Error("a cookie was sent")
			}
			http.Redirect(rw, r, "https://mta-sts.example.org/there", http.StatusFound)
		})
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		jar.SetCookies(&url.URL{Scheme: "https", Host: "mta-sts.example.org"}, []*http.Cookie{{Name: "a", Value: "b"}})
		w.client.Jar = jar
		if p, err := (&Fetcher{Client: w.client}).Fetch(t.Context(), name("example.org")); err == nil || w.requests() != 1 {
			t.Errorf("%+v, %v after %d requests", p, err, w.requests())
		}
		w.serve(policyText)
		w.client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
		if p, err := (&Fetcher{Client: w.client}).Fetch(t.Context(), name("example.org")); !errors.Is(err, errUnverified) {
			t.Errorf("a client that does not verify: %+v, %v", p, err)
		}
	})
}

func TestFetchTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWeb(t)
		w.handle(func(rw http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		fetch := func(ctx context.Context, f *Fetcher) (time.Duration, error) {
			start := time.Now()
			f.Client = w.client
			_, err := f.Fetch(ctx, name("example.org"))
			return time.Since(start), err
		}
		if took, err := fetch(t.Context(), &Fetcher{}); took != time.Minute || err == nil {
			t.Errorf("%v, %v", took, err)
		}
		if took, err := fetch(t.Context(), &Fetcher{Timeout: time.Second}); took != time.Second || err == nil {
			t.Errorf("Timeout: %v, %v", took, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		took, err := fetch(ctx, &Fetcher{})
		if e, ok := errors.AsType[*dnsmx.STSError](err); took != 10*time.Second || !ok || e.Result != dnsmx.ResultSTSFetch {
			t.Errorf("a deadline: %v, %v", took, err)
		}
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if took, err := fetch(ctx, &Fetcher{}); took != time.Second || !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v, %v", took, err)
		}
	})
}

// Without a client of the caller's the address comes from the Resolver. Nobody
// listens there, which is enough to see that it was asked for.
func TestFetchResolver(t *testing.T) {
	z := dnsmxtest.MustParseZone("example.org. TXT x\n!servfail mta-sts.broken.test.\nmta-sts.none.test. TXT x")
	f := &Fetcher{Resolver: z}
	for _, domain := range []string{"example.org", "broken.test", "none.test"} {
		p, err := f.Fetch(t.Context(), name(domain))
		if e, ok := errors.AsType[*dnsmx.STSError](err); !ok || e.Result != dnsmx.ResultSTSFetch {
			t.Errorf("%s: %+v, %v", domain, p, err)
		}
	}
	if log := z.Log(); len(log) != 5 || log[0] != "AAAA mta-sts.example.org" {
		t.Errorf("%q", log)
	}
	long := strings.Repeat("x.", 125) + "org"
	if _, err := f.Fetch(t.Context(), name(long)); err == nil {
		t.Error("no error for a name that is too long")
	}
}
