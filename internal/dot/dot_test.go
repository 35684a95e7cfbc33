package dot

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// decode runs a Decoder over pieces and returns the content, what is behind
// its end, and whether there was an end.
func decode(d *Decoder, pieces ...[]byte) (content, rest []byte, end bool) {
	for i, p := range pieces {
		for len(p) > 0 {
			chunk, n, e := d.Next(p)
			content = append(content, chunk...)
			p = p[n:]
			if e {
				return content, slices.Concat(p, slices.Concat(pieces[i+1:]...)), true
			}
		}
	}
	return content, nil, false
}

// octets cuts b into pieces of one octet, each in memory of its own.
func octets(b []byte) (pieces [][]byte) {
	for _, c := range b {
		pieces = append(pieces, []byte{c})
	}
	return pieces
}

func TestDecoder(t *testing.T) {
	tests := []struct {
		name, in      string
		content, rest string
		end, bare     bool
	}{
		{"empty message", ".\r\nQUIT\r\n", "", "QUIT\r\n", true, false},
		{"one line", "a\r\n.\r\nQUIT\r\n", "a\r\n", "QUIT\r\n", true, false},
		{"stuffed dot", "..\r\n.\r\n", ".\r\n", "", true, false},
		{"dot and text", ".z\r\n.\r\n", "z\r\n", "", true, false},
		{"dot inside a line", "a.\r\n.\r\n", "a.\r\n", "", true, false},
		{"NUL beside the dot", "a\r\n\x00.\r\n.\x00\r\n.\r\n", "a\r\n\x00.\r\n\x00\r\n", "", true, false},

		// None of these ends the content. RFC 5321, section 4.1.1.4.
		{"LF.LF", "a\n.\nb\r\n.\r\n", "a\n.\nb\r\n", "", true, true},
		{"LF.CRLF", "a\n.\r\nb\r\n.\r\n", "a\n.\r\nb\r\n", "", true, true},
		{"CRLF.LF", "a\r\n.\nb\r\n.\r\n", "a\r\n\nb\r\n", "", true, true},
		{"CR.CR", "a\r.\rb\r\n.\r\n", "a\r.\rb\r\n", "", true, true},
		{"CR.CRLF", "a\r.\r\nb\r\n.\r\n", "a\r.\r\nb\r\n", "", true, true},
		{"CR.LF", "a\r.\nb\r\n.\r\n", "a\r.\nb\r\n", "", true, true},
		{"LF.CR", "a\n.\rb\r\n.\r\n", "a\n.\rb\r\n", "", true, true},
		{"CRLF.CR", "a\r\n.\rb\r\n.\r\n", "a\r\n\rb\r\n", "", true, true},
		{"CRLF.CRCRLF", "a\r\n.\r\r\nb\r\n.\r\n", "a\r\n\r\r\nb\r\n", "", true, true},
		// This one does: the CR before CRLF is bare, the CRLF is a line end.
		{"CRCRLF.CRLF", "a\r\r\n.\r\nQUIT", "a\r\r\n", "QUIT", true, true},
		{"bare CR first", "\r.\r\n.\r\n", "\r.\r\n", "", true, true},
		{"bare LF first", "\n.\r\n.\r\n", "\n.\r\n", "", true, true},
		{"LF behind CRLF", "a\r\n\n.\r\n.\r\n", "a\r\n\n.\r\n", "", true, true},
		{"no end", "a\r\nb", "a\r\nb", "", false, false},
		{"CR at the end is not judged", "a\r", "a\r", "", false, false},
		{"dot and CR are held", "a\r\n.\r", "a\r\n", "", false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, pieces := range [][][]byte{{[]byte(tt.in)}, octets([]byte(tt.in))} {
				var d Decoder
				content, rest, end := decode(&d, pieces...)
				if string(content) != tt.content || string(rest) != tt.rest || end != tt.end || d.Bare() != tt.bare {
					t.Errorf("in %d pieces: content %q, rest %q, end %v, bare %v\nwant content %q, rest %q, end %v, bare %v",
						len(pieces), content, rest, end, d.Bare(), tt.content, tt.rest, tt.end, tt.bare)
				}
			}
		})
	}
}

