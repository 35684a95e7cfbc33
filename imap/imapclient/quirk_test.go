package imapclient_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapclient"
	"github.com/mailwire/mailwire/internal/memnet"
)

func wantEqual[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// in selects a mailbox, for scripts that begin with that.
func in(t *testing.T, c *imapclient.Client) *imapclient.Selected {
	t.Helper()
	box, err := c.Select(t.Context(), "a", nil)
	if err != nil {
		t.Fatal(err)
	}
	return box
}

// kinds returns what so many events are about.
func kinds(t *testing.T, c *imapclient.Client, n int) (out []string) {
	t.Helper()
	for ev, err := range c.Events(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if out = append(out, ev.Kind.String()); len(out) == n {
			break
		}
	}
	return out
}

// TestUnknownData: CLI-1, CLI-2.
func TestUnknownData(t *testing.T) {
	scripted(t, plainDialer(), `# RFC 9051, section 2.2.2: a client takes any response at any time.
S: * PREAUTH [CAPABILITY IMAP4rev1] hi
C: A1 SELECT a
S: * 3 EXISTS
S: A1 OK in
C: A2 UID FETCH 1:2 (UID FLAGS RFC822.SIZE)
S: * XFOO (a {3}
S: b)c "d")
S: * LSUB () "/" a
S: * 2 XNUM
S: * 1 FETCH (X-NEW ((a "b" {2}
S: cd) NIL) UID 1 FLAGS () RFC822.SIZE 5)
S: * 3 FETCH (FLAGS (\Seen))
S: * 2 FETCH (FLAGS (\Seen))
S: * STATUS other (MESSAGES 5)
S: * NO [ALERT] disk on fire
S: * 2 FETCH (X-NEW 9 RFC822.SIZE 7 UID 2 FLAGS () X-MORE {5}
S~ "12345 BODY[X.Y] NIL)\r\n"
S: A2 OK
`, func(c *imapclient.Client) error {
		in(t, c)
		var got []string
		collect(t, c.Fetch(t.Context(), imap.UIDs(1, 2), imap.ItemUID, imap.ItemFlags, imap.ItemSize), func(m *imapclient.Message) {
			raw, _ := m.Raw("x-new")
			size, _ := m.Size()
			got = append(got, fmt.Sprintf("%d %d %s", m.UID, size, raw))
		})
		wantEqual(t, "rows", got, []string{"1 5 ((a \"b\" {2}\r\ncd) NIL)", "2 7 9"})
		wantEqual(t, "events", kinds(t, c, 7), []string{"Other", "Listed", "Other", "Changed", "Changed", "StatusChanged", "Notice"})
		return nil
	})
}

// TestQuirks: CLI-8. What servers are known to get wrong does not hurt, unless one
// wants it to: with Strict each of these ends the connection.
func TestQuirks(t *testing.T) {
	// answers to SELECT, STATUS, FETCH and NOOP, of which a quirk changes one.
	usual := [4]string{
		"* FLAGS (\\Seen \\Answered)\r\n* 1 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 5] x\r\n* OK [PERMANENTFLAGS (\\*)] x\r\nA1 OK in\r\n",
		"* STATUS b (MESSAGES 3)\r\nA2 OK done\r\n",
		`* 1 FETCH (UID 1 RFC822.SIZE 9 ENVELOPE (NIL "s" NIL NIL NIL NIL NIL NIL NIL NIL) BODYSTRUCTURE ("text" "plain" NIL NIL NIL "7bit" 3 1 NIL NIL NIL NIL))` + "\r\nA3 OK done\r\n",
		"A4 OK done\r\n",
	}
	for _, tc := range []struct {
		name     string
		at       int
		old, new string
		fine     bool // it is allowed, whatever one might think
	}{
		{"nothing", 0, "", "", true},
		{"a bracket and quotes in a code", 0, "* 1 EXISTS", "* OK [X-ODD \"a]b\" c] odd\r\n* 1 EXISTS", true},
		{"brackets in text", 3, "done", "]]] [odd", true},
		{"an untagged OK without text", 0, "* 1 EXISTS", "* OK\r\n* 1 EXISTS", false},
		{"a tagged OK without text", 3, "OK done", "OK", false},
		{"a code without text", 0, "[UIDNEXT 5] x", "[UIDNEXT 5]", false},
		{"a code that does not end", 1, "OK done", "OK [X", true}, // it is text
		{"a space behind the last flag", 0, "Answered)", "Answered )", false},
		{"a space at the end of a row", 2, "NIL))\r\n", "NIL) )\r\n", false},
		{"a space at the end of data", 1, "(MESSAGES 3)", "(MESSAGES 3) ", false},
		{"an empty STATUS", 1, "(MESSAGES 3)", "()", true}, // RFC 9051, section 9: status-att-list may be left out
		{"UIDVALIDITY 0", 0, "UIDVALIDITY 7", "UIDVALIDITY 0", false},
		{"a size of -1", 2, "SIZE 9", "SIZE -1", true}, // decoded when it is asked for
		{"an encoding of NIL", 2, `"7bit"`, "NIL", true},
		{"lines of -1", 2, "3 1 NIL", "3 -1 NIL", true},
		{"a + without text", 3, "A4", "+\r\nA4", false},
		{"a + that nobody waits for", 3, "A4", "+ go\r\nA4", true},
	} {
		for _, strict := range []bool{false, true} {
			t.Run(fmt.Sprint(tc.name, " ", strict), func(t *testing.T) {
				says := usual
				if tc.old != "" {
					if says[tc.at] = strings.Replace(usual[tc.at], tc.old, tc.new, 1); says[tc.at] == usual[tc.at] {
						t.Fatal("the quirk is not there")
					}
				}
				d := plainDialer()
				d.Strict = strict
				err := quirky(t, d, says[:], tc.at == 0 && strings.HasPrefix(tc.name, "UIDVALIDITY"))
				if tolerated := err == nil; tolerated != (!strict || tc.fine) {
					t.Errorf("strict %v: %v", strict, err)
				}
			})
		}
	}
}

// quirky is the client of TestQuirks: what it is told has to be what was meant.
func quirky(t *testing.T, d *imapclient.Dialer, says []string, noValidity bool) error {
	near, far := memnet.Pipe(memnet.Options{})
	go func() {
		defer far.Close()
		io.WriteString(far, "* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n")
		for _, answer := range says {
			if _, err := far.Read(make([]byte, 1000)); err != nil {
				return
			}
			io.WriteString(far, answer)
		}
		io.Copy(io.Discard, far)
	}()
	c, err := imapclient.NewClient(t.Context(), near, d)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	box, err := c.Select(t.Context(), "a", nil)
	if err != nil {
		return err
	}
	wantEqual(t, "UIDNEXT", box.UIDNext, 5)
	wantEqual(t, "UIDVALIDITY", box.UIDValidity == 7, !noValidity)
	wantEqual(t, "FLAGS", box.Flags, []imap.Flag{imap.FlagSeen, imap.FlagAnswered})
	wantEqual(t, "PERMANENTFLAGS", box.PermanentFlags, []imap.Flag{imap.FlagWildcard})
	if _, err := c.Status(t.Context(), "b", "MESSAGES"); err != nil {
		return err
	}
	rows := 0
	err = each(c.Fetch(t.Context(), imap.UIDs(1, 1), imap.ItemUID, imap.ItemSize, imap.ItemEnvelope, imap.ItemBodyStructure), func(m *imapclient.Message) {
		rows++
		if _, ok := m.Size(); !ok {
			t.Error("no size")
		}
		if env, ok := m.Envelope(); !ok || string(env.Subject) != "s" {
			t.Errorf("envelope %+v", env)
		}
		if b, ok := m.BodyStructure(); !ok || string(b.Type) != "text" {
			t.Errorf("structure %+v", b)
		}
	})
	if err != nil {
		return err
	}
	wantEqual(t, "rows", rows, 1)
	return c.Noop(t.Context())
}

func each(rows func(func(*imapclient.Message, error) bool), f func(*imapclient.Message)) error {
	for m, err := range rows {
		if err != nil {
			return err
		}
		f(m)
	}
	return nil
}

// TestNumbersWrong: numbers that do not fit together cost the numbers, not the
// connection; with Strict they cost that.
func TestNumbersWrong(t *testing.T) {
	for _, wrong := range []string{"* 1 EXISTS", "* 4 EXPUNGE", "* VANISHED 1:9", "* 2 FETCH (UID 5)", "* 9 FETCH (UID 50)"} {
		for _, strict := range []bool{false, true} {
			d := plainDialer()
			d.Strict = strict
			scripted(t, d, `# RFC 9051, section 7.5.1: numbers move by EXPUNGE alone.
S: * PREAUTH [CAPABILITY IMAP4rev1] hi
C: A1 SELECT a
S: * 3 EXISTS
S: A1 OK in
C: A2 NOOP
S: * 1 FETCH (UID 10)
S: * 2 FETCH (UID 20)
S: `+wrong+`
S: A2 OK
`, func(c *imapclient.Client) error {
				in(t, c)
				err := c.Noop(t.Context())
				if strict {
					if err == nil {
						t.Errorf("%q passes", wrong)
					}
					return nil
				}
				if _, ok := c.UIDOf(1); ok || err != nil {
					t.Errorf("%q: numbers are still believed, or %v", wrong, err)
				}
				wantEqual(t, wrong, kinds(t, c, 1)[:1], []string{"Resync"})
				return nil
			})
		}
	}
}

// TestMoveFallback: CLI-3. COPY that is refused deletes nothing; without UIDPLUS
// nothing is sent at all.
func TestMoveFallback(t *testing.T) {
	const begin = `# RFC 6851, section 3.3: MOVE by other means.
S: * PREAUTH [CAPABILITY IMAP4rev1 UIDPLUS] hi
C: A1 SELECT a
S: * 3 EXISTS
S: A1 OK in
`
	for _, tc := range []struct{ name, script string }{
		{"refused", "C: A2 UID COPY 2:3 b\nS: A2 NO [TRYCREATE] no\nC: A3 NOOP\nS: A3 OK\n"},
		{"done", "C: A2 UID COPY 2:3 b\nS: A2 OK [COPYUID 1 2 7] in part\n" +
			"C: A3 UID STORE 2 +FLAGS.SILENT (\\Deleted)\nS: A3 OK\nC: A4 UID EXPUNGE 2\nS: * 2 EXPUNGE\nS: A4 OK\nC: A5 NOOP\nS: A5 OK\n"},
		{"STORE refused", "C: A2 UID COPY 2:3 b\nS: A2 OK\nC: A3 UID STORE 2:3 +FLAGS.SILENT (\\Deleted)\nS: A3 NO\nC: A4 NOOP\nS: A4 OK\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			scripted(t, plainDialer(), begin+tc.script, func(c *imapclient.Client) error {
				in(t, c)
				_, err := c.Move(t.Context(), imap.UIDs(2, 3), "b")
				if (err == nil) != (tc.name == "done") {
					t.Errorf("Move: %v", err)
				}
				return c.Noop(t.Context())
			})
		})
	}
	d := plainDialer()
	d.Mask = []imap.Cap{imap.CapUIDPlus}
	scripted(t, d, begin+"C: A2 NOOP\nS: A2 OK\n", func(c *imapclient.Client) error {
		in(t, c)
		_, err := c.Move(t.Context(), imap.UIDs(2, 3), "b")
		if _, ok := errors.AsType[*imapclient.CapError](err); !ok {
			t.Errorf("Move without UIDPLUS: %v", err)
		}
		return c.Noop(t.Context())
	})
}

