//go:build race

package pop3server_test

const raceDetector = true
