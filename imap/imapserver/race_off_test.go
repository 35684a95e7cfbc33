//go:build !race

package imapserver_test

// raceEnabled: see race_on_test.go.
const raceEnabled = false