// TestHostileSizes: CLI-7. Sizes that are only stated take no memory, and a response
// that is refused is damage alone.
func TestHostileSizes(t *testing.T) {
	for _, line := range []string{
		`* LIST () "/" {99999999999999999999}`,
		`* LIST () "/" {9999999999}`,
		`* FLAGS (a {9999999999}`,
	} {
		near, far := memnet.Pipe(memnet.Options{})
		go func() {
			io.WriteString(far, "* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n"+line+"\r\nabc")
			io.Copy(io.Discard, far)
		}()
		c, err := imapclient.NewClient(t.Context(), near, plainDialer())
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Noop(t.Context()); err == nil {
			t.Errorf("%q passes", line)
		}
	}
	d := plainDialer()
	d.Limits.ResponseLiteral = 100_000
	scripted(t, d, `# RFC 9051, section 4.3: a literal that is too big is dropped with its response.
S: * PREAUTH [CAPABILITY IMAP4rev1] hi
C: A1 NOOP
S: * LIST () "/" {500000}
S: {{500000*x}}
S: * OK [ALERT] alive
S: A1 OK
`, func(c *imapclient.Client) error {
		err := c.Noop(t.Context())
		wantEqual(t, "events", kinds(t, c, 2), []string{"Other", "Notice"})
		return err
	})
}

