package imapserver

import (
	"cmp"
	"context"
	"slices"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapview"
)

// A Fetcher prints one item of FETCH: its name, by Encoder.ItemName, and its
// value. Need says what it wants of the message. An error ends the command; an
// item that cannot be had is printed as NIL or "".
type Fetcher struct {
	Need  Need
	Print func(r *Row, it *imap.FetchItem) error
}

// A Row is a message whose items are printed.
type Row struct {
	*Message
	Enc  *imap.Encoder
	conn *Conn
	sel  *selected
	opened
}

// coreFetch: RFC 9051, section 6.4.5, and RFC 3501, section 6.4.5.
var coreFetch = map[string]Fetcher{
	"UID":           {0, func(r *Row, _ *imap.FetchItem) error { r.Enc.FetchUID(r.UID); return nil }},
	"FLAGS":         {NeedFlags, func(r *Row, _ *imap.FetchItem) error { r.sel.printFlags(r.Enc, r.UID, r.Flags); return nil }},
	"INTERNALDATE":  {NeedReceived, func(r *Row, _ *imap.FetchItem) error { r.Enc.FetchDate(r.Received); return nil }},
	"RFC822.SIZE":   {NeedSize, func(r *Row, _ *imap.FetchItem) error { r.Enc.FetchSize(uint64(r.Size)); return nil }},
	"ENVELOPE":      {NeedEnvelope, (*Row).envelope},
	"BODYSTRUCTURE": {NeedBody, (*Row).bodyStructure},
	"BODY":          {NeedContent | NeedIndex | NeedBody | NeedSize, (*Row).body},
	"BODY.PEEK":     {NeedContent | NeedIndex | NeedSize, (*Row).body},
	"RFC822":        {NeedContent | NeedSize, rfc822(imap.SectionAll)},
	"RFC822.HEADER": {NeedContent | NeedIndex, rfc822(imap.SectionHeader)},
	"RFC822.TEXT":   {NeedContent | NeedIndex, rfc822(imap.SectionText)},
}

// condstoreFetch: RFC 7162, section 3.1.4.2.
var condstoreFetch = map[string]Fetcher{
	"MODSEQ": {NeedFlags, func(r *Row, _ *imap.FetchItem) error { r.Enc.FetchModSeq(r.ModSeq); return nil }},
}

// step is one item of a FETCH that is carried out.
type step struct {
	item  *imap.FetchItem
	print func(r *Row, it *imap.FetchItem) error
}

// fetching is a FETCH that is carried out.
type fetching struct {
	c     *Conn
	s     *selected
	steps []step
	need  Need
	since imap.ModSeq // CHANGEDSINCE; 0: none
	flags bool        // FLAGS is among the items
	mod   bool        // MODSEQ is
	uid   bool        // UID is
	top   imap.ModSeq // the greatest that a row has shown
	seen  imap.UIDSet // messages that the command itself has made \Seen
	row   Row
}

// fetch carries out FETCH.
func fetch(ctx context.Context, c *Conn, ev *imap.CommandEvent) error {
	a := ev.Args.(*imap.FetchArgs)
	live, gone, err := c.selected.resolve(a.Ref)
	if err != nil {
		return err
	}
	f := &fetching{c: c, s: c.selected}
	f.row.conn, f.row.sel = c, f.s
	f.plan(a, ev.UID)
	if ev.Traits&imap.SetsSeen != 0 && !f.s.readOnly {
		if err := f.setSeen(ctx, live); err != nil {
			return err
		}
	}
	if a.Params.Has("VANISHED") {
		named := a.Ref.UID
		if !a.Ref.Saved {
			named = c.clip(ctx, named)
		}
		c.tellVanished(ctx, named, f.since)
	}
	// A message that others have removed is still given if the store has it.
	wanted := live
	if !gone.IsEmpty() {
		wanted = live.Union(gone)
	}
	n, err := f.rows(ctx, wanted)
	f.s.rows(f.top)
	if err == nil && n < wanted.Len() {
		err = done(imap.Code{Name: "EXPUNGEISSUED"}, "some are gone")
	}
	return err
}

// clip replaces "*" in a set of UIDs that is not about messages announced.
func (c *Conn) clip(ctx context.Context, u imap.UIDSet) imap.UIDSet {
	if !u.HasStar() {
		return u
	}
	st, err := c.selected.box.Status(ctx)
	if err != nil || st.UIDNext < 2 {
		return imap.UIDSet{}
	}
	return u.Resolve(st.UIDNext - 1)
}

