package netserver

import (
	"log/slog"
	"os"
)

// Hostname returns name, or where that is empty what the system calls itself.
func Hostname(name string) string {
	if name != "" {
		return name
	}
	if name, err := os.Hostname(); err == nil && name != "" {
		return name
	}
	return "localhost"
}

var discard = slog.New(slog.DiscardHandler)

// Logger returns log, or where that is nil one that discards all.
func Logger(log *slog.Logger) *slog.Logger {
	if log == nil {
		return discard
	}
	return log
}
