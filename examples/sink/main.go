// Command sink is an SMTP server that keeps what it gets as files and sends nothing
// on: NAME.eml is a message with its trace fields, NAME.json its envelope. Who sees
// NAME.eml finds all of both, and what the sender was told is stored outlives a
// power cut.
//
// To try it:
//
//	go run ./examples/sink -dir /tmp/sink &
//	swaks --server 127.0.0.1:2525 --from me@example.org --to you@example.org
//	curl smtp://127.0.0.1:2525 --crlf --mail-from me@example.org --mail-rcpt you@example.org --upload-file README.md
//	ls /tmp/sink; cat /tmp/sink/*.json
//	kill -INT %1    # or Ctrl-C: messages under way come to their end
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/mailwire/mailwire/examples/internal/serve"
	"github.com/mailwire/mailwire/examples/internal/whole"
	"github.com/mailwire/mailwire/smtp"
	"github.com/mailwire/mailwire/smtp/smtpserver"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C does not wait
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "sink:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	fs := flag.NewFlagSet("sink", flag.ContinueOnError)
	var s sink
	fs.StringVar(&s.dir, "dir", "sink", "`folder` for what comes")
	listen := fs.String("listen", "127.0.0.1:2525", "`address` to listen on")
	domains := fs.String("domains", "example.org", "domains that mail is taken for, with commas between; \"\": any")
	size := fs.Int64("size", 10<<20, "`octets` that a message may have")
	rcpts := fs.Int("rcpts", 100, "recipients that a message may have")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *domains != "" {
		s.domains = strings.Split(strings.ToLower(*domains), ",")
	}
	s.tmp = filepath.Join(s.dir, "tmp")
	if err := os.MkdirAll(s.tmp, 0o700); err != nil {
		return err
	}
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	server := &smtpserver.Server{
		Handler: smtpserver.SessionFunc(s.session),
		Limits:  smtp.Limits{Message: *size, Rcpts: *rcpts},
		Conns:   smtpserver.Conns{Total: 100},
		Logger:  slog.New(slog.NewTextHandler(stdout, nil)),
	}
	fmt.Fprintf(stdout, "listening on %s\n", l.Addr())
	return serve.Until(ctx, server, l)
}

// sink is where the messages go.
type sink struct {
	dir, tmp string
	domains  []string // nil: any
}

func (s *sink) session(context.Context, *smtpserver.Conn) (*smtpserver.Session, error) {
	return &smtpserver.Session{Rcpt: s.rcpt, Data: s.store}, nil
}

// rcpt takes mail for our domains: a server that seems to take anything is soon on
// the lists of those who look for one to send through.
func (s *sink) rcpt(_ context.Context, _ *smtpserver.Message, to smtp.Rcpt) error {
	if s.domains == nil || to.Path.Domain == "" { // <postmaster>: RFC 5321, section 4.5.1
		return nil
	}
	for _, d := range s.domains {
		if strings.EqualFold(to.Path.Domain, d) {
			return nil
		}
	}
	return &smtp.Reject{Code: 550, Enhanced: smtp.EnhancedCode{5, 7, 1}, Text: "this server does not relay"}
}

// An envelope is what the sidecar of a message says.
type envelope struct {
	From   string    `json:"from"` // "<>": the null path
	To     []string  `json:"to"`
	Hello  string    `json:"hello"`  // what the client calls itself
	Remote string    `json:"remote"` // where it comes from
	Time   time.Time `json:"time"`
	Octets int64     `json:"octets"` // of the content as it came, without our trace fields
}

// store keeps a message. Any error is a 4xx for the client, who keeps it then.
func (s *sink) store(_ context.Context, m *smtpserver.Message) error {
	now := time.Now()
	name := whole.Name(now)
	m.Queued(name) // for the reply, and the Received field
	trace, err := smtp.AppendPath([]byte("Return-Path: "), m.From)
	if err != nil {
		return err
	}
	trace = m.AppendReceived(append(trace, "\r\n"...), now)
	return whole.Write(s.tmp, filepath.Join(s.dir, name+".eml"), func(f *os.File) error {
		if _, err := f.Write(trace); err != nil {
			return err
		}
		if _, err := m.WriteTo(f); err != nil {
			return err // the message did not come to its end, or is refused
		}
		return s.storeEnvelope(m, name, now)
	})
}

// storeEnvelope comes before the message has its name, so that it is there with it.
func (s *sink) storeEnvelope(m *smtpserver.Message, name string, now time.Time) error {
	e := envelope{From: m.From.String(), Hello: m.Conn.Hello(), Remote: m.Conn.Remote().String(), Time: now, Octets: m.Size()}
	for _, to := range m.To {
		e.To = append(e.To, to.Path.String())
	}
	return whole.Write(s.tmp, filepath.Join(s.dir, name+".json"), func(f *os.File) error {
		enc := json.NewEncoder(f)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(e)
	})
}
