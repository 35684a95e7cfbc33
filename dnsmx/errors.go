package dnsmx

import (
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// An Error says why a question has no answer now: nothing is known about the
// name, and nobody may act as if a record did not exist.
type Error struct {
	Name    Name
	Type    Type
	RCode   dnsmessage.RCode // what the server answered; success if it did not
	EDE     uint16           // its extended error: RFC 8914, section 4
	Info    string           // and the text of that, as it came
	Server  netip.AddrPort   // the last one asked
	Timeout bool             // nobody answered in time
	Err     error            // what went wrong with the exchange, if anything
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "dnsmx: no answer for %s %s", typeName(e.Type), e.Name)
	if e.Server.IsValid() {
		fmt.Fprintf(&b, " from %s", e.Server)
	}
	if e.RCode != dnsmessage.RCodeSuccess {
		fmt.Fprintf(&b, ": %s", rcodeName(e.RCode))
	}
	if e.EDE != 0 || e.Info != "" {
		fmt.Fprintf(&b, " (extended error %d: %s)", e.EDE, quote(e.Info))
	}
	if e.Timeout {
		b.WriteString(": timeout")
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// Bogus reports whether the server says that DNSSEC validation failed, which an
// attack and a neglected zone look the same to. RFC 8914, sections 4.7 to 4.13.
func (e *Error) Bogus() bool { return e.EDE >= 6 && e.EDE <= 12 }

// rcodeName returns the name that operators know: RFC 6895, section 2.3.
func rcodeName(r dnsmessage.RCode) string {
	names := [...]string{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"}
	switch {
	case int(r) < len(names):
		return names[r]
	case r == rcodeBadVers:
		return "BADVERS"
	}
	return fmt.Sprintf("RCODE%d", uint16(r))
}

// rcodeBadVers is the answer to an EDNS version that is not known: RFC 6891,
// section 9.
const rcodeBadVers = 16

// A Failure says why there is nowhere to deliver to, with the reply codes that a
// report to the sender gives. Those of Plan are the variables below, or wrap the
// error of a look-up.
type Failure struct {
	Code     int       // 4xx: try again later; 5xx: do not
	Enhanced [3]uint16 // RFC 3463
	Text     string
	Err      error
}

func (f *Failure) Error() string {
	if f.Err == nil {
		return "dnsmx: " + f.Text
	}
	return "dnsmx: " + f.Text + ": " + f.Err.Error()
}

func (f *Failure) Unwrap() error { return f.Err }

// Is makes a Failure that carries details equal to the variable that it was made
// from.
func (f *Failure) Is(target error) bool {
	t, ok := target.(*Failure)
	return ok && t.Code == f.Code && t.Enhanced == f.Enhanced && t.Text == f.Text
}

// Temporary reports whether delivery may succeed later.
func (f *Failure) Temporary() bool { return f.Code < 500 }

// with returns a Failure of the same kind with details.
func (f *Failure) with(err error) *Failure {
	d := *f
	d.Err = err
	return &d
}

// Why a domain gets no mail.
var (
	ErrNullMX     = &Failure{Code: 556, Enhanced: [3]uint16{5, 1, 10}, Text: "the domain accepts no mail"}              // RFC 7505, section 4.2
	ErrNoDomain   = &Failure{Code: 550, Enhanced: [3]uint16{5, 1, 2}, Text: "no such domain"}                           // RFC 5321, section 5.1
	ErrNoHost     = &Failure{Code: 451, Enhanced: [3]uint16{4, 4, 4}, Text: "no host of the domain can be used now"}    // RFC 5321, section 5.1
	ErrLoop       = &Failure{Code: 554, Enhanced: [3]uint16{5, 4, 6}, Text: "the best host for the domain is this one"} // RFC 5321, section 5.1
	ErrUnknown    = &Failure{Code: 451, Enhanced: [3]uint16{4, 4, 3}, Text: "the DNS does not say where mail goes"}     // RFC 5321, section 5.1
	ErrRequireTLS = &Failure{Code: 550, Enhanced: [3]uint16{5, 7, 10}, Text: "no host with the TLS that the sender requires"}
)
