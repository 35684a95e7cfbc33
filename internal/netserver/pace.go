package netserver

import (
	"math"
	"time"
)

// grace is how long a peer may be slower than its Pace.
const grace = 30 * time.Second

// A Pace bounds how slowly a peer gives or takes content, by rate: over the first
// 30 s and from then on. Only time spent waiting for the peer counts, never what
// we took ourselves.
type Pace struct {
	Min int // octets a second; not above 0: no limit

	octets int64
	waited time.Duration
}

// Start begins other content.
func (p *Pace) Start() { p.octets, p.waited = 0, 0 }

// Count says that n octets have come or gone, and what they were waited for.
func (p *Pace) Count(n int, waited time.Duration) {
	p.octets += int64(n)
	p.waited += waited
}

// By returns when a wait that begins now, and brings n octets, has to end; zero:
// never.
func (p *Pace) By(now time.Time, n int) time.Time {
	if p.Min <= 0 {
		return time.Time{}
	}
	earned := min((p.octets+int64(n))/int64(p.Min), math.MaxInt32)
	return now.Add(grace + time.Duration(earned)*time.Second - p.waited)
}
