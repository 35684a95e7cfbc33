//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
)

// One daemon works on a data folder; what manages it works beside the daemon.
func TestDataFolderIsExclusive(t *testing.T) {
	c := testConfig(t)
	d := start(t, c)
	quiet := slog.New(slog.DiscardHandler)
	_, err := newDaemon(c, quiet)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("another maild works on %s: process %d", c.data, os.Getpid())) {
		t.Fatalf("a second daemon: %v", err)
	}
	for _, words := range [][]string{{"queue"}, {"adduser", "third"}} {
		if err := manage(c, words, io.Discard); err != nil {
			t.Errorf("%q: %v", words, err)
		}
	}
	d.mail(t, "demo") // the second one has left the first alone

	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	start(t, c)
}

// A daemon that does not come up leaves the folder to the next.
func TestFailedStartUnlocks(t *testing.T) {
	c := testConfig(t)
	busy := start(t, testConfig(t))
	failing := c
	failing.addr[imapsService] = busy.addr(imapsService)
	if _, err := newDaemon(failing, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "-imaps") {
		t.Fatalf("an address that is taken: %v", err)
	}
	start(t, c)
}
