package imapclient_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapclient"
	"github.com/mailwire/mailwire/internal/memnet"
)

// canned is a server that answers every FETCH with the same octets, so that only
// the client is measured.
func canned(nc net.Conn, messages int, rows []byte) {
	io.WriteString(nc, "* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n")
	r := bufio.NewReader(nc)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		tag, rest, _ := strings.Cut(line, " ")
		if strings.HasPrefix(rest, "SELECT") {
			fmt.Fprintf(nc, "* %d EXISTS\r\n", messages)
		} else if strings.Contains(rest, "FETCH") {
			nc.Write(rows)
		}
		io.WriteString(nc, tag+" OK done\r\n")
	}
}

func cannedClient(tb testing.TB, messages int, rows []byte) *imapclient.Client {
	near, far := memnet.Pipe(memnet.Options{})
	go canned(far, messages, rows)
	c, err := imapclient.NewClient(tb.Context(), near, plainDialer())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
	if _, err := c.Select(tb.Context(), "a", nil); err != nil {
		tb.Fatal(err)
	}
	return c
}

var shapes = []struct {
	name  string
	items []imap.FetchItem
	row   string
	use   func(m *imapclient.Message)
}{
	{"flags", []imap.FetchItem{imap.ItemUID, imap.ItemFlags}, `* %[1]d FETCH (UID %[1]d FLAGS (\Seen \Answered))`, func(m *imapclient.Message) { m.Flags() }},
	{"envelope", []imap.FetchItem{imap.ItemUID, imap.ItemEnvelope, imap.ItemBodyStructure},
		`* %[1]d FETCH (UID %[1]d ENVELOPE ("Mon, 7 Feb 1994 21:52:25 -0800" "a subject %[1]d" (("Ann" NIL "ann" "example.org")) (("Ann" NIL "ann" "example.org")) (("Ann" NIL "ann" "example.org")) (("Bob" NIL "bob" "example.org")) NIL NIL NIL "<%[1]d@example.org>") BODYSTRUCTURE ("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 3028 92 NIL NIL NIL NIL))`,
		func(m *imapclient.Message) { m.Envelope(); m.BodyStructure() }},
	{"body4k", []imap.FetchItem{imap.ItemUID, imap.Peek("")}, "* %[1]d FETCH (UID %[1]d BODY[] {4096}\r\n" + strings.Repeat("x", 4096) + ")",
		func(m *imapclient.Message) { io.Copy(io.Discard, m.Body("")) }},
	{"body2M", []imap.FetchItem{imap.ItemUID, imap.Peek("")}, "* %[1]d FETCH (UID %[1]d BODY[] {2097152}\r\n" + strings.Repeat("x", 2<<20) + ")",
		func(m *imapclient.Message) { io.Copy(io.Discard, m.Body("")) }},
}

func rowsOf(row string, n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, row+"\r\n", i+1)
	}
	return b.Bytes()
}

// BenchmarkFetch is one message: the client's half alone.
func BenchmarkFetch(b *testing.B) {
	for _, s := range shapes {
		n := 1000
		if s.name == "body2M" {
			n = 10
		}
		b.Run(fmt.Sprintf("%s/n=%d", s.name, n), func(b *testing.B) {
			rows := rowsOf(s.row, n)
			c := cannedClient(b, n, rows)
			b.SetBytes(int64(len(rows)) / int64(n))
			b.ReportAllocs()
			left := 0
			for b.Loop() {
				if left--; left >= 0 {
					continue
				}
				left = n - 1
				for m, err := range c.Fetch(b.Context(), imap.UIDs(1, imap.Star), s.items...) {
					if err != nil {
						b.Fatal(err)
					}
					s.use(m)
				}
			}
		})
	}
}

func BenchmarkNoop(b *testing.B) {
	c := cannedClient(b, 1, nil)
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Noop(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