func TestDecoderPlain(t *testing.T) {
	tests := []struct {
		in    string
		bare  bool
		state State
	}{
		{".\r\n..\r\n", false, LineStart},
		{"a\n", true, Text},
		{"a\r", false, AfterCR},
		{"a\rb", true, Text},
		{"\r\n", false, LineStart},
	}
	for _, tt := range tests {
		for _, pieces := range [][][]byte{{[]byte(tt.in)}, octets([]byte(tt.in))} {
			d := Decoder{Plain: true}
			content, _, end := decode(&d, pieces...)
			if string(content) != tt.in || end || d.Bare() != tt.bare || d.State() != tt.state {
				t.Errorf("%q in %d pieces: %q, end %v, bare %v, %v; want it unchanged, bare %v, %v",
					tt.in, len(pieces), content, end, d.Bare(), d.State(), tt.bare, tt.state)
			}
		}
	}
}

func TestEncoder(t *testing.T) {
	tests := []struct {
		name, in string
		stuffed  string
		plain    string
		bare     bool
	}{
		{"empty", "", ".\r\n", "", false},
		{"one dot", ".", "..\r\n.\r\n", ".", false},
		{"dot line", ".\r\n", "..\r\n.\r\n", ".\r\n", false},
		{"dot and text", "..x\r\n", "...x\r\n.\r\n", "..x\r\n", false},
		{"no final line end", "x", "x\r\n.\r\n", "x", false},
		{"LF then dot", "a\n.b", "a\r\n..b\r\n.\r\n", "a\r\n.b", true},
		{"CR then dot", "a\r.b", "a\r\n..b\r\n.\r\n", "a\r\n.b", true},
		{"CR at the end", "a\r", "a\r\n.\r\n", "a\r\n", true},
		{"CR CR LF", "a\r\r\n.b\r\n", "a\r\n\r\n..b\r\n.\r\n", "a\r\n\r\n.b\r\n", true},
		{"LF LF", "\n\n", "\r\n\r\n.\r\n", "\r\n\r\n", true},
		{"LF CR", "\n\ra", "\r\n\r\na\r\n.\r\n", "\r\n\r\na", true},
		{"dots inside", "a.b\r\nc.\r\n", "a.b\r\nc.\r\n.\r\n", "a.b\r\nc.\r\n", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, pieces := range [][][]byte{{[]byte(tt.in)}, octets([]byte(tt.in))} {
				e, p := Encoder{}, Encoder{Plain: true}
				stuffed, plain := encode(&e, pieces...), encode(&p, pieces...)
				if string(stuffed) != tt.stuffed || string(plain) != tt.plain || e.Bare() != tt.bare || p.Bare() != tt.bare {
					t.Errorf("in %d pieces: %q, plain %q, bare %v\nwant %q, plain %q, bare %v",
						len(pieces), stuffed, plain, e.Bare(), tt.stuffed, tt.plain, tt.bare)
				}
			}
		})
	}
}

func encode(e *Encoder, pieces ...[]byte) (out []byte) {
	for _, p := range pieces {
		out = e.Append(out, p)
	}
	return e.Finish(out)
}

// oracle is the definition: split at CRLF, a line of one dot ends, one dot goes.
func oracle(in string) (content, rest string, end bool) {
	lines := strings.SplitAfter(in, "\r\n")
	for i, line := range lines {
		if line == ".\r\n" {
			return content, strings.Join(lines[i+1:], ""), true
		}
		content += strings.TrimPrefix(line, ".")
	}
	return content, "", false
}

// bareLineEnds is the definition of bare.
func bareLineEnds(s string) bool {
	return strings.ContainsAny(strings.ReplaceAll(s, "\r\n", ""), "\r\n")
}

var seeds = []string{
	"", ".", ".\r\n", "a\r\n.\r\nb", "a\n.\nb\r\n.\r\n", "a\r\n.\r\r\n.\r\n", "..\r\n...\r\n.\r\n", "\r\r\n.\r\n", "\n\r", ".\r.\r\n.\r\n",
}

