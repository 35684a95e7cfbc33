package imapserver

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/internal/netserver"
	"github.com/mailwire/mailwire/mime"
)

// A Matcher makes a Test of a key of SEARCH.
type Matcher func(s *Searching, key imap.SearchKey) (Test, error)

// A Test decides on one message. Cheap ones are asked first, and the first miss
// of a conjunction ends it.
type Test struct {
	Need  Need
	Cost  Cost
	Match func(m *Candidate) (bool, error)
}

// Cost says what a Test has to look at.
type Cost uint8

const (
	CostNothing Cost = iota // what is in memory
	CostFields              // fields of the Message
	CostHeader              // the header
	CostBody                // the content
)

// A Candidate is a message that is looked at.
type Candidate struct {
	*Message
	opened
}

// Mime returns the message, for what its stored index can answer.
func (m *Candidate) Mime() (*mime.Message, error) { return m.opened.mime(m.Message) }

// Header returns the header of the message, read once for all keys.
func (m *Candidate) Header() (*mime.Header, error) {
	if m.header == nil {
		msg, err := m.Mime()
		if err != nil {
			return nil, err
		}
		m.header = msg.Header()
	}
	return m.header, nil
}

// Searching is a SEARCH that is carried out.
type Searching struct {
	conn   *Conn
	sel    *selected
	Now    time.Time // the clock that WITHIN is about
	modSeq bool      // the key MODSEQ was used
}

// coreSearch: RFC 9051, section 6.4.4, and RFC 3501, section 6.4.4.
var coreSearch = map[string]Matcher{
	"ALL":      constant(true),
	"ANSWERED": hasFlag(imap.FlagAnswered, true), "UNANSWERED": hasFlag(imap.FlagAnswered, false),
	"DELETED": hasFlag(imap.FlagDeleted, true), "UNDELETED": hasFlag(imap.FlagDeleted, false),
	"DRAFT": hasFlag(imap.FlagDraft, true), "UNDRAFT": hasFlag(imap.FlagDraft, false),
	"FLAGGED": hasFlag(imap.FlagFlagged, true), "UNFLAGGED": hasFlag(imap.FlagFlagged, false),
	"SEEN": hasFlag(imap.FlagSeen, true), "UNSEEN": hasFlag(imap.FlagSeen, false),
	"NEW": recent(true, true), "OLD": recent(false, false), "RECENT": recent(true, false),
	"KEYWORD": keyword(true), "UNKEYWORD": keyword(false),
	"BCC": field("Bcc"), "CC": field("Cc"), "FROM": field("From"), "SUBJECT": field("Subject"), "TO": field("To"),
	"HEADER": header, "BODY": bodyText, "TEXT": allText,
	"BEFORE": received, "ON": received, "SINCE": received,
	"SENTBEFORE": sent, "SENTON": sent, "SENTSINCE": sent,
	"LARGER": size, "SMALLER": size,
}

// condstoreSearch: RFC 7162, section 3.1.5. The mod-sequences of single flags are
// not known: those of their messages count, as is allowed.
var condstoreSearch = map[string]Matcher{
	"MODSEQ": func(s *Searching, key imap.SearchKey) (Test, error) {
		k := key.(imap.ModSeqKey)
		s.modSeq = true
		return Test{NeedFlags, CostFields, func(m *Candidate) (bool, error) { return m.ModSeq >= k.ModSeq, nil }}, nil
	},
}

// withinSearch: RFC 5032, section 3.
var withinSearch = map[string]Matcher{"OLDER": within, "YOUNGER": within}

func constant(yes bool) Matcher {
	return func(*Searching, imap.SearchKey) (Test, error) {
		return Test{Match: func(*Candidate) (bool, error) { return yes, nil }}, nil
	}
}

func hasFlag(f imap.Flag, want bool) Matcher {
	return func(*Searching, imap.SearchKey) (Test, error) {
		return Test{NeedFlags, CostFields, func(m *Candidate) (bool, error) { return imap.HasFlag(m.Flags, f) == want, nil }}, nil
	}
}

