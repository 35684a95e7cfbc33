//go:build race

package mime

// Pools drop what they hold at random under the race detector.
const raceEnabled = true
