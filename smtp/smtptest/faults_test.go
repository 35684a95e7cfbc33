package smtptest

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/smtp"
)

// careless serves SMTP as many a program of fifty lines does: an LF ends a line,
// verbs are prefixes, nothing has a limit, an order or a grammar.
func careless(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	fmt.Fprint(c, "220 hello\r\n")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		switch verb := strings.ToUpper(line); {
		case strings.HasPrefix(verb, "EHLO"):
			fmt.Fprint(c, "250-hello\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-ENHANCEDSTATUSCODES\r\n250 CHUNKING\r\n")
		case strings.HasPrefix(verb, "DATA"):
			fmt.Fprint(c, "354 go\r\n")
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				if strings.TrimRight(line, "\r\n") == "." {
					break
				}
			}
			fmt.Fprint(c, "250 OK\r\n")
		case strings.HasPrefix(verb, "QUIT"):
			fmt.Fprint(c, "221 bye\r\n")
			return
		case strings.HasPrefix(verb, "FOO"):
			fmt.Fprintf(c, "500 what is %s\r\n", line)
		default:
			fmt.Fprint(c, "250 OK\r\n")
		}
	}
}

// The suite finds what is wrong with it.
func TestSuiteFindsFaults(t *testing.T) {
	want := []string{
		"SEQ-2", "SEQ-4", "SEQ-5", "SEQ-6", "SEQ-10b", "SEQ-13", "SEQ-15", "SEQ-16", "SEQ-17", "SEQ-18", "PATH-21", "PATH-26", "PATH-27", "PATH-30",
		"PATH-31", "PATH-32", "PATH-33", "LINE-43", "LINE-44", "LINE-51", "DATA-54", "DATA-56", "DATA-59", "BDAT-67", "BDAT-68", "BDAT-72", "BDAT-73",
	}
	for _, c := range Cases() {
		if !slices.Contains(want, c.ID) {
			continue
		}
		t.Run(c.ID, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				target := &Target{Good: []smtp.Path{u1, u2, u3}, Patience: time.Second, Dial: func(context.Context) (net.Conn, error) {
					client, server := memnet.Pipe(memnet.Options{})
					go careless(server)
					return client, nil
				}}
				if o := c.Run(t.Context(), target); o.Verdict != Failed {
					t.Errorf("%s\n%s", o, o.Transcript)
				}
				target.Known = map[string]string{c.ID: "careless"}
				if o := c.Run(t.Context(), target); o.Verdict != Excused {
					t.Errorf("in Known: %s", o)
				}
			})
		})
	}
}

// A case that is known to fail, and does not, is a failure.
func TestKnownThatPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target, server := newTarget(smtp.SMTP, false, false)
		defer server.Close()
		target.Known = map[string]string{"SEQ-1": "no reason"}
		if o := Cases()[0].Run(t.Context(), target); o.Verdict != Failed || o.Case.ID != "SEQ-1" {
			t.Error(o)
		}
	})
}

// Every case has a number of its own, a title, and a rule with its section unless
// it is but practice.
func TestCases(t *testing.T) {
	seen := make(map[string]bool)
	for _, c := range Cases() {
		if seen[c.ID] || c.Title == "" || c.Level == 0 || len(c.Refs) == 0 && c.Level != Practice || c.run == nil {
			t.Errorf("case %+v", c)
		}
		seen[c.ID] = true
		for _, need := range c.Needs {
			if _, is := new(Target).has(need); !is && need != strings.ToUpper(need) && need != "smtp" && need != "lmtp" && need != "submission" {
				t.Errorf("%s needs %q, which is nothing", c.ID, need)
			}
		}
	}
}
