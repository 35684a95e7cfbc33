package imaptest

import (
	"bytes"
	"compress/flate"
	"io"
	"strings"
)

// deflated sends what is written to it compressed and flushed.
type deflated struct {
	w    *flate.Writer
	out  io.Writer
	buf  bytes.Buffer
	each bool // an octet per write
}

func (c *deflated) Write(p []byte) (int, error) {
	c.w.Write(p)
	c.w.Flush()
	b := c.buf.Bytes()
	step := len(b)
	if c.each {
		step = 1
	}
	for len(b) > 0 {
		if _, err := c.out.Write(b[:min(step, len(b))]); err != nil {
			return 0, err
		}
		b = b[min(step, len(b)):]
	}
	c.buf.Reset()
	return len(p), nil
}

// compress does COMPRESS DEFLATE, which has to succeed.
func (s *session) compress(each bool) {
	s.ok("COMPRESS DEFLATE")
	if len(s.in) > 0 {
		s.fail("octets behind the OK of COMPRESS: %d", len(s.in))
	}
	if s.over() {
		return
	}
	out := &deflated{out: s.conn, each: each}
	out.w, _ = flate.NewWriter(&out.buf, flate.DefaultCompression)
	s.w, s.r = out, flate.NewReader(s.conn)
}

var needDeflate = []string{"COMPRESS=DEFLATE"}

var compressCases = []Case{
	{ID: "ZIP-1", Title: "behind the OK everything is compressed", Level: Must, Harm: Changes | Loads, Refs: []string{"RFC 4978, section 3"}, Needs: needDeflate,
		run: func(d *dialogue) {
			large := "Subject: large\r\n\r\n" + strings.Repeat("0123456789abcdef\r\n", 20_000)
			box := d.box(numbered(3)...)
			s := d.open("A")
			s.refused("COMPRESS XYZZY")
			s.refused("COMPRESS")
			s.ok("NOOP")
			s.compress(false)
			s.ok("NOOP")
			s.ok("APPEND " + box + " " + lit(large))
			s.ok("SELECT " + box)
			s.wantItem("4", 4, "BODY.PEEK[]", large)
			if len(s.ok("LOGOUT").all("BYE")) != 1 {
				s.fail("no BYE")
			}
			s.mayEnd = true
		}},
	{ID: "ZIP-2", Title: "there is no compression of what is compressed", Level: Must, Refs: []string{"RFC 4978, section 3"}, Needs: needDeflate,
		run: func(d *dialogue) {
			s := d.open("A")
			s.compress(false)
			s.want("COMPRESS DEFLATE", "NO [COMPRESSIONACTIVE]")
		}},
	{ID: "ZIP-3", Title: "each command is answered at once, however the stream is flushed and cut", Level: Must, Refs: []string{"RFC 4978, section 3"}, Needs: needDeflate,
		run: func(d *dialogue) {
			s := d.open("A")
			s.compress(true)
			for range 5 {
				s.ok("NOOP")
			}
			s.ok("SELECT INBOX")
			// Z_PARTIAL_FLUSH ends in a block of fixed codes that is empty: ten bits, and
			// then the octet is filled by the next block. zlib's users send that.
			s = d.open("B")
			s.ok("COMPRESS DEFLATE")
			if s.over() {
				return
			}
			s.r, s.w = flate.NewReader(s.conn), &partialFlush{bitWriter{out: s.conn}}
			for range 5 {
				s.ok("NOOP")
			}
			s.ok("SELECT INBOX")
		}},
	{ID: "ZIP-4", Title: "a bomb is a line that is too long", Level: Practice, Harm: Loads, Refs: []string{"RFC 4978, section 5"}, Needs: needDeflate,
		run: func(d *dialogue) {
			s := d.open("A")
			s.compress(false)
			if d.over() {
				return
			}
			s.mayEnd = true
			s.running = "?"
			bomb := &bitWriter{out: s.conn}
			bomb.octets("b1 SELECT ")
			d.slow = 6
			for range 16 { // 256 MiB of A, in less than two
				s.conn.SetWriteDeadline(d.deadline())
				if bomb.repeat('A', 16<<20) != nil {
					break // it has had enough
				}
			}
			bomb.octets("\r\nb2 NOOP\r\n")
			bomb.empty()
			bomb.flush()
			for !s.over() && !s.ended {
				switch r := s.read(); {
				case r == nil, r.name == "BYE":
					s.ended = true
				case r.tag == "b1" && r.name == "OK":
					s.fail("a line of 256 MiB is OK")
				case r.tag == "b2":
					s.ended = true
				}
			}
			d.setup.ok("NOOP")
		}},
	{ID: "ZIP-4b", Title: "empty blocks without end are nothing, or the end", Level: Practice, Harm: Loads, Refs: []string{"RFC 4978, section 5"}, Needs: needDeflate,
		run: func(d *dialogue) {
			s := d.open("A")
			s.compress(false)
			if d.over() {
				return
			}
			s.mayEnd = true
			for range 64 {
				s.conn.SetWriteDeadline(d.deadline())
				if _, err := s.conn.Write(bytes.Repeat([]byte{0, 0, 0, 0xff, 0xff}, 1<<14)); err != nil {
					break
				}
			}
			d.setup.ok("NOOP")
			s.cmd("NOOP") // it is answered, or has no answer because the server has gone
		}},
	{ID: "ZIP-4c", Title: "a broken stream ends the connection", Level: Practice, Refs: []string{"RFC 4978, section 5"}, Needs: needDeflate,
		run: func(d *dialogue) {
			s := d.open("A")
			s.compress(false)
			if d.over() {
				return
			}
			s.mayEnd = true
			s.conn.SetWriteDeadline(d.deadline())
			s.conn.Write([]byte("\x07\xff\xff this is no deflate\r\n"))
			for !s.over() && !s.ended {
				if r := s.read(); r != nil && r.name != "BYE" {
					s.fail("%s %s to what is no deflate stream", r.tag, r.name)
				}
			}
			d.setup.ok("NOOP")
		}},
	{ID: "ZIP-5", Title: "COMPRESS is for behind login, and nothing in clear follows it", Level: Practice, Harm: Changes, Refs: []string{"RFC 4978, section 3"}, Needs: needDeflate,
		run: func(d *dialogue) {
			s := d.connect("A")
			s.secure()
			s.bad("COMPRESS DEFLATE")
			s.login()
			tag := s.newTag()
			s.raw(tag + " COMPRESS DEFLATE\r\nZ CREATE injected\r\n")
			s.mayEnd = true
			s.until(tag)
			s.conn.Close()
			d.wantNoMailbox("injected")
		}},
}

