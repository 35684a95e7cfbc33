package mime

import (
	"strings"

	"github.com/mailwire/mailwire/internal/ascii"
)

// An Address is a mailbox. Name is decoded; Local is without quotes and
// escapes, Domain with the brackets of a literal, Route (obsolete) as in
// "@a,@b". All are valid UTF-8. Local and Domain never come from splitting a
// joined string: a quoted "a@b" stays a Local.
type Address struct{ Name, Route, Local, Domain string }

// A Group is a named list: Mailboxes[From:To].
type Group struct {
	Name     string
	From, To int
}

// An AddressList is the value of From, To and the like.
type AddressList struct {
	Mailboxes []Address
	Groups    []Group
	Defects   []Defect
}

// ParseAddresses reads an address list, folded or not, and recovers: a bad
// member never costs another one. RFC 5322, sections 3.4 and 4.4; RFC 6532.
//
// In front of an angle-addr anything is a name, and so is a member without an
// address that comes before it: a comma that should have been quoted. A single
// word is a Local without Domain. What is unclosed is closed at the end. After
// 50 000 members the rest is left out, see Options.MaxAddresses.
func ParseAddresses(s string) AddressList { return parseAddresses(s, nil, false) }

// ParseAddress reads exactly one mailbox and accepts no obsolete form and
// nothing that ParseAddresses repairs. The error is ErrAddress, wrapped.
func ParseAddress(s string) (Address, error) {
	l := parseAddresses(s, nil, false)
	if len(l.Mailboxes) != 1 || len(l.Groups) > 0 || len(l.Defects) > 0 {
		return Address{}, badAddress(s)
	}
	return l.Mailboxes[0], nil
}

// addressAtom is atext and what is above ASCII: RFC 6532, section 3.2.
var addressAtom = ascii.Atext.Or(ascii.High)

// An addressParser goes through a list once. Members are found first, by the
// characters that separate them; only then is their inside read, so that an
// encoded comma or bracket is never syntax.
type addressParser struct {
	s   string
	o   *Options
	raw bool // names as they stand, for ENVELOPE
	out AddressList

	openGroup  bool
	group      string
	from       int  // of the group
	noQuote    bool // no quote after here is ever closed
	noComment  bool
	noBracket  bool // in this member
	commas     int  // members so far that were separated by a comma
	afterGroup bool // a comma may follow without a member in front of it

	// The streak of members without address before this one.
	streak, streakMailboxes, streakDefects int
}

// A member is one element of the list while it is read.
type member struct {
	start, end     int // of the phrase or addr-spec
	comment        span
	words          int
	at             bool // has "@" outside quotes
	odd            bool // has something that no phrase has
	obs            bool
	angle          bool
	spec           addrSpec
	afterAngleJunk bool
}

func parseAddresses(s string, o *Options, raw bool) AddressList {
	p := addressParser{o: o, raw: raw}
	p.field(s)
	return p.out
}

// field reads the list of one field and adds it to what is there.
func (p *addressParser) field(s string) {
	*p = addressParser{s: s, o: p.o, raw: p.raw, out: p.out, streak: -1}
	most := p.o.maxAddresses()
	if n := strings.Count(s, "@"); n > 0 && p.out.Mailboxes == nil {
		p.out.Mailboxes = make([]Address, 0, min(n, 1+len(s)/6, most))
	}
	for i := 0; i < len(s); {
		if len(p.out.Mailboxes)+len(p.out.Groups) >= most {
			p.defect(DefectTooManyAddresses, i)
			break
		}
		i = p.member(i)
	}
	if p.openGroup {
		p.defect(DefectUnclosed, len(s))
		p.endGroup()
	}
}

func (p *addressParser) defect(k DefectKind, at int) {
	if p.raw { // nobody asks
		return
	}
	d := Defect{Kind: k, Offset: int64(at)}
	if at < len(p.s) && len(p.out.Defects) < p.o.maxDefects() {
		d.Note = note(p.s[at:])
	}
	p.out.Defects = addDefect(p.out.Defects, p.o.maxDefects(), d)
}

func (p *addressParser) endGroup() {
	p.out.Groups = append(grow(p.out.Groups), Group{Name: p.group, From: p.from, To: len(p.out.Mailboxes)})
	p.openGroup = false
	p.streak = -1
}

