package transcript_test

import (
	"context"
	"errors"
	"net"
	"testing"
)

func TestPlayAddr(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			newToy().serve(c, make(chan string, 100))
		}
	}()
	addr := l.Addr().String()
	if err := parse(t, `S: 220 ...`, `C: QUIT`, `S: 221 bye`, `S: <closed>`).PlayAddr(t.Context(), addr, nil); err != nil {
		t.Error(err)
	}
	if err := parse(t, `S: 500 no`).PlayAddr(t.Context(), addr, nil); err == nil {
		t.Error("a wrong greeting was accepted")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := parse(t, `S: 220 ...`).PlayAddr(ctx, addr, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("with a done context: %v", err)
	}
}
