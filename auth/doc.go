// Package auth is the SASL and TLS layer that smtp, imap and pop3 share: who is at
// the other end, and what is believed of it. It imports none of them.
//
// # Terms
//
// An exchange is one run of a mechanism. The authcid is the user whose secret is
// shown, the authzid the user to act as; they are the same unless the client asks
// otherwise, and an [Identity] holds both. A [Verifier] is what a server stores in
// place of a password. A channel binding is data that both ends of one TLS
// connection share and a man in the middle cannot have on both his sides. A decoy
// is a made-up verifier, shown for users that do not exist.
//
// # Map
//
// Machines (sasl.go and a file per mechanism) decide and do nothing else: no I/O, no
// clock, no randomness. [Exchange.Step] takes what the peer sent and asks one typed
// [Question]; [Exchange.Settle] takes the [Answer] and says what to send.
//
//	            ┌──── Step(what came) ────┐
//	the peer → driver                  machine → Question: verifiers? keys? token? may this one come in?
//	            └── Settle(the answer) ───┘   → Outcome: Send, Done and Identity, or Err
//
// The stored form (verifier.go, schemes.go, kdf.go, secret.go) is what a database
// keeps and what checks a password. Drivers answer the machines: [Authenticator] for
// a server, [ClientPolicy.Choose] for a client. [TLSPolicy], [StartClientTLS],
// [StartServerTLS], [Certificates] and [VerifyDANE] are the connection below.
//
// # Three ways to use it
//
// Fill in an [Authenticator], or [Credentials] and a [TLSPolicy], and give them to a
// driver of smtp, imap or pop3. Or drive a [Server] or [Client] over a protocol of
// your own: base64 is [AppendOctets] and [ParseOctets], and the state of the
// connection goes in as a [ConnInfo]. Or run an [Exchange] by hand, as a fuzzer or a
// test of another implementation does; ScramOptions takes the nonce, so that a
// dialogue can be repeated octet for octet. A mechanism that is not here (GSSAPI,
// NTLM) is an implementation of [Server] or [Client], put into Extra.
//
// # What is safe by default
//
//   - A client shows credentials to a server that TLS has verified, and to no other,
//     unless [ClientPolicy.Cleartext] says so; tokens and EXTERNAL not even then.
//   - A server offers what it can serve on this connection, and nothing that needs TLS
//     without it.
//   - SCRAM succeeds for a client only when the server has proved that it knows the
//     verifier, whatever reply the protocol carried: [Client].Finish. Iteration counts
//     are bounded before anything is derived, and derivations end with their context.
//   - -PLUS is taken where it is offered, and its removal from the offer is noticed.
//   - Unknown users, wrong passwords and refused authzids look alike: one error, the
//     same messages, the same derivations, and [Authenticator.Floor].
//   - Octets behind STARTTLS are an attack, in either role, and close the connection.
//   - Secrets are redacted wherever they are printed, and are never part of an error.
//
// # Security
//
// A SCRAM verifier does not let its reader log in, but lets him guess passwords and
// play the server. A CRAM-MD5 verifier is as good as the password for CRAM-MD5, and a
// PLAIN one is the password; they exist for CRAM-MD5 and APOP. Set Decoy on a site of
// several nodes or one that restarts: with a random key, the salts of users who do
// not exist change, and those of users who do exist stay. What takes place before the
// floor still costs what it costs: [Authenticator.MaxKDF] bounds how much at once, and
// Before is the place for rate limits. Go strings cannot be wiped from memory, and
// this package does not pretend to.
//
// # Deviations
//
//   - RFC 5802, section 4, makes SCRAM-SHA-1 mandatory to implement. It is implemented,
//     and offered by sites that list it in [Authenticator.Schemes].
//   - RFC 5802, section 5.1, has e= in the server's final message. A server that
//     refuses a channel binding flag or a mandatory extension sends it at once, as
//     there will be no final message; wrong proofs and unknown users get none.
//   - RFC 4013, section 2.5, counts code points unassigned in Unicode 3.2 as
//     unassigned. Here it is the Unicode of the Go release: [SASLprep].
//   - RFC 5929, section 4.1: "tls-server-end-point" is not offered on resumed sessions,
//     where a server does not know its own certificate, nor with several certificates.
//   - RFC 7628, section 3.2: the host that a client names is compared with its SNI, the
//     port with nothing, as forwarding changes it.
//   - RFC 2195 allows upper case nowhere, and RFC 1939 likewise: digests in capitals are
//     refused.
package auth