// FuzzDecoder: the Decoder agrees with the definition, whole, octet by octet
// and cut anywhere.
func FuzzDecoder(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), 1)
	}
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		cut = int(uint(cut) % uint(len(in)+1))
		wantContent, wantRest, wantEnd := oracle(string(in))
		ways := map[string][][]byte{"whole": {in}, "octets": octets(in), fmt.Sprint("cut at ", cut): {in[:cut], in[cut:]}}
		for way, pieces := range ways {
			var d Decoder
			content, rest, end := decode(&d, pieces...)
			if end != wantEnd || string(rest) != wantRest {
				t.Fatalf("%q %s: end %v, rest %q; want %v, %q", in, way, end, rest, wantEnd, wantRest)
			}
			if d.State() == AfterDotCR {
				content = append(content, '\r') // held until the next octet decides
			}
			if string(content) != wantContent {
				t.Fatalf("%q %s: content %q, want %q", in, way, content, wantContent)
			}
			if end {
				seen := in[:len(in)-len(rest)]
				if d.Bare() != bareLineEnds(string(seen)) {
					t.Fatalf("%q %s: bare %v", in, way, d.Bare())
				}
			}
		}
	})
}

// FuzzEncoder: encoding, then decoding, gives the normalised content; the end
// is found nowhere but at the end; every split encodes alike.
func FuzzEncoder(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), 1)
	}
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		cut = int(uint(cut) % uint(len(in)+1))
		var e Encoder
		stuffed := encode(&e, in)
		for _, pieces := range [][][]byte{octets(in), {in[:cut], in[cut:]}} {
			var e2 Encoder
			if got := encode(&e2, pieces...); !bytes.Equal(got, stuffed) || e2.Bare() != e.Bare() {
				t.Fatalf("%q in %d pieces: %q, want %q", in, len(pieces), got, stuffed)
			}
		}
		if e.Bare() != bareLineEnds(string(in)) {
			t.Fatalf("%q: bare %v", in, e.Bare())
		}
		normal := normalise(string(in))
		p := Encoder{Plain: true}
		if got := encode(&p, in); string(got) != normal {
			t.Fatalf("%q: plain %q, want %q", in, got, normal)
		}
		if normal != "" && !strings.HasSuffix(normal, "\r\n") {
			normal += "\r\n"
		}
		var d Decoder
		content, rest, end := decode(&d, stuffed, []byte("QUIT\r\n"))
		if string(content) != normal || string(rest) != "QUIT\r\n" || !end || d.Bare() {
			t.Fatalf("%q: back came %q, rest %q, end %v, bare %v", in, content, rest, end, d.Bare())
		}
	})
}

// normalise is the definition of CRLF form.
func normalise(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.ReplaceAll(s, "\r", "\n")
	return strings.ReplaceAll(s, "\n", "\r\n")
}

var text = bytes.Repeat([]byte("The quick brown fox jumps over the lazy dog, and then sleeps until noon.\r\n"), 14000)

func BenchmarkDecoder(b *testing.B) {
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		var d Decoder
		for src := text; len(src) > 0; {
			piece := src[:min(len(src), 64<<10)]
			_, n, _ := d.Next(piece)
			src = src[n:]
		}
		if d.Bare() {
			b.Fatal("bare")
		}
	}
}

func BenchmarkEncoder(b *testing.B) {
	dst := make([]byte, 0, 128<<10)
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		var e Encoder
		for src := text; len(src) > 0; {
			piece := src[:min(len(src), 64<<10)]
			dst = e.Append(dst[:0], piece)
			src = src[len(piece):]
		}
		if e.Bare() {
			b.Fatal("bare")
		}
	}
}

// BenchmarkHostile shows that growth is linear where line ends are made to hurt.
func BenchmarkHostile(b *testing.B) {
	for _, c := range []string{"\r", "\n", "\n\r", ".\r\n.", "\r\n."} {
		src := bytes.Repeat([]byte(c), (64<<10)/len(c))
		b.Run(fmt.Sprintf("%q", c), func(b *testing.B) {
			dst := make([]byte, 0, 256<<10)
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				var d Decoder
				for in := src; len(in) > 0; {
					_, n, end := d.Next(in)
					in = in[n:]
					if end {
						d.Reset()
					}
				}
				var e Encoder
				dst = e.Append(dst[:0], src)
			}
		})
	}
}
