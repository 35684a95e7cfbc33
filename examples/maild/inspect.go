package main

import (
	"bytes"
	"io"
	"strings"

	"github.com/mailwire/mailwire/examples/maild/store"
	"github.com/mailwire/mailwire/mime"
	"github.com/mailwire/mailwire/smtp"
)

// inspected passes a message on, and has its header looked at before its end.
type inspected struct {
	r    io.Reader
	look func(*mime.Header) error // called once
	head []byte
	done bool
}

// maxHeader is as much of a header as the server takes: smtp.Limits.
const maxHeader = 256 << 10

func (x *inspected) Read(p []byte) (int, error) {
	n, err := x.r.Read(p)
	if x.done {
		return n, err
	}
	x.head = append(x.head, p[:n]...)
	whole := bytes.HasPrefix(x.head, []byte("\r\n")) || bytes.Contains(x.head, []byte("\r\n\r\n")) || len(x.head) > maxHeader
	if whole || err == io.EOF {
		h, _ := mime.ParseHeader(x.head, nil)
		x.head, x.done = nil, true
		if refused := x.look(h); refused != nil {
			return 0, refused
		}
	}
	return n, err
}

// maxVisits is how often a message may come by here. Somebody may send on what he
// got, and get it again, but not for ever.
const maxVisits = 5

// inspect refuses a message that goes round in circles, which the trace of ours
// tells. The server counts all fields of trace, up to 100: RFC 5321, section 6.3.
func (d *daemon) inspect(h *mime.Header, out *store.Outgoing) error {
	visits := 0
	for _, f := range h.All("Received") {
		r, err := mime.ParseReceived(f.Value())
		by, _, _ := strings.Cut(r.By, " ")
		if err == nil && strings.EqualFold(by, d.hostname) {
			visits++
		}
	}
	if visits >= maxVisits {
		return &smtp.Reject{Code: 554, Enhanced: smtp.EnhancedCode{5, 4, 6}, Text: "This message has been here too often: it is in a loop"}
	}
	// RFC 8689, section 3; the parameter of the envelope would weigh more.
	out.Relaxed = strings.EqualFold(strings.TrimSpace(h.Get("TLS-Required")), "no") && !out.Options.RequireTLS
	return nil
}
