package imap

import (
	"bytes"
	"errors"
	"iter"
	"math"
	"slices"
	"strconv"

	"github.com/mailwire/mailwire/internal/ascii"
)

// A UID is the unique identifier of a message, 1 to 2^32-1. RFC 9051, section 2.3.1.1.
type UID uint32

// A SeqNum is the number of a message in the view of one session, from 1.
// RFC 9051, section 2.3.1.2.
type SeqNum uint32

// A ModSeq is a modification sequence, 1 to 2^63-1. RFC 7162, section 3.1.
type ModSeq uint64

// Star stands for "*" inside a set: the greatest number there is. Resolve
// replaces it.
const Star = 0

var errNumSet = errors.New("imap: bad number set")

// A Range is the numbers Lo to Hi, both included. Hi may be Star; Lo is Star
// only if Hi is.
type Range[N ~uint32] struct{ Lo, Hi N }

// Len returns how many numbers are in the range, which must not end in Star.
func (r Range[N]) Len() int { return int(r.Hi-r.Lo) + 1 }

// A NumSet is a set of message numbers: runs in ascending order that neither
// touch nor overlap. Its size in memory is that of its text, whatever the
// numbers are: nothing is ever expanded. The zero value is empty.
//
// At most one run, the last, ends in Star. It stays apart from the others,
// because what it covers is known only when it is resolved.
type NumSet[N ~uint32] struct{ runs []Range[N] }

// A UIDSet is a set of UIDs, a SeqSet one of message sequence numbers.
type (
	UIDSet = NumSet[UID]
	SeqSet = NumSet[SeqNum]
)

// NumSetOf returns the set of the given numbers, each of them 1 or more.
func NumSetOf[N ~uint32](numbers ...N) NumSet[N] {
	var s NumSet[N]
	for _, n := range numbers {
		s.Add(n)
	}
	return s
}

// NumSetRange returns the set lo:hi in either order; Star is allowed for both.
func NumSetRange[N ~uint32](lo, hi N) NumSet[N] {
	return NumSet[N]{[]Range[N]{ordered(lo, hi)}}
}

// ordered puts the ends of a range in order: Star, though 0, is the greatest.
func ordered[N ~uint32](a, b N) Range[N] {
	if a == Star || b != Star && a > b {
		a, b = b, a
	}
	return Range[N]{a, b}
}

// ParseNumSet parses a sequence-set but for "$". It refuses 0, numbers over
// 2^32-1 and empty members; "4:2" means 2:4. RFC 9051, section 9.
func ParseNumSet[N ~uint32](b []byte) (NumSet[N], error) {
	var s NumSet[N]
	for more := true; more; {
		var item []byte
		item, b, more = bytes.Cut(b, comma)
		first, second, isRange := bytes.Cut(item, colon)
		lo, err := parseSeqNumber[N](first)
		if err != nil {
			return NumSet[N]{}, err
		}
		hi := lo
		if isRange {
			if hi, err = parseSeqNumber[N](second); err != nil {
				return NumSet[N]{}, err
			}
		}
		s.runs = append(s.runs, ordered(lo, hi))
	}
	s.normalize()
	return s, nil
}

var comma, colon = []byte(","), []byte(":")

func parseSeqNumber[N ~uint32](b []byte) (N, error) {
	if len(b) == 1 && b[0] == '*' {
		return Star, nil
	}
	n, err := ascii.ParseUint(b, math.MaxUint32)
	if err != nil || b[0] == '0' {
		return 0, errNumSet
	}
	return N(n), nil
}

