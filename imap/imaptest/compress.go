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
			s.r, s.w = flate.NewReader(s.conn), &partialFlush{out: s.conn}
			for range 5 {
				s.ok("NOOP")
			}
			s.ok("SELECT INBOX")
		}},
	{ID: "ZIP-4", Title: "bombs, empty blocks and broken streams end the connection, or are read to their end", Level: Practice, Harm: Loads, Refs: []string{"RFC 4978, section 5"}, Needs: needDeflate,
		run: func(d *dialogue) {
			bomb := func(s *session) {
				zeros := strings.Repeat("A", 1<<20)
				for range 64 {
					if _, err := s.w.Write([]byte(zeros)); err != nil {
						return
					}
				}
			}
			empty := func(s *session) {
				block := bytes.Repeat([]byte{0, 0, 0, 0xff, 0xff}, 1<<14)
				for range 16 {
					if _, err := s.conn.Write(block); err != nil {
						return
					}
				}
			}
			broken := func(s *session) { s.conn.Write([]byte("\x07\xff\xff this is no deflate\r\n")) }
			for i, attack := range []func(*session){bomb, empty, broken} {
				s := d.open(string(rune('A' + i)))
				s.compress(false)
				if d.over() {
					return
				}
				s.conn.SetWriteDeadline(d.deadline())
				attack(s)
				s.mayEnd = true
				d.setup.ok("NOOP")
				s.conn.Close()
			}
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
// being kept for the next write. RFC 1951, section 3.2.6.
type partialFlush struct {
	out  io.Writer
	bits uint64
	n    uint
}

func (p *partialFlush) Write(b []byte) (int, error) {
	var out []byte
	put := func(v uint64, n uint) {
		p.bits |= v << p.n
		for p.n += n; p.n >= 8; p.n -= 8 {
			out = append(out, byte(p.bits))
			p.bits >>= 8
		}
	}
	code := func(v uint64, n uint) { // Huffman codes have their first bit first
		for i := n; i > 0; i-- {
			put(v>>(i-1)&1, 1)
		}
	}
	put(0b010, 3) // not the last one, fixed codes
	for _, c := range b {
		if c < 144 {
			code(0x30+uint64(c), 8)
		} else {
			code(0x190+uint64(c)-144, 9)
		}
	}
	code(0, 7)    // its end
	put(0b010, 3) // and an empty one
	code(0, 7)
	if _, err := p.out.Write(out); err != nil {
		return 0, err
	}
	return len(b), nil
}
