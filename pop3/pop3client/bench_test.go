package pop3client_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/pop3/pop3test"
)

// BenchmarkRetr fetches messages from our server over memory, both sides counted.
func BenchmarkRetr(b *testing.B) {
	for _, tt := range []struct {
		size  int
		ahead bool
	}{{4 << 10, false}, {4 << 10, true}, {1 << 20, false}} {
		b.Run(fmt.Sprintf("size=%d/pipelined=%v", tt.size, tt.ahead), func(b *testing.B) {
			srv := server(b, pop3test.NewMemory("Subject: x\r\n\r\n"+strings.Repeat("The quick brown fox jumps over the lazy dog, until noon.\r\n", tt.size/58)))
			srv.Cleartext, srv.TLS = true, nil
			srv.Auth.Cleartext = auth.CleartextAny
			d := dialer(b, srv)
			d.TLS.Level = auth.TLSNever
			d.Auth.Cleartext = auth.CleartextAny
			c := connect(b, d)
			b.SetBytes(int64(tt.size))
			b.ReportAllocs()
			if tt.ahead {
				nums := make([]int, b.N)
				for i := range nums {
					nums[i] = 1
				}
				for m, err := range c.RetrAll(b.Context(), nums) {
					if err == nil {
						_, err = io.Copy(io.Discard, m)
					}
					if err != nil {
						b.Fatal(err)
					}
				}
				return
			}
			for b.Loop() {
				r, err := c.Retr(b.Context(), 1)
				if err == nil {
					_, err = r.(io.WriterTo).WriteTo(io.Discard)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