// TestRoomForRows: what nobody reads is bounded, and costs the Fetch.
func TestRoomForRows(t *testing.T) {
	w := newWorld(t)
	for range 4 {
		w.deliver(t, message("big", 1<<20))
	}
	c, _ := w.selected(t, func(d *imapclient.Dialer) { d.SpoolLimit = 2 << 20 })
	var err error
	n := 0
	for m, e := range c.Fetch(t.Context(), imap.UIDs(1, imap.Star), imap.ItemUID, imap.Peek("")) {
		if err = e; err != nil {
			break
		}
		if err := c.Noop(t.Context()); err != nil {
			t.Fatal(err)
		}
		n++
		if _, err = io.Copy(io.Discard, m.Body("")); err != nil {
			break
		}
	}
	if !errors.Is(err, imapclient.ErrTooMuch) || n < 2 {
		t.Errorf("after %d messages: %v", n, err)
	}
	if err := c.Noop(t.Context()); err != nil {
		t.Errorf("the connection is lost: %v", err)
	}

	c, _ = w.selected(t, func(d *imapclient.Dialer) { d.Drain = 2 << 20; d.Limits.ResponseLiteral = 1000 })
	for range c.Fetch(t.Context(), imap.UIDs(1, imap.Star), imap.ItemUID, imap.Peek("")) {
		break
	}
	if err := c.Noop(t.Context()); !errors.Is(err, imapclient.ErrTooMuch) {
		t.Errorf("reading on for nobody: %v", err)
	}
}

