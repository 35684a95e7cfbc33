// Package smtpclient sends mail by SMTP, submission or LMTP over the client
// machine of package smtp. Sockets, TLS, deadlines and logging are here; when
// a command may be sent, and what a reply means, is decided there.
//
// # Ways to use it
//
// A [Dialer] is where to send to and how. Its Send connects, sends one message
// and takes its leave. A [Client] is a connection that is kept for more. A [Pool]
// keeps several, to one destination, for many goroutines.
//
//	d := &smtpclient.Dialer{Addr: "mail.example:587", Credentials: auth.Credentials{Username: "me", Password: pw}}
//	_, err := d.Send(ctx, smtp.NewEnvelope("me@a.example", "you@b.example"), body)
//
// For a proxy, which is told the recipients one by one and has to answer each,
// [Client.Begin] opens a [Transaction] instead.
//
// A [Deliverer] is for those who deliver to the hosts of domains, as a relay does.
// It is given hosts in order, with their addresses and what each demands of TLS
// (package dnsmx makes such plans, by MX, DANE and MTA-STS), tries them until each
// recipient has a verdict that counts, and keeps connections for the next message.
// A recipient that one host has refused for good is not tried at another; one that
// was put off, or never asked about, is. [Delivery.Attempts] says where it was and
// how secure that was, for logs and for TLS reports.
//
//	r, err := deliverer.Deliver(ctx, hosts, envelope, open) // open is called for each transaction
//
// # Layers
//
// Package smtp decides, this package carries out. A Client drives one
// [smtp.ClientSession]; Pool and Deliverer only choose among Clients.
//
// # What a result says
//
// A message has a result for each recipient: [Result.Rcpts], in the order of the
// envelope, in SMTP as in LMTP. The error of Send is nil only if every recipient
// was accepted. Otherwise it is a [*SendError], whose Result says who was and who
// was not: those who were get the message, unless [Dialer.AllOrNothing] is set.
//
// When the connection breaks between the end of the content and its reply, nobody
// knows whether the server has the message. A Deliverer says [ErrUncertain] then
// and tries no other host; to send again may make a second copy. RFC 5321,
// section 4.5.3.2.6.
//
// # Security
//
// The zero [auth.TLSPolicy] is verified TLS or nothing; credentials leave only
// as [auth.ClientPolicy] lets them. All of an envelope is looked at before the
// first octet of it leaves, and nothing in it can be read as anything but what it
// is. Line ends of the content are settled before dots are stuffed, so that no
// receiver sees the end of a message where there is none. A connection on which
// the two sides may no longer agree about what is being answered is closed, and
// never used again.
//
// # Deviations
//
// A parameter that the server does not offer is an error where the message must
// not travel without it: REQUIRETLS, SMTPUTF8, BINARYMIME, HOLDFOR and HOLDUNTIL,
// BY in mode R, RRVS. Others are left out and named in [Result.Dropped]: SIZE, the
// parameters of DSN, MT-PRIORITY, AUTH, BY in mode N. Who drops those of DSN owes
// the sender a notification that the message was relayed: RFC 3461, section 5.2.2.
//
// Queues, retries over time and the choice of hosts are not here.
package smtpclient
