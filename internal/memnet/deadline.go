package memnet

import (
	"sync"
	"time"
)

// deadline is one of the four of a connection: reading and writing at each end.
// The fields are guarded by the lock of wake.
type deadline struct {
	wake    *sync.Cond // who waits for what the deadline limits
	expired bool
	at      time.Time // with a monotonic reading; zero when there is none
	timer   *time.Timer
}

// set replaces the deadline. The timer is kept and moved, because drivers move
// a deadline for every command. The lock must be held.
func (d *deadline) set(t time.Time) {
	d.stop()
	if t.IsZero() {
		return
	}
	left := time.Until(t)
	if left <= 0 {
		d.expired = true
		d.wake.Broadcast()
		return
	}
	d.at = time.Now().Add(left)
	if d.timer == nil {
		d.timer = time.AfterFunc(left, d.fire)
	} else {
		d.timer.Reset(left)
	}
}

// stop removes the deadline. The lock must be held.
func (d *deadline) stop() {
	d.expired = false
	d.at = time.Time{}
	if d.timer != nil {
		d.timer.Stop()
	}
}

// fire runs on the timer's goroutine. It may have been on its way while set
// moved the deadline, so it trusts the clock and not the fact that it runs.
func (d *deadline) fire() {
	d.wake.L.Lock()
	defer d.wake.L.Unlock()
	if !d.at.IsZero() && !time.Now().Before(d.at) {
		d.expired = true
		d.wake.Broadcast()
	}
}
