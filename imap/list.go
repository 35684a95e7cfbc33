package imap

import (
	"math/rand/v2"
	"unicode/utf8"
)

// ListArgs are the arguments of LIST and LSUB. RFC 9051, section 6.3.9; RFC 5258.
type ListArgs struct {
	Reference string
	// Patterns that do not decode are left out, since they match nothing: Patterns
	// may be empty. Extended tells whether the syntax of RFC 5258 was used.
	Patterns []string
	Extended bool
	Select   Params // what mailboxes are wanted
	Return   Params // what is wanted of them
}

func parseList(p *Parser, c *Command) {
	p.SP()
	a := new(ListArgs)
	if p.Peek() == '(' {
		a.Extended = true
		a.Select = p.Parameters(ListSelect)
		p.SP()
	}
	if len(a.Select) > 0 && a.Select.Has("RECURSIVEMATCH") && !a.Select.Has("SUBSCRIBED") && !a.Select.Has("SPECIAL-USE") {
		p.Fail("a selection option beside RECURSIVEMATCH") // RFC 5258, section 3.1
	}
	a.Reference = listReference(p)
	p.SP()
	add := func() {
		if pattern, ok := p.Pattern(); ok {
			a.Patterns = append(a.Patterns, pattern)
		}
	}
	if p.Peek() == '(' {
		a.Extended = true
		p.NonEmptyList(add)
	} else {
		add()
	}
	if p.Try(' ') {
		a.Extended = true
		if !p.TryWord("RETURN") {
			p.Fail("RETURN")
		}
		p.SP()
		a.Return = p.Parameters(ListReturn)
	}
	c.Args = a
}

// listReference takes the reference of LIST. One that does not decode stands for
// a place where nothing is.
func listReference(p *Parser) string {
	b := p.AString()
	if p.err != nil {
		return ""
	}
	name, err := decodeMailbox(b, p.UTF8)
	if err != nil {
		return "\x00"
	}
	return name
}

func parseLsub(p *Parser, c *Command) {
	p.SP()
	a := &ListArgs{Reference: listReference(p)}
	p.SP()
	if pattern, ok := p.Pattern(); ok {
		a.Patterns = []string{pattern}
	}
	c.Args = a
}

func appendList(e *Encoder, v any) {
	a, ok := argument[*ListArgs](e, v)
	if !ok {
		return
	}
	e.SP()
	if len(a.Select) > 0 {
		e.Parameters(ListSelect, a.Select)
		e.SP()
	}
	e.Mailbox(a.Reference)
	e.SP()
	switch {
	case len(a.Patterns) == 1:
		e.Pattern(a.Patterns[0])
	case len(a.Patterns) == 0:
		e.Fail("LIST without a pattern")
	default:
		e.encodeList(len(a.Patterns), func(i int) { e.Pattern(a.Patterns[i]) })
	}
	if len(a.Return) > 0 {
		e.Raw(" RETURN ")
		e.Parameters(ListReturn, a.Return)
	}
}

func sampleList(r *rand.Rand, _ bool) any {
	a := &ListArgs{Reference: []string{"", "a/", sampleMailbox(r)}[r.IntN(3)]}
	for range 1 + r.IntN(2) {
		a.Patterns = append(a.Patterns, []string{"*", "%", "", "a/%", "INBOX", "\u00e9*", "x y"}[r.IntN(7)])
	}
	a.Select = sampleParams(r, ListSelect)
	if !a.Select.Has("SUBSCRIBED") && !a.Select.Has("SPECIAL-USE") {
		a.Select = nil
	}
	a.Return = sampleParams(r, ListReturn)
	a.Extended = len(a.Patterns) > 1 || a.Select != nil || a.Return != nil
	return a
}

func sampleLsub(r *rand.Rand, _ bool) any {
	return &ListArgs{Reference: sampleMailbox(r), Patterns: []string{"%"}}
}

// mailboxRow is the value of LIST and LSUB: *MailboxInfo.
var mailboxRow = Value{
	Parse: func(p *Parser) any {
		p.SP()
		m := new(MailboxInfo)
		p.List(func() {
			start := p.pos
			p.Try('\\')
			p.Atom()
			if p.err == nil {
				m.Attrs = append(m.Attrs, internAttr(p.buf[start:p.pos]))
			}
		})
		p.SP()
		if !p.TryNIL() {
			var b []byte
			if p.Lenient {
				b = p.AString()
			} else {
				b = p.Str()
			}
			var n int
			if m.Delim, n = utf8.DecodeRune(b); p.err == nil && n != len(b) {
				p.Fail("a delimiter of one character")
			}
		}
		p.SP()
		m.Name = p.Mailbox()
		if p.Try(' ') && !(p.Lenient && p.AtEnd()) {
			p.List(func() { p.listItem(m) })
		}
		return m
	},
	Append: func(e *Encoder, v any) {
		if m, ok := argument[*MailboxInfo](e, v); ok {
			e.mailboxRow(m)
		}
	},
	Sample: func(r *rand.Rand) any {
		m := &MailboxInfo{Name: sampleMailbox(r), Delim: []rune{0, '/', '"', '\\', '.'}[r.IntN(5)]}
		for range r.IntN(3) {
			m.Attrs = append(m.Attrs, knownAttrs[r.IntN(len(knownAttrs))])
		}
		if r.IntN(3) == 0 {
			m.ChildInfo = []string{"SUBSCRIBED"}
			m.OldName = "old \u00e9"
		}
		if r.IntN(3) == 0 {
			m.Extra = []Param{{"X-ITEM", []byte(`(a "b" (c))`)}}
		}
		return m
	},
}

// listItem takes one extended item of a row. RFC 5258, section 6,
// mbox-list-extended-item.
func (p *Parser) listItem(m *MailboxInfo) {
	tag := upper(p.AString())
	p.SP()
	switch tag {
	case "CHILDINFO":
		p.List(func() { m.ChildInfo = append(m.ChildInfo, string(p.AString())) })
	case "OLDNAME":
		p.Open()
		m.OldName = p.Mailbox()
		p.Close()
	default:
		raw := p.Skip()
		m.Extra = append(m.Extra, Param{tag, append([]byte(nil), raw...)})
	}
}

// mailboxRow appends a row of LIST from the space behind the name on.
func (e *Encoder) mailboxRow(m *MailboxInfo) {
	e.SP()
	e.encodeList(len(m.Attrs), func(i int) { e.Flag(Flag(m.Attrs[i])) })
	if m.Delim == 0 {
		e.Raw(" NIL ")
	} else {
		e.SP()
		e.Quoted(string(m.Delim))
		e.SP()
	}
	e.Mailbox(m.Name)
	n := len(m.Extra)
	if n == 0 && m.ChildInfo == nil && m.OldName == "" {
		return
	}
	e.Raw(" (")
	space := false
	item := func(tag string) {
		if space {
			e.SP()
		}
		space = true
		e.Str(tag)
		e.SP()
	}
	if m.ChildInfo != nil {
		item("CHILDINFO")
		e.encodeList(len(m.ChildInfo), func(i int) { e.Str(m.ChildInfo[i]) })
	}
	if m.OldName != "" {
		item("OLDNAME")
		e.Byte('(')
		e.Mailbox(m.OldName)
		e.Byte(')')
	}
	for _, x := range m.Extra {
		item(x.Name)
		if raw, ok := argument[[]byte](e, x.Arg); ok {
			e.RawBytes(raw)
		}
	}
	e.Byte(')')
}
