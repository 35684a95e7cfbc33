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
// A paragraph is kept in memory up to 64 KiB; a longer one goes on as it comes.
func NewFlowedReader(r io.Reader, delSp bool) *Reader {
	return &Reader{src: r, decode: &flowedFilter{delSp: delSp}}
}

type flowedFilter struct {
	delSp bool
	line  []byte // an incomplete line
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
		dst = f.take(dst, bytes.TrimRight(line, "\r"))
		f.line = f.line[:0]
		src = src[lf+1:]
	}
	f.line = append(f.line, src...)
	if len(f.line) > mostFlowedLine || eof && len(f.line) > 0 {
		dst = f.take(dst, bytes.TrimRight(f.line, "\r"))
		f.line = f.line[:0]
	}
	if eof && f.open {
		dst = append(dst, '\n')
		f.open = false
	}
	return dst
}

// take adds one line without its line end.
func (f *flowedFilter) take(dst, line []byte) []byte {
	depth := 0
	for depth < len(line) && line[depth] == '>' {
		depth++
	}
	text := line[depth:]
	if len(text) > 0 && text[0] == ' ' {
		text = text[1:]
	}
	signature := string(text) == "-- "
	if f.open && (depth != f.depth || signature) {
		dst = append(dst, '\n') // improper, but it ends here: RFC 3676, section 4.5
		f.open = false
	}
	if !f.open && depth > 0 {
		dst = append(dst, line[:depth]...)
		dst = append(dst, ' ')
	}
	f.open, f.depth = !signature && len(text) > 0 && text[len(text)-1] == ' ', depth
	if f.open && f.delSp {
		text = text[:len(text)-1]
	}
	dst = append(dst, text...)
	if !f.open {
		dst = append(dst, '\n')
	}
	return dst
}
