package imapserver

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/mailwire/mailwire/imap"
)

// listing is a LIST or LSUB that is carried out.
type listing struct {
	delim    string
	patterns []pattern
	percent  bool // a pattern ends in "%": names that have only mailboxes below them show
	args     *imap.ListArgs

	subscribed, specialUse, recursive bool // selection
	tellSubscribed, tellUse           bool

	rows   map[string]*imap.MailboxInfo
	parent map[string]bool // names that have mailboxes below them
}

// pattern is one pattern of LIST, with the form of it for INBOX, which matches in
// any case.
type pattern struct{ plain, inbox *imap.Pattern }

func (c *Conn) newPattern(reference, text string) pattern {
	text = norm.NFC.String(reference + text)
	folded := []byte(text)
	for i := range min(len(folded), len(imap.INBOX)) {
		if folded[i] >= 'a' && folded[i] <= 'z' {
			folded[i] -= 'a' - 'A'
		}
	}
	return pattern{imap.ParsePattern(text, c.delim), imap.ParsePattern(string(folded), c.delim)}
}

func (l *listing) matches(name string) bool {
	isInbox := name == imap.INBOX || l.delim != "" && strings.HasPrefix(name, imap.INBOX+l.delim)
	for _, p := range l.patterns {
		if p.plain.Match(name) || isInbox && p.inbox.Match(name) {
			return true
		}
	}
	return false
}

// newListing reads what there is.
func (c *Conn) newListing(ctx context.Context, a *imap.ListArgs) (*listing, error) {
	l := &listing{args: a, rows: make(map[string]*imap.MailboxInfo), parent: make(map[string]bool)}
	if c.delim != 0 {
		l.delim = string(c.delim)
	}
	for _, text := range a.Patterns {
		l.patterns = append(l.patterns, c.newPattern(a.Reference, text))
		l.percent = l.percent || strings.HasSuffix(text, "%")
	}
	l.subscribed, l.specialUse, l.recursive = a.Select.Has("SUBSCRIBED"), a.Select.Has("SPECIAL-USE"), a.Select.Has("RECURSIVEMATCH")
	l.tellSubscribed = l.subscribed || a.Return.Has("SUBSCRIBED")
	l.tellUse = l.specialUse || a.Return.Has("SPECIAL-USE") || !a.Extended
	for info, err := range c.account.Mailboxes(ctx) {
		if err != nil {
			return nil, err
		}
		info.Delim = c.delim
		l.rows[info.Name] = &info
		if !info.Has(imap.AttrNonExistent) {
			for above := range l.above(info.Name) {
				l.parent[above] = true
			}
		}
	}
	return l, nil
}

// above returns the names above one, from the top.
func (l *listing) above(name string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		if l.delim == "" {
			return
		}
		for i := range len(name) {
			if i > 0 && strings.HasPrefix(name[i:], l.delim) && !yield(name[:i]) {
				return
			}
		}
	}
}

// selects reports whether the selection options want a mailbox.
func (l *listing) selects(info *imap.MailboxInfo) bool {
	if l.subscribed && !info.Has(imap.AttrSubscribed) {
		return false
	}
	if l.specialUse && !slices.ContainsFunc(info.Attrs, imap.Attr.SpecialUse) {
		return false
	}
	return l.subscribed || !info.Has(imap.AttrNonExistent)
}

