// Package smtpserver serves SMTP, submission and LMTP over the machine of
// package smtp: sockets, TLS, deadlines, goroutines and logging are here, and no
// rule of the protocol is.
package smtpserver
