//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package main

import "os"

// flock does nothing: here it is up to the user that one daemon runs.
func flock(*os.File) error { return nil }
