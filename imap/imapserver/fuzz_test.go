package imapserver_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imaptest"
	"github.com/mailwire/mailwire/internal/transcript"
)

// alarm is a log that remembers failures of ours: panics, and values that could
// not be printed.
type alarm struct{ rang atomic.Pointer[string] }

func (a *alarm) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelError }
func (a *alarm) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(at slog.Attr) bool {
		text += " " + at.String()
		return true
	})
	a.rang.Store(&text)
	return nil
}
func (a *alarm) WithAttrs([]slog.Attr) slog.Handler { return a }
func (a *alarm) WithGroup(string) slog.Handler      { return a }

// FuzzServer sends any octets. Nothing of ours may fail, and what comes back has to
// be what imaptest.Play demands: responses by the grammar, to commands only and
// never to octets that a literal was announced for, with numbers of messages that
// were told of.
func FuzzServer(f *testing.F) {
	for _, dir := range []string{"core", "minus", "bare"} {
		transcript.Seed(f, transcript.Client, "testdata/"+dir+"/*.txt")
	}
	const start = "a LOGIN u p\r\nb SELECT INBOX\r\n"
	for _, seed := range []string{
		"c FETCH 1:* (FLAGS BODY[1.MIME] BINARY[2] BODYSTRUCTURE ENVELOPE)\r\n",
		"c FETCH 1:2 (BODY[2] BODY.PEEK[3.HEADER]<0.5> BINARY.PEEK[1]<2.4>)\r\nd FETCH 2 RFC822.TEXT\r\n",
		"c UID SEARCH RETURN (SAVE ALL COUNT) OR NOT 1 (SUBJECT x SINCE 1-Jan-2000)\r\nd UID FETCH $ UID\r\n",
		"c APPEND INBOX (\\Seen) {10+}\r\nA: b\r\n\r\nxx {3+}\r\nabc\r\nd APPEND INBOX ~{3+}\r\na\x00b\r\n",
		"c ENABLE QRESYNC IMAP4rev2\r\nd SELECT INBOX (QRESYNC (1 1 1:3))\r\ne STORE 1 (UNCHANGEDSINCE 0) FLAGS (\\Deleted)\r\nf EXPUNGE\r\n",
		"c LIST (SUBSCRIBED RECURSIVEMATCH) \"\" (% *) RETURN (STATUS (MESSAGES))\r\nd LSUB \"\" %\r\n",
		"c IDLE\r\nDONE\r\nd COMPRESS DEFLATE\r\n",
		"c RENAME INBOX x/y\r\nd COPY 1:* x/y\r\ne DELETE x\r\nf MOVE 1 x/y\r\ng UID MOVE * INBOX\r\n",
	} {
		f.Add([]byte(start + seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		store := newStore(t)
		fill(t, store)
		srv := newServer(store)
		log := new(alarm)
		srv.Logger = slog.New(log)
		srv.Limits.Message = 5000
		imaptest.Play(t, srv, in)
		if text := log.rang.Load(); text != nil {
			t.Fatalf("log: %s", *text)
		}
	})
}

// checkEach reads responses to the end, and calls answered for each tagged one.
func checkEach(t *testing.T, from io.Reader, in string, answered func(tag string)) {
	t.Helper()
	r := imap.NewReader(from)
	r.Responses = true
	compressed := strings.Contains(strings.ToUpper(in), "COMPRESS")
	for {
		piece, err := r.Next(imap.Bounds{Line: 1 << 20, Skip: 1 << 20})
		if err != nil {
			if !errors.Is(err, io.EOF) && !compressed {
				t.Fatalf("output: %v", err)
			}
			return
		}
		if piece.Announce != nil {
			r.Decide(imap.Verdict{Do: imap.Inline})
			continue
		}
		if compressed {
			continue
		}
		p := imap.NewParser(piece.Command)
		p.Depth, p.UTF8 = 1000, strings.Contains(strings.ToUpper(in), "ENABLE")
		resp, err := p.ParseResponse()
		if err != nil || resp.Err != nil {
			t.Fatalf("response %q: %v, %v", piece.Command, err, resp)
		}
		if resp.Tag == "*" || resp.Tag == "+" {
			continue
		}
		if !strings.Contains(in, resp.Tag) {
			t.Fatalf("tag %q was never sent", resp.Tag)
		}
		answered(resp.Tag)
	}
}
