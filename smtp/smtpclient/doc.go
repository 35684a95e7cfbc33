// Package smtpclient sends mail by SMTP, submission or LMTP over the client
// machine of package smtp. Sockets, TLS, deadlines and logging are here; when
// a command may be sent, and what a reply means, is decided there.
//
// # Three ways to use it
//
// A [Dialer] is where to send to and how. Its Send connects, sends one message
// and takes its leave. A [Client] is a connection that is kept for more. A [Pool]
// keeps several and is the only one of the three for many goroutines.
//
//	d := &smtpclient.Dialer{Addr: "mail.example:587", Credentials: auth.Credentials{Username: "me", Password: pw}}
//	_, err := d.Send(ctx, smtp.NewEnvelope("me@a.example", "you@b.example"), body)
//
// For a proxy, which is told the recipients one by one and has to answer each,
// [Client.Begin] opens a [Transaction] instead.
//
// # What a result says
//
// A message has a result for each recipient: [Result.Rcpts], in the order of the
// envelope, in SMTP as in LMTP. The error of Send is nil only if every recipient
// was accepted. Otherwise it is a [*SendError], whose Result says who was and who
// was not: those who were get the message, unless [Dialer.AllOrNothing] is set.
//
// # Safety
//
// The zero [auth.TLSPolicy] is verified TLS or nothing; credentials leave only
// as [auth.ClientPolicy] lets them. All of an envelope is looked at before the
// first octet of it leaves, and nothing in it can be read as anything but what it
// is. Line ends of the content are settled before dots are stuffed, so that no
// receiver sees the end of a message where there is none. A connection on which
// the two sides may no longer agree about what is being answered is closed, and
// never used again.
//
// # What is left out
//
// A parameter that the server does not offer is an error where the message must
// not travel without it: REQUIRETLS, SMTPUTF8, BINARYMIME, HOLDFOR and HOLDUNTIL,
// BY in mode R, RRVS. Others are left out and named in [Result.Dropped]: SIZE, the
// parameters of DSN, MT-PRIORITY, AUTH, BY in mode N. Who drops those of DSN owes
// the sender a notification that the message was relayed: RFC 3461, section 5.2.2.
//
// Queues, retries and the choice of hosts are not here.
package smtpclient
