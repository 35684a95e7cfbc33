package mime

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
)

// An Edit changes one part of a message that is written. Header replaces its
// fields, Body its body, as it is to lie there, in its encoding. Drop removes
// the part; of a multipart that would have no part left, an empty one stays.
type Edit struct {
	Part   Part
	Header *Header
	Body   io.Reader
	Drop   bool
}

// A cut is a stretch of the message and what is written in its place.
type cut struct {
	from, to int64
	put      []byte
	body     io.Reader
}

// Rewrite writes the message with edits, octet for octet but for these. The
// error is ErrEdit, wrapped, for parts of another message, edits that overlap,
// and the root dropped; else that of the source, a Body or w.
func (m *Message) Rewrite(w io.Writer, edits ...Edit) (int64, error) {
	cuts, err := m.cuts(edits)
	if err != nil {
		return 0, err
	}
	out := newEncoder(w)
	defer out.release()
	err = m.writeCuts(out.start(Binary, m.base != nil), cuts)
	if ferr := out.flush(); err == nil {
		err = ferr
	}
	return out.n, err
}

func (m *Message) writeCuts(w io.Writer, cuts []cut) error {
	pos := int64(0)
	for _, e := range cuts {
		if err := m.copy(w, pos, e.from); err != nil {
			return err
		}
		if _, err := w.Write(e.put); err != nil {
			return err
		}
		if e.body != nil {
			if _, err := io.Copy(w, e.body); err != nil {
				return err
			}
		}
		pos = e.to
	}
	return m.copy(w, pos, m.size)
}

func (m *Message) copy(w io.Writer, from, to int64) error {
	n, err := io.Copy(w, io.NewSectionReader((*octets)(m), from, to-from))
	if err == nil && n < to-from {
		err = io.ErrUnexpectedEOF
	}
	return err
}

func (m *Message) cuts(edits []Edit) ([]cut, error) {
	var cuts []cut
	dropped := make(map[int32]bool)
	for _, e := range edits {
		switch {
		case e.Part.m == nil || e.Part.m.owner() != m.owner():
			return nil, fmt.Errorf("%w: part of another message", ErrEdit)
		case e.Drop && e.Part.i == 0:
			return nil, fmt.Errorf("%w: the root cannot be dropped", ErrEdit)
		case e.Drop:
			dropped[e.Part.i] = true
			continue
		}
		if e.Header != nil {
			cuts = append(cuts, m.headerCut(e.Part, e.Header))
		}
		if e.Body != nil {
			r := e.Part.rec()
			cuts = append(cuts, cut{from: r.body, to: r.end, body: e.Body})
		}
	}
	cuts = m.dropCuts(cuts, dropped)
	slices.SortStableFunc(cuts, func(a, b cut) int { return cmp.Compare(a.from, b.from) })
	for i := 1; i < len(cuts); i++ {
		if cuts[i].from < cuts[i-1].to {
			return nil, fmt.Errorf("%w: edits overlap", ErrEdit)
		}
	}
	return cuts, nil
}

// headerCut replaces the fields of a part and leaves the empty line as it is. A
// header without one gets it where a body follows.
func (m *Message) headerCut(p Part, h *Header) cut {
	r := p.rec()
	_, block, n := m.header(p.i)
	c := cut{from: r.header, to: r.header + n, put: h.Append(nil)}
	if c.to < r.body { // what is over MaxHeader follows
		return c
	}
	empty := emptyLine(block[:n])
	switch {
	case len(c.put) > 0 && c.put[len(c.put)-1] != '\n' && (len(empty) > 0 || r.body < m.size):
		c.put = append(c.put, h.lineEnd()...)
	}
	if len(empty) == 0 && r.body < r.end {
		empty = []byte(h.lineEnd())
	}
	c.put = append(c.put, empty...)
	return c
}

// dropCuts removes runs of parts that follow each other, with one delimiter for
// each part.
func (m *Message) dropCuts(cuts []cut, dropped map[int32]bool) []cut {
	done := make(map[int32]bool)
	for i := range dropped {
		up := Part{m, m.recs[i].parent}
		if done[up.i] {
			continue
		}
		done[up.i] = true
		if up.Kind() == Embedded {
			cuts = append(cuts, cut{from: m.recs[i].header, to: m.recs[i].end})
			continue
		}
		cuts = m.dropChildren(cuts, up, dropped)
	}
	return cuts
}

func (m *Message) dropChildren(cuts []cut, up Part, dropped map[int32]bool) []cut {
	var kept *record        // the last that stays
	first := (*record)(nil) // of the run that goes
	var last *record
	for p := range up.Children() {
		r := p.rec()
		switch {
		case dropped[p.i]:
			if first == nil {
				first = r
			}
			last = r
		default:
			if first != nil { // the delimiter in front of the run stays
				cuts = append(cuts, cut{from: first.header, to: r.header})
				first = nil
			}
			kept = r
		}
	}
	switch {
	case first == nil:
	case kept != nil:
		cuts = append(cuts, cut{from: kept.end, to: last.end})
	default:
		cuts = append(cuts, cut{from: first.header, to: last.end, put: m.emptyPart(first, last)})
	}
	return cuts
}

// emptyPart is what stands for a part without header and body.
func (m *Message) emptyPart(first, last *record) []byte {
	end := "\r\n"
	if b := m.read(max(first.header-2, 0), first.header); bytes.HasSuffix(b, []byte("\n")) && !bytes.HasSuffix(b, []byte("\r\n")) {
		end = "\n"
	}
	if last.end == m.recs[first.parent].end { // no delimiter follows
		return nil
	}
	return []byte(end)
}

// A crlfWriter puts a CR in front of each LF that has none.
type crlfWriter struct {
	w  io.Writer
	cr bool // the octet before is a CR
}

var crOctet = []byte{'\r'}

func (c *crlfWriter) Write(p []byte) (int, error) {
	from := 0 // what is not yet written
	for i := 0; ; i++ {
		n := bytes.IndexByte(p[i:], '\n')
		if n < 0 {
			break
		}
		if i += n; i > 0 && p[i-1] != '\r' || i == 0 && !c.cr {
			if _, err := c.w.Write(p[from:i]); err != nil {
				return from, err
			}
			if _, err := c.w.Write(crOctet); err != nil {
				return i, err
			}
			from = i
		}
	}
	if n := len(p); n > 0 {
		c.cr = p[n-1] == '\r'
	}
	n, err := c.w.Write(p[from:])
	return from + n, err
}
