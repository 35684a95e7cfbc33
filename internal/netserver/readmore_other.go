//go:build !unix

package netserver

import "syscall"

// readMore reads nothing where a socket cannot be asked whether it has something:
// replies then leave when our own buffer is empty.
func readMore(syscall.RawConn, []byte) int { return 0 }
