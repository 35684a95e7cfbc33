package pop3test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/pop3"
	"github.com/mailwire/mailwire/pop3/pop3server"
)

// Memory is a Backend with one maildrop, which everybody opens who can log in.
// It is safe for concurrent use.
type Memory struct {
	mu      sync.Mutex
	locked  bool
	stored  []stored // in the order they came
	lastUID int
	fail    int // how many messages the next Commit leaves
	calls   Calls
}

type stored struct {
	uid     string
	content string
}

// Calls counts what a server has called.
type Calls struct{ Open, Messages, Fetch, Commit, Close int }

var _ pop3server.Backend = (*Memory)(nil)

// NewMemory returns a Memory that holds these messages. Their line ends may be
// of any kind.
func NewMemory(messages ...string) *Memory {
	m := new(Memory)
	m.Append(messages...)
	return m
}

// Append adds messages. Sessions that are open do not see them.
func (m *Memory) Append(messages ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, content := range messages {
		m.lastUID++
		m.stored = append(m.stored, stored{"uid-" + strconv.Itoa(m.lastUID), content})
	}
}

// Set replaces all messages. Unique-ids are not used again.
func (m *Memory) Set(messages ...string) {
	m.mu.Lock()
	m.stored = nil
	m.mu.Unlock()
	m.Append(messages...)
}

// Contents returns the messages that are left.
func (m *Memory) Contents() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for _, s := range m.stored {
		out = append(out, s.content)
	}
	return out
}

// Calls returns how often each method was called so far.
func (m *Memory) Calls() Calls {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls
}

// Lock takes the lock, as another session would. ok: nobody has it already.
func (m *Memory) Lock() (unlock func(), ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locked {
		return nil, false
	}
	m.locked = true
	return m.unlock, true
}

func (m *Memory) unlock() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.locked = false
}

// FailCommit makes the next Commit leave the last n of its messages where they
// are, and fail.
func (m *Memory) FailCommit(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = n
}

// Open implements pop3server.Backend.
func (m *Memory) Open(context.Context, auth.Identity, *pop3server.Conn) (pop3server.Maildrop, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls.Open++
	if m.locked {
		return nil, &pop3.Reject{Code: pop3.InUse, Text: "another session has the maildrop"}
	}
	m.locked = true
	return &memoryDrop{m: m}, nil
}

// memoryDrop is the maildrop in one session.
type memoryDrop struct {
	m      *Memory
	closed bool
}

func (d *memoryDrop) Messages(context.Context) ([]pop3server.Message, error) {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	d.m.calls.Messages++
	out := make([]pop3server.Message, len(d.m.stored))
	for i, s := range d.m.stored {
		size, err := pop3.Size(strings.NewReader(s.content))
		if err != nil {
			return nil, err
		}
		out[i] = pop3server.Message{Key: []byte(s.content), UID: s.uid, Size: size, NeedsUTF8: needsUTF8(s.content)}
	}
	return out, nil
}

// needsUTF8 reports whether a header has anything but ASCII in it.
func needsUTF8(content string) bool {
	header, _, ok := strings.Cut(content, "\r\n\r\n")
	if !ok {
		header, _, _ = strings.Cut(content, "\n\n")
	}
	return strings.ContainsFunc(header, func(r rune) bool { return r > 0x7F })
}

func (d *memoryDrop) Fetch(_ context.Context, msg pop3server.Message, _ int) (io.ReadCloser, error) {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	d.m.calls.Fetch++
	return &content{bytes.NewReader(msg.Key.([]byte))}, nil
}

// content is a bytes.Reader that can be closed. It has WriteTo.
type content struct{ *bytes.Reader }

func (content) Close() error { return nil }

var errCommit = errors.New("pop3test: Commit was told to fail")

func (d *memoryDrop) Commit(_ context.Context, deleted []pop3server.Message) error {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	d.m.calls.Commit++
	fail := min(d.m.fail, len(deleted))
	d.m.fail = 0
	gone := make(map[string]bool)
	for _, msg := range deleted[:len(deleted)-fail] {
		gone[msg.UID] = true
	}
	var left []stored
	for _, s := range d.m.stored {
		if !gone[s.uid] {
			left = append(left, s)
		}
	}
	d.m.stored = left
	if fail > 0 {
		return fmt.Errorf("%w: %d left", errCommit, fail)
	}
	return nil
}

func (d *memoryDrop) Close() error {
	if d.closed {
		panic("pop3test: Close was called twice")
	}
	d.closed = true
	d.m.mu.Lock()
	d.m.calls.Close++
	d.m.mu.Unlock()
	d.m.unlock()
	return nil
}