// TestArguments: nothing that a program passes on from elsewhere becomes syntax.
func TestArguments(t *testing.T) {
	hostile := []string{
		"a\r\nA9 DELETE INBOX", "a\" b", "a\\", "{5}", "{5+}\r\nx", "a\x00b", "(", "*", "%", "\xff\xfe", "NIL", "", "]", "a\nb", "&", "\u2028",
	}
	w := newWorld(t)
	w.fill(t, 1)
	for _, plus := range []bool{true, false} {
		c, _ := w.selected(t, func(d *imapclient.Dialer) {
			if !plus {
				d.Mask = []imap.Cap{imap.CapLiteralPlus, imap.CapLiteralMinus, imap.CapRev2}
			}
		})
		ctx := t.Context()
		for _, s := range hostile {
			c.Create(ctx, s)
			c.Rename(ctx, s, s+"x")
			c.Subscribe(ctx, s)
			c.Status(ctx, s, "MESSAGES")
			c.Status(ctx, "INBOX", s)
			c.Copy(ctx, imap.UIDs(1, 1), s)
			c.Append(ctx, s, imapclient.NewMessage([]byte("a: b\r\n\r\n")))
			c.Append(ctx, "x", imapclient.NewMessage([]byte("a: b\r\n\r\n"), imap.Flag(s)))
			c.Store(ctx, imap.UIDs(1, 1), imap.FlagOp{Flags: []imap.Flag{imap.Flag(s)}})
			c.Search(ctx, imap.Contains{Name: "SUBJECT", Text: s}, nil)
			c.Search(ctx, imap.Header{Field: s, Text: s}, nil)
			c.Search(ctx, imap.HasKeyword{Name: "KEYWORD", Flag: imap.Flag(s)}, nil)
			c.ID(ctx, imap.IDFields{{Name: s, Value: imap.Text(s)}})
			c.Enable(ctx, imap.Cap(s))
			for range c.List(ctx, imap.ListArgs{Reference: s, Patterns: []string{s}}) {
			}
			for range c.Fetch(ctx, imap.UIDs(1, 1), imap.FetchItem{Name: s}) {
			}
			for range c.Fetch(ctx, imap.UIDs(1, 1), imap.FetchItem{Name: "BODY.PEEK", Section: &imap.Section{Kind: imap.SectionFields, Fields: []string{s}}}) {
			}
			if err := c.Noop(ctx); err != nil {
				t.Fatalf("behind %q: %v", s, err)
			}
		}
		if c.Exists() != 1 || !strings.Contains(strings.Join(w.store.Names("ann"), " "), "INBOX") {
			t.Error("something was executed")
		}
	}
}

