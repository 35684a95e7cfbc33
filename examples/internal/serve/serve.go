// Package serve lets servers come to their end.
package serve

import (
	"context"
	"net"
	"time"
)

// A Server is that of smtpserver or of imapserver.
type Server interface {
	Serve(l net.Listener) error
	Shutdown(ctx context.Context) error
}

// grace is how long sessions have for what they are at.
const grace = 10 * time.Second

// Until serves l until ctx is done. Then nobody new comes in, who waits is told to
// go, and what is under way is finished, or cut off when it takes too long: that is
// an error.
func Until(ctx context.Context, s Server, l net.Listener) error {
	ended := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		ended <- s.Shutdown(ctx)
	})
	err := s.Serve(l) // returns as soon as Shutdown has begun, which is not when it is over
	if stop() {
		return err
	}
	return <-ended
}
