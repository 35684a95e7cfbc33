package smtptest

import (
	"context"
	"net"
	"testing"

	"github.com/mailwire/mailwire/smtp/smtpserver"
)

func TestScript(t *testing.T) {
	record := new(Recorder)
	Script(t, "testdata/session.txt", func(c net.Conn) {
		(&smtpserver.Server{Hostname: "mx.example", Handler: record}).ServeConn(context.Background(), c)
	})
	if m := record.Messages(); len(m) != 1 || string(m[0].Content) != ".\r\n" {
		t.Errorf("got %+v", m)
	}
}