// recent: \Recent as this session sees it, and for NEW not \Seen besides.
func recent(want, unseen bool) Matcher {
	return func(s *Searching, _ imap.SearchKey) (Test, error) {
		return Test{NeedFlags, CostFields, func(m *Candidate) (bool, error) {
			is := s.sel.tellsRecent && s.sel.recent.Contains(m.UID)
			return is == want && !(unseen && imap.HasFlag(m.Flags, imap.FlagSeen)), nil
		}}, nil
	}
}

func keyword(want bool) Matcher {
	return func(_ *Searching, key imap.SearchKey) (Test, error) {
		f := key.(imap.HasKeyword).Flag
		return Test{NeedFlags, CostFields, func(m *Candidate) (bool, error) { return imap.HasFlag(m.Flags, f) == want, nil }}, nil
	}
}

func field(name string) Matcher {
	return func(_ *Searching, key imap.SearchKey) (Test, error) {
		return inHeader(name, key.(imap.Contains).Text), nil
	}
}

func header(_ *Searching, key imap.SearchKey) (Test, error) {
	k := key.(imap.Header)
	return inHeader(k.Field, k.Text), nil
}

// inHeader matches the decoded text of fields; the empty text asks whether there
// is such a field.
func inHeader(name, text string) Test {
	x := mime.NewMatcher(text)
	return Test{NeedIndex | NeedContent | NeedSize, CostHeader, func(m *Candidate) (bool, error) {
		h, err := m.Header()
		return err == nil && x.MatchHeader(h, name), err
	}}
}

func bodyText(_ *Searching, key imap.SearchKey) (Test, error) {
	return inContent(key.(imap.Contains).Text, (*mime.Matcher).MatchBody), nil
}

func allText(_ *Searching, key imap.SearchKey) (Test, error) {
	return inContent(key.(imap.Contains).Text, (*mime.Matcher).MatchText), nil
}

func inContent(text string, match func(*mime.Matcher, *mime.Message) (bool, error)) Test {
	x := mime.NewMatcher(text)
	return Test{NeedIndex | NeedContent | NeedSize, CostBody, func(m *Candidate) (bool, error) {
		msg, err := m.Mime()
		if err != nil {
			return false, err
		}
		return match(x, msg)
	}}
}

// compareDays says whether a day is as a key of that name wants it.
func compareDays(name string, day, with imap.Date) bool {
	switch n := day.Compare(with); strings.TrimPrefix(name, "SENT") {
	case "BEFORE":
		return n < 0
	case "ON":
		return n == 0
	default:
		return n >= 0
	}
}

// received compares the internal date without time and zone.
func received(_ *Searching, key imap.SearchKey) (Test, error) {
	k := key.(imap.OnDate)
	return Test{NeedReceived, CostFields, func(m *Candidate) (bool, error) {
		return compareDays(k.Name, imap.DateOf(m.Received), k.Date), nil
	}}, nil
}

// sent compares the day of the Date field as it is written there.
func sent(_ *Searching, key imap.SearchKey) (Test, error) {
	k := key.(imap.OnDate)
	return Test{NeedIndex | NeedContent | NeedSize, CostHeader, func(m *Candidate) (bool, error) {
		h, err := m.Header()
		if err != nil {
			return false, err
		}
		date, err := h.Date()
		return err == nil && compareDays(k.Name, imap.DateOf(date), k.Date), nil
	}}, nil
}

func size(_ *Searching, key imap.SearchKey) (Test, error) {
	k := key.(imap.Compare)
	return Test{NeedSize, CostFields, func(m *Candidate) (bool, error) {
		if k.Name == "LARGER" {
			return uint64(m.Size) > k.N, nil
		}
		return uint64(m.Size) < k.N, nil
	}}, nil
}

func within(s *Searching, key imap.SearchKey) (Test, error) {
	k := key.(imap.Compare)
	limit := s.Now.Add(-time.Duration(k.N) * time.Second)
	return Test{NeedReceived, CostFields, func(m *Candidate) (bool, error) {
		if k.Name == "OLDER" {
			return !m.Received.After(limit), nil
		}
		return !m.Received.Before(limit), nil
	}}, nil
}

