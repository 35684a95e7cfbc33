package dnsmx

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/mailwire/mailwire/auth"
)

// A Service is what a mail program looks for in its user's domain.
type Service uint8

const (
	Submission Service = iota // RFC 6409
	IMAP                      // RFC 9051
	POP3                      // RFC 1939
)

func (s Service) String() string {
	if int(s) < len(serviceLabels) {
		return [...]string{"Submission", "IMAP", "POP3"}[s]
	}
	return fmt.Sprintf("Service(%d)", uint8(s))
}

// serviceLabels are the names of services with TLS from the first octet, and with
// STARTTLS: RFC 6186, section 3; RFC 8314, section 5.1.
var serviceLabels = [...][2]string{
	Submission: {"_submissions._tcp", "_submission._tcp"},
	IMAP:       {"_imaps._tcp", "_imap._tcp"},
	POP3:       {"_pop3s._tcp", "_pop3._tcp"},
}

// A Server is one that a domain names for its users.
type Server struct {
	Host Name   // where it is
	Port uint16 // as the SRV record has it
	// TLS demands verified TLS for the domain, and for Host if it is known to be
	// the domain's choice.
	TLS    auth.TLSPolicy
	Secure bool // the SRV answer was
	// Foreign: Host lies outside the domain, and DNSSEC does not vouch for it, so
	// that it may be an attacker's, with a good certificate for itself. TLS does not
	// accept Host's name until the user agreed to it and Trust was called. RFC 6186,
	// section 6.
	Foreign bool
}

// Trust makes the policy accept the name of a Foreign host.
func (s *Server) Trust() {
	if !slices.Contains(s.TLS.Names, s.Host.s) {
		s.TLS.Names = append(s.TLS.Names, s.Host.s)
	}
}

// Discover returns the servers of a domain in the order to be tried: those with TLS
// from the first octet before those with STARTTLS, each in the order of RFC 2782.
// None without error: the domain names none, or says that it has no such service. An
// error of one look-up is an error, though the other may have found something: else
// an attacker could choose which way of TLS is used. RFC 6186, section 3; RFC 8314,
// section 5.1.
func Discover(ctx context.Context, r Resolver, domain Name, s Service) ([]Server, error) {
	if int(s) >= len(serviceLabels) {
		return nil, fmt.Errorf("dnsmx: unknown service %v", s)
	}
	var all []Server
	for i, label := range serviceLabels[s] {
		n, err := domain.Child(label)
		if err != nil {
			return nil, err
		}
		a, err := r.Query(ctx, n, TypeSRV)
		if err != nil {
			return nil, err
		}
		for _, rec := range orderSRV(a.Records, rand.IntN) {
			all = append(all, newServer(domain, rec, a.Secure, i == 0))
		}
	}
	return all, nil
}

func newServer(domain Name, rec Record, secure, implicit bool) Server {
	s := Server{Host: rec.Host, Port: rec.Port, Secure: secure}
	s.Foreign = !secure && !rec.Host.Under(domain)
	s.TLS = auth.TLSPolicy{Implicit: implicit, ServerName: rec.Host.s, Names: []string{domain.s}}
	if !s.Foreign {
		s.Trust()
	}
	return s
}

// orderSRV orders by priority, and those of one priority at random in the
// proportion of their weights. intN(n) returns a number below n. Records without a
// host are left out.
func orderSRV(recs []Record, intN func(int) int) []Record {
	recs = slices.DeleteFunc(slices.Clone(recs), func(r Record) bool { return r.Root || r.Err != nil })
	// Those of weight zero first, as the algorithm of RFC 2782 has it: they get the
	// small chance of the number zero.
	slices.SortFunc(recs, func(a, b Record) int {
		return cmp.Or(cmp.Compare(a.Pref, b.Pref), cmp.Compare(min(a.Weight, 1), min(b.Weight, 1)))
	})
	for rest := recs; len(rest) > 0; rest = rest[1:] {
		total, same := 0, 0
		for ; same < len(rest) && rest[same].Pref == rest[0].Pref; same++ {
			total += int(rest[same].Weight)
		}
		pick, drawn := 0, intN(total+1)
		for drawn -= int(rest[0].Weight); drawn > 0; drawn -= int(rest[pick].Weight) {
			pick++
		}
		chosen := rest[pick]
		copy(rest[1:], rest[:pick]) // the others keep their order
		rest[0] = chosen
	}
	return recs
}
