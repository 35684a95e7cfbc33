package mime

import (
	"cmp"
	"hash/maphash"
	"math/bits"
	"slices"
	"strings"

	"github.com/mailwire/mailwire/internal/ascii"
)

// A section is one piece of a parameter value in the form of RFC 2231.
type section struct {
	rawParam
	base     int32 // octets of the name without marks
	number   int32 // -1: the value is in one piece
	place    int32 // of the parameter among the others
	extended bool  // percent-encoded
}

// cutSection splits the marks off a parameter name: name*, name*0, name*0*.
func cutSection(p rawParam) (section, bool) {
	star := strings.IndexByte(p.name, '*')
	if star <= 0 {
		return section{}, false
	}
	s := section{rawParam: p, base: int32(star), number: -1}
	mark := p.name[star+1:]
	if mark == "" {
		s.extended = true
		return s, true
	}
	mark, s.extended = strings.CutSuffix(mark, "*")
	if mark == "" || len(mark) > 6 || !ascii.All(ascii.Digit, mark) || mark[0] == '0' && len(mark) > 1 {
		return section{}, false
	}
	s.number = 0
	for _, c := range mark {
		s.number = s.number*10 + c - '0'
	}
	return s, true
}

// parseParams reads all parameters from s[i:]. The extended value in one piece
// wins over sections, those over the plain value; of equals the first counts.
func parseParams(s string, i int, o *Options) (Params, []Defect) {
	sc := paramScanner{s: s, i: i}
	var list []Defect
	out, sections := makeParams(sc)
	var open []bool // places in out that sections are to fill
	seen := nameSet{}
	max := o.maxDefects()
	for {
		p := sc.next()
		if p.defect != 0 {
			list = addDefect(list, max, Defect{Kind: p.defect, Offset: int64(p.at), Note: note(s[p.at:])})
		}
		if p.name == "" {
			break
		}
		if sec, ok := cutSection(p); ok {
			k := seen.find(out, p.name[:sec.base])
			if k < 0 { // keeps its place in the order
				k = len(out)
				out = append(grow(out), Param{Name: p.name[:sec.base]})
				open = append(append(grow(open), make([]bool, k-len(open))...), true)
			}
			sec.place = int32(k)
			sections = append(grow(sections), sec)
			continue
		}
		k := seen.find(out, p.name)
		if k >= 0 && (k >= len(open) || !open[k]) {
			list = addDefect(list, max, Defect{Kind: DefectDuplicateParameter, Offset: int64(p.at), Note: note(p.name)})
			continue
		}
		value := p.value
		if p.escaped {
			value = string(appendUnquoted(nil, p))
		}
		param := Param{Name: p.name, Value: decodeText(value, o)}
		if k >= 0 { // the plain form of what came in sections
			out[k] = param
			open[k] = false
			continue
		}
		out = append(grow(out), param)
	}
	if len(sections) > 0 {
		out, list = joinSections(out, open, sections, list, o)
	}
	return out, list
}

// makeParams makes room for what the scanner will find. A large field is read
// twice for that, so that a hostile one takes no more than its result.
func makeParams(sc paramScanner) (Params, []section) {
	if len(sc.s)-sc.i < 2 {
		return nil, nil
	}
	if len(sc.s) < mostPooled {
		return make(Params, 0, 2), nil
	}
	params, sections := 0, 0
	for p := sc.next(); p.name != ""; p = sc.next() {
		params++
		if strings.IndexByte(p.name, '*') > 0 {
			sections++
		}
	}
	return make(Params, 0, params), make([]section, 0, sections)
}

// grow doubles a slice that is full and large. Append alone would grow it by a
// quarter, and a hostile field of a MiB would allocate five times what it needs.
func grow[T any](s []T) []T {
	if len(s) == cap(s) && len(s) >= 256 {
		return slices.Grow(s, len(s))
	}
	return s
}

// nameSet finds names among parameters: by looking as long as there are few,
// then by a table of hashes, whose seed no sender knows.
type nameSet struct {
	seed  maphash.Seed
	table []int32 // places+1
	known int     // parameters in the table
}

// find returns the place of a name in any case, or -1.
func (n *nameSet) find(p Params, name string) int {
	if len(p) <= 16 {
		for i := range p {
			if ascii.EqualFold(p[i].Name, name) {
				return i
			}
		}
		return -1
	}
	if len(n.table) < 2*len(p) {
		n.table = make([]int32, 1<<bits.Len(uint(2*max(2*len(p), cap(p)))))
		n.known = 0
		n.seed = maphash.MakeSeed()
	}
	for ; n.known < len(p); n.known++ {
		if slot, found := n.slot(p, p[n.known].Name); !found {
			n.table[slot] = int32(n.known) + 1
		}
	}
	slot, _ := n.slot(p, name)
	return int(n.table[slot]) - 1
}

