package imapview

import (
	"slices"
	"sort"

	"github.com/mailwire/mailwire/imap"
)

// runs is a set of UIDs that also numbers its members, from 1 in ascending order.
type runs struct {
	set    imap.UIDSet
	list   []imap.Range[imap.UID]
	before []uint32 // before[i] members are in front of list[i]
	total  uint32
}

func newRuns(set imap.UIDSet) runs {
	r := runs{set: set}
	for run := range set.Runs() {
		r.list = append(r.list, run)
		r.before = append(r.before, r.total)
		r.total += uint32(run.Len())
	}
	return r
}

// extend adds UIDs that are all above the members.
func (r *runs) extend(more imap.UIDSet) {
	if r.total == 0 || more.NumRuns() > 1 {
		*r = newRuns(r.set.Union(more))
		return
	}
	// One run at the end, as nearly all are: nothing else has to be counted again.
	lo, hi := more.Min(), more.Max()
	r.set.AddRange(lo, hi)
	if last := &r.list[len(r.list)-1]; last.Hi+1 == lo {
		last.Hi = hi
	} else {
		r.list = append(r.list, imap.Range[imap.UID]{Lo: lo, Hi: hi})
		r.before = append(r.before, r.total)
	}
	r.total += uint32(hi-lo) + 1
}

// seq returns the number of a member.
func (r *runs) seq(u imap.UID) (imap.SeqNum, bool) {
	i := sort.Search(len(r.list), func(i int) bool { return r.list[i].Hi >= u })
	if i == len(r.list) || r.list[i].Lo > u {
		return 0, false
	}
	return imap.SeqNum(r.before[i] + uint32(u-r.list[i].Lo) + 1), true
}

// uid returns the member with a number of 1 to total.
func (r *runs) uid(seq imap.SeqNum) imap.UID {
	n := uint32(seq) - 1
	i, found := slices.BinarySearch(r.before, n)
	if !found {
		i--
	}
	return r.list[i].Lo + imap.UID(n-r.before[i])
}

// uids returns the members with the numbers of a set that has none above total.
func (r *runs) uids(seqs imap.SeqSet) imap.UIDSet {
	var out imap.UIDSet
	for run := range seqs.Runs() {
		lo, hi := r.uid(run.Lo), r.uid(run.Hi)
		for i := sort.Search(len(r.list), func(i int) bool { return r.list[i].Hi >= lo }); i < len(r.list) && r.list[i].Lo <= hi; i++ {
			out.AddRange(max(lo, r.list[i].Lo), min(hi, r.list[i].Hi))
		}
	}
	return out
}

// max returns the greatest member, 0 if there is none.
func (r *runs) max() imap.UID { return r.set.Max() }
