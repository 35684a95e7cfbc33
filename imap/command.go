package imap

import (
	"github.com/mailwire/mailwire/internal/ascii"
)

// A Command is a command with its arguments. RFC 9051, section 6.
type Command struct {
	Tag    string
	Spec   *CommandSpec
	UID    bool // its UID form. RFC 9051, section 6.4.9
	Args   any  // what Spec.Parse says; nil: none
	Traits Traits
}

// Name returns the name as it is written: "FETCH", "UID FETCH".
func (c *Command) Name() string {
	switch {
	case c.Spec == nil:
		return ""
	case c.UID && c.Spec.UID:
		return "UID " + c.Spec.Name
	}
	return c.Spec.Name
}

// ParseCommand takes a whole command. Whether it is allowed in the state of a
// session is not its business. The error is a *SyntaxError or a *Reject.
func (p *Parser) ParseCommand() (*Command, error) {
	c := new(Command)
	p.tag(c)
	p.SP()
	p.commandName(c)
	p.arguments(c)
	if p.err != nil {
		return nil, p.err
	}
	return c, nil
}

// tag takes a tag: RFC 9051, section 9.
func (p *Parser) tag(c *Command) { c.Tag = string(p.span(tagChar, "a tag")) }

// commandName takes the name, "UID" included, and finds its entry: "UID FETCH" is
// a form of FETCH, but UID EXPUNGE is a command of its own, which came with an
// extension.
func (p *Parser) commandName(c *Command) {
	start := p.pos
	name := p.span(atomChar, "a command")
	if ascii.EqualFold(name, "UID") {
		p.SP()
		c.UID = true
		name = p.span(atomChar, "a command")
	}
	if p.err != nil {
		return
	}
	c.Spec = lookup(p.grammar().commands, name, p.offer)
	if c.UID && (c.Spec == nil || !c.Spec.UID) {
		c.Spec = lookup(p.grammar().commands, p.buf[start:p.pos], p.offer)
	}
	if c.Spec == nil {
		p.pos = start
		p.Fail("a command that is offered")
	}
}

// arguments takes what stands behind the name, to the end.
func (p *Parser) arguments(c *Command) {
	if p.err != nil {
		return
	}
	if c.Spec.Parse != nil {
		c.Spec.Parse(p, c)
	}
	p.End()
	c.Traits = c.Spec.Traits.effective(c.UID, p.traits)
}

// Command appends a command with its CRLF.
func (e *Encoder) Command(c *Command) {
	if c.Tag == "" || !ascii.All(tagChar, c.Tag) {
		e.Fail("the tag " + quote(c.Tag))
		return
	}
	e.Raw(c.Tag)
	e.SP()
	e.Raw(c.Name())
	if c.Spec.Append != nil {
		c.Spec.Append(e, c.Args)
	} else if c.Args != nil {
		e.Fail("arguments of " + c.Spec.Name)
	}
	e.CRLF()
}