// TestGoodbye: BYE is an error with its text, at the greeting and later.
func TestGoodbye(t *testing.T) {
	near, far := memnet.Pipe(memnet.Options{})
	go io.WriteString(far, "* BYE too many\r\n")
	_, err := imapclient.NewClient(t.Context(), near, plainDialer())
	if st, ok := imap.ErrorOf(err); !ok || st.Text != "too many" {
		t.Errorf("greeting: %v", err)
	}
	scripted(t, plainDialer(), `# RFC 9051, section 7.1.5: BYE ends the session.
S: * PREAUTH [CAPABILITY IMAP4rev1] hi
C: A1 NOOP
S: * BYE [UNAVAILABLE] later
`, func(c *imapclient.Client) error {
		for range 2 {
			st, ok := imap.ErrorOf(c.Noop(t.Context()))
			if !ok || st.Kind != imap.BYE || st.Code.Name != "UNAVAILABLE" || st.Text != "later" {
				t.Errorf("got %v", st)
			}
		}
		return nil
	})
}

// TestUnaskedTag: an answer to what was not asked ends the connection.
func TestUnaskedTag(t *testing.T) {
	scripted(t, plainDialer(), `# RFC 9051, section 2.2.2: a tagged response is to a command of the client.
S: * PREAUTH [CAPABILITY IMAP4rev1] hi
C: A1 NOOP
S: A2 OK what
`, func(c *imapclient.Client) error {
		if err := c.Noop(t.Context()); !errors.Is(err, imap.ErrTag) {
			t.Errorf("got %v", err)
		}
		return nil
	})
}

// TestPreauthStripsTLS: AUT-6. One word must not keep TLS away.
func TestPreauthStripsTLS(t *testing.T) {
	near, far := memnet.Pipe(memnet.Options{})
	go io.WriteString(far, "* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n")
	_, err := imapclient.NewClient(t.Context(), near, &imapclient.Dialer{Addr: "mail.example:143"})
	if !errors.Is(err, imap.ErrInsecure) {
		t.Errorf("got %v", err)
	}
}

// TestNoTLS: TLS-5. Without TLS nothing of a login leaves, whatever the server does.
func TestNoTLS(t *testing.T) {
	for _, tc := range []struct{ name, script string }{
		{"not offered", "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\nC: <close>\n"},
		{"refused", "S: * OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] hi\nC: A1 STARTTLS\nS: A1 NO\nC: <close>\n"},
		{"injected", "S: * OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] hi\nC: A1 STARTTLS\nS: A1 OK\nS: * CAPABILITY IMAP4rev1 X\nC: <close>\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			refused(t, &imapclient.Dialer{Addr: "mail.example:143", Credentials: auth.Credentials{Username: "ann", Password: "secret"}},
				"# RFC 9051, section 11.1: no TLS, no login.\n"+tc.script)
		})
	}
	d := plainDialer()
	d.Auth.Cleartext = auth.CleartextNone
	d.Credentials = auth.Credentials{Username: "ann", Password: "secret"}
	refused(t, d, "# RFC 9051, section 11.1: no TLS, no password.\nS: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\nC: <close>\n")
	d.Auth.Cleartext = auth.CleartextAny
	refused(t, d, "# RFC 9051, section 6.2.3: LOGINDISABLED (AUT-7).\nS: * OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hi\nC: <close>\n")
}

// TestEventsBounded: what nobody hears has a bound in octets too, and an answer
// without an end is none.
func TestEventsBounded(t *testing.T) {
	for command, lines := range map[string]int{"NOOP": 40, "LIST": 140} {
		near, far := memnet.Pipe(memnet.Options{})
		go func() {
			io.WriteString(far, "* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n")
			far.Read(make([]byte, 100))
			long := strings.Repeat("x", 500_000)
			for range lines {
				if _, err := io.WriteString(far, "* LIST () \"/\" "+long+"\r\n"); err != nil {
					return
				}
			}
			io.WriteString(far, "A1 OK\r\n")
		}()
		c, err := imapclient.NewClient(t.Context(), near, plainDialer())
		if err != nil {
			t.Fatal(err)
		}
		if command == "NOOP" {
			if err := c.Noop(t.Context()); err != nil {
				t.Error(err)
			}
			far.Close()
			for ev := range c.Events(t.Context()) {
				wantEqual(t, "event", ev.Kind, imapclient.Resync)
				break
			}
		} else if err := walk(c.List(t.Context(), imap.ListArgs{})); !errors.Is(err, imapclient.ErrTooMuch) {
			t.Errorf("LIST: %v", err)
		}
		c.Close()
	}
}

func walk(rows func(func(*imapclient.Mailbox, error) bool)) error {
	for _, err := range rows {
		if err != nil {
			return err
		}
	}
	return nil
}