// normalize restores the order of runs after they were appended in any order.
func (s *NumSet[N]) normalize() {
	inOrder := true
	for i := 1; i < len(s.runs) && inOrder; i++ {
		a, b := s.runs[i-1], s.runs[i]
		inOrder = a.Hi != Star && (b.Hi == Star || a.Hi < math.MaxUint32 && b.Lo > a.Hi+1)
	}
	if inOrder {
		return
	}
	slices.SortFunc(s.runs, func(a, b Range[N]) int {
		switch aStar, bStar := a.Hi == Star, b.Hi == Star; {
		case aStar && !bStar:
			return 1
		case bStar && !aStar:
			return -1
		case aStar && a.Lo == Star: // "*" alone is the least demanding
			return 1
		case aStar && b.Lo == Star:
			return -1
		case a.Lo < b.Lo:
			return -1
		case a.Lo > b.Lo:
			return 1
		}
		return 0
	})
	runs := s.runs[:1]
	for _, r := range s.runs[1:] {
		last := &runs[len(runs)-1]
		switch {
		case last.Hi == Star: // n:* contains m:* for m > n, and "*"
		case r.Hi == Star, last.Hi < math.MaxUint32 && r.Lo > last.Hi+1:
			runs = append(runs, r)
		default:
			last.Hi = max(last.Hi, r.Hi)
		}
	}
	s.runs = runs
}

// Resolve replaces "*" by last, the greatest number there is. "n:*" always
// contains last, also if n is greater: RFC 9051, section 9, seq-range. If last
// is 0 there is no message, and the result is empty.
func (s NumSet[N]) Resolve(last N) NumSet[N] {
	if last == 0 {
		return NumSet[N]{}
	}
	if !s.HasStar() {
		return s
	}
	n := len(s.runs) - 1
	star := s.runs[n]
	out := NumSet[N]{slices.Clone(s.runs[:n])}
	if star.Lo == Star || star.Lo > last {
		star.Lo = last
	}
	out.AddRange(star.Lo, last)
	return out
}

// HasStar reports whether the set has a "*" that is not resolved.
func (s NumSet[N]) HasStar() bool {
	return len(s.runs) > 0 && s.runs[len(s.runs)-1].Hi == Star
}

// IsEmpty reports whether nothing is in the set.
func (s NumSet[N]) IsEmpty() bool { return len(s.runs) == 0 }

// Min and Max return the least and the greatest number of a set, 0 if it is
// empty. Max is Star where the set has a "*".
func (s NumSet[N]) Min() N {
	if len(s.runs) == 0 {
		return 0
	}
	return s.runs[0].Lo
}

// Max: see Min.
func (s NumSet[N]) Max() N {
	if len(s.runs) == 0 {
		return 0
	}
	return s.runs[len(s.runs)-1].Hi
}

// Runs returns the runs in ascending order, one that ends in Star last.
func (s NumSet[N]) Runs() iter.Seq[Range[N]] { return slices.Values(s.runs) }

// NumRuns returns how many runs there are.
func (s NumSet[N]) NumRuns() int { return len(s.runs) }

// All returns the numbers in ascending order. A run that ends in Star is left
// out: Resolve the set before.
func (s NumSet[N]) All() iter.Seq[N] {
	return func(yield func(N) bool) {
		for _, r := range s.runs {
			if r.Hi == Star {
				return
			}
			for n := r.Lo; ; n++ {
				if !yield(n) {
					return
				}
				if n == r.Hi {
					break
				}
			}
		}
	}
}

// Len returns how many numbers the set has, not counting a run that ends in Star.
func (s NumSet[N]) Len() int {
	total := 0
	for _, r := range s.runs {
		if r.Hi != Star {
			total += r.Len()
		}
	}
	return total
}

// Contains reports whether n is in the set, a run that ends in Star aside.
func (s NumSet[N]) Contains(n N) bool {
	i := s.search(n)
	return i < len(s.runs) && s.runs[i].Lo <= n && n <= s.runs[i].Hi
}

// search returns the first run that does not end below n.
func (s NumSet[N]) search(n N) int {
	i, _ := slices.BinarySearchFunc(s.runs, n, func(r Range[N], n N) int {
		if r.Hi == Star || r.Hi >= n {
			return 1
		}
		return -1
	})
	return i
}

