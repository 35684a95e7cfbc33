// Package pop3client fetches mail by POP3 over the machine of package pop3: it
// connects, starts TLS by a policy, logs in by the best means that the policy
// allows, and streams messages.
//
// Nothing is ever removed from a server but by [Client.Quit]: [Client.Close], a
// lost connection and a context that ends leave everything as it was.
package pop3client
