package mtasts

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/mailwire/mailwire/dnsmx"
)

// A Fetcher gets policies over HTTPS: RFC 8461, section 3.3. The zero value works,
// and looks names up as package net does. It is safe for concurrent use; the fields
// are not changed once in use.
type Fetcher struct {
	// Resolver finds the address of the web server, if Client is nil; nil: net's.
	Resolver dnsmx.Resolver
	// Client sends the requests; nil: one that uses no proxy. Redirects, cookies and
	// connections whose certificate was not verified are refused with any client.
	Client *http.Client
	// Timeout is how long it may take; zero: 60 s. Of a nearer deadline of its
	// context a fetch uses up half, so that time is left to deliver without.
	Timeout time.Duration
	// MaxBody bounds the policy, in octets; zero: 64 KiB. A longer one is refused.
	MaxBody int64

	once   sync.Once
	client *http.Client
}

const (
	defaultTimeout = 60 * time.Second
	defaultMaxBody = 64 << 10
	maxHeader      = 64 << 10
)

// Fetch gets the policy of a domain, whatever its TXT record says. The policy has no
// ID, and expires MaxAge from now. The error is a *dnsmx.STSError, or that of a
// context that was cancelled.
func (f *Fetcher) Fetch(ctx context.Context, domain dnsmx.Name) (*dnsmx.STSPolicy, error) {
	host, err := domain.Child("mta-sts")
	if err != nil {
		return nil, &dnsmx.STSError{Result: dnsmx.ResultSTSFetch, Err: err}
	}
	limited, cancel := context.WithTimeout(ctx, f.timeout(ctx))
	defer cancel()
	body, err := f.get(limited, "https://"+host.String()+"/.well-known/mta-sts.txt")
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, &dnsmx.STSError{Result: resultOf(err), Err: err}
	}
	p, err := ParsePolicy(body)
	if err != nil {
		return nil, &dnsmx.STSError{Result: dnsmx.ResultSTSInvalid, Err: err}
	}
	p.Expires = time.Now().Add(p.MaxAge)
	return p, nil
}

func (f *Fetcher) timeout(ctx context.Context) time.Duration {
	t := f.Timeout
	if t <= 0 {
		t = defaultTimeout
	}
	if deadline, ok := ctx.Deadline(); ok {
		t = min(t, time.Until(deadline)/2)
	}
	return t
}

// get sends one request, and reads what may be a policy.
func (f *Fetcher) get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := f.httpClient().Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch media, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); {
	case resp.TLS == nil || len(resp.TLS.VerifiedChains) == 0:
		return nil, errUnverified
	case resp.StatusCode != http.StatusOK: // redirects too: RFC 8461, section 3.3
		return nil, fmt.Errorf("mtasts: status %d", resp.StatusCode)
	case err != nil || media != "text/plain":
		return nil, fmt.Errorf("mtasts: media type %s", quote(resp.Header.Get("Content-Type")))
	}
	most := f.MaxBody
	if most <= 0 {
		most = defaultMaxBody
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > most {
		return nil, fmt.Errorf("mtasts: policy longer than %d octets", most)
	}
	return body, nil
}

var errUnverified = errors.New("mtasts: the certificate was not verified")

func resultOf(err error) string {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok || errors.Is(err, errUnverified) {
		return dnsmx.ResultSTSWebPKI
	}
	return dnsmx.ResultSTSFetch
}

// httpClient returns the one client that is used, made for the purpose or a copy of
// the caller's with the rules of RFC 8461.
func (f *Fetcher) httpClient() *http.Client {
	f.once.Do(func() {
		f.client = &http.Client{Transport: &http.Transport{
			DialContext:            f.dial,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			DisableKeepAlives:      true, // one file a day
			DisableCompression:     true,
			MaxResponseHeaderBytes: maxHeader,
		}}
		if f.Client != nil {
			c := *f.Client
			f.client = &c
		}
		f.client.Jar = nil
		f.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	})
	return f.client
}

// dial connects to the first address that answers.
func (f *Fetcher) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	if f.Resolver == nil {
		return d.DialContext(ctx, network, address)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	name, err := dnsmx.ParseNameLax(host)
	if err != nil {
		return nil, err
	}
	addrs, _, err := dnsmx.LookupAddrs(ctx, f.Resolver, name, dnsmx.Both)
	if err != nil {
		return nil, err
	}
	err = fmt.Errorf("mtasts: %s has no address", name)
	for _, a := range addrs[:min(len(addrs), maxDials)] {
		var c net.Conn
		if c, err = d.DialContext(ctx, network, net.JoinHostPort(a.String(), port)); err == nil {
			return c, nil
		}
	}
	return nil, err
}

// maxDials is how many addresses of a web server are tried.
const maxDials = 4
