package imapserver

import (
	"sync/atomic"
	"time"
)

// A Validity hands out UIDVALIDITY for new mailboxes: numbers that only rise, so
// that a name never has the same one twice, whatever is deleted, created and
// renamed in between. RFC 9051, section 2.3.1.1. The zero value is ready; a store
// that lives longer than its process keeps the last number and calls Restore.
// It is safe for concurrent use.
type Validity struct{ last atomic.Uint32 }

// Next returns a number greater than all before: the seconds of now, or one more
// than the last. It is 0 when there are no more, in the year 2106.
func (v *Validity) Next(now time.Time) uint32 {
	for {
		last := v.last.Load()
		if last == 1<<32-1 {
			return 0
		}
		next := uint32(max(uint64(last)+1, uint64(min(max(now.Unix(), 1), 1<<32-1))))
		if v.last.CompareAndSwap(last, next) {
			return next
		}
	}
}

// Restore makes sure that Next gives more than last.
func (v *Validity) Restore(last uint32) {
	for {
		have := v.last.Load()
		if have >= last || v.last.CompareAndSwap(have, last) {
			return
		}
	}
}
