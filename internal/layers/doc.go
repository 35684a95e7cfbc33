// Package layers holds no code: its tests prove that the module is built as it
// says. The rules are tables at the head of rules_test.go.
//
//   - The rooms of pure code (smtp, imap, imap/imapview, pop3, mime and the SASL
//     machines of auth) import nothing that reaches the world, directly or through
//     another package of this module, read no clock, start no goroutine, and
//     assign to no package-level variable.
//   - Imports run one way, from examples down to internal. Drivers use only the
//     exported API of their root: no internal package opens a private door.
//   - The module requires nothing beyond x/net, x/crypto, x/text and, in tests,
//     go-cmp.
//
// A package that does not exist yet breaks no rule; one that no rule knows does.
package layers