// listMailboxes carries out LIST. RFC 9051, section 6.3.9; RFC 5258.
func listMailboxes(ctx context.Context, c *Conn, ev *imap.CommandEvent) error {
	a := ev.Args.(*imap.ListArgs)
	if !a.Extended && len(a.Patterns) == 1 && a.Patterns[0] == "" {
		c.encoder().Data("LIST", 0, &imap.MailboxInfo{Name: "", Delim: c.delim, Attrs: []imap.Attr{imap.AttrNoselect}})
		return nil
	}
	l, err := c.newListing(ctx, a)
	if err != nil {
		return err
	}
	items, _ := a.Return.Get("STATUS")
	for _, row := range l.result() {
		c.encoder().Data("LIST", 0, row)
		if items != nil && !row.Has(imap.AttrNoselect) && !row.Has(imap.AttrNonExistent) {
			if err := c.printStatus(ctx, row.Name, items.(imap.StatusItems)); err != nil {
				c.status(ctx, err) // RFC 5819, section 2: it is left out
			}
		}
		if err := c.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// result returns the rows to print, in order.
func (l *listing) result() []*imap.MailboxInfo {
	show := make(map[string]*imap.MailboxInfo)
	for name, info := range l.rows {
		if !l.selects(info) {
			continue
		}
		matched := l.matches(name)
		if matched {
			l.show(show, name)
		}
		for above := range l.above(name) {
			l.showAbove(show, above, matched)
		}
	}
	return sorted(show)
}

// showAbove shows a name above a selected mailbox where its own row would not:
// under RECURSIVEMATCH with CHILDINFO, unless the mailbox below shows by itself;
// or if it has no mailbox, for patterns that end in "%". RFC 5258, section 3.5;
// RFC 9051, section 6.3.9.
func (l *listing) showAbove(show map[string]*imap.MailboxInfo, above string, belowShows bool) {
	row := l.rows[above]
	virtual := row == nil || row.Has(imap.AttrNonExistent)
	byInfo := l.recursive && !belowShows
	if !byInfo && !(virtual && l.percent && !l.subscribed && !l.specialUse) || !l.matches(above) {
		return
	}
	info := l.show(show, above)
	if byInfo {
		info.ChildInfo = l.criteria()
	}
}

// criteria names the selection options, for CHILDINFO.
func (l *listing) criteria() (out []string) {
	for _, name := range []string{"SUBSCRIBED", "SPECIAL-USE"} {
		if l.args.Select.Has(name) {
			out = append(out, name)
		}
	}
	return out
}

// show puts a row among those that are printed. Its attributes are those that are
// asked for, and those that are always told.
func (l *listing) show(show map[string]*imap.MailboxInfo, name string) *imap.MailboxInfo {
	if out := show[name]; out != nil {
		return out
	}
	out := &imap.MailboxInfo{Name: name}
	show[name] = out
	info := l.rows[name]
	if info == nil {
		info = &imap.MailboxInfo{Attrs: []imap.Attr{imap.AttrNonExistent}}
	}
	for _, r := range l.rows { // all have the same
		out.Delim = r.Delim
		break
	}
	if info.Has(imap.AttrNonExistent) {
		out.Attrs = append(out.Attrs, imap.AttrNonExistent, imap.AttrNoselect)
	}
	for _, a := range info.Attrs {
		switch {
		case a.Is(imap.AttrNonExistent), a.Is(imap.AttrNoselect) && out.Has(a), a.Is(imap.AttrHasChildren), a.Is(imap.AttrHasNoChildren):
		case a.Is(imap.AttrSubscribed) && !l.tellSubscribed, a.SpecialUse() && !l.tellUse:
		default:
			out.Attrs = append(out.Attrs, a)
		}
	}
	switch {
	case info.Has(imap.AttrNoinferiors):
	case l.parent[name]:
		out.Attrs = append(out.Attrs, imap.AttrHasChildren)
	default:
		out.Attrs = append(out.Attrs, imap.AttrHasNoChildren)
	}
	return out
}

// sorted returns rows by name, INBOX first.
func sorted(rows map[string]*imap.MailboxInfo) []*imap.MailboxInfo {
	out := make([]*imap.MailboxInfo, 0, len(rows))
	for _, row := range rows {
		out = append(out, row)
	}
	slices.SortFunc(out, func(a, b *imap.MailboxInfo) int {
		if (a.Name == imap.INBOX) != (b.Name == imap.INBOX) {
			if a.Name == imap.INBOX {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.Name, b.Name)
	})
	return out
}

// listSubscribed carries out LSUB: names that are subscribed to, and for "%"
// those above them, as \Noselect. RFC 3501, section 6.3.9.
func listSubscribed(ctx context.Context, c *Conn, ev *imap.CommandEvent) error {
	l, err := c.newListing(ctx, ev.Args.(*imap.ListArgs))
	if err != nil {
		return err
	}
	show := make(map[string]*imap.MailboxInfo)
	for name, info := range l.rows {
		if !info.Has(imap.AttrSubscribed) {
			continue
		}
		if l.matches(name) {
			show[name] = &imap.MailboxInfo{Name: name, Delim: c.delim}
		}
		for above := range l.above(name) {
			row := l.rows[above]
			if l.percent && l.matches(above) && (row == nil || !row.Has(imap.AttrSubscribed)) {
				show[above] = &imap.MailboxInfo{Name: above, Delim: c.delim, Attrs: []imap.Attr{imap.AttrNoselect}}
			}
		}
	}
	for _, row := range sorted(show) {
		c.encoder().Data("LSUB", 0, row)
		if err := c.Flush(); err != nil {
			return err
		}
	}
	return nil
}