// slot returns where the name is or would be.
func (n *nameSet) slot(p Params, name string) (slot int, found bool) {
	mask := len(n.table) - 1
	for i := int(maphash.String(n.seed, lower(name))) & mask; ; i = (i + 1) & mask {
		k := n.table[i]
		if k == 0 {
			return i, false
		}
		if ascii.EqualFold(p[k-1].Name, name) {
			return i, true
		}
	}
}

// joinSections fills in the values that came in sections; places in open that
// stay empty go. Sections are sorted once, so that any order costs the same.
func joinSections(out Params, open []bool, all []section, list []Defect, o *Options) (Params, []Defect) {
	slices.SortStableFunc(all, func(a, b section) int {
		return cmp.Or(cmp.Compare(a.place, b.place), cmp.Compare(a.number, b.number), boolOrder(b.extended, a.extended))
	})
	max := o.maxDefects()
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].place == all[0].place {
			n++
		}
		p, bad := joinValue(all[:n], o)
		if bad != 0 {
			list = addDefect(list, max, Defect{Kind: bad, Offset: int64(all[0].at), Note: note(all[0].name)})
		}
		if k := int(all[0].place); p.Name != "" {
			out[k] = p
			if k < len(open) {
				open[k] = false
			}
		}
		all = all[n:]
	}
	if !slices.Contains(open, true) {
		return out, list
	}
	kept := out[:0]
	for i := range out {
		if i >= len(open) || !open[i] {
			kept = append(kept, out[i])
		}
	}
	return kept, list
}

func boolOrder(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// joinValue joins the octets of the sections of one name, up to the first gap,
// and converts them once: a character may be cut across sections.
func joinValue(secs []section, o *Options) (p Param, bad DefectKind) {
	if secs[0].number > 0 {
		return Param{}, DefectBadParameter
	}
	p.Name = secs[0].name[:secs[0].base]
	extended := false
	if secs[0].number < 0 { // in one piece: it wins
		secs = secs[:1]
	}
	size := 0
	for i := range secs {
		size += len(secs[i].value)
	}
	octets := make([]byte, 0, size)
	want := secs[0].number
	for i := range secs {
		s := &secs[i]
		if s.number != want {
			if s.number < want {
				bad = DefectDuplicateParameter
				continue
			}
			bad = DefectBadParameter
			break
		}
		want++
		if !s.extended {
			octets = appendUnquoted(octets, s.rawParam)
			continue
		}
		value := s.value
		if s.escaped {
			value = string(appendUnquoted(nil, s.rawParam))
		}
		if s.number <= 0 {
			extended = true
			p.Charset, p.Lang, value = cutCharset(value)
		}
		octets = appendPercent(octets, value)
	}
	if !extended {
		p.Value = decodeText(view(octets), o)
		return p, bad
	}
	value, ok := charsetText(p.Charset, octets, o)
	if !ok {
		bad = DefectUnknownCharset
	}
	p.Value = cleanText(value)
	return p, bad
}

// cutCharset splits charset'language'value. Without two quotes all is value.
func cutCharset(s string) (charset, lang, value string) {
	a, rest, ok := strings.Cut(s, "'")
	if !ok {
		return "", "", s
	}
	b, rest, ok := strings.Cut(rest, "'")
	if !ok {
		return "", "", s
	}
	return cleanText(toValid(a)), cleanText(toValid(b)), rest
}

// appendPercent undoes percent-encoding; a percent sign without two hex digits stays.
func appendPercent(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if v, ok := hexOctet(s[i+1], s[i+2]); ok {
				dst = append(dst, v)
				i += 2
				continue
			}
		}
		dst = append(dst, s[i])
	}
	return dst
}

// hexDigit maps hex digits to their value, all else to 255.
var hexDigit = func() (t [256]byte) {
	for i := range t {
		t[i] = 255
	}
	for i := range byte(10) {
		t['0'+i] = i
	}
	for i := range byte(6) {
		t['A'+i], t['a'+i] = 10+i, 10+i
	}
	return
}()

func hexOctet(a, b byte) (byte, bool) {
	h, l := hexDigit[a], hexDigit[b]
	return h<<4 | l, h != 255 && l != 255
}
