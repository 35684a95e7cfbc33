package mime

import (
	"bytes"
	"io"
)

// NewFlowedReader reads text/plain; format=flowed and gives each paragraph on
// one line: space-stuffing is undone, lines that end in a space are joined to
// the next of the same quote depth, with delSp without that space. Quote marks
// stand once, in front of the paragraph, followed by a space. The signature
// line "-- " is never joined. Line ends come out as LF. RFC 3676, section 4.
//
// A line is kept in memory up to 64 KiB; a longer one is given on as it comes.
func NewFlowedReader(r io.Reader, delSp bool) *Reader {
	return &Reader{src: r, decode: &flowedFilter{delSp: delSp}}
}

type flowedFilter struct {
	delSp bool
	line  []byte // an incomplete line
	begun bool   // the start of that line is written already
	depth int    // of the paragraph that is open
	open  bool
}

const mostFlowedLine = 64 << 10

func (f *flowedFilter) defect() DefectKind { return 0 }

func (f *flowedFilter) apply(dst, src []byte, eof bool) []byte {
	for {
		lf := bytes.IndexByte(src, '\n')
		if lf < 0 {
			break
		}
		line := src[:lf]
		if len(f.line) > 0 {
			f.line = append(f.line, line...)
			line = f.line
		}
		dst = f.take(dst, bytes.TrimRight(line, "\r"), true)
		f.line = f.line[:0]
		src = src[lf+1:]
	}
	f.line = append(f.line, src...)
	switch {
	case eof && (len(f.line) > 0 || f.begun):
		dst = f.take(dst, bytes.TrimRight(f.line, "\r"), true)
		f.line = f.line[:0]
	case len(f.line) > mostFlowedLine: // what may be the space at its end waits
		n := trimmed(f.line)
		if len(f.line)-n > mostFlowedLine {
			n = len(f.line) - 1
		}
		dst = f.take(dst, f.line[:n], false)
		f.line = append(f.line[:0], f.line[n:]...)
	}
	if eof && f.open {
		dst = append(dst, '\n')
		f.open = false
	}
	return dst
}

// take adds a line without its line end, or unless whole a piece of a long one.
func (f *flowedFilter) take(dst, text []byte, whole bool) []byte {
	signature := false
	if !f.begun {
		line, depth := text, 0
		for depth < len(line) && line[depth] == '>' {
			depth++
		}
		text = bytes.TrimPrefix(line[depth:], []byte(" "))
		signature = whole && string(text) == "-- "
		if f.open && (depth != f.depth || signature) {
			dst = append(dst, '\n') // improper, but it ends here: RFC 3676, section 4.5
			f.open = false
		}
		if !f.open && depth > 0 {
			dst = append(append(dst, line[:depth]...), ' ')
		}
		f.depth = depth
	}
	if f.begun = !whole; f.begun {
		return append(dst, text...)
	}
	f.open = !signature && len(text) > 0 && text[len(text)-1] == ' '
	if f.open && f.delSp {
		text = text[:len(text)-1]
	}
	dst = append(dst, text...)
	if !f.open {
		dst = append(dst, '\n')
	}
	return dst
}
