package mime

import (
	"cmp"
	"slices"
	"strings"

	"github.com/mailwire/mailwire/internal/ascii"
)

// A section is one piece of a parameter value in the form of RFC 2231.
type section struct {
	rawParam
	base     string // name without marks
	number   int    // -1: the value is in one piece
	extended bool   // percent-encoded
}

// cutSection splits the marks off a parameter name: name*, name*0, name*0*.
func cutSection(p rawParam) (section, bool) {
	s := section{rawParam: p, base: p.name, number: -1}
	star := strings.IndexByte(p.name, '*')
	if star <= 0 {
		return s, false
	}
	s.base = p.name[:star]
	mark := p.name[star+1:]
	if mark == "" {
		s.extended = true
		return s, true
	}
	mark, s.extended = strings.CutSuffix(mark, "*")
	if mark == "" || len(mark) > 6 || !ascii.All(ascii.Digit, mark) || mark[0] == '0' && len(mark) > 1 {
		return section{rawParam: p, base: p.name, number: -1}, false
	}
	s.number = 0
	for _, c := range mark {
		s.number = s.number*10 + int(c-'0')
	}
	return s, true
}

// parseParams reads all parameters from s[i:]. The extended value in one piece
// wins over sections, those over the plain value; of equals the first counts.
func parseParams(s string, i int, o *Options) (Params, []Defect) {
	sc := paramScanner{s: s, i: i}
	var out Params
	var list []Defect
	var sections []section
	var open map[int]bool // places in out that sections are to fill
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
			sections = append(sections, sec)
			if seen.find(out, sec.base) < 0 { // keeps its place in the order
				if open == nil {
					open = make(map[int]bool)
				}
				open[len(out)] = true
				out = append(out, Param{Name: sec.base})
			}
			continue
		}
		if out == nil {
			out = make(Params, 0, 4)
		}
		k := seen.find(out, p.name)
		if k >= 0 && !open[k] {
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
			delete(open, k)
			continue
		}
		out = append(out, param)
	}
	if len(sections) > 0 {
		out, list = joinSections(out, open, sections, list, o)
	}
	return out, list
}

// nameSet finds duplicate names, without a map as long as there are few.
type nameSet struct{ m map[string]int }

func (n *nameSet) find(p Params, name string) int {
	if len(p) <= 16 {
		for i := range p {
			if ascii.EqualFold(p[i].Name, name) {
				return i
			}
		}
		return -1
	}
	if n.m == nil {
		n.m = make(map[string]int, len(p))
	}
	for i := len(n.m); i < len(p); i++ {
		n.m[lower(p[i].Name)] = i
	}
	if i, ok := n.m[lower(name)]; ok {
		return i
	}
	return -1
}

// joinSections fills in the values that came in sections; places in open that
// stay empty go. Sections are sorted once, so that any order costs the same.
func joinSections(out Params, open map[int]bool, all []section, list []Defect, o *Options) (Params, []Defect) {
	first := make(map[string]int, 1) // where a name came up, for the order of the result
	for i := range all {
		all[i].base = lower(all[i].base)
		if _, ok := first[all[i].base]; !ok {
			first[all[i].base] = i
		}
	}
	slices.SortStableFunc(all, func(a, b section) int {
		return cmp.Or(cmp.Compare(first[a.base], first[b.base]), cmp.Compare(a.number, b.number),
			boolOrder(b.extended, a.extended))
	})
	max := o.maxDefects()
	seen := nameSet{}
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].base == all[0].base {
			n++
		}
		p, bad := joinValue(all[:n], o)
		if bad != 0 {
			list = addDefect(list, max, Defect{Kind: bad, Offset: int64(all[0].at), Note: note(all[0].name)})
		}
		if k := seen.find(out, all[0].base); p.Name != "" {
			out[k] = p
			delete(open, k)
		}
		all = all[n:]
	}
	if len(open) == 0 {
		return out, list
	}
	kept := out[:0]
	for i := range out {
		if !open[i] {
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
	p.Name = secs[0].name[:len(secs[0].base)]
	extended := false
	var octets []byte
	if secs[0].number < 0 { // in one piece: it wins
		secs = secs[:1]
	}
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
		p.Value = decodeText(string(octets), o)
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
