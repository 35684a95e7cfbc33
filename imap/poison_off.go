//go:build !race

package imap

// poison: see poison_on.go.
const poison = false