// partialFlush writes blocks of fixed codes, and ends each write as zlib's
// Z_PARTIAL_FLUSH does: with an empty block of fixed codes, unfinished bits
// being kept for the next write.
type partialFlush struct{ bitWriter }

func (p *partialFlush) Write(b []byte) (int, error) {
	p.octets(string(b))
	p.empty()
	if err := p.flush(); err != nil {
		return 0, err
	}
	return len(b), nil
}

// A bitWriter writes blocks of fixed codes. RFC 1951, section 3.2.6.
type bitWriter struct {
	out  io.Writer
	buf  []byte
	bits uint64
	n    uint
}

func (w *bitWriter) put(v uint64, n uint) {
	w.bits |= v << w.n
	for w.n += n; w.n >= 8; w.n -= 8 {
		w.buf = append(w.buf, byte(w.bits))
		w.bits >>= 8
	}
}

// code puts a Huffman code, which has its first bit first.
func (w *bitWriter) code(v uint64, n uint) {
	for i := n; i > 0; i-- {
		w.put(v>>(i-1)&1, 1)
	}
}

// begin begins a block, which is not the last one.
func (w *bitWriter) begin() { w.put(0b010, 3) }

func (w *bitWriter) octet(c byte) {
	if c < 144 {
		w.code(0x30+uint64(c), 8)
	} else {
		w.code(0x190+uint64(c)-144, 9)
	}
}

// octets writes a block of literals.
func (w *bitWriter) octets(s string) {
	w.begin()
	for i := range len(s) {
		w.octet(s[i])
	}
	w.code(0, 7)
}

// empty writes a block of nothing, behind which what was before it is in whole
// octets.
func (w *bitWriter) empty() {
	w.begin()
	w.code(0, 7)
}

// repeat writes a block with about n times the same octet, of matches of 258 at the
// distance of one, and sends it.
func (w *bitWriter) repeat(c byte, n int) error {
	w.begin()
	w.octet(c)
	for range n / 258 {
		w.code(0b11000101, 8)
		w.code(0, 5)
	}
	w.code(0, 7)
	return w.flush()
}

// flush sends whole octets.
func (w *bitWriter) flush() error {
	_, err := w.out.Write(w.buf)
	w.buf = w.buf[:0]
	return err
}
