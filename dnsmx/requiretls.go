package dnsmx

import (
	"errors"
	"fmt"
	"slices"

	"github.com/mailwire/mailwire/auth"
)

// copy returns a plan whose hosts can be changed.
func (p *Plan) copy() *Plan {
	c := *p
	c.Hosts = slices.Clone(p.Hosts)
	return &c
}

// RequireTLS returns the plan for a message under REQUIRETLS. Of its hosts only
// those remain usable whose names are vouched for, by a secure MX answer or by the
// domain's MTA-STS policy, and they have to authenticate. The error is
// ErrRequireTLS if that leaves no host, and ErrNoHost if there may be one later.
// That a host offers REQUIRETLS after STARTTLS is for the client to see. RFC 8689,
// section 4.2.1.
func (p *Plan) RequireTLS() (*Plan, error) {
	c := p.copy()
	temporary := false
	for i := range c.Hosts {
		h := &c.Hosts[i]
		switch {
		case h.Err != nil:
			temporary = true
		case !p.Secure && (p.STS == nil || !p.STS.Allows(h.Name)):
			h.Err = ErrRequireTLS.with(fmt.Errorf("neither DNSSEC nor MTA-STS vouches for %s", h.Name))
		default:
			h.TLS.Level = stronger(h.TLS.Level, auth.TLSVerified)
		}
	}
	for range c.Usable() {
		return c, nil
	}
	if temporary {
		return c, ErrNoHost.with(ErrRequireTLS)
	}
	return c, ErrRequireTLS
}

// Relaxed returns the plan for a message with "TLS-Required: No": the policies of
// the recipient's domain no longer rule out a host, nor a certificate. The floor,
// which is our own, stays. RFC 8689, section 4.2.2.
func (p *Plan) Relaxed() *Plan {
	c := p.copy()
	for i := range c.Hosts {
		h := &c.Hosts[i]
		if _, ok := errors.AsType[*PolicyError](h.Err); ok && len(h.Addrs) > 0 {
			h.Err = nil
		}
		h.TLS.Level, h.TLS.ServerName = p.floor.level(), h.Name.s
		h.TLS.Names, h.TLS.TLSA = nil, nil
	}
	return c
}
