package imap

import (
	"math/rand/v2"

	"github.com/mailwire/mailwire/internal/ascii"
)

// extensionCodes are the codes of extensions whose grammar is otherwise not
// here, so that both sides can type them, and those that any command may have.
var extensionCodes = []CodeSpec{
	{Name: "BADCOMPARATOR"},             // RFC 5255, section 4.9
	{Name: "BADEVENT", Value: charsets}, // RFC 5465, section 5: the events that are known
	{Name: "BADURL", Value: codeText},   // RFC 4469, section 4
	{Name: "INPROGRESS", Value: progress, NoArg: true},
	{Name: "MAILBOXID", Value: mailboxID},       // RFC 8474, section 4.2
	{Name: "MESSAGELIMIT", Value: messageLimit}, // RFC 9738
	{Name: "METADATA", Value: metadataCode},     // RFC 5464, sections 4.2.1 and 4.3
	{Name: "NOTIFICATIONOVERFLOW"},              // RFC 5465, section 5.8
	{Name: "NOUPDATE", Value: quotedCode},       // RFC 5267, section 4.3.1
	{Name: "TOOBIG"},                            // RFC 7889, section 4
	{Name: "TOOFEW"},
	{Name: "TOOMANY"},
	{Name: "UIDREQUIRED"},                       // RFC 9586, section 3
	{Name: "UNDEFINED-FILTER", Value: codeText}, // RFC 5466, section 3.1
}

// A ProgressCode is the argument of INPROGRESS: how far a command is. RFC 9585;
// its text was not at hand, so this is what servers are known to send.
type ProgressCode struct {
	Tag         string // "" for NIL
	Done, Total uint32 // Total 0 for NIL
}

var progress = Value{
	Parse: func(p *Parser) any {
		c := new(ProgressCode)
		p.Open()
		if !p.TryNIL() {
			c.Tag = string(p.Str())
		}
		p.SP()
		if !p.TryNIL() {
			c.Done = p.Number()
		}
		p.SP()
		if !p.TryNIL() {
			c.Total = p.NZNumber()
		}
		p.Close()
		return c
	},
	Append: func(e *Encoder, v any) {
		c, ok := argument[*ProgressCode](e, v)
		if !ok {
			return
		}
		e.Byte('(')
		if c.Tag == "" || !ascii.All(tagChar.Without("]"), c.Tag) { // "]" would end the code for simple clients
			e.Raw("NIL")
		} else {
			e.Quoted(c.Tag)
		}
		e.SP()
		e.Number(uint64(c.Done))
		e.SP()
		if c.Total == 0 {
			e.Raw("NIL")
		} else {
			e.Number(uint64(c.Total))
		}
		e.Byte(')')
	},
	Sample: func(r *rand.Rand) any {
		return &ProgressCode{[]string{"", "a1"}[r.IntN(2)], r.Uint32N(50), []uint32{0, 99}[r.IntN(2)]}
	},
}

// mailboxID: string.
var mailboxID = Value{
	Parse: func(p *Parser) any {
		p.Open()
		id := string(p.Atom())
		p.Close()
		return id
	},
	Append: func(e *Encoder, v any) {
		if id, ok := argument[string](e, v); ok {
			e.Byte('(')
			e.Atom(id)
			e.Byte(')')
		}
	},
	Sample: func(r *rand.Rand) any { return sampleAtom(r) },
}

// A MessageLimitCode is the argument of MESSAGELIMIT: how many messages one
// command may touch, and the lowest UID that was. RFC 9738; its text was not at
// hand.
type MessageLimitCode struct {
	Limit uint32
	UID   UID // 0: not given
}

var messageLimit = Value{
	Parse: func(p *Parser) any {
		c := &MessageLimitCode{Limit: p.NZNumber()}
		if p.Try(' ') {
			c.UID = UID(p.NZNumber())
		}
		return c
	},
	Append: func(e *Encoder, v any) {
		if c, ok := argument[*MessageLimitCode](e, v); ok {
			e.Number(uint64(c.Limit))
			if c.UID != 0 {
				e.SP()
				e.Number(uint64(c.UID))
			}
		}
	},
	Sample: func(r *rand.Rand) any { return &MessageLimitCode{sampleNumber(r), UID(r.Uint32N(2) * 7)} },
}

// A MetadataCode is the argument of METADATA: LONGENTRIES or MAXSIZE with a
// number, TOOMANY or NOPRIVATE without.
type MetadataCode struct {
	Name string
	N    uint32
}

var metadataCode = Value{
	Parse: func(p *Parser) any {
		c := &MetadataCode{Name: upper(p.Label())}
		if c.Name == "LONGENTRIES" || c.Name == "MAXSIZE" {
			p.SP()
			c.N = p.Number()
		}
		return c
	},
	Append: func(e *Encoder, v any) {
		if c, ok := argument[*MetadataCode](e, v); ok {
			e.Label(c.Name)
			if c.Name == "LONGENTRIES" || c.Name == "MAXSIZE" {
				e.SP()
				e.Number(uint64(c.N))
			}
		}
	},
	Sample: func(r *rand.Rand) any {
		return []any{&MetadataCode{"MAXSIZE", 5}, &MetadataCode{"LONGENTRIES", 9}, &MetadataCode{"TOOMANY", 0}, &MetadataCode{"NOPRIVATE", 0}}[r.IntN(4)]
	},
}

// quotedCode: string, in quotes.
var quotedCode = Value{
	Parse: func(p *Parser) any { return string(p.Str()) },
	Append: func(e *Encoder, v any) {
		if s, ok := argument[string](e, v); ok {
			e.Quoted(s)
		}
	},
	Sample: func(r *rand.Rand) any { return sampleAtom(r) },
}
