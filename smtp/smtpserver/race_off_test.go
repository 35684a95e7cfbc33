//go:build !race

package smtpserver

// raceDetector: under it pools forget on purpose, and allocations do not count.
const raceDetector = false
