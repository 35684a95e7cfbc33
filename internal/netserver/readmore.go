//go:build unix

package netserver

import "syscall"

// readMore reads without waiting. It is tried where the last read took all that
// it had room for and replies are held: RFC 2920, section 3.2, item 7 has them
// leave when the input buffer of TCP is empty, not when ours is.
func readMore(raw syscall.RawConn, p []byte) (n int) {
	err := raw.Read(func(fd uintptr) bool {
		n, _ = syscall.Read(int(fd), p)
		return true
	})
	if err != nil || n < 0 {
		return 0 // readOrWait finds out why
	}
	return n
}