// Add adds a number of 1 or more. Adding in ascending order is cheapest.
func (s *NumSet[N]) Add(n N) { s.AddRange(n, n) }

// AddRange adds lo:hi in either order. It changes the set in place, so that
// copies made by assignment change with it: see Clone.
func (s *NumSet[N]) AddRange(lo, hi N) {
	r := ordered(lo, hi)
	if r.Hi == Star {
		s.runs = append(s.runs, r)
		s.normalize()
		return
	}
	i := s.search(r.Lo - 1) // the first run that r touches, or that is behind it
	j := i
	for j < len(s.runs) && s.runs[j].Hi != Star && s.runs[j].Lo-1 <= r.Hi {
		r.Lo, r.Hi = min(r.Lo, s.runs[j].Lo), max(r.Hi, s.runs[j].Hi)
		j++
	}
	s.runs = slices.Replace(s.runs, i, j, r)
}

// Clone returns a set that shares nothing with s.
func (s NumSet[N]) Clone() NumSet[N] { return NumSet[N]{slices.Clone(s.runs)} }

// Union returns the numbers that are in s or in t.
func (s NumSet[N]) Union(t NumSet[N]) NumSet[N] {
	u := NumSet[N]{make([]Range[N], 0, len(s.runs)+len(t.runs))}
	u.runs = append(append(u.runs, s.runs...), t.runs...)
	u.normalize()
	return u
}

// Intersect returns the numbers that are in both. Neither may have a Star. Its
// time is that of the set with fewer runs, and of the result.
func (s NumSet[N]) Intersect(t NumSet[N]) NumSet[N] {
	if len(s.runs) > len(t.runs) {
		s, t = t, s
	}
	var out NumSet[N]
	for _, r := range s.runs {
		for i := t.search(r.Lo); i < len(t.runs) && t.runs[i].Lo <= r.Hi; i++ {
			out.runs = append(out.runs, Range[N]{max(r.Lo, t.runs[i].Lo), min(r.Hi, t.runs[i].Hi)})
		}
	}
	return out
}

// Subtract returns the numbers that are in s and not in t. Neither may have a Star.
func (s NumSet[N]) Subtract(t NumSet[N]) NumSet[N] {
	var out NumSet[N]
	for _, r := range s.runs {
		left := true
		for i := t.search(r.Lo); i < len(t.runs) && t.runs[i].Lo <= r.Hi && left; i++ {
			cut := t.runs[i]
			if cut.Lo > r.Lo {
				out.runs = append(out.runs, Range[N]{r.Lo, cut.Lo - 1})
			}
			left = cut.Hi < r.Hi
			r.Lo = cut.Hi + 1
		}
		if left {
			out.runs = append(out.runs, r)
		}
	}
	return out
}

// Equal reports whether both sets have the same runs.
func (s NumSet[N]) Equal(t NumSet[N]) bool { return slices.Equal(s.runs, t.runs) }

// Append appends the set as it stands on the wire. An empty set has no form
// there and appends nothing.
func (s NumSet[N]) Append(dst []byte) []byte { return appendRuns(dst, s.runs) }

func (s NumSet[N]) String() string { return string(s.Append(nil)) }

// MarshalText returns the set as String does, for what a program keeps: an empty
// set is empty.
func (s NumSet[N]) MarshalText() ([]byte, error) { return s.Append([]byte{}), nil }

// UnmarshalText is the reverse of MarshalText.
func (s *NumSet[N]) UnmarshalText(text []byte) (err error) {
	*s = NumSet[N]{}
	if len(text) > 0 {
		*s, err = ParseNumSet[N](text)
	}
	return err
}

func appendRuns[N ~uint32](dst []byte, runs []Range[N]) []byte {
	for i, r := range runs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendSeqNumber(dst, r.Lo)
		if r.Hi != r.Lo {
			dst = append(dst, ':')
			dst = appendSeqNumber(dst, r.Hi)
		}
	}
	return dst
}

