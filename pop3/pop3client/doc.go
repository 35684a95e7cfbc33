// Package pop3client fetches mail by POP3 over the machine of package pop3: it
// connects, starts TLS by a policy, logs in by the best means that the policy
// allows, and streams messages.
//
//	d := &pop3client.Dialer{Addr: "pop.example.org:110", Credentials: …} // verified TLS, by STLS
//	c, err := d.Connect(ctx)
//	defer c.Close()
//	for m, err := range c.RetrAll(ctx, nums) {
//		io.Copy(w, m) // stored safely, then:
//	}
//	err = c.Dele(ctx, nums...)
//	err = c.Quit(ctx) // now they are gone, and only if this is nil
//
// Nothing is ever removed from a server but by [Client.Quit]: [Client.Close], a
// lost connection and a context that ends leave everything as it was.
//
// # Three ways to use it
//
// [Dialer.Connect] does all up to the login. [NewClient] does so over a connection
// of one's own: a socket from a proxy, or one in memory. A Dialer without
// Credentials stays in front of the login, for who wants to look at [Client.Caps]
// or log in more than once.
//
// What was fetched before is known by unique-ids: [Client.UIDs] has all of them, to
// be compared with a list that the program keeps. Numbers are of this session only.
//
// # Errors
//
// A refusal is a *pop3.ReplyError, and the client goes on; its code tells a wrong
// password from a maildrop that is in use. After any other error of the connection
// every call returns that error. A message that was cut short ends in
// io.ErrUnexpectedEOF and never looks whole.
//
// # Deviations
//
//   - A server without CAPA is taken to have USER, TOP and UIDL, as those had that
//     are older than RFC 2449.
//   - Servers that leave messages out of UIDL, or give two of them one unique-id, are
//     put up with: RFC 1939, section 7.
//
// # Security
//
// The zero [Dialer] demands verified TLS and sends no password without it. Nothing
// that was said before STLS counts behind it, and octets behind the answer to STLS
// end the connection. APOP is used only if it is allowed, and only over a stamp
// that is one. Lines, listings and messages are bounded: pop3.Limits. Messages are
// octets that strangers wrote; nothing of them is interpreted but the dots.
package pop3client
