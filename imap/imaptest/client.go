package imaptest

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"testing"
	"time"
)

// User and Password are what the servers of RunClient take, by LOGIN or by
// AUTHENTICATE PLAIN.
const (
	User     = "imaptest"
	Password = "tanstaaf"
)

// A Client is a client to be tested, by what it can be asked to do. Each function
// connects to addr, on loopback and without TLS, logs in as User with Password,
// does with INBOX what its comment says, and logs out. Where it cannot do all of
// that it has to return an error, and when ctx ends it has to return at once, with
// the connection closed. What is nil is not tested.
type Client struct {
	// Fetch fetches all messages and returns their contents by UID.
	Fetch func(ctx context.Context, addr string) (map[uint32][]byte, error)
	// Strict is Fetch by a client that is told to let no mistake of a server pass.
	Strict func(ctx context.Context, addr string) (map[uint32][]byte, error)
	// FetchFrom asks for the UIDs "from:*" and returns those that came.
	FetchFrom func(ctx context.Context, addr string, from uint32) ([]uint32, error)
	// Mark is Fetch with a command inside its loop: when the row of a message has
	// come, and before its content is read, it is given the flag \Seen.
	Mark func(ctx context.Context, addr string) (map[uint32][]byte, error)
	// Move moves one message to another mailbox.
	Move func(ctx context.Context, addr string, uid uint32, mailbox string) error
	// Append adds a message to a mailbox.
	Append func(ctx context.Context, addr, mailbox string, message []byte) error
	// List returns the names of all mailboxes.
	List func(ctx context.Context, addr string) ([]string, error)
	// StartTLS does nothing but log in and out, behind STARTTLS with a server that
	// config trusts to be localhost. It must not say the password without, nor try to
	// go on in cleartext.
	StartTLS func(ctx context.Context, addr string, config *tls.Config) error
}

// RunClient tests a client against servers that do what servers are known to do,
// and worse. A case is a subtest named after its ID and what the server does.
//
// The server is IMAP4rev1 with IDLE and UIDPLUS, more or less where the case is
// about that. It knows SELECT, EXAMINE, FETCH of FLAGS, UID, RFC822.SIZE,
// INTERNALDATE and whole messages, STORE, COPY, MOVE, EXPUNGE, APPEND, SEARCH ALL,
// STATUS, LIST and the commands without arguments; all else is BAD.
func RunClient(t *testing.T, client *Client) {
	t.Helper()
	cases, err := tlsClientCases()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range slices.Concat(clientCases(), strictCases(), cases) {
		t.Run(c.id+" "+c.name, func(t *testing.T) { c.test(t, client) })
	}
}

// A clientCase is a server that a client has to cope with. Without use it is about
// Fetch.
type clientCase struct {
	id, name string
	title    string // the rule in a few words
	refs     []string
	level    Level
	use      func(*clientRun)

	messages []string
	greeting string                           // "": OK
	caps     string                           // in place of IMAP4rev1 IDLE UIDPLUS
	reply    func(verb, answer string) string // what becomes of an answer, tagged line and all
	row      func(n int, row string) string   // what becomes of a FETCH row
	refuse   string                           // the verb that is answered NO
	hush     func(verb, answer string) int    // behind so many octets of the answer nothing more is said; < 0: it goes on
	plus     string                           // the continuation request; "": as usual; "-": none, and no more words
	cut      int                              // > 0: the connection ends behind so many octets of the answer to FETCH; < 0: before the tagged line
	wantErr  bool
	noLogin  bool     // the client must not say its password
	never    []string // verbs that it must not use
	mistake  bool     // RFC 9051 does not allow it: Strict refuses
	tls      *tlsPart
}

func (c *clientCase) uid(i int) uint32 { return uint32(10*i + 7) }

// A clientRun is a case that is under way.
type clientRun struct {
	*clientCase
	ctx    context.Context
	client *Client
	server *scripted
	addr   string
	wrong  string // "": nothing
}

func (r *clientRun) fail(format string, args ...any) {
	if r.wrong == "" {
		r.wrong = fmt.Sprintf(format, args...)
	}
}