func appendSeqNumber[N ~uint32](dst []byte, n N) []byte {
	if n == Star {
		return append(dst, '*')
	}
	return strconv.AppendUint(dst, uint64(n), 10)
}

// A UIDList is UIDs in an order that means something, as in COPYUID, where the
// first of one list became the first of the other. Runs ascend within
// themselves. RFC 4315, section 3.
type UIDList []Range[UID]

// ParseUIDList parses a uid-set and keeps its order.
func ParseUIDList(b []byte) (UIDList, error) {
	var l UIDList
	for more := true; more; {
		var item []byte
		item, b, more = bytes.Cut(b, comma)
		first, second, isRange := bytes.Cut(item, colon)
		lo, err := parseSeqNumber[UID](first)
		hi := lo
		if err == nil && isRange {
			hi, err = parseSeqNumber[UID](second)
		}
		if err != nil || lo == Star || hi == Star {
			return nil, errNumSet
		}
		l = append(l, ordered(lo, hi))
	}
	return l, nil
}

// Add appends u.
func (l *UIDList) Add(u UID) {
	if n := len(*l); n > 0 && (*l)[n-1].Hi != math.MaxUint32 && (*l)[n-1].Hi+1 == u {
		(*l)[n-1].Hi = u
		return
	}
	*l = append(*l, Range[UID]{u, u})
}

// All returns the UIDs in their order.
func (l UIDList) All() iter.Seq[UID] {
	return func(yield func(UID) bool) {
		for _, r := range l {
			for u := r.Lo; ; u++ {
				if !yield(u) {
					return
				}
				if u == r.Hi {
					break
				}
			}
		}
	}
}

// Len returns how many UIDs are listed.
func (l UIDList) Len() int {
	total := 0
	for _, r := range l {
		total += r.Len()
	}
	return total
}

// Set returns the same UIDs without their order.
func (l UIDList) Set() UIDSet {
	s := UIDSet{slices.Clone([]Range[UID](l))}
	s.normalize()
	return s
}

// Append appends the list as it stands on the wire.
func (l UIDList) Append(dst []byte) []byte { return appendRuns(dst, l) }

func (l UIDList) String() string { return string(l.Append(nil)) }

// A Ref is the message set of a command, in one of three forms.
type Ref struct {
	Seq   SeqSet // of numbers, if neither of the flags is set
	UID   UIDSet // if ByUID
	ByUID bool   // the command is a UID command
	Saved bool   // "$": the saved result. RFC 9051, section 6.4.4.1
}

// UIDs returns the messages lo to hi by UID. Star is allowed for both.
func UIDs(lo, hi UID) Ref { return Ref{UID: NumSetRange(lo, hi), ByUID: true} }

// Seqs returns the messages lo to hi by number. Star is allowed for both.
func Seqs(lo, hi SeqNum) Ref { return Ref{Seq: NumSetRange(lo, hi)} }

// InUIDs returns the messages of a set of UIDs.
func InUIDs(s UIDSet) Ref { return Ref{UID: s, ByUID: true} }

// SavedResult returns "$", for a UID command if uid.
func SavedResult(uid bool) Ref { return Ref{Saved: true, ByUID: uid} }

// IsEmpty reports whether the reference names nothing: it has no form on the wire.
func (r Ref) IsEmpty() bool {
	switch {
	case r.Saved:
		return false
	case r.ByUID:
		return r.UID.IsEmpty()
	}
	return r.Seq.IsEmpty()
}

// Append appends the set as it stands on the wire.
func (r Ref) Append(dst []byte) []byte {
	switch {
	case r.Saved:
		return append(dst, '$')
	case r.ByUID:
		return r.UID.Append(dst)
	}
	return r.Seq.Append(dst)
}
