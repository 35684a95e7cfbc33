//go:build !race

package lineio

// poison: see poison_on.go.
const poison = false