// Test makes a test of any key.
func (s *Searching) Test(key imap.SearchKey) (Test, error) {
	switch k := key.(type) {
	case imap.And:
		return s.and(k)
	case imap.Or:
		return s.or(k)
	case imap.Not:
		t, err := s.Test(k.Of)
		match := t.Match
		t.Match = func(m *Candidate) (bool, error) {
			ok, err := match(m)
			return !ok && err == nil, err
		}
		return t, err
	case imap.InSet:
		set := s.sel.match(k.Ref)
		return Test{Match: func(m *Candidate) (bool, error) { return set.Contains(m.UID), nil }}, nil
	}
	make, ok := s.conn.table.search[key.Key()]
	if !ok {
		return Test{}, imap.Bad("", "search key not offered")
	}
	return make(s, key)
}

// and tries the keys in the order of their cost. Keys are never merged.
func (s *Searching) and(keys imap.And) (Test, error) {
	tests := make([]Test, len(keys))
	out := Test{}
	for i, k := range keys {
		t, err := s.Test(k)
		if err != nil {
			return out, err
		}
		tests[i] = t
		out.Need |= t.Need
		out.Cost = max(out.Cost, t.Cost)
	}
	slices.SortStableFunc(tests, func(a, b Test) int { return cmp.Compare(a.Cost, b.Cost) })
	if len(tests) == 1 {
		return tests[0], nil
	}
	out.Match = func(m *Candidate) (bool, error) {
		for i := range tests {
			if ok, err := tests[i].Match(m); !ok || err != nil {
				return false, err
			}
		}
		return true, nil
	}
	return out, nil
}

func (s *Searching) or(k imap.Or) (Test, error) {
	a, err := s.Test(k.A)
	if err != nil {
		return a, err
	}
	b, err := s.Test(k.B)
	if a.Cost > b.Cost {
		a, b = b, a
	}
	return Test{a.Need | b.Need, b.Cost, func(m *Candidate) (bool, error) {
		if ok, err := a.Match(m); ok || err != nil {
			return ok, err
		}
		return b.Match(m)
	}}, err
}

// candidates narrows what has to be looked at: by sets that stand at the top,
// and by what the store knows.
func (s *Searching) candidates(ctx context.Context, keys imap.And) (hit, maybe imap.UIDSet, err error) {
	maybe = s.sel.match(imap.Seqs(1, imap.Star))
	for _, k := range keys {
		if in, ok := k.(imap.InSet); ok {
			maybe = maybe.Intersect(s.sel.match(in.Ref))
		}
	}
	if s.conn.abilities.Has(HasSearch) {
		return s.sel.box.Search(ctx, keys, maybe)
	}
	return hit, maybe, nil
}

// found is the result of a SEARCH.
type found struct {
	uids imap.UIDSet
	// Of the messages found: mod-sequences of the first, the last, the highest.
	first, last, highest imap.ModSeq
}

// run looks at all candidates.
func (s *Searching) run(ctx context.Context, keys imap.And) (out found, err error) {
	test, err := s.Test(keys)
	if err != nil {
		return out, err
	}
	hit, maybe, err := s.candidates(ctx, keys)
	if err != nil {
		return out, err
	}
	need, all := test.Need, maybe
	if s.modSeq {
		need |= NeedFlags
	}
	if !hit.IsEmpty() {
		all = maybe.Union(hit)
	}
	var m Candidate
	for msg, err := range s.sel.box.Messages(ctx, all, need) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return out, err
		}
		m.Message = msg
		ok := hit.Contains(msg.UID)
		if !ok {
			ok, err = test.Match(&m)
			m.close()
		}
		if err != nil {
			return out, err
		}
		if ok {
			out.add(msg)
		}
	}
	return out, nil
}

func (f *found) add(m *Message) {
	if f.uids.IsEmpty() {
		f.first = m.ModSeq
	}
	f.uids.Add(m.UID)
	f.last = m.ModSeq
	f.highest = max(f.highest, m.ModSeq)
}

// search carries out SEARCH. RFC 9051, section 6.4.4.
func search(ctx context.Context, c *Conn, ev *imap.CommandEvent) error {
	a, s := ev.Args.(*imap.SearchArgs), c.selected
	result, err := c.runSearch(ctx, a)
	if err != nil {
		if a.Return.Has("SAVE") && isNo(err) { // RFC 9051, section 6.4.4.1
			s.save(imap.UIDSet{})
		}
		return err
	}
	if a.Return == nil && !c.s.Enabled(imap.CapRev2) {
		c.printSearch(ev, result)
		return nil
	}
	c.printESearch(ev, a, result)
	return nil
}

