package imapserver_test

import (
	"strings"
	"testing"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapserver"
)

// RFC 8437, section 3: UNAUTHENTICATE is there where its extension is, behind the
// login, and where its capability is not taken away.
func TestUnauthenticateOffered(t *testing.T) {
	without := func(c *imapserver.Conn, have []imap.Cap) (out []imap.Cap) {
		for _, x := range have {
			if x != imap.CapUnauthenticate {
				out = append(out, x)
			}
		}
		return out
	}
	tests := []struct {
		name    string
		server  func(*imapserver.Server)
		offered bool
	}{
		{"by default", func(*imapserver.Server) {}, true},
		{"not configured", func(s *imapserver.Server) { s.Extensions = []imapserver.Extension{{Feature: imap.Enable}} }, false},
		{"taken away", func(s *imapserver.Server) { s.Caps = without }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := newServer(newStore(t))
			tt.server(srv)
			c := dial(t, srv)
			wantLines(t, "before the login", c.cmd("UNAUTHENTICATE"), []string{"BAD ..."})
			c.ok("LOGIN u p")
			if got := strings.Contains(c.ok("CAPABILITY")[0], "UNAUTHENTICATE"); got != tt.offered {
				t.Errorf("offered: %v, want %v", got, tt.offered)
			}
			want := "BAD ..."
			if tt.offered {
				want = "OK ..."
			}
			wantLines(t, "behind it", c.cmd("UNAUTHENTICATE"), []string{want})
			if got := strings.Contains(c.ok("CAPABILITY")[0], "AUTH="); got != tt.offered {
				t.Errorf("back before the login: %v, want %v", got, tt.offered)
			}
		})
	}
}
