package imapserver

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/mailwire/mailwire/imap"
)

// An Extension is the evaluation half of an imap.Feature, as one value. The core
// is one too. An extension of the user's own is another value in
// Server.Extensions.
//
// An extension cannot change states: its commands come as CommandEvents.
type Extension struct {
	Feature *imap.Feature
	Needs   Ability // offered only if the account has it
	// Caps are what is offered for it behind the login. nil: the capability of
	// the Feature's name.
	Caps func(c *Conn) []imap.Cap
	// Early: it is offered before the login too.
	Early bool

	// Commands by name, "UID" left out unless it is part of the name. What a
	// command returns is its tagged answer: nil is OK.
	Commands map[string]Command
	// Fetch by the names of items, Search by those of keys.
	Fetch  map[string]Fetcher
	Search map[string]Matcher
	// Status completes a STATUS with what the backend does not know, by item.
	Status map[string]func(c *Conn, st *imap.MailboxStatus)
}

// A Command carries a command out. It prints untagged data to c.Encoder, and
// returns how it ends: nil for OK, an *imap.Reject, or an error as of a Backend.
// An OK with a code or a text is an *imap.Reject of the kind OK.
type Command func(ctx context.Context, c *Conn, ev *imap.CommandEvent) error

// done is the tagged OK of a command with a code.
func done(code imap.Code, text string) error {
	return &imap.Reject{Kind: imap.OK, Code: code, Text: text}
}

// Default returns the extensions of this package.
func Default() []Extension {
	return []Extension{
		{Feature: imap.AppendLimit, Caps: appendLimitCaps, Early: true, Status: appendLimitStatus},
		{Feature: imap.Binary, Fetch: binaryFetch},
		{Feature: imap.Children},
		{Feature: imap.Compress},
		{Feature: imap.Condstore, Needs: HasModSeq, Fetch: condstoreFetch, Search: condstoreSearch},
		{Feature: imap.CreateSpecialUse, Needs: HasSpecialUse},
		{Feature: imap.Enable, Early: true},
		{Feature: imap.ESearch},
		{Feature: imap.ID, Early: true, Commands: map[string]Command{"ID": identify}},
		{Feature: imap.Idle},
		{Feature: imap.ListExtended},
		{Feature: imap.ListStatus},
		{Feature: imap.Move, Commands: map[string]Command{"MOVE": moveMessages}},
		{Feature: imap.MultiAppend},
		{Feature: imap.Namespace, Commands: map[string]Command{"NAMESPACE": namespaces}},
		{Feature: imap.QResync, Needs: HasModSeq | HasVanished},
		{Feature: imap.SearchRes},
		{Feature: imap.SpecialUse, Needs: HasSpecialUse},
		{Feature: imap.StatusSize},
		{Feature: imap.UIDPlus, Commands: map[string]Command{"UID EXPUNGE": uidExpunge}},
		{Feature: imap.Unauthenticate},
		{Feature: imap.Unselect},
		{Feature: imap.UTF8Accept},
		{Feature: imap.Within, Search: withinSearch},
	}
}

// core is always there.
func core() Extension {
	return Extension{
		Feature: imap.Core,
		Commands: map[string]Command{
			"NOOP": noop, "CHECK": noop,
			"CREATE": createMailbox, "DELETE": deleteMailbox, "RENAME": renameMailbox,
			"SUBSCRIBE": subscribe, "UNSUBSCRIBE": unsubscribe,
			"LIST": listMailboxes, "LSUB": listSubscribed, "STATUS": mailboxStatus,
			"EXPUNGE": expunge, "SEARCH": search, "FETCH": fetch,
			"STORE": storeFlags, "COPY": copyMessages,
		},
		Fetch:  coreFetch,
		Search: coreSearch,
	}
}

// noop has done all it has to when what is pending is told, which comes behind
// every command.
func noop(context.Context, *Conn, *imap.CommandEvent) error { return nil }

// table is extensions put together.
type table struct {
	list     []Extension
	grammar  *imap.Grammar
	commands map[string]Command
	fetch    map[string]Fetcher
	search   map[string]Matcher
	status   map[string]func(*Conn, *imap.MailboxStatus)

	offered [2]atomic.Pointer[[]imap.Cap] // last, behind the login and before it
}

func newTable(list []Extension) *table {
	t := &table{
		list:     append([]Extension{core()}, list...),
		commands: make(map[string]Command), fetch: make(map[string]Fetcher), search: make(map[string]Matcher),
		status: make(map[string]func(*Conn, *imap.MailboxStatus)),
	}
	var features []*imap.Feature
	for _, x := range t.list {
		features = append(features, x.Feature)
		enter(t.commands, x.Commands)
		enter(t.fetch, x.Fetch)
		enter(t.search, x.Search)
		enter(t.status, x.Status)
	}
	t.grammar = imap.NewGrammar(features...)
	return t
}

func enter[T any](to, from map[string]T) {
	for name, v := range from {
		if _, twice := to[name]; twice {
			panic(fmt.Sprintf("imapserver: two extensions have %s", name))
		}
		to[name] = v
	}
}

// caps is what is offered in a state: the Offer of the session.
func (c *Conn) caps(st imap.State, onTLS bool) []imap.Cap {
	have := []imap.Cap{imap.CapRev1, imap.CapRev2}
	if c.server.LiteralMinus {
		have = append(have, imap.CapLiteralMinus)
	} else {
		have = append(have, imap.CapLiteralPlus)
	}
	early := st == imap.NotAuthenticated
	if early {
		have = append(have, c.loginCaps(onTLS)...)
	}
	for i := range c.table.list {
		x := &c.table.list[i]
		switch {
		case x.Feature == imap.Core, early && !x.Early, !early && !c.abilities.Has(x.Needs):
		case x.Caps != nil:
			have = append(have, x.Caps(c)...)
		default:
			have = append(have, imap.Cap(x.Feature.Name))
		}
	}
	if c.server.Caps != nil {
		have = c.server.Caps(c, have)
	}
	if early {
		return share(&c.table.offered[1], have)
	}
	return share(&c.table.offered[0], have)
}

// share returns a list that many sessions hold together, since nearly all are
// offered the same.
func share(last *atomic.Pointer[[]imap.Cap], have []imap.Cap) []imap.Cap {
	if l := last.Load(); l != nil && slices.Equal(*l, have) {
		return *l
	}
	have = slices.Clone(have)
	last.Store(&have)
	return have
}