// plan finds who prints the items, and adds those that the command implies.
func (f *fetching) plan(a *imap.FetchArgs, uid bool) {
	add := func(it *imap.FetchItem) {
		if x, ok := f.c.table.fetch[it.Name]; ok {
			f.steps = append(f.steps, step{it, x.Print})
			f.need |= x.Need
			f.flags = f.flags || it.Name == "FLAGS"
			f.mod = f.mod || it.Name == "MODSEQ"
			f.uid = f.uid || it.Name == "UID"
		}
	}
	if uid && !slices.ContainsFunc(a.Items, func(it imap.FetchItem) bool { return it.Name == "UID" }) {
		add(&imap.ItemUID) // RFC 9051, section 6.4.9
	}
	for i := range a.Items {
		add(&a.Items[i])
	}
	if since, ok := a.Params.Get("CHANGEDSINCE"); ok {
		f.since = since.(imap.ModSeq)
		f.need |= NeedFlags
		if !f.mod { // RFC 7162, section 3.1.4.1
			add(&imap.ItemModSeq)
		}
	}
}

// setSeen makes the messages \Seen whose text is fetched: in one go, before the
// rows, so that these show it. RFC 9051, section 6.4.5.
func (f *fetching) setSeen(ctx context.Context, live imap.UIDSet) error {
	op := &imap.FlagOp{Mode: imap.FlagsAdd, Flags: []imap.Flag{imap.FlagSeen}}
	if f.since != 0 {
		var err error
		if live, err = f.changedSince(ctx, live); err != nil {
			return err
		}
	}
	for st, err := range f.s.box.Store(ctx, live, op) {
		if err != nil {
			return err
		}
		if !st.Changed {
			continue
		}
		f.seen.Add(st.UID)
		f.s.own(imapview.Change{Kind: imapview.Flagged, UIDs: imap.NumSetOf(st.UID), ModSeq: st.ModSeq, Flags: st.Flags})
	}
	if !f.seen.IsEmpty() {
		f.need |= NeedFlags
	}
	return nil
}

// changedSince returns those that CHANGEDSINCE selects.
func (f *fetching) changedSince(ctx context.Context, live imap.UIDSet) (out imap.UIDSet, err error) {
	for m, err := range f.s.box.Messages(ctx, live, NeedFlags) {
		if err != nil {
			return out, err
		}
		if m.ModSeq > f.since {
			out.Add(m.UID)
		}
	}
	return out, nil
}

// rows prints the rows, and returns how many messages there were. One that
// cannot be read costs the client no other: the command goes on, and ends with
// the error.
func (f *fetching) rows(ctx context.Context, wanted imap.UIDSet) (n int, failed error) {
	for m, err := range f.s.box.Messages(ctx, wanted, f.need) {
		if err != nil {
			return n, err
		}
		n++
		if f.since != 0 && m.ModSeq <= f.since {
			continue
		}
		if err := f.print(m); err != nil && failed == nil {
			failed = err
		}
		if f.c.broken != nil {
			return n, f.c.broken
		}
	}
	return n, cmp.Or(failed, ctx.Err())
}

// print prints one row.
func (f *fetching) print(m *Message) error {
	seq := f.s.seq(m.UID)
	if seq == 0 {
		return nil // it was never told of
	}
	r := &f.row
	r.Message, r.Enc = m, f.c.encoder()
	defer r.close()
	seen := !f.seen.IsEmpty() && f.seen.Contains(m.UID)
	if f.flags || seen {
		f.s.tellKeywords(r.Enc, m.Flags)
	}
	start := len(r.Enc.Bytes())
	r.Enc.BeginFetch(seq)
	for i := range f.steps {
		if err := f.steps[i].print(r, f.steps[i].item); err != nil {
			r.Enc.Truncate(start)
			return err
		}
	}
	if seen {
		f.printSeen(m)
	}
	if seen || f.mod {
		f.top = max(f.top, m.ModSeq)
	}
	r.Enc.EndFetch()
	if r.referred { // the octets are read when they leave, and the content is open until then
		return f.c.flush()
	}
	return f.c.Flush()
}

// printSeen adds what has changed with a message that the command has made \Seen,
// where the command does not ask for it. RFC 9051, section 6.4.5; RFC 7162, section
// 3.2.4.
func (f *fetching) printSeen(m *Message) {
	e := f.row.Enc
	if !f.flags {
		f.s.printFlags(e, m.UID, m.Flags)
	}
	if !f.s.condstore {
		return
	}
	if !f.uid {
		e.FetchUID(m.UID)
	}
	if !f.mod && m.ModSeq != 0 {
		e.FetchModSeq(m.ModSeq)
	}
}
