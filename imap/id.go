package imap

import (
	"math/rand/v2"

	"github.com/mailwire/mailwire/internal/ascii"
)

// ID is ID: who the other program says that it is.
var ID = &Feature{
	Name: "ID", RFC: 2971,
	Commands: []CommandSpec{{Name: "ID", In: anyState, Parse: parseID, Append: appendID, Sample: sampleID}},
	Data: []DataSpec{{Name: "ID", Value: Value{
		Parse: func(p *Parser) any {
			p.SP()
			return p.idFields()
		},
		Append: func(e *Encoder, v any) { appendID(e, v) },
		Sample: func(r *rand.Rand) any { return sampleID(r, false) },
	}}},
}

// IDFields are the pairs of ID, in order. nil is NIL. RFC 2971, section 3.1.
type IDFields []IDField

// An IDField is one pair. Value nil: NIL.
type IDField struct {
	Name  string
	Value Text
}

// What RFC 2971, section 3.3, allows.
const (
	maxIDFields = 30
	maxIDName   = 30
	maxIDValue  = 1024
)

func parseID(p *Parser, c *Command) {
	p.SP()
	c.Args = p.idFields()
}

func (p *Parser) idFields() IDFields {
	if p.TryNIL() {
		return nil
	}
	fields := IDFields{}
	p.List(func() {
		f := IDField{Name: string(p.Str())}
		p.SP()
		f.Value = p.text()
		if p.Lenient {
			fields = append(fields, f)
			return
		}
		for _, g := range fields {
			if ascii.EqualFold(g.Name, f.Name) {
				p.Fail("each name of ID once")
			}
		}
		if len(fields) == maxIDFields || len(f.Name) > maxIDName || len(f.Value) > maxIDValue {
			p.Fail("at most 30 pairs, names of 30 octets, values of 1024")
		}
		fields = append(fields, f)
	})
	return fields
}

func appendID(e *Encoder, v any) {
	fields, ok := argument[IDFields](e, v)
	if !ok {
		return
	}
	e.SP()
	if fields == nil {
		e.Raw("NIL")
		return
	}
	e.encodeList(len(fields), func(i int) {
		e.Str(fields[i].Name)
		e.SP()
		e.NString(fields[i].Value)
	})
}

func sampleID(r *rand.Rand, _ bool) any {
	return []IDFields{nil, {}, {{"name", Text("x")}, {"version", nil}, {"os", Text("")}}}[r.IntN(3)]
}
