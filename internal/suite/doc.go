// Package suite is what the conformance suites of SMTP, POP3 and IMAP have in
// common: how binding a rule is, what a case may do to a server, what came of
// it, and how a dialogue is written down. The suites give these names on.
package suite
