// Package dnsmx finds out where mail for a domain goes: it asks the DNS, and folds
// what it says into one plan: hosts in order, their addresses, and for each the TLS
// policy that DANE, MTA-STS and the caller together demand.
//
//	planner := &dnsmx.Planner{Resolver: &dnsmx.Cache{Next: stub}}
//	plan, err := planner.Plan(ctx, domain)
//	for host := range plan.Usable() {
//		// dial host.Addrs in order, under host.TLS
//	}
//
// # The central rule
//
// A nil error means that the answer is known, and a denial is an answer. An error
// means that it is not known, and nobody may lower security because of one: an
// attacker who can do nothing else can still make a question fail. So a host whose
// TLSA records cannot be looked up is out, not unprotected, and a domain whose MX
// records cannot be looked up is asked again later, not delivered to its address.
// The one exception is in RFC 8461 itself: if there is no MTA-STS policy at hand and
// none can be found out, mail goes out without.
//
// # The parts
//
//   - [Name] is a domain name that was checked. Nothing here takes a name as a string.
//   - [Resolver] is the one seam: a single method. [Stub] asks recursive servers, of
//     which [System] knows those of the machine; [Cache] remembers, in front of any
//     Resolver; a Zone of package dnsmxtest answers tests.
//   - [AppendQuery] and [ParseResponse] are the codec under Stub, for other transports.
//   - [Planner] makes plans. [Plan.RequireTLS] and [Plan.Relaxed] bend one to what a
//     message asks for. Package mtasts has the policies for it, package tlsrpt tells
//     domains what became of them.
//   - [LookupTXT], [LookupAddrs], [LookupPTR], [Confirm], [ListedAddr] and [Discover]
//     are single questions that mail programs ask.
//
// Secure, of an answer, means that DNSSEC vouches for it, says a resolver that is
// trusted to know. This package validates nothing itself: DANE needs a validating
// resolver (unbound and the like) on the same machine. [Stub.Probe] says whether
// there is one.
//
// # Deviations
//
//   - RFC 1034, section 3.6.2: a chain of CNAMEs may have 16 links, and an answer 256
//     records; more is an error.
//   - RFC 2308, section 2.2: an answer without records or SOA record denies the type,
//     is not kept, and is not taken for final by a plan. One that refers to other
//     servers instead is an error.
//   - RFC 5321, section 5.1: the target of an MX record may be an alias, and its
//     labels may have underscores, since such domains get mail everywhere else.
//   - RFC 6186, section 3, compares priorities between a service with TLS from the first
//     octet and one with STARTTLS; here the former goes first, as RFC 8314 would have it.
//   - RFC 6891, section 7: a server that answers without an OPT record is asked once
//     more without one.
//   - RFC 7672, section 2.2: one family of addresses whose look-up fails rules a host
//     out only where it might have been the secure one.
//   - IDNA is that of UTS #46 for look-ups, without transitional mappings; hyphens in
//     the third and fourth place of an ASCII label are no reason to refuse it.
//
// # Security
//
//   - The AD bit counts from loopback alone, unless TrustAD says otherwise. A resolver
//     there that forwards to strangers without validating has to be excluded by
//     TrustNone.
//   - Ports and IDs are random for each question, and wrong answers are not seen. Still
//     an unsigned answer is as good as the way to the resolver, and the way from it.
//   - Whoever writes the zone of a domain chooses the addresses that mail for it is sent
//     to. Addresses that can only be this machine by mistake (unspecified, multicast)
//     are left out; loopback and private ones are not, since test beds and inner
//     networks need them. A program that must not connect to those checks Host.Addrs.
//   - Text from the DNS appears in errors quoted, and in Listing.Reason and Error.Info
//     as it came.
package dnsmx
