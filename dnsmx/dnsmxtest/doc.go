// Package dnsmxtest is the DNS for tests: a zone written as text, asked in memory
// or through sockets on loopback with faults of choice, and the contract that any
// [dnsmx.Resolver] is held to.
//
//	z := dnsmxtest.MustParseZone(`
//		example.org. MX 10 mx
//		mx A 192.0.2.25
//		!secure example.org.
//	`)
//	planner := &dnsmx.Planner{Resolver: z}
//
// A [Zone] in memory does no I/O and takes no time, so that it works in a bubble of
// testing/synctest. Its log of questions is for tests of how many are asked.
package dnsmxtest
