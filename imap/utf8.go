package imap

// UTF8Accept is what ENABLE UTF8=ACCEPT switches on: UTF-8 in quoted strings
// and names, which the Parser and the Encoder are told by their fields, and
// UTF8 (~{n}) in APPEND, which is taken in any case.
var UTF8Accept = &Feature{
	Name: "UTF8=ACCEPT", RFC: 6855,
	Enable: []Cap{CapUTF8Accept},
}
