package mime

import (
	"html"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mailwire/mailwire/internal/ascii"
)

// mostPreview bounds how many octets of text are read for a preview.
const mostPreview = 256 << 10

// Preview returns up to max characters of the text that the message starts with,
// in one line: white space collapsed, of HTML without tags, style and script.
// It reads no more than 256 KiB of text.
func (m *Message) Preview(max int) string {
	v := m.Views()
	parts := v.Text
	if len(parts) == 0 {
		parts = v.HTML
	}
	c := collector{max: max}
	left := mostPreview
	for _, p := range parts {
		if c.count >= max {
			break
		}
		if !p.Is("text/*") {
			continue
		}
		var w io.Writer = &c
		if p.Is("text/html") {
			w = &tagFilter{to: &c}
		}
		r := p.Text()
		for left > 0 && r.fill() {
			left -= len(r.rest)
			if _, err := w.Write(r.rest); err != nil {
				break
			}
		}
		r.release()
		c.space = true
	}
	return string(c.out)
}

// A collector takes text and keeps its first characters, white space collapsed.
type collector struct {
	out   []byte
	part  []byte // an incomplete character
	max   int
	count int
	space bool
}

// Write fails when there is enough, to end the copy.
func (c *collector) Write(p []byte) (int, error) {
	n := len(p)
	if len(c.part) > 0 {
		p = append(c.part, p...)
		c.part = nil
	}
	for len(p) > 0 {
		if c.count >= c.max {
			return n, io.ErrShortWrite
		}
		if !utf8.FullRune(p) {
			c.part = append([]byte(nil), p...)
			break
		}
		r, size := utf8.DecodeRune(p)
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r) || r == 0xFEFF || r == 0x200B || r == 0x200C || r == 0x034F:
			c.space = true
		case c.space && len(c.out) > 0 && c.count+1 >= c.max:
			c.count = c.max
			return n, io.ErrShortWrite
		default:
			if c.space && len(c.out) > 0 {
				c.out = append(c.out, ' ')
				c.count++
			}
			c.space = false
			c.out = append(c.out, p[:size]...)
			c.count++
		}
		p = p[size:]
	}
	return n, nil
}

// A tagFilter passes on the text of HTML. It is for a preview and a search: no
// more than that is promised of it.
type tagFilter struct {
	to    io.Writer
	state tagState
	name  []byte // of the tag, up to what matters
	until string // the element whose end is waited for
	ref   []byte // a character reference
	buf   []byte
	quote byte
}

type tagState uint8

const (
	tagText tagState = iota
	tagName
	tagInside
	tagQuoted
	tagComment
	tagReference
)

const mostReference = 32

func (f *tagFilter) Write(p []byte) (int, error) {
	f.buf = f.buf[:0]
	for _, c := range p {
		f.octet(c)
	}
	_, err := f.to.Write(f.buf)
	return len(p), err
}

func (f *tagFilter) octet(c byte) {
	switch f.state {
	case tagText:
		switch {
		case c == '<':
			f.state, f.name = tagName, f.name[:0]
		case f.until != "":
		case c == '&':
			f.state, f.ref = tagReference, append(f.ref[:0], c)
		default:
			f.buf = append(f.buf, c)
		}
	case tagName:
		if (ascii.LetDig[c] || c == '/' && len(f.name) == 0 || c == '!' || c == '-') && len(f.name) < 16 {
			f.name = append(f.name, ascii.Lower(c))
			if string(f.name) == "!--" {
				f.state, f.name = tagComment, f.name[:0]
			}
			return
		}
		f.state = tagInside
		if f.until != "" && string(f.name) != f.until { // "<" in a script is no tag
			f.state = tagText
		}
		f.octet(c)
	case tagInside:
		switch c {
		case '>':
			f.endTag()
		case '"', '\'':
			f.state, f.quote = tagQuoted, c
		}
	case tagQuoted:
		if c == f.quote {
			f.state = tagInside
		}
	case tagComment:
		f.name = append(f.name[:min(len(f.name), 2)], c)
		if c == '>' && string(f.name[:min(len(f.name), 2)]) == "--" {
			f.state = tagText
		} else if len(f.name) == 3 {
			f.name = append(f.name[:0], f.name[1:]...)
		}
	case tagReference:
		if c == ';' || len(f.ref) < mostReference && (ascii.LetDig[c] || c == '#') {
			f.ref = append(f.ref, c)
			if c != ';' {
				return
			}
			f.buf = append(f.buf, html.UnescapeString(string(f.ref))...)
			f.state = tagText
			return
		}
		f.buf = append(f.buf, html.UnescapeString(string(f.ref))...)
		f.state = tagText
		f.octet(c)
	}
}

// endTag looks at the tag that has ended.
func (f *tagFilter) endTag() {
	f.state = tagText
	name := string(f.name)
	switch {
	case f.until != "":
		if name == f.until {
			f.until = ""
		}
	case name == "script" || name == "style" || name == "title" || name == "head":
		f.until = "/" + name
	default:
		if !inlineTags[strings.TrimPrefix(name, "/")] {
			f.buf = append(f.buf, ' ')
		}
	}
}

// inlineTags do not separate words.
var inlineTags = map[string]bool{"a": true, "b": true, "i": true, "u": true, "em": true, "strong": true, "span": true,
	"font": true, "small": true, "big": true, "sub": true, "sup": true, "tt": true, "code": true, "wbr": true}
