package pop3

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
)

// large returns the entries of a maildrop of n messages.
func large(n int) []Entry {
	msgs := make([]Entry, n)
	for i := range msgs {
		msgs[i] = Entry{Size: int64(1000 + i), UID: fmt.Sprintf("1700000000.%d", i+1)}
	}
	return msgs
}

// do steps a command that the session answers by itself, and encodes the reply.
func do(s *ServerSession, out, line []byte) []byte {
	switch e := s.Step(line).(type) {
	case *Answer:
		out = AppendReply(out[:0], s.Settle(e.Reply))
		for more := e.Multi; more; {
			out, more = s.AppendLines(out[:0])
		}
	case *Refused:
		out = AppendReply(out[:0], s.Settle(e.Reply))
	}
	return out
}

// What clients send in loops costs no memory.
func TestCommandAllocs(t *testing.T) {
	s := loggedIn(t, ServerConfig{Limits: Limits{Errors: -1}}, large(1000))
	out := make([]byte, 0, 8<<10)
	n := 0
	lines := make([][]byte, 1000)
	for i := range lines {
		lines[i] = fmt.Appendf(nil, "DELE %d", i+1)
	}
	for _, tt := range []struct {
		name string
		most float64
	}{
		{"NOOP", 0}, {"STAT", 0}, {"CAPA", 0}, {"RETR 1001", 0},
		{"UIDL", 3}, // the summary in its first line
	} {
		line := []byte(tt.name)
		if got := testing.AllocsPerRun(100, func() { out = do(s, out, line) }); got > tt.most {
			t.Errorf("%s: %v allocations, want %v", tt.name, got, tt.most)
		}
	}
	if got := testing.AllocsPerRun(500, func() { out = do(s, out, lines[n]); n++ }); got > 0 {
		t.Errorf("DELE: %v allocations", got)
	}
}

func TestBodyAllocs(t *testing.T) {
	message := []byte(strings.Repeat("The quick brown fox jumps over the lazy dog.\r\n.\r\n", 1000))
	var w BodyWriter
	out := make([]byte, 0, 2*len(message))
	if got := testing.AllocsPerRun(100, func() {
		w = BodyWriter{}
		out, _ = w.Append(out[:0], message)
		out = w.Finish(out)
	}); got > 0 {
		t.Errorf("writing: %v allocations", got)
	}
	src := bytes.NewReader(out)
	r := NewReader(src)
	if got := testing.AllocsPerRun(100, func() {
		src.Reset(out)
		if _, err := r.Body(0).WriteTo(io.Discard); err != nil {
			t.Fatal(err)
		}
	}); got > 1 { // pools of memory are emptied now and then
		t.Errorf("reading: %v allocations", got)
	}
}

func BenchmarkDele(b *testing.B) {
	const n = 10_000
	lines := make([][]byte, n+1)
	for i := range n {
		lines[i] = fmt.Appendf(nil, "DELE %d", i+1)
	}
	lines[n] = []byte("RSET")
	s := loggedIn(b, ServerConfig{}, large(n))
	out := make([]byte, 0, 8<<10)
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		out = do(s, out, lines[i%len(lines)])
		i++
	}
}

func BenchmarkCommand(b *testing.B) {
	for _, command := range []string{"NOOP", "STAT", "LIST 500", "RETR 1001"} {
		b.Run(strings.Fields(command)[0], func(b *testing.B) {
			s := loggedIn(b, ServerConfig{Limits: Limits{Errors: -1}}, large(1000))
			out, line := make([]byte, 0, 8<<10), []byte(command)
			b.ReportAllocs()
			for b.Loop() {
				out = do(s, out, line)
			}
		})
	}
}

func BenchmarkList(b *testing.B) {
	for _, command := range []string{"LIST", "UIDL"} {
		b.Run(command+"/messages=100000", func(b *testing.B) {
			s := loggedIn(b, ServerConfig{}, large(100_000))
			out, line := make([]byte, 0, 8<<10), []byte(command)
			b.ReportAllocs()
			for b.Loop() {
				out = do(s, out, line)
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, n := range []int{100, 100_000} {
		b.Run(fmt.Sprint("messages=", n), func(b *testing.B) {
			msgs := large(n)
			b.ReportAllocs()
			for b.Loop() {
				loggedIn(b, ServerConfig{}, msgs)
			}
		})
	}
}

// text returns about size octets of a message, line ends as asked for.
func text(size int, end string) []byte {
	line := "The quick brown fox jumps over the lazy dog, and sleeps until it is noon." + end
	return []byte("Subject: fox" + end + end + strings.Repeat(line, size/len(line)))
}

func BenchmarkBodyWriter(b *testing.B) {
	for _, tt := range []struct{ name, end string }{{"CRLF", "\r\n"}, {"LF", "\n"}} {
		b.Run(tt.name, func(b *testing.B) {
			message := text(1<<20, tt.end)
			out := make([]byte, 0, 64<<10)
			b.SetBytes(int64(len(message)))
			b.ReportAllocs()
			for b.Loop() {
				var w BodyWriter
				for rest := message; len(rest) > 0; {
					n := min(len(rest), 16<<10)
					out, _ = w.Append(out[:0], rest[:n])
					rest = rest[n:]
				}
				out = w.Finish(out[:0])
			}
		})
	}
}

func BenchmarkBody(b *testing.B) {
	var w BodyWriter
	wire, _ := w.Append(nil, text(1<<20, "\r\n"))
	wire = w.Finish(wire)
	src := bytes.NewReader(wire)
	r := NewReader(src)
	b.SetBytes(int64(len(wire)))
	b.ReportAllocs()
	for b.Loop() {
		src.Reset(wire)
		if _, err := r.Body(0).WriteTo(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSize(b *testing.B) {
	message := text(1<<20, "\r\n")
	b.SetBytes(int64(len(message)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Size(bytes.NewReader(message)); err != nil {
			b.Fatal(err)
		}
	}
}