// member reads one element and the separator after it.
func (p *addressParser) member(i int) int {
	s := p.s
	m := member{start: -1}
	p.noBracket = false
	for i < len(s) {
		c := s[i]
		if addressAtom[c] {
			m.word(i)
			for i++; i < len(s) && addressAtom[s[i]]; i++ {
			}
			m.end = i
			continue
		}
		switch c {
		case ' ', '\t', '\r', '\n':
			i++
		case '(':
			i = p.comment(&m, i)
		case '"':
			i = p.quoted(&m, i)
		case '<':
			i = p.angle(&m, i)
		case ',':
			p.finish(&m, i, true)
			return i + 1
		case ';':
			p.finish(&m, i, false)
			if p.openGroup {
				p.endGroup()
				p.afterGroup = true
			} else {
				p.defect(DefectBadAddress, i)
			}
			return i + 1
		case ':':
			if !p.openGroup && !m.angle && !m.at && m.start >= 0 {
				p.startGroup(&m)
				return i + 1
			}
			m.word(i)
			m.odd = true
			i++
			m.end = i
		case '[':
			m.word(i)
			i = p.literal(&m, i)
			m.end = i
		case '\\':
			m.word(i)
			m.odd = true
			i = min(i+2, len(s))
			m.end = i
		default:
			m.word(i)
			m.at = m.at || c == '@'
			m.obs = m.obs || c == '.'
			m.odd = m.odd || c != '@' && c != '.'
			i++
			m.end = i
		}
	}
	p.finish(&m, i, true)
	return i
}

// word notes that something of the phrase or addr-spec starts at i.
func (m *member) word(i int) {
	if m.angle {
		m.afterAngleJunk = true
		return
	}
	if m.start < 0 {
		m.start = i
	}
	if m.end < i || m.words == 0 {
		m.words++
	}
}

func (p *addressParser) comment(m *member, i int) int {
	next, closed := i+1, false
	if !p.noComment {
		next, closed = skipComment(p.s, i)
	}
	if !closed {
		p.defect(DefectUnclosed, i)
		p.noComment = true
	}
	m.comment = span{int32(i), int32(next)}
	return next
}

// quoted passes a quoted string. One that is not closed is no quoted string:
// its quote is dropped and the rest read as it stands, which loses least.
func (p *addressParser) quoted(m *member, i int) int {
	next, closed := i+1, false
	if !p.noQuote {
		_, next, closed = skipQuoted(p.s, i)
	}
	if !closed {
		p.noQuote = true
		p.defect(DefectUnclosed, i)
		return i + 1
	}
	m.word(i)
	m.end = next
	return next
}

// skipQuoted passes the quoted string at s[i]. Here a backslash escapes any
// octet: RFC 5322, section 3.2.4.
func skipQuoted(s string, i int) (escaped bool, next int, closed bool) {
	for i++; i < len(s); i++ {
		switch s[i] {
		case '"':
			return escaped, i + 1, true
		case '\\', '\n', '\r':
			escaped = true
			if s[i] == '\\' {
				i++
			}
		}
	}
	return escaped, len(s), false
}

// literal passes a domain-literal; elsewhere a bracket is a character like others.
func (p *addressParser) literal(m *member, i int) int {
	if !m.at || p.noBracket {
		m.odd = true
		return i + 1
	}
	n := strings.IndexAny(p.s[i:], "]<>,;")
	if n < 0 || p.s[i+n] != ']' {
		m.odd, p.noBracket = true, true
		return i + 1
	}
	return i + n + 1
}

func (p *addressParser) startGroup(m *member) {
	p.group = p.name(m.start, m.end)
	if m.odd || m.obs {
		p.defect(DefectObsAddress, m.start)
	}
	p.openGroup, p.from, p.streak, p.commas = true, len(p.out.Mailboxes), -1, 0
}

// finish adds the mailbox of a member that ends at octet at.
func (p *addressParser) finish(m *member, at int, comma bool) {
	if comma {
		p.commas++
	}
	afterGroup := p.afterGroup
	p.afterGroup = false
	switch {
	case m.start < 0 && !m.angle && afterGroup:
		p.commas = 0
	case m.angle:
		p.finishAngle(m)
		p.streak = -1
	case m.start < 0:
		if at < len(p.s) && p.s[at] == ',' || p.commas > 1 && !p.openGroup {
			p.defect(DefectObsAddress, min(at, len(p.s)))
		}
	default:
		p.finishBare(m)
	}
}

