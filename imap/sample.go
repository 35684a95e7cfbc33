package imap

import (
	"math/rand/v2"
	"strings"
	"time"
)

// Samples of values, for the round trips that every entry of the grammar is
// tested with. They favour what is hard: specials, empty strings, the ends of
// ranges.

func sampleAtom(r *rand.Rand) string {
	const letters = "ABCXYZabcxyz0189.-_$!#'/:;<=>?@^`|~&+,"
	b := make([]byte, 1+r.IntN(8))
	for i := range b {
		b[i] = letters[r.IntN(len(letters))]
	}
	b[0] = "ABCXYZ"[r.IntN(6)]
	return string(b)
}

func sampleString(r *rand.Rand) string {
	pieces := []string{"", "a", "NIL", "two words", `"q"`, `\`, "{3}", "line\r\nline", "\xc3\xa9", "(", "%*", "]", "\xff", "\t"}
	var s strings.Builder
	for range r.IntN(4) {
		s.WriteString(pieces[r.IntN(len(pieces))])
	}
	return s.String()
}

func sampleText(r *rand.Rand) Text {
	if r.IntN(4) == 0 {
		return nil
	}
	return Text(sampleString(r))
}

func sampleMailbox(r *rand.Rand) string {
	return []string{INBOX, "a", "a/b", "R&D", "Entw\u00fcrfe", "\u53f0\u5317", "\U0001f600 x", "with space", `"`, "~x", "100%", "NIL", "&-"}[r.IntN(13)]
}

func sampleFlags(r *rand.Rand) []Flag {
	flags := []Flag{}
	for range r.IntN(4) {
		flags = append(flags, []Flag{FlagSeen, FlagDeleted, FlagDraft, FlagForwarded, Flag(sampleAtom(r))}[r.IntN(5)])
	}
	return flags
}

func sampleNumber(r *rand.Rand) uint32 {
	return []uint32{1, 2, 9, 1<<31 - 1, 1<<32 - 1, 1 + r.Uint32N(1<<20)}[r.IntN(6)]
}

func sampleSet[N ~uint32](r *rand.Rand, star bool) NumSet[N] {
	var s NumSet[N]
	for range 1 + r.IntN(4) {
		lo := N(1 + r.Uint32N(50))
		s.AddRange(lo, lo+N(r.Uint32N(4)))
	}
	if star && r.IntN(3) == 0 {
		s.AddRange([]N{Star, 7, 200}[r.IntN(3)], Star)
	}
	return s
}

func sampleUIDList(r *rand.Rand) UIDList {
	var l UIDList
	for range 1 + r.IntN(3) {
		lo := UID(1 + r.Uint32N(1000))
		l = append(l, Range[UID]{lo, lo + UID(r.Uint32N(3))})
	}
	return l
}

func sampleRef(r *rand.Rand, uid bool) Ref {
	switch {
	case r.IntN(6) == 0:
		return SavedResult(uid)
	case uid:
		return InUIDs(sampleSet[UID](r, true))
	}
	return Ref{Seq: sampleSet[SeqNum](r, true)}
}

func sampleModSeq(r *rand.Rand) ModSeq {
	return []ModSeq{1, 1<<63 - 1, ModSeq(1 + r.Uint64N(1<<40))}[r.IntN(3)]
}

func sampleDate(r *rand.Rand) Date {
	return Date{1900 + r.IntN(200), time.Month(1 + r.IntN(12)), 1 + r.IntN(28)}
}

func sampleTime(r *rand.Rand) time.Time {
	return time.Date(1970+r.IntN(100), time.Month(1+r.IntN(12)), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), 0,
		zone(60*(r.IntN(24*60)-12*60)))
}
