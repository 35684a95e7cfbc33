package store

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// The parts of a message are known from the moment it came in, also of one that
// lies in many chunks.
func TestParse(t *testing.T) {
	long := strings.Repeat("A line of the second part, which is longer than a chunk.\r\n", 3000)
	content := "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n" +
		"--x\r\n\r\nfirst\r\n--x\r\nContent-Type: text/html\r\n\r\n" + long + "\r\n--x--\r\n"
	s := openWith(t, "a")
	deliver(t, s, content, "a")
	stored := messages(t, s, "a")[0]
	m, err := s.Parse(t.Context(), stored)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Header().Text("Subject"); got != "Grüße" {
		t.Errorf("subject %q", got)
	}
	var got []string
	for p := range m.Root().Children() {
		body, err := io.ReadAll(p.Raw())
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p.Type().String()+": "+string(body))
	}
	if len(got) != 2 || !strings.HasSuffix(got[0], ": first") || got[1] != "text/html: "+long {
		t.Errorf("parts %.200q", got)
	}
	if err := s.Expunge(inboxOf(t, s, "a").ID, []uint32{stored.UID}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Parse(t.Context(), stored); !errors.Is(err, ErrNotFound) {
		t.Errorf("of a message that has gone: %v", err)
	}
}
