//go:build race

package lineio

// poison makes a Reader overwrite what it lent before it lends again. It is on
// under the race detector, which looks for the same kind of mistake.
const poison = true
