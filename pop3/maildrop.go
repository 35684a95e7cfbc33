package pop3

import (
	"bytes"
	"errors"
	"math"
	"strconv"

	"github.com/mailwire/mailwire/internal/ascii"
)

// A maildrop is the snapshot that numbers a session: RFC 1939, section 4. What
// belongs to message n stands at n-1 of each slice.
type maildrop struct {
	sizes []int64
	uids  []string
	flags []flags

	count int   // messages that are not marked
	total int64 // their octets
	text  string

	delay, expire Period // of this user, if policy
	policy        bool
}

// flags say what else there is to a message.
type flags uint8

const (
	marked    flags = 1 << iota // deleted, as far as this session can see
	needsUTF8                   // RFC 6856, section 2.1
)

// load takes a snapshot of at most limit messages in.
func (d *maildrop) load(msgs []Entry, limit int) error {
	if len(msgs) > limit {
		return &MaildropError{Err: errors.New("more than " + strconv.Itoa(limit) + " messages")}
	}
	seen := make(map[string]struct{}, len(msgs))
	var total int64
	for i := range msgs {
		m := &msgs[i]
		seen[m.UID] = struct{}{}
		var err error
		switch {
		case !ValidUID(m.UID):
			err = errUID
		case len(seen) <= i:
			err = errDuplicate
		case m.Size < 0 || m.Size > math.MaxInt64-total:
			err = errSize
		}
		if err != nil {
			return &MaildropError{N: i + 1, UID: m.UID, Err: err}
		}
		total += m.Size
	}
	d.sizes = make([]int64, len(msgs))
	d.uids = make([]string, len(msgs))
	d.flags = make([]flags, len(msgs))
	for i := range msgs {
		d.sizes[i], d.uids[i] = msgs[i].Size, msgs[i].UID
		if msgs[i].NeedsUTF8 {
			d.flags[i] = needsUTF8
		}
	}
	d.count, d.total, d.text = len(msgs), total, ""
	return nil
}

func (d *maildrop) len() int { return len(d.sizes) }

func (d *maildrop) entry(i int) Entry {
	return Entry{N: i + 1, Size: d.sizes[i], UID: d.uids[i], NeedsUTF8: d.flags[i]&needsUTF8 != 0}
}

func (d *maildrop) mark(i int) {
	d.flags[i] |= marked
	d.count--
	d.total -= d.sizes[i]
	d.text = ""
}

func (d *maildrop) unmark() {
	for i := range d.flags {
		if d.flags[i]&marked != 0 {
			d.flags[i] &^= marked
			d.count++
			d.total += d.sizes[i]
		}
	}
	d.text = ""
}

// deleted returns the numbers of the marked messages.
func (d *maildrop) deleted() []int {
	out := make([]int, 0, len(d.flags)-d.count)
	for i := range d.flags {
		if d.flags[i]&marked != 0 {
			out = append(out, i+1)
		}
	}
	return out
}

// stat is the drop listing. It is kept, because clients ask in a loop.
func (d *maildrop) stat() string {
	if d.text == "" {
		d.text = strconv.Itoa(d.count) + " " + strconv.FormatInt(d.total, 10)
	}
	return d.text
}

// summary is the drop listing for people.
func (d *maildrop) summary() string {
	messages := " messages ("
	if d.count == 1 {
		messages = " message ("
	}
	return strconv.Itoa(d.count) + messages + strconv.FormatInt(d.total, 10) + " octets)"
}

// listRoom is how much AppendLines gives at a time.
const listRoom = 4 << 10

// appendList appends lines of LIST or UIDL from index from on, until there are
// 4 KiB, and returns the index to go on at.
func (d *maildrop) appendList(dst []byte, v Verb, from int) ([]byte, int) {
	start := len(dst)
	for ; from < len(d.flags) && len(dst)-start < listRoom; from++ {
		if d.flags[from]&marked != 0 {
			continue
		}
		dst = d.appendLine(dst, v, from)
		dst = append(dst, "\r\n"...)
	}
	return dst, from
}

