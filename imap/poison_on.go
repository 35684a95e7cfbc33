//go:build race

package imap

// poison makes a Reader overwrite what it lent before it lends again, so that
// whoever kept it is found out. It is on where races are looked for.
const poison = true
