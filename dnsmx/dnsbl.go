package dnsmx

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
)

// A Listing is what a DNS list says of an address or a domain: RFC 5782.
type Listing struct {
	Listed bool
	Codes  []netip.Addr // 127.0.0.0/8; what they mean is up to the list
	Reason string       // the list's own words, if asked for: quote them
}

// ErrList is the reason not to believe a list: what it answered is not a code, or
// is one that says it refuses to answer. Lists that shut down have listed the whole
// world, and resolvers with search pages answer for names that do not exist.
var ErrList = errors.New("dnsmx: the list gives no usable answer")

// ListedAddr asks the list at zone about an address: RFC 5782, section 2.1 and
// section 2.4. A name that does not exist is the answer "not listed"; an error
// means that nothing is known, and is not a reason to refuse mail.
func ListedAddr(ctx context.Context, r Resolver, zone Name, a netip.Addr) (Listing, error) {
	if !a.IsValid() {
		return Listing{}, errNotAddr
	}
	return listed(ctx, r, zone, reverseLabels(a))
}

// ListedDomain asks a list of domains: RFC 5782, section 3.
func ListedDomain(ctx context.Context, r Resolver, zone, domain Name) (Listing, error) {
	return listed(ctx, r, zone, domain.s)
}

func listed(ctx context.Context, r Resolver, zone Name, labels string) (Listing, error) {
	n, err := zone.Child(labels)
	if err != nil {
		return Listing{}, err
	}
	a, err := r.Query(ctx, n, TypeA)
	if err != nil {
		return Listing{}, err
	}
	var l Listing
	for i := range a.Records {
		code := a.Records[i].Addr
		if !isCode(code) {
			return Listing{}, fmt.Errorf("%w: %s for %s", ErrList, code, n)
		}
		l.Codes = append(l.Codes, code)
	}
	l.Listed = len(l.Codes) > 0
	if !l.Listed {
		return l, nil
	}
	// The reason is decoration, and the verdict stands without it.
	if texts, _, err := LookupTXT(ctx, r, n); err == nil && len(texts) > 0 {
		l.Reason = texts[0]
	}
	return l, nil
}

// isCode accepts 127.0.0.0/8 without the address of the host itself, and without
// 127.255.255.0/24, by which lists say that they do not answer this resolver.
func isCode(a netip.Addr) bool {
	if !a.Is4() {
		return false
	}
	b := a.As4()
	return b[0] == 127 && b != [4]byte{127, 0, 0, 1} && [3]byte(b[:3]) != [3]byte{127, 255, 255}
}

// ProbeList asks a list of addresses about the two that every list answers alike:
// 127.0.0.2 is listed and 127.0.0.1 is not. An error means not to use the list.
// RFC 5782, section 5.
func ProbeList(ctx context.Context, r Resolver, zone Name) error {
	for _, last := range []byte{1, 2} {
		a, want := netip.AddrFrom4([4]byte{127, 0, 0, last}), last == 2
		l, err := ListedAddr(ctx, r, zone, a)
		if err != nil {
			return err
		}
		if l.Listed != want {
			return fmt.Errorf("%w: at %s, %s is listed: %v", ErrList, zone, a, l.Listed)
		}
	}
	return nil
}
