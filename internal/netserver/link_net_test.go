package netserver

import (
	"io"
	"net"
	"strings"
	"testing"
)

// RFC 2920, section 3.2, item 7: replies are held as long as the input buffer of
// TCP has more, however small our own reads are.
func TestReadMore(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	writes := &countWrites{Conn: server}
	var l Link
	l.Init(server, &stopwatch{read: -1, write: -1})
	l.tcp = writes // but raw is the socket's

	io.WriteString(client, strings.Repeat("x", 100))
	buf := make([]byte, 10)
	for range 10 {
		if n, err := l.Read(buf); n != 10 || err != nil {
			t.Fatal(n, err)
		}
		l.Keep(append(l.Batch(), "reply."...))
	}
	if writes.n != 0 {
		t.Errorf("%d writes while there was input", writes.n)
	}
	go l.Read(buf)
	got := make([]byte, 60)
	if _, err := io.ReadFull(client, got); err != nil || string(got) != strings.Repeat("reply.", 10) {
		t.Errorf("%q, %v", got, err)
	}
}

type countWrites struct {
	net.Conn
	n int
}

func (c *countWrites) Write(p []byte) (int, error) {
	c.n++
	return c.Conn.Write(p)
}
