package imap

import (
	"math/rand/v2"
	"unicode/utf8"
)

// Namespace is NAMESPACE.
var Namespace = &Feature{
	Name: "NAMESPACE", RFC: 2342,
	Caps:     []Cap{CapNamespace, CapRev2},
	Commands: []CommandSpec{{Name: "NAMESPACE", In: afterLogin}},
	Data:     []DataSpec{{Name: "NAMESPACE", Value: namespaceValue}},
}

// Namespaces are where mailboxes are found: the user's own, those of other
// users, those that are shared. nil is NIL. RFC 9051, section 6.3.10.
type Namespaces struct{ Personal, Other, Shared []NamespaceRow }

// A NamespaceRow is one place.
type NamespaceRow struct {
	Prefix string // in UTF-8
	Delim  rune   // 0: NIL
	Extra  []byte // extensions, from the space on, as they came
}

var namespaceValue = Value{
	Parse: func(p *Parser) any {
		n := new(Namespaces)
		for _, rows := range []*[]NamespaceRow{&n.Personal, &n.Other, &n.Shared} {
			p.SP()
			*rows = p.namespaceRows()
		}
		return n
	},
	Append: func(e *Encoder, v any) {
		n, ok := argument[*Namespaces](e, v)
		if !ok {
			return
		}
		for _, rows := range [][]NamespaceRow{n.Personal, n.Other, n.Shared} {
			e.SP()
			e.namespaceRows(rows)
		}
	},
	Sample: func(r *rand.Rand) any {
		n := &Namespaces{Personal: []NamespaceRow{{"", '/', nil}}}
		if r.IntN(2) == 0 {
			n.Other = []NamespaceRow{{"~", '.', nil}, {sampleMailbox(r), 0, []byte(` "X" ("a" "b")`)}}
		}
		return n
	},
}

func (p *Parser) namespaceRows() []NamespaceRow {
	if p.TryNIL() {
		return nil
	}
	var rows []NamespaceRow
	p.Open()
	for p.err == nil && !p.Try(')') {
		var row NamespaceRow
		p.Open()
		row.Prefix = p.Mailbox()
		p.SP()
		if !p.TryNIL() {
			row.Delim, _ = utf8.DecodeRune(p.Str())
		}
		start := p.pos
		for p.Try(' ') {
			p.Skip()
		}
		if p.err == nil && p.pos > start {
			row.Extra = append([]byte(nil), p.buf[start:p.pos]...)
		}
		p.Close()
		rows = append(rows, row)
		if p.Lenient {
			p.Try(' ')
		}
	}
	p.level--
	return rows
}

func (e *Encoder) namespaceRows(rows []NamespaceRow) {
	if len(rows) == 0 {
		e.Raw("NIL")
		return
	}
	e.Byte('(')
	for _, row := range rows {
		e.Byte('(')
		prefix := row.Prefix
		if !e.eightBit() {
			prefix = string(AppendUTF7(nil, prefix))
		}
		e.Str(prefix) // a string, never an atom
		e.SP()
		if row.Delim == 0 {
			e.Raw("NIL")
		} else {
			e.Quoted(string(row.Delim))
		}
		e.RawBytes(row.Extra)
		e.Byte(')')
	}
	e.Byte(')')
}
