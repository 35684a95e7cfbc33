// Package doccheck holds no code: its tests prove that the documentation is true
// where that can be proven.
//
//   - Every exported name of the library has a doc comment, fields included, and
//     every [Link] in one names something.
//   - Every relative link in a Markdown file names a file, and every fragment a
//     heading of it.
//   - Every go command that a Markdown file shows names packages that exist, and
//     every script one that exists.
//   - Every Go snippet of the README and of docs compiles, and the tests in them
//     pass. The snippets of a page that follow one with a package clause
//     belong to the same file, so that a page can tell a program in pieces.
//   - Nothing names a path of somebody's own machine.
package doccheck
