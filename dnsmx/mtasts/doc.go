// Package mtasts finds the MTA-STS policies of mail domains, RFC 8461: a TXT record
// says that there is one, HTTPS has it, and a cache keeps it for as long as it says.
// [Cache] is the source of policies that dnsmx.Planner takes.
//
// # Trust on first use
//
// Nothing protects the first look for a policy; all the protection lies in what is
// remembered. So a policy that has not expired gives way to one thing alone: a newer
// policy that was fetched with a valid certificate. A new id whose policy cannot be
// fetched, a TXT record that is gone, broken or fails, a web server that is down:
// all of that an attacker can bring about, and none of it changes anything.
//
// A process that forgets its cache starts from nothing. Give the Cache a [Store].
//
// # Deviations
//
//   - RFC 8461, section 3.2: a max_age above the maximum counts as the maximum; to
//     refuse the policy would leave the domain without any.
//   - RFC 8461, section 3.2: empty lines in a policy are ignored.
//   - RFC 8461, section 3.1: a TXT record with two ids is refused.
//
// # Security
//
//   - Policies are fetched from wherever mta-sts.DOMAIN points to, on port 443. No
//     request is sent before the certificate for that name was verified.
//   - Without a Store, whoever can make this process look up more than Cache.Max
//     domains with policies of his own can push out the policy of another.
package mtasts