// test runs the case.
func (c *clientCase) test(t *testing.T, client *Client) {
	t.Helper()
	if c.use == nil {
		c.use = (*clientRun).fetch
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r := &clientRun{clientCase: c, ctx: ctx, client: client, server: newScripted(c, cancel)}
	r.addr = r.server.start(t)
	c.use(r)
	if r.wrong == skipped {
		t.Skip(skipped)
	}
	if ctx.Err() == context.DeadlineExceeded {
		r.wrong = "it does not come to an end: " + r.wrong
	}
	if r.wrong = cmp.Or(r.wrong, r.server.offence()); r.wrong != "" {
		about := (&Case{ID: c.id + " " + c.name, Title: c.title, Refs: c.refs, Level: c.level}).String()
		t.Errorf("%s: %s\n%s", about, r.wrong, r.server.transcript())
	}
}

// want compares an error with what the case is about.
func (r *clientRun) want(err error) {
	if r.wantErr && err == nil {
		r.fail("no error")
	}
	if !r.wantErr && err != nil {
		r.fail("%v", err)
	}
}

// has skips the case unless the Client has what it needs.
func (r *clientRun) has(have bool) bool {
	if !have {
		r.wrong = skipped
	}
	return have
}

const skipped = "the Client does not say how it does this"

func (r *clientRun) fetch() {
	if r.has(r.client.Fetch != nil) {
		r.fetchBy(r.client.Fetch)
	}
}

func (r *clientRun) strict() {
	if r.has(r.client.Strict != nil) {
		r.fetchBy(r.client.Strict)
	}
}

// mark wants a command for each message, and all contents.
func (r *clientRun) mark() {
	if !r.has(r.client.Mark != nil) {
		return
	}
	r.fetchBy(r.client.Mark)
	if n := r.server.count("STORE"); n < len(r.messages) {
		r.fail("%d commands of STORE, want one for each message", n)
	}
}

func (r *clientRun) fetchBy(fetch func(ctx context.Context, addr string) (map[uint32][]byte, error)) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, err := fetch(r.ctx, r.addr)
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<30 {
		r.fail("it takes %d octets of memory", took)
	}
	if r.want(err); r.wantErr || err != nil {
		return
	}
	for i, m := range r.messages {
		if content, ok := got[r.uid(i)]; !ok || string(content) != m {
			r.fail("UID %d: got %.80q, want %.80q", r.uid(i), content, m)
		}
	}
	if len(got) != len(r.messages) {
		r.fail("UIDs %v, want %d messages", slices.Sorted(maps.Keys(got)), len(r.messages))
	}
}

// fetchFrom asks for what is above the highest UID, and wants that.
func (r *clientRun) fetchFrom() {
	if !r.has(r.client.FetchFrom != nil) {
		return
	}
	got, err := r.client.FetchFrom(r.ctx, r.addr, 200)
	r.want(err)
	if want := []uint32{r.uid(len(r.messages) - 1)}; err == nil && !slices.Equal(got, want) {
		r.fail("200:* gives the UIDs %v, want %v", got, want)
	}
}

func (r *clientRun) append() {
	if r.has(r.client.Append != nil) {
		r.want(r.client.Append(r.ctx, r.addr, "INBOX", []byte("Subject: new\r\n\r\nnew\r\n")))
	}
}

func (r *clientRun) list() {
	if !r.has(r.client.List != nil) {
		return
	}
	names, err := r.client.List(r.ctx, r.addr)
	r.want(err)
	if want := []string{"INBOX"}; err == nil && !slices.Equal(names, want) {
		r.fail("mailboxes %q, want %q", names, want)
	}
}

// move moves the second message.
func (r *clientRun) move() {
	if r.has(r.client.Move != nil) {
		r.want(r.client.Move(r.ctx, r.addr, r.uid(1), "other"))
	}
}

// moveByCopy is move with a look at how it was done.
func (r *clientRun) moveByCopy() {
	if r.move(); r.wrong != "" {
		return
	}
	copied, stored, expunged := r.server.find("COPY"), r.server.find("STORE"), r.server.find("UID EXPUNGE 17")
	if copied < 0 || stored < copied || expunged < stored {
		r.fail("want COPY, STORE and UID EXPUNGE 17, in this order")
	}
}

// silent runs what the server answers by falling silent, upon which ctx ends. The
// client has to be the one that closes.
func silent(use func(*clientRun)) func(*clientRun) {
	return func(r *clientRun) {
		use(r)
		if r.wrong != "" {
			return
		}
		select {
		case <-r.server.left:
		case <-time.After(30 * time.Second):
			r.fail("it does not come so far")
		}
	}
}