// appendLine appends the scan listing or unique-id listing of one message.
func (d *maildrop) appendLine(dst []byte, v Verb, i int) []byte {
	dst = strconv.AppendInt(dst, int64(i+1), 10)
	dst = append(dst, ' ')
	if v == UIDL {
		return append(dst, d.uids[i]...)
	}
	return strconv.AppendInt(dst, d.sizes[i], 10)
}

// Stat returns how many messages are not marked, and their octets.
func (s *ServerSession) Stat() (n int, size int64) { return s.drop.count, s.drop.total }

// find returns the index of the message that arg names. A number has no sign and
// no leading zero, and 0 is none: there are servers that take DELE 0 for DELE 1.
// RFC 1939, section 4.
func (s *ServerSession) find(arg []byte) (int, *Refused) {
	n, err := ascii.ParseUint(arg, math.MaxInt32)
	switch {
	case err == ascii.ErrNumber || arg[0] == '0' && len(arg) > 1:
		return 0, s.refuse("want a message number")
	case err != nil || n == 0 || n > uint64(s.drop.len()):
		return 0, s.decline("", "no such message")
	case s.drop.flags[n-1]&marked != 0:
		return 0, s.decline("", "message is deleted")
	}
	return int(n - 1), nil
}

// stepList: LIST and UIDL. RFC 1939, sections 5 and 7.
func (s *ServerSession) stepList(arg []byte) Event {
	if len(arg) == 0 {
		return s.answer(s.drop.summary(), true)
	}
	i, r := s.find(arg)
	if r != nil {
		return r
	}
	var buf [128]byte
	return s.answer(string(s.drop.appendLine(buf[:0], s.verb, i)), false)
}

// stepRetr: RETR and TOP. RFC 1939, sections 5 and 7.
func (s *ServerSession) stepRetr(arg []byte) Event {
	lines := -1
	if s.verb == TOP {
		number, count, _ := bytes.Cut(arg, []byte(" "))
		n, err := ascii.ParseUint(count, math.MaxInt32)
		if err == ascii.ErrNumber {
			return s.refuse("want a message number and a number of lines")
		}
		arg, lines = number, int(n) // more than any message has is all of it
	}
	i, r := s.find(arg)
	if r != nil {
		return r
	}
	e := s.drop.entry(i)
	if e.NeedsUTF8 && !s.utf8 && !s.Config.Surrogate { // RFC 6856, section 5
		return s.decline(NeedUTF8, "the message needs UTF8")
	}
	s.events.retr = RetrEvent{Entry: e, Lines: lines}
	return s.ask(&s.events.retr)
}

func (s *ServerSession) settleRetr(e *RetrEvent, v Reply) Reply {
	switch {
	case !v.OK:
		return v
	case e.Lines < 0:
		var buf [32]byte
		v.Text = string(append(strconv.AppendInt(buf[:0], e.Entry.Size, 10), " octets"...))
	default:
		v.Text = "top of message follows"
	}
	s.state = Sending
	return v
}

// Sent says that the message of a RetrEvent has left, lone dot and all. With an
// error the session is over: a message cut short must not look like a whole one,
// and what was sent cannot be taken back.
func (s *ServerSession) Sent(err error) {
	if s.state != Sending {
		panic("pop3: Sent in state " + s.state.String())
	}
	s.state = Transaction
	if err != nil {
		s.state = Closed
	}
}

// stepDele: RFC 1939, section 5.
func (s *ServerSession) stepDele(arg []byte) Event {
	i, r := s.find(arg)
	if r != nil {
		return r
	}
	s.index = i
	return s.answer("marked for deletion", false)
}

// stepQuit: RFC 1939, sections 4 and 6. Only behind a login is there an UPDATE
// state.
func (s *ServerSession) stepQuit() Event {
	if s.state == Authorization {
		return s.answer("bye", false)
	}
	s.events.update = UpdateEvent{Deleted: s.drop.deleted()}
	s.state = Update
	return s.ask(&s.events.update)
}

// settleUpdate: whether the messages are gone or not, the session is over.
// RFC 1939, section 6.
func (s *ServerSession) settleUpdate(v Reply) Reply {
	s.state = Closed
	switch {
	case v.Text != "":
	case v.OK:
		v.Text = "bye"
	default:
		v.Text = "some deleted messages not removed"
	}
	return v
}
