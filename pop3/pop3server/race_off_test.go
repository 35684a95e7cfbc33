//go:build !race

package pop3server_test

// raceDetector is on where memory is counted in vain.
const raceDetector = false
