package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/mailwire/mailwire/examples/maild/store"
)

// manageQueue carries out "maild queue", also beside a running daemon.
func manageQueue(db *store.Store, words []string, now time.Time, stdout io.Writer) error {
	switch {
	case len(words) == 0:
		return listQueue(db, now, stdout)
	case len(words) == 2 && words[0] == "retry":
		return db.RetryQueued(words[1], now)
	case len(words) == 2 && words[0] == "remove":
		return db.RemoveQueued(words[1])
	}
	return errors.New("want queue, queue retry ID or queue remove ID")
}

func listQueue(db *store.Store, now time.Time, stdout io.Writer) error {
	all, err := db.Queue(context.Background())
	if err != nil {
		return err
	}
	for _, m := range all {
		fmt.Fprintf(stdout, "%s  %s old, %d octets, from %s\n", m.Name, rough(now.Sub(m.Arrived)), m.Size, m.From)
		for _, w := range m.Rcpts {
			fmt.Fprintf(stdout, "    to %s: %d attempts, next %s", w.Path, w.Attempts, when(w.Next, now))
			if w.Last != "" {
				fmt.Fprintf(stdout, "; %s", w.Last)
			}
			fmt.Fprintln(stdout)
		}
	}
	_, err = fmt.Fprintf(stdout, "%d messages\n", len(all))
	return err
}

func when(t, now time.Time) string {
	if !t.After(now) {
		return "now"
	}
	return "in " + rough(t.Sub(now))
}

func rough(d time.Duration) string { return d.Round(time.Second).String() }
