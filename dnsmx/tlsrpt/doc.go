// Package tlsrpt collects what became of TLS on the way to mail domains, and writes
// the daily report for those that ask for one: RFC 8460.
//
// A relay calls [Recorder.Add] whenever TLS with a host was settled, or a host was
// passed over for a policy. Once a day it takes the report of each domain, asks by
// [Lookup] where that wants it, and sends what [AppendMail] makes, or posts the
// gzipped JSON to an https address as application/tlsrpt+gzip.
//
// # Deviations
//
//   - RFC 8460, section 4.4: "mx-host" is written as a list, as the example there has
//     it, and read as a list or a string, as senders write it.
//   - Of a session only what the policies had to do with is kept: no text of errors
//     goes into a report, since it may speak of our own network.
//
// # Security
//
//   - Reports, and the records that ask for them, are text of strangers. ParseReport
//     bounds what it reads, and an address with control characters in it, percent-
//     encoded or not, is not an address.
//   - A report by mail carries "TLS-Required: No": it tells of broken TLS, and has to
//     arrive in spite of it.
package tlsrpt
