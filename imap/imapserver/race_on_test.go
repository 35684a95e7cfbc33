//go:build race

package imapserver_test

// raceEnabled: counts of allocations mean nothing.
const raceEnabled = true
