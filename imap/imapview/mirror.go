package imapview

import (
	"errors"

	"github.com/mailwire/mailwire/imap"
)

// ErrServer means that the server has told something of messages that there
// are not. The numbers are of no more use: select the mailbox again.
var ErrServer = errors.New("imapview: the server's numbers do not fit together")

// A Mirror is the client's half: it follows EXISTS, EXPUNGE, VANISHED and the
// pairs of number and UID that rows of FETCH tell, and knows as many numbers as
// can be known. The zero value is a mailbox without messages.
type Mirror struct {
	uids []imap.UID // by number, from 1 at index 0; 0: not known
}

// Len returns how many messages there are.
func (m *Mirror) Len() uint32 { return uint32(len(m.uids)) }

// Exists takes EXISTS. Fewer than before is ErrServer: RFC 9051, section 7.5.1.
// limit bounds what the server can make the Mirror take: more is ErrServer too.
func (m *Mirror) Exists(n, limit uint32) error {
	if n < m.Len() || n > limit {
		return ErrServer
	}
	if grow := int(n) - len(m.uids); grow > 0 {
		m.uids = append(m.uids, make([]imap.UID, grow)...)
	}
	return nil
}

// Expunge takes EXPUNGE and returns the UID, 0 if it was not known.
func (m *Mirror) Expunge(seq imap.SeqNum) (imap.UID, error) {
	if seq == 0 || uint32(seq) > m.Len() {
		return 0, ErrServer
	}
	u := m.uids[seq-1]
	m.uids = append(m.uids[:seq-1], m.uids[seq:]...)
	return u, nil
}

// Learn takes a pair of number and UID. UIDs that do not rise are ErrServer.
func (m *Mirror) Learn(seq imap.SeqNum, u imap.UID) error {
	if seq == 0 || uint32(seq) > m.Len() || u == 0 {
		return ErrServer
	}
	i := int(seq) - 1
	if m.uids[i] == u {
		return nil
	}
	if m.uids[i] != 0 {
		return ErrServer
	}
	lower, upper := m.gap(u)
	if i < lower || i >= upper {
		return ErrServer
	}
	m.uids[i] = u
	return nil
}

// gap returns where a UID that is not known can be: behind the last one that is
// lower and in front of the first that is higher.
func (m *Mirror) gap(u imap.UID) (lower, upper int) {
	i, _ := m.search(u)
	lower, upper = i, i
	for lower > 0 && m.uids[lower-1] == 0 {
		lower--
	}
	for upper < len(m.uids) && m.uids[upper] == 0 {
		upper++
	}
	return lower, upper
}

// search returns an index with nothing known to be greater than u below it and
// nothing known to be smaller above; or that of u itself.
func (m *Mirror) search(u imap.UID) (int, bool) {
	lo, hi := 0, len(m.uids)
	for lo < hi {
		mid := lo + (hi-lo)/2
		known := mid
		for known < hi && m.uids[known] == 0 {
			known++
		}
		switch {
		case known == hi:
			hi = mid
		case m.uids[known] == u:
			return known, true
		case m.uids[known] < u:
			lo = known + 1
		default:
			hi = mid
		}
	}
	return lo, false
}

// Vanished takes VANISHED without EARLIER: each of the UIDs takes one message
// away. Of one that was not known the number cannot be told, but those of all
// that are known stay right. Behind ErrServer the Mirror is of no more use.
func (m *Mirror) Vanished(uids imap.UIDSet) error {
	if uids.Len() > len(m.uids) {
		return ErrServer
	}
	kept := m.uids[:0]
	unknown := 0 // at the end of kept
	next := 0    // m.uids[next:] are not kept yet
	for u := range uids.All() {
		// Up to where u is, or would be: unknown ones in front of it could be it.
		for next < len(m.uids) && m.uids[next] < u {
			if unknown++; m.uids[next] != 0 {
				unknown = 0
			}
			kept = append(kept, m.uids[next])
			next++
		}
		switch {
		case next < len(m.uids) && m.uids[next] == u:
			next++
		case unknown > 0:
			kept = kept[:len(kept)-1]
			unknown--
		default:
			return ErrServer
		}
	}
	m.uids = append(kept, m.uids[next:]...)
	return nil
}

// Seq returns the number of a message whose UID is known.
func (m *Mirror) Seq(u imap.UID) (imap.SeqNum, bool) {
	if u == 0 {
		return 0, false
	}
	i, ok := m.search(u)
	return imap.SeqNum(i + 1), ok
}

// UID returns the UID of a message, if it is known.
func (m *Mirror) UID(seq imap.SeqNum) (imap.UID, bool) {
	if seq == 0 || uint32(seq) > m.Len() || m.uids[seq-1] == 0 {
		return 0, false
	}
	return m.uids[seq-1], true
}