// isNo reports whether an error is answered with NO.
func isNo(err error) bool {
	r, ok := errors.AsType[*imap.Reject](err)
	return !ok || r.Kind == imap.NO
}

// searched is the result with what has to be known to print it.
type searched struct {
	found
	modSeq bool
}

func (c *Conn) runSearch(ctx context.Context, a *imap.SearchArgs) (searched, error) {
	switch a.Charset {
	case "", "UTF-8", "US-ASCII":
	default:
		return searched{}, &imap.Reject{Kind: imap.NO, Code: imap.Code{Name: "BADCHARSET", Arg: []string{"US-ASCII", "UTF-8"}}, Text: "unknown charset"}
	}
	within, cancel := netserver.Within(ctx, c.clock.timeouts.Search)
	defer cancel()
	s := &Searching{conn: c, sel: c.selected, Now: time.Now()}
	result, err := s.run(within, a.Keys)
	if err != nil && within.Err() != nil && ctx.Err() == nil {
		err = imap.No("LIMIT", "the search takes too long")
	}
	return searched{result, s.modSeq}, err
}

// numbers returns what the client calls the messages.
func (c *Conn) numbers(uid bool, uids imap.UIDSet) imap.NumSet[uint32] {
	var out imap.NumSet[uint32]
	s := c.selected
	s.mu.Lock()
	defer s.mu.Unlock()
	for run := range uids.Runs() {
		lo, hi := uint32(run.Lo), uint32(run.Hi)
		if !uid { // what lies between two messages found is found as well
			first, _ := s.view.Seq(run.Lo)
			lo, hi = uint32(first), uint32(first)+hi-lo
		}
		out.AddRange(lo, hi)
	}
	return out
}

// printSearch prints SEARCH, of RFC 3501, section 7.2.5.
func (c *Conn) printSearch(ev *imap.CommandEvent, f searched) {
	d := &imap.SearchData{Numbers: slices.Collect(c.numbers(ev.UID, f.uids).All())}
	if f.modSeq && len(d.Numbers) > 0 {
		d.ModSeq = f.highest
	}
	c.encoder().Data("SEARCH", 0, d)
}

// printESearch prints ESEARCH, and saves the result. RFC 9051, sections 6.4.4 and
// 7.3.4; RFC 5182, section 2.4.
func (c *Conn) printESearch(ev *imap.CommandEvent, a *imap.SearchArgs, f searched) {
	want := func(name string) bool { return a.Return.Has(name) }
	minimum, maximum, count, save := want("MIN"), want("MAX"), want("COUNT"), want("SAVE")
	all := want("ALL") || !(minimum || maximum || count || save)
	ends := !all && !count && (minimum || maximum) // only the ends count
	if save {
		kept := f.uids
		if ends {
			kept = imap.UIDSet{}
			if minimum && !f.uids.IsEmpty() {
				kept.Add(f.uids.Min())
			}
			if maximum && !f.uids.IsEmpty() {
				kept.Add(f.uids.Max())
			}
		}
		c.selected.save(kept)
		if !all && !count && !minimum && !maximum {
			return
		}
	}
	d := &imap.ESearchData{Tag: ev.Tag, UID: ev.UID}
	n := c.numbers(ev.UID, f.uids)
	if minimum {
		d.Min = n.Min()
	}
	if maximum {
		d.Max = n.Max()
	}
	if all {
		d.All = n
	}
	if count {
		total := uint32(n.Len())
		d.Count = &total
	}
	if f.modSeq && !n.IsEmpty() {
		d.ModSeq = f.highest
		if ends { // RFC 7162, section 3.1.10
			d.ModSeq = 0
			if minimum {
				d.ModSeq = f.first
			}
			if maximum {
				d.ModSeq = max(d.ModSeq, f.last)
			}
		}
	}
	c.encoder().Data("ESEARCH", 0, d)
}
