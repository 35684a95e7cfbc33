package mime

import (
	"bytes"
	"io"
	"testing"
	"unicode/utf8"
)

// TestCorpus asks of real and of broken mail what the fuzz targets ask of their
// inputs: nothing fails, nothing is lost, an edit touches one field.
func TestCorpus(t *testing.T) {
	messages, edits := 0, 0
	for name, b := range corpusFiles(t) {
		messages++
		t.Run(name, func(t *testing.T) {
			checkIndex(t, b)
			checkSections(t, b)
			m := Parse(b, nil)
			checkWalk(t, m)
			n := m.Header().Len()
			for k := range min(n, 40) {
				edits++
				checkFieldEdit(t, b, k, "edited ü field")
			}
			checkReaderAt(t, b)
		})
	}
	t.Logf("%d files, %d edits", messages, edits)
}

// checkWalk reads all there is.
func checkWalk(t testing.TB, m *Message) {
	t.Helper()
	m.Check()
	v := m.Views()
	for _, list := range [][]Part{v.Text, v.HTML, v.Attachments, v.Calendar} {
		for _, p := range list {
			checkText(t, p.Filename())
			checkText(t, p.ContentID())
		}
	}
	if s := m.Preview(256); !utf8.ValidString(s) || utf8.RuneCountInString(s) > 256 {
		t.Fatalf("preview %q", s)
	}
	for p := range m.Parts() {
		for _, f := range p.Header().Fields() {
			checkText(t, f.Text())
		}
		if s, err := p.ReadText(-1); err != nil || !utf8.ValidString(s) {
			t.Fatalf("part %s: %v", p.Number(), err)
		}
		if in, err := p.Message(); err == nil {
			checkSpans(t, in)
			want, _ := p.ReadDecoded(-1)
			var out bytes.Buffer
			if _, err := in.WriteTo(&out); err != nil || p.Kind() == Embedded && !bytes.Equal(out.Bytes(), want) {
				t.Fatalf("message in part %s is not its octets", p.Number())
			}
		}
	}
	m.Security()
	m.HasAttachment()
	if r, ok := m.Report(); ok && !r.Status.IsZero() {
		b, _ := r.Status.ReadDecoded(-1)
		ParseDeliveryStatus(b)
	}
	if err := m.Err(); err != nil {
		t.Fatal(err)
	}
}

// checkReaderAt: a source that is read piecewise gives the same.
func checkReaderAt(t testing.TB, b []byte) {
	t.Helper()
	want := Parse(b, nil)
	got, err := ParseAt(bytes.NewReader(b), int64(len(b)), nil)
	if err != nil {
		t.Fatal(err)
	}
	for p := range want.Parts() {
		q := Part{got, p.i}
		a, _ := p.ReadText(-1)
		c, err := q.ReadText(-1)
		if a != c || err != nil || p.Number() != q.Number() || p.Filename() != q.Filename() {
			t.Fatalf("part %s differs through a ReaderAt: %v", p.Number(), err)
		}
	}
	var out bytes.Buffer
	if _, err := got.Rewrite(&out); err != nil || !bytes.Equal(out.Bytes(), b) {
		t.Fatalf("rewriting without edits is not the identity: %v", err)
	}
}

// TestSourceError: an error of the source is reported, and content ends there.
func TestSourceError(t *testing.T) {
	msg := newsletter(100 << 10)
	m := Parse(msg, nil)
	index := m.AppendIndex(nil)
	short, err := LoadIndex(index, bytes.NewReader(msg[:len(msg)/2]), nil)
	if err != nil {
		t.Fatal(err)
	}
	if short.Err() != nil {
		t.Errorf("error before reading: %v", short.Err())
	}
	var last Part
	for p := range short.Parts() {
		last = p
	}
	if _, err := last.ReadDecoded(-1); err != io.ErrUnexpectedEOF {
		t.Errorf("ReadDecoded of what is missing: %v", err)
	}
	if short.Err() != io.ErrUnexpectedEOF {
		t.Errorf("Err is %v", short.Err())
	}
	if _, err := ParseAt(bytes.NewReader(msg[:10]), 20, nil); err != io.ErrUnexpectedEOF {
		t.Errorf("ParseAt of a short source: %v", err)
	}
	none, err := LoadIndex(index, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := none.Root().ReadText(-1); err != ErrNoSource {
		t.Errorf("without source: %v", err)
	}
}
