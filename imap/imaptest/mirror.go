package imaptest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A mirror is what a client knows of its mailbox from what it was told. It is
// the plain definition, to hold servers against: a slice of UIDs.
type mirror struct {
	exists int
	uids   []uint32 // by number - 1; 0: not told
	// loose: a mailbox is being selected, and what comes may be of the old one or
	// the new one.
	loose bool
}

// command notes that a command was sent.
func (m *mirror) command(verb string) {
	switch verb {
	case "SELECT", "EXAMINE":
		*m = mirror{loose: true}
	case "CLOSE", "UNSELECT", "LOGOUT":
		*m = mirror{loose: true}
	}
}

// byNumber reports whether a command is one that no EXPUNGE may come in. RFC
// 9051, section 7.5.1.
func byNumber(verb string) bool { return verb == "FETCH" || verb == "STORE" || verb == "SEARCH" }

// take applies a response, and returns what is impossible in it.
func (m *mirror) take(r *response, running string) error {
	if r.tag != "*" {
		if running == "SELECT" || running == "EXAMINE" {
			m.loose = r.name != "OK"
		}
		return nil
	}
	if r.num > 1<<32-1 {
		return fmt.Errorf("the number has more than 32 bits")
	}
	switch r.name {
	case "EXISTS":
		return m.exist(int(r.num))
	case "EXPUNGE":
		switch {
		case m.loose:
			return nil
		case running == "" || byNumber(running):
			return fmt.Errorf("EXPUNGE during %q: RFC 9051, section 7.5.1", running)
		case r.num < 1 || r.num > int64(m.exists):
			return fmt.Errorf("of %d messages", m.exists)
		}
		m.exists--
		m.uids = slices.Delete(m.uids, int(r.num)-1, int(r.num))
	case "VANISHED":
		return m.vanish(r, running)
	case "FETCH":
		return m.fetch(r)
	}
	return nil
}

func (m *mirror) exist(n int) error {
	if n < m.exists && !m.loose {
		return fmt.Errorf("there were %d messages: the number falls by EXPUNGE only", m.exists)
	}
	m.exists = n
	for len(m.uids) < n {
		if n > 1<<20 {
			return fmt.Errorf("too many messages for a test")
		}
		m.uids = append(m.uids, 0)
	}
	m.uids = m.uids[:n]
	return nil
}

func (m *mirror) vanish(r *response, running string) error {
	if len(r.args) == 2 || m.loose { // (EARLIER)
		return nil
	}
	if len(r.args) != 1 {
		return fmt.Errorf("want one set")
	}
	if running == "" || byNumber(running) {
		return fmt.Errorf("VANISHED during %q: RFC 7162, section 3.2.10", running)
	}
	for _, text := range expand(r.args[0].text) {
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return fmt.Errorf("%s", text)
		}
		i := slices.Index(m.uids, uint32(n))
		if i < 0 {
			i = slices.Index(m.uids, 0) // one whose UID was not told
		}
		if i < 0 {
			return fmt.Errorf("UID %d was never told of", n)
		}
		m.uids = slices.Delete(m.uids, i, i+1)
		m.exists--
	}
	return nil
}

func (m *mirror) fetch(r *response) error {
	if len(r.args) != 1 || r.args[0].kind != list || len(r.args[0].list)%2 != 0 {
		return fmt.Errorf("no list of items and values")
	}
	if r.num < 1 || r.num > int64(m.exists) && !m.loose {
		return fmt.Errorf("of %d messages", m.exists)
	}
	seen := make(map[string]bool)
	for i := 0; i < len(r.args[0].list); i += 2 {
		name := strings.ToUpper(r.args[0].list[i].text)
		if seen[name] {
			return fmt.Errorf("the item %s comes twice", name)
		}
		seen[name] = true
	}
	v, ok := r.item("UID")
	if !ok || r.num > int64(m.exists) {
		return nil
	}
	uid := v.number()
	if uid < 1 || uid > 1<<32-1 {
		return fmt.Errorf("the UID %s", v)
	}
	slot := &m.uids[r.num-1]
	if *slot != 0 && *slot != uint32(uid) {
		return fmt.Errorf("message %d has the UID %d", r.num, *slot)
	}
	*slot = uint32(uid)
	return nil
}
