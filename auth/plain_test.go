package auth

import (
	"context"
	"crypto/tls"
	"errors"
	"testing"
)

// over stands for any TLS connection.
func over() ConnInfo {
	return ConnInfo{TLS: &tls.ConnectionState{}, Verified: true}
}

func TestRFC4616_4_Examples(t *testing.T) {
	accounts := map[string]string{"tim": "tanstaaftanstaaf", "Kurt": "xipj3plmq"}
	a := &Authenticator{Floor: -1, CheckPassword: func(_ context.Context, user string, pw Secret) error {
		if accounts[user] != string(pw) {
			return ErrCredentials
		}
		return nil
	}}
	for _, tt := range []struct {
		name, line string
		want       error
	}{
		{"tim", "AHRpbQB0YW5zdGFhZnRhbnN0YWFm", nil},
		{"Kurt as Ursel", "VXJzZWwAS3VydAB4aXBqM3BsbXE=", ErrCredentials},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := a.Server("PLAIN", over())
			if err != nil {
				t.Fatal(err)
			}
			ir, err := ParseOctets([]byte(tt.line), 0)
			if err != nil {
				t.Fatal(err)
			}
			_, done, err := s.Next(t.Context(), ir)
			if !errors.Is(err, tt.want) || done != (tt.want == nil) {
				t.Errorf("Next = %v, %v, want %v", done, err, tt.want)
			}
		})
	}
}