func (p *addressParser) finishAngle(m *member) {
	a := Address{Route: m.spec.route, Local: m.spec.local, Domain: m.spec.domain}
	start := m.start
	if p.streak >= 0 {
		// The comma before was part of a name.
		p.out.Mailboxes = p.out.Mailboxes[:p.streakMailboxes]
		p.out.Defects = p.out.Defects[:p.streakDefects]
		start = p.streak
		m.end = max(m.end, start)
		p.defect(DefectBadAddress, start)
		if m.start < 0 {
			m.end = m.spec.at
		}
	} else if start >= 0 && (m.at || m.odd) {
		p.defect(DefectBadAddress, start)
	} else if start >= 0 && m.obs {
		p.defect(DefectObsAddress, start)
	}
	if start >= 0 {
		a.Name = p.name(start, m.end)
	} else if m.comment.to > 0 {
		a.Name = p.commentName(m.comment)
	}
	if m.afterAngleJunk {
		p.defect(DefectBadAddress, m.spec.at)
	}
	if p.checkSpec(&m.spec, m.spec.at) {
		p.out.Mailboxes = append(grow(p.out.Mailboxes), a)
	}
}

// checkSpec reports the defects of an addr-spec, and whether it is one.
func (p *addressParser) checkSpec(a *addrSpec, at int) bool {
	switch {
	case !a.ok:
		p.defect(DefectBadAddress, at)
		return false
	case a.domain == "":
		p.defect(DefectNoDomain, at)
	case a.bad:
		p.defect(DefectBadAddress, at)
	}
	if a.obs || a.route != "" {
		p.defect(DefectObsAddress, at)
	}
	return true
}

func (p *addressParser) finishBare(m *member) {
	if !m.at {
		if p.streak < 0 {
			p.streak, p.streakMailboxes, p.streakDefects = m.start, len(p.out.Mailboxes), len(p.out.Defects)
		}
		spec := parseSpec(p.s[m.start:m.end])
		if !spec.ok || spec.rest {
			p.defect(DefectBadAddress, m.start)
			return
		}
		p.defect(DefectNoDomain, m.start)
		p.out.Mailboxes = append(grow(p.out.Mailboxes), Address{Local: spec.local})
		return
	}
	p.streak = -1
	spec := parseSpec(p.s[m.start:m.end])
	if !p.checkSpec(&spec, m.start) {
		return
	}
	if spec.rest {
		p.defect(DefectBadAddress, m.start)
	}
	a := Address{Local: spec.local, Domain: spec.domain}
	if m.comment.to > 0 {
		a.Name = p.commentName(m.comment)
	}
	p.out.Mailboxes = append(grow(p.out.Mailboxes), a)
}

// angle reads an angle-addr. Doubled brackets count once; one that is not
// closed ends at the next comma or semicolon.
func (p *addressParser) angle(m *member, i int) int {
	s := p.s
	if m.angle { // a second one in the same member is junk
		m.afterAngleJunk = true
	}
	at, doubled := i, false
	for i++; i < len(s) && (s[i] == '<' || isSpace(s[i])); i++ {
		doubled = doubled || s[i] == '<'
	}
	from := i
	i = p.angleEnd(i)
	if !m.angle {
		m.spec = parseAngle(s[from:i])
		m.spec.at = at
	}
	m.angle = true
	if i == len(s) || s[i] != '>' {
		p.defect(DefectUnclosed, at)
		return i
	}
	for i++; i < len(s) && s[i] == '>'; i++ {
		doubled = true
	}
	if doubled {
		p.defect(DefectBadAddress, at)
	}
	return i
}

// angleEnd returns where the inside of an angle-addr ends that starts at i.
func (p *addressParser) angleEnd(i int) int {
	s := p.s
	route := i < len(s) && s[i] == '@' // which may have commas
	for i < len(s) {
		next := i + 1
		switch s[i] {
		case '>', ';', '<':
			return i
		case ',':
			if !route {
				return i
			}
		case ':':
			route = false
		case '"':
			if !p.noQuote {
				_, end, closed := skipQuoted(s, i)
				if p.noQuote = !closed; closed {
					next = end
				}
			}
		case '(':
			if !p.noComment {
				end, closed := skipComment(s, i)
				if p.noComment = !closed; closed {
					next = end
				}
			}
		}
		i = next
	}
	return i
}
