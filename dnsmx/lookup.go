package dnsmx

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Families says which addresses are wanted.
type Families uint8

const (
	Both  Families = iota // IPv6 and IPv4
	Only4                 // IPv4
	Only6                 // IPv6
)

func (f Families) String() string {
	switch f {
	case Both:
		return "Both"
	case Only4:
		return "Only4"
	case Only6:
		return "Only6"
	}
	return fmt.Sprintf("Families(%d)", uint8(f))
}

// LookupTXT returns the texts of a name, the strings of each record joined. With
// neither texts nor error there are none, and the Answer says in which way.
func LookupTXT(ctx context.Context, r Resolver, n Name) ([]string, Answer, error) {
	a, err := r.Query(ctx, n, TypeTXT)
	if err != nil {
		return nil, Answer{}, err
	}
	texts := make([]string, 0, len(a.Records))
	for i := range a.Records {
		texts = append(texts, a.Records[i].Text)
	}
	return texts, a, nil
}

// LookupAddrs returns the addresses of a name, those of the two families in turn
// and IPv6 first, each family in the order of its answer. The Answer stands for
// both: it is Secure if both are, with the lesser TTL, and NXDomain only if both
// say so. An error of either family is an error.
func LookupAddrs(ctx context.Context, r Resolver, n Name, f Families) ([]netip.Addr, Answer, error) {
	var six, four Answer
	var err error
	if f != Only4 {
		if six, err = r.Query(ctx, n, TypeAAAA); err != nil {
			return nil, Answer{}, err
		}
	}
	if f != Only6 {
		if four, err = r.Query(ctx, n, TypeA); err != nil {
			return nil, Answer{}, err
		}
	}
	addrs := interleave(nil, six.Records, four.Records)
	switch f {
	case Only4:
		return addrs, four, nil
	case Only6:
		return addrs, six, nil
	}
	return addrs, merge(six, four), nil
}

// interleave appends addresses of the first and second kind in turn.
func interleave(dst []netip.Addr, first, second []Record) []netip.Addr {
	for i := range max(len(first), len(second)) {
		for _, records := range [...][]Record{first, second} {
			if i < len(records) {
				dst = append(dst, records[i].Addr.Unmap())
			}
		}
	}
	return dst
}

// merge makes one answer of those of two families.
func merge(a, b Answer) Answer {
	if a.Status != Found {
		a, b = b, a
	}
	if a.Status == NXDomain && b.Status == NoData {
		a.Status = NoData
	}
	a.Records = append(a.Records[:len(a.Records):len(a.Records)], b.Records...)
	a.Secure = a.Secure && b.Secure
	a.TTL = min(a.TTL, b.TTL)
	return a
}

// LookupPTR returns the names that an address claims, which prove nothing: see
// Confirm. Records that are no names of hosts are left out.
func LookupPTR(ctx context.Context, r Resolver, a netip.Addr) ([]Name, Answer, error) {
	if !a.IsValid() {
		return nil, Answer{}, errNotAddr
	}
	answer, err := r.Query(ctx, reverse(a), TypePTR)
	if err != nil {
		return nil, Answer{}, err
	}
	var names []Name
	for i := range answer.Records {
		if answer.Records[i].Err == nil {
			names = append(names, answer.Records[i].Host)
		}
	}
	return names, answer, nil
}

var errNotAddr = errors.New("dnsmx: not an address")

// reverse returns the name under which PTR records lie: RFC 1035, section 3.5;
// RFC 3596, section 2.5.
func reverse(a netip.Addr) Name {
	zone := "ip6.arpa"
	if a.Unmap().Is4() {
		zone = "in-addr.arpa"
	}
	return Name{reverseLabels(a) + "." + zone}
}

// reverseLabels writes an address backwards, an octet or half an octet to a label.
func reverseLabels(a netip.Addr) string {
	const hex = "0123456789abcdef"
	a = a.Unmap()
	octets := a.AsSlice()
	var labels []string
	for i := len(octets) - 1; i >= 0; i-- {
		if a.Is4() {
			labels = append(labels, strconv.Itoa(int(octets[i])))
			continue
		}
		labels = append(labels, hex[octets[i]&0xF:][:1], hex[octets[i]>>4:][:1])
	}
	return strings.Join(labels, ".")
}

// maxConfirm is how many names of one address are looked up: RFC 7208, section
// 4.6.4, has the same bound for the same reason.
const maxConfirm = 10

// Confirm looks for a name of an address that leads back to it: the "iprev" of
// RFC 8601, section 2.7.3. Without error, false means that there is none. With an
// error it is not known, though another name may have been found not to.
func Confirm(ctx context.Context, r Resolver, a netip.Addr) (Name, bool, error) {
	names, _, err := LookupPTR(ctx, r, a)
	if err != nil {
		return Name{}, false, err
	}
	a = a.Unmap().WithZone("")
	typ := TypeAAAA
	if a.Is4() {
		typ = TypeA
	}
	for _, n := range names[:min(len(names), maxConfirm)] {
		back, failed := r.Query(ctx, n, typ)
		if failed != nil {
			err = failed
			continue
		}
		for i := range back.Records {
			if back.Records[i].Addr == a {
				return n, true, nil
			}
		}
	}
	return Name{}, false, err
}
