package imaptest

import (
	"bytes"
	"context"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailwire/mailwire/imap/imapserver"
	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/internal/suite"
)

// Seeds gives a fuzz target of one []byte what Play can begin with: dialogues
// that log in as User with Password.
func Seeds(f *testing.F) {
	const login = "a LOGIN " + User + " " + Password + "\r\n"
	body := lit(numbered(1)[0])
	for _, s := range []string{
		"",
		"\r\n \r\na\r\na NOOP\r\n* NOOP\r\n+ NOOP\r\na LOGOUT\r\n",
		login + "b SELECT INBOX\r\nc UID FETCH 1:* (FLAGS UID ENVELOPE BODYSTRUCTURE)\r\nd LOGOUT\r\n",
		login + "b APPEND INBOX " + body + "\r\nc SELECT INBOX\r\nd FETCH 1 (BODY[])\r\ne STORE 1 +FLAGS (\\Deleted k)\r\nf EXPUNGE\r\n",
		login + "b CREATE a/b\r\nc LIST \"\" * RETURN (CHILDREN STATUS (MESSAGES))\r\nd RENAME a x\r\ne DELETE x\r\nf LSUB \"\" %\r\n",
		login + "b ENABLE QRESYNC\r\nc SELECT INBOX (QRESYNC (1 1 1:9 (1 1)))\r\nd SEARCH RETURN (SAVE COUNT) OR NOT SEEN (1:* UID 4:2)\r\ne FETCH $ FLAGS\r\n",
		login + "b IDLE\r\nDONE\r\nc SELECT {5+}\r\nINBOX\r\nd XYZZY {9+}\r\nZ CREATE x\r\ne SELECT {99999999999999999999+}\r\nf NOOP\r\n",
		"a AUTHENTICATE PLAIN\r\n*\r\na AUTHENTICATE PLAIN =\r\na STARTTLS\r\na ID (\"a\" NIL)\r\n",
	} {
		f.Add([]byte(s))
	}
}

// Play sends octets to a server, over one connection in memory, and looks at all
// that comes back: it has to be grammatical, to answer only tags of commands, not
// of what stands in literals, refused or not, and to have numbers of messages that were told of; and it has to come to an end
// once the octets have. A panic of the server is one. Octets that ask for
// COMPRESS or STARTTLS are played, and their answers not looked at.
func Play(t testing.TB, srv *imapserver.Server, octets []byte) {
	t.Helper()
	near, far := memnet.Pipe(memnet.Options{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		srv.ServeConn(context.Background(), far)
	}()
	go func() {
		near.Write(octets)
		near.CloseWrite()
	}()
	defer func() { near.Close(); <-done }()
	near.SetDeadline(time.Now().Add(time.Minute))
	upper := bytes.ToUpper(octets)
	if bytes.Contains(upper, []byte("COMPRESS")) || bytes.Contains(upper, []byte("STARTTLS")) {
		if _, err := io.Copy(io.Discard, near); err != nil && !gone(err) {
			t.Fatalf("no end: %v\n%q", err, octets)
		}
		return
	}
	d := newDialogue(context.Background(), &Target{Patience: time.Minute}, suite.Any)
	s := &session{d: d, name: "A", conn: near, r: near, w: near, running: "?", utf8: bytes.Contains(upper, []byte("ENABLE"))}
	s.mirror.loose = true // which mailbox is selected is not followed
	tags := commandTags(octets)
	for d.err == nil {
		r := s.read()
		if r == nil {
			break
		}
		s.mirror.loose = true
		if r.name == "FETCH" && r.num > int64(s.mirror.exists) {
			s.fail("a row of message %d of %d", r.num, s.mirror.exists)
		}
		if r.tag != "*" && r.tag != "+" && !tags[r.tag] {
			s.fail("an answer of the tag %q, which is of no command", r.tag)
		}
	}
	if d.err != nil {
		t.Fatalf("%v\n%q\n%s", d.err, octets, d.log.String())
	}
}

// commandTags returns what may be a tag: the first word of each line but those
// that belong to literals. A literal that waits may have been refused, and a line
// that ends in a bare LF may announce one or not, so that what is behind may be
// both. RFC 7888, section 3.
func commandTags(octets []byte) map[string]bool {
	type place struct {
		at    int
		start bool // of a command; else it goes on
	}
	tags := make(map[string]bool)
	seen := make(map[place]bool)
	for todo := []place{{0, true}}; len(todo) > 0; {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if p.at >= len(octets) || seen[p] {
			continue
		}
		seen[p] = true
		end := len(octets)
		if i := bytes.IndexByte(octets[p.at:], '\n'); i >= 0 {
			end = p.at + i + 1
		}
		line := octets[p.at:end]
		if p.start {
			tag, _, _ := strings.Cut(strings.TrimRight(string(line), "\r\n"), " ")
			tags[tag] = true
		}
		bare := !bytes.HasSuffix(line, []byte("\r\n"))
		line = slices.Concat(bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r")), []byte("\r\n"))
		size, sync := announced(line)
		if size >= 0 {
			todo = append(todo, place{end + size, false})
		}
		if size < 0 && !endless.Match(line) || sync || bare {
			todo = append(todo, place{end, true})
		}
	}
	return tags
}

// endless matches what announces more than fits a number.
var endless = regexp.MustCompile(`\{[0-9]{18,}\+\}\r\n$`)
