package main

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap/imapclient"
)

// BenchmarkIMAPAppend stores 4 KiB messages over loopback and TLS, each durable
// before its reply.
func BenchmarkIMAPAppend(b *testing.B) {
	m := []byte("From: a@example.org\r\nSubject: x\r\n\r\n" + strings.Repeat("0123456789abcd\r\n", 256))
	for _, conns := range []int{1, 8, 32} {
		b.Run(fmt.Sprintf("conns=%d", conns), func(b *testing.B) {
			d := start(b, testConfig(b))
			dialer := imapclient.Dialer{Addr: d.addr(imapService), TLS: auth.TLSPolicy{Roots: d.trust.RootCAs}, Credentials: *d.login("demo")}
			clients := make([]*imapclient.Client, conns)
			for i := range clients {
				var err error
				if clients[i], err = dialer.Connect(b.Context()); err != nil {
					b.Fatal(err)
				}
				defer clients[i].Close()
			}
			var left atomic.Int64
			left.Store(int64(b.N))
			b.SetBytes(int64(len(m)))
			b.ResetTimer()
			var wg sync.WaitGroup
			for _, c := range clients {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						if _, err := c.Append(b.Context(), "INBOX", imapclient.NewMessage(m)); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

// BenchmarkIMAPFetch reads a mailbox of 1000 messages over loopback and TLS, as
// they lie in the store: with their structure, which was found when they came.
func BenchmarkIMAPFetch(b *testing.B) {
	const messages = 1000
	d := start(b, testConfig(b))
	for n := range messages {
		m := fmt.Sprintf("From: Ann <ann@example.org>\r\nTo: demo@maild.localhost\r\nSubject: message %d\r\nMessage-ID: <%d@example.org>\r\n"+
			"Date: Mon, 2 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\n%s--b\r\nContent-Type: text/html\r\n\r\n<p>\r\n--b--\r\n",
			n, n, strings.Repeat("0123456789abcd\r\n", 256))
		if err := d.store.Deliver(b.Context(), []string{"demo"}, time.Now(), strings.NewReader(m)); err != nil {
			b.Fatal(err)
		}
	}
	for _, tt := range []struct{ name, items string }{
		{"flags", "FLAGS"},
		{"envelope+bodystructure", "ENVELOPE BODYSTRUCTURE"},
		{"header", "BODY.PEEK[HEADER.FIELDS (FROM SUBJECT)]"},
		{"body", "BODY.PEEK[]"},
		{"part", "BODY.PEEK[2]"},
	} {
		b.Run(tt.name, func(b *testing.B) {
			c := d.imap(b, "demo")
			c.SetDeadline(time.Time{})
			for b.Loop() {
				c.send("a FETCH 1:* (" + tt.items + ")")
				for {
					line, err := c.r.ReadSlice('\n')
					if err != nil {
						b.Fatal(err)
					}
					if strings.HasPrefix(string(line), "a OK ") {
						break
					}
				}
			}
			b.ReportMetric(float64(b.N)*messages/b.Elapsed().Seconds(), "messages/s")
		})
	}
}
