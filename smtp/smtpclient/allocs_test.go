//go:build !race

package smtpclient

import (
	"context"
	"strings"
	"testing"

	"github.com/mailwire/mailwire/smtp"
)

// What a message costs: its Result, and four replies that are kept as text.
func TestSendAllocs(t *testing.T) {
	for _, test := range []struct {
		name     string
		rcpts    int
		chunking bool
		most     float64
	}{{"one", 1, false, 14}, {"one by BDAT", 1, true, 16}, {"twenty", 20, false, 40}} {
		t.Run(test.name, func(t *testing.T) {
			c, _ := yesClient(t, test.chunking)
			e := smtp.NewEnvelope("sender@x.example", strings.Split(strings.Repeat("r@x.example ", test.rcpts), " ")[:test.rcpts]...)
			body := strings.NewReader("")
			got := testing.AllocsPerRun(100, func() {
				body.Reset(benchBody)
				if _, err := c.Send(context.Background(), e, body); err != nil {
					t.Fatal(err)
				}
			})
			if got > test.most {
				t.Errorf("%v allocations, at most %v", got, test.most)
			}
		})
	}
}
