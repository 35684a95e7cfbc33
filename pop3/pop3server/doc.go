// Package pop3server serves POP3 over the machine of package pop3: sockets, TLS,
// deadlines, goroutines and logging are here, and no rule of the protocol is.
// Where mail is kept is for a [Backend], who its owners are for
// auth.Authenticator.
package pop3server
