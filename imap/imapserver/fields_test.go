package imapserver

import (
	"bytes"
	"io"
	"testing"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/mime"
)

// FuzzFields: what is selected straight from the octets is what package mime
// selects, whatever the message.
func FuzzFields(f *testing.F) {
	for _, s := range []string{
		"From: a\r\nSubject: b\r\n c\r\n\tTo: d\r\nTo: e\r\n\r\nbody",
		"From: a\r\n\r\n\r\n", "\r\n\r\n", "a:\r\n\r\n", " folded\r\nA: b\r\n\r\n", "A: b\r\n \r\nC: d\r\n\r\n", "A : b\r\n\r\n",
		"From x@y Mon\r\nA: b\r\n\r\n", "\xef\xbb\xbfA: b\r\n\r\n", "A: b\nC: d\r\n\r\n", "A: b\r\njunk\r\nC: d\r\n\r\n", "A: b\r\r\nC: d\r\n\r\n",
		"A: b\x00\r\nC\xff: d\r\n\r\n", "A: b\r\n\t\r\n\r\n", ": b\r\n\r\n", "A: b\r\nA: c",
	} {
		f.Add([]byte(s), "A", true)
		f.Add([]byte(s), "to", false)
	}
	f.Fuzz(func(t *testing.T, octets []byte, name string, named bool) {
		end := bytes.Index(octets, headerEnd)
		if end < 0 {
			return
		}
		header := bytes.Clone(octets[:end+len(headerEnd)])
		names := []string{name, "Subject"}
		got, ok := selectFields(header, names, named)
		if !ok {
			return // package mime is asked
		}
		kind := mime.SectionFieldsNot
		if named {
			kind = mime.SectionFields
		}
		section, _ := mime.Parse(octets, nil).Section(mime.Section{Kind: kind, Fields: names})
		if want, err := io.ReadAll(section); err != nil || !bytes.Equal(got, want) {
			t.Errorf("of %q %v %q got\n%q, want\n%q, %v", octets, named, names, got, want, err)
		}
	})
}

// The plain headers that there are take the short way, and others do not.
func TestPlainHeader(t *testing.T) {
	tests := []struct {
		header string
		want   bool
	}{
		{"A: b\r\n\r\n", true},
		{"A: b\r\n c\r\n\td\r\nX-Y: z\r\n\r\n", true},
		{"A:\r\n\r\n", true},
		{"A: b\xff\r\n\r\n", true},
		{" c\r\nA: b\r\n\r\n", false},
		{"A : b\r\n\r\n", false},
		{"A\r\n\r\n", false},
		{": b\r\n\r\n", false},
		{"A: b\nB: c\r\n\r\n", false},
		{"\r\nA: b\r\n\r\n", false},
	}
	for _, tt := range tests {
		if got := plainHeader([]byte(tt.header)); got != tt.want {
			t.Errorf("plainHeader(%q) = %v", tt.header, got)
		}
	}
}

// A header is found however long it is, and read no further than it is worth.
func TestFieldsRead(t *testing.T) {
	long := "A: " + string(bytes.Repeat([]byte("x"), 5000)) + "\r\nB: c\r\n\r\n"
	tests := []struct {
		name, message string
		done          bool
		want          string
		most          int // octets read
	}{
		{"short", "A: b\r\nB: c\r\n\r\nbody", true, "BODY[HEADER.FIELDS (B)] {8}\r\nB: c\r\n\r\n", 20},
		{"big body", "B: c\r\n\r\n" + string(make([]byte, 1<<20)), true, "BODY[HEADER.FIELDS (B)] {8}\r\nB: c\r\n\r\n", firstRead},
		{"long", long, true, "BODY[HEADER.FIELDS (B)] {8}\r\nB: c\r\n\r\n", 8 << 10},
		{"too long", "A: " + string(bytes.Repeat([]byte("x"), maxCopied)) + "\r\nB: c\r\n\r\n", false, "", maxCopied},
		{"no end", "A: b\r\n", false, "", 6},
		{"nothing", "", false, "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			src := &countingContent{Reader: bytes.NewReader([]byte(tt.message))}
			m := &Message{Size: int64(len(tt.message)), Open: func() (Content, error) { return src, nil }}
			r := &Row{Message: m, Enc: new(imap.Encoder)}
			s := &imap.Section{Kind: imap.SectionFields, Fields: []string{"B"}}
			done, err := r.fields(&imap.FetchItem{Name: "BODY.PEEK", Section: s}, s)
			got := string(bytes.TrimPrefix(r.Enc.Bytes(), []byte(" ")))
			if done != tt.done || err != nil || got != tt.want || src.read > tt.most {
				t.Errorf("%v, %v, %q behind %d octets; want %v, %q behind at most %d", done, err, got, src.read, tt.done, tt.want, tt.most)
			}
		})
	}
}

// countingContent counts what is read.
type countingContent struct {
	*bytes.Reader
	read int
}

func (c *countingContent) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.Reader.ReadAt(p, off)
	c.read += n
	return n, err
}

func (c *countingContent) Close() error { return nil }
