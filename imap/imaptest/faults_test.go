package imaptest_test

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/mailwire/mailwire/imap/imaptest"
	"github.com/mailwire/mailwire/internal/memnet"
)

// A suite that finds nothing is worth nothing: each mutant breaks a rule, and the
// case that is about it has to say so.
func TestSuiteFindsBugs(t *testing.T) {
	replace := func(pairs ...string) func(string) string { return strings.NewReplacer(pairs...).Replace }
	tests := []struct {
		bug    string
		mutate func(string) string // what becomes of what the client sends
		answer func(string) string // and of what the server says
		id     string
	}{
		{"a literal behind NAMESPACE is not seen", replace("NAMESPACE {21+}", "NAMESPACE"), nil, "FRM-1"},
		{"a literal behind an unknown command is not seen", replace("XYZZY (( {10+}", "XYZZY (("), nil, "FRM-5"},
		{"an empty line is a tag", nil, replace("* BAD", "x BAD"), "FRM-9"},
		{"a plus sign is in tags", replace("a+b NOOP", "a NOOP"), nil, "FRM-11"},
		{"a backslash quotes anything", replace(`\B`, "B"), nil, "FRM-13"},
		{"answers end in LF", nil, replace("\r\n", "\n"), "AUT-9"},
		{"LOGOUT without BYE", nil, replace("* BYE", "* OK"), "AUT-9"},
		{"EXAMINE is SELECT", replace("EXAMINE ", "SELECT "), nil, "RO-1"},
		{"EXAMINE is SELECT, for FETCH", replace("EXAMINE ", "SELECT "), nil, "RO-2"},
		{"UNSELECT is CLOSE", replace("UNSELECT", "CLOSE"), nil, "RO-4"},
		{"EXPUNGE in FETCH by number", nil, replace("* 2 FETCH (UID 2)", "* 1 EXPUNGE\r\n* 1 FETCH (UID 2)"), "VIEW-1"},
		{"EXISTS falls", nil, replace("* 6 EXISTS", "* 5 EXISTS"), "VIEW-7"},
		{"EXPUNGE is told twice", nil, replace("* 1 EXPUNGE\r\n", "* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n"), "VIEW-8"},
		{"a row of no message", nil, replace("* 3 FETCH", "* 0 FETCH"), "VIEW-5"},
		{".SILENT is not silent", replace(".SILENT", ""), nil, "VIEW-15"},
		{"COPY copies what is left", replace("COPY 1:3", "COPY 1,3"), nil, "VIEW-16"},
		{"0 is 1", replace("FETCH 0 ", "FETCH 1 "), nil, "NUM-5"},
		{"10 is the last", replace("FETCH 10 ", "FETCH 3 "), nil, "NUM-3"},
		{"$ is everything", replace("$", "1:*"), nil, "NUM-9"},
		{"PEEK does not peek", replace("BODY.PEEK[] ", "BODY[] "), nil, "FET-15"},
		{"the origin of a part is not echoed", nil, replace("BODY[]<3>", "BODY[]<0>"), "FET-2"},
		{"absent is empty", nil, replace("NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL", `"" NIL NIL NIL NIL NIL NIL NIL NIL NIL`), "FET-10"},
		{"a list without its end", nil, replace(`("attachment" NIL)`, `("attachment" NIL`), "FET-5b"},
		{"a size too small", nil, replace("RFC822.SIZE 5", "RFC822.SIZE 4"), "FET-12"},
		{"FLAGS come too late", nil, replace("* FLAGS", "* XFLAGS"), "CST-2"},
		{"UID EXPUNGE is EXPUNGE", replace("UID EXPUNGE 2:5", "EXPUNGE"), nil, "UID-1"},
		{"UNCHANGEDSINCE is not looked at", replace("(UNCHANGEDSINCE 0) ", ""), nil, "CST-3"},
		{"VANISHED is not EARLIER", nil, replace("VANISHED (EARLIER)", "VANISHED"), "CST-6b"},
		{"OR is AND", replace("SEARCH OR 1 FLAGGED", "SEARCH 1 FLAGGED"), nil, "SRCH-5"},
		{"ESEARCH forgets the tag", nil, replace(`ESEARCH (TAG "`, `ESEARCH (TAG "x`), "SRCH-7"},
		{"names are listed as nil", nil, replace(`"NIL"`, "NIL"), "FRM-21"},
		{"UIDVALIDITY stays", nil, func() func(string) string {
			return func(s string) string {
				if i := strings.Index(s, "UIDVALIDITY "); i >= 0 && strings.Contains(s, "STATUS") {
					end := i + strings.IndexAny(s[i+12:], " )\r") + 12
					return s[:i] + "UIDVALIDITY 7" + s[end:]
				}
				return s
			}
		}(), "MBX-5"},
		{"a subscription ends with its mailbox", replace("SUBSCRIBE a/b", "NOOP"), nil, "MBX-6"},
		{"8 bits in quotes", nil, replace("ENVELOPE (", "ENVELOPE (\"\xc3\xbc\" "), "FET-11"},
		{"IDLE ends by anything", replace("DONE now", "DONE"), nil, "IDL-2"},
		{"HIGHESTMODSEQ does not wait for what is not told", nil, replace("* OK [HIGHESTMODSEQ", "* OK [XHIGHEST"), "CST-5c"},
		{"UNAUTHENTICATE is NOOP", replace("UNAUTHENTICATE\r\n", "NOOP\r\n"), nil, "AUT-10"},
	}
	for _, tt := range tests {
		t.Run(tt.bug, func(t *testing.T) {
			srv := ourServer(t)
			target := &imaptest.Target{Login: &me, Dial: func(context.Context) (net.Conn, error) {
				near, middle := memnet.Pipe(memnet.Options{})
				other, far := memnet.Pipe(memnet.Options{})
				go srv.ServeConn(context.Background(), far)
				go pass(other, middle, tt.mutate)
				go pass(middle, other, tt.answer)
				return near, nil
			}}
			for _, c := range imaptest.Cases() {
				if c.ID != tt.id {
					continue
				}
				o := c.Run(t.Context(), target)
				if o.Verdict != imaptest.Failed {
					t.Errorf("%s: %s", c.ID, o)
				}
				t.Log(o.Reason)
				if strings.Contains(o.Transcript, string(me.Password)) {
					t.Errorf("the transcript has the password:\n%s", o.Transcript)
				}
				target.Known = map[string]string{c.ID: "as it was made"}
				if o := c.Run(t.Context(), target); o.Verdict != imaptest.Excused {
					t.Errorf("known, and yet: %s", o)
				}
			}
		})
	}
}

// pass carries what one side writes to the other.
func pass(to, from net.Conn, change func(string) string) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 256<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		s := string(buf[:n])
		if change != nil {
			s = change(s)
		}
		if _, err := io.WriteString(to, s); err != nil {
			return
		}
	}
}

func TestKnownThatPasses(t *testing.T) {
	target := inMemory(ourServer(t))
	target.Known = map[string]string{"AUT-9": "no longer true"}
	for _, c := range imaptest.Cases() {
		if c.ID == "AUT-9" {
			if o := c.Run(t.Context(), target); o.Verdict != imaptest.Failed {
				t.Errorf("%s", o)
			}
		}
	}
}
