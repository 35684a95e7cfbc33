package imapclient

import (
	"context"
	"slices"

	"github.com/mailwire/mailwire/imap"
)

// SearchOptions say what is wanted of what is found. nil: all UIDs.
type SearchOptions struct {
	Numbers bool // message sequence numbers in place of UIDs
	// Return are the options of RETURN: RFC 4731, section 3.1. Without ESEARCH they are
	// answered from the whole list. nil: All.
	Min, Max, All, Count bool
	// Save keeps the result on the server as imap.SavedResult. RFC 5182, section 2.
	Save bool
}

// A SearchResult is what was found.
type SearchResult struct {
	ByUID bool
	// All are the messages, if they were asked for; Count is how many there are, if
	// All or Count was; Min and Max likewise, 0 if nothing was found.
	All      imap.NumSet[uint32]
	Min, Max uint32
	Count    int
	ModSeq   imap.ModSeq // the highest of what was found, for ModSeqKey. RFC 7162, section 3.1.5
}

// UIDs returns what was found as UIDs.
func (r *SearchResult) UIDs() imap.UIDSet { return convert[imap.UID](r.All) }

// Ref returns what was found as a reference for other commands.
func (r *SearchResult) Ref() imap.Ref { return refOf(r.All, r.ByUID) }

// Search finds messages. RFC 9051, section 6.4.4. Text in k is UTF-8.
func (c *Client) Search(ctx context.Context, k imap.SearchKey, o *SearchOptions) (*SearchResult, error) {
	if o == nil {
		o = new(SearchOptions)
	}
	args := &imap.SearchArgs{Keys: keys(k)}
	c.mu.Lock()
	extended := c.has(imap.CapESearch, imap.CapRev2)
	if eightBit(args.Keys) && !c.s.Enabled(imap.CapUTF8Accept) && !c.s.Enabled(imap.CapRev2) {
		args.Charset = "UTF-8"
	}
	c.mu.Unlock()
	if o.Save {
		if err := c.need(imap.CapSearchRes, imap.CapRev2); err != nil {
			return nil, err
		}
	}
	if extended {
		args.Return = o.params()
	}
	res := &SearchResult{ByUID: !o.Numbers}
	search := &call{name: "SEARCH"}
	if res.ByUID {
		search.name = "UID SEARCH"
	}
	search.claim = res.claim
	search.apart = func(other *call) bool { return other.name == "SEARCH" || other.name == "UID SEARCH" }
	if _, err := c.runCall(ctx, search, args); err != nil {
		return nil, err
	}
	res.settle(o)
	return res, nil
}

func keys(k imap.SearchKey) imap.And {
	if and, ok := k.(imap.And); ok && len(and) > 0 {
		return and
	}
	return imap.And{k}
}

func (o *SearchOptions) params() imap.Params {
	ps := imap.Params{}
	for _, p := range []struct {
		on   bool
		name string
	}{
		{o.Min, "MIN"}, {o.Max, "MAX"}, {o.Count, "COUNT"}, {o.Save, "SAVE"},
		{o.All || !o.Min && !o.Max && !o.Count && !o.Save, "ALL"},
	} {
		if p.on {
			ps = append(ps, imap.Param{Name: p.name})
		}
	}
	return ps
}

// claim takes SEARCH, or the ESEARCH that names the command. RFC 9051, sections
// 7.3.4 and 6.4.4.
func (r *SearchResult) claim(tag string, d *imap.Data) bool {
	switch v := d.Value.(type) {
	case *imap.SearchData:
		r.All = r.All.Union(imap.NumSetOf(v.Numbers...))
		r.ModSeq = max(r.ModSeq, v.ModSeq)
	case *imap.ESearchData:
		if v.Tag != tag && v.Tag != "" {
			return false
		}
		r.All = r.All.Union(v.All)
		r.Min, r.Max, r.ModSeq = v.Min, v.Max, max(r.ModSeq, v.ModSeq)
		if v.Count != nil {
			r.Count = int(*v.Count)
		}
	default:
		return false
	}
	return true
}

// settle fills in what a server without ESEARCH leaves to be counted.
func (r *SearchResult) settle(o *SearchOptions) {
	if !r.All.IsEmpty() {
		r.Min, r.Max, r.Count = r.All.Min(), r.All.Max(), r.All.Len()
	}
	if !o.All && (o.Min || o.Max || o.Count || o.Save) {
		r.All = imap.NumSet[uint32]{}
	}
}

// eightBit reports whether a key has text that is not US-ASCII.
func eightBit(k imap.SearchKey) bool {
	switch k := k.(type) {
	case imap.And:
		if slices.ContainsFunc(k, eightBit) {
			return true
		}
	case imap.Or:
		return eightBit(k.A) || eightBit(k.B)
	case imap.Not:
		return eightBit(k.Of)
	case imap.Contains:
		return !ascii(k.Text)
	case imap.Header:
		return !ascii(k.Text) || !ascii(k.Field)
	}
	return false
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
