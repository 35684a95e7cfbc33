package inflate_test

import (
	"compress/flate"
	"fmt"
	"io"

	"github.com/mailwire/mailwire/internal/inflate"
)

func Example() {
	r, w := io.Pipe()
	go func() {
		deflate, _ := flate.NewWriter(w, flate.BestSpeed)
		io.WriteString(deflate, "a NOOP\r\n")
		deflate.Flush() // and then the peer waits for an answer
	}()
	b := make([]byte, 64)
	n, err := inflate.NewReader(r).Read(b)
	fmt.Printf("%q %v\n", b[:n], err)
	// Output: "a NOOP\r\n" <nil>
}
