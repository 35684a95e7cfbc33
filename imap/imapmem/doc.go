// Package imapmem is a mail store in memory for imapserver. It has every ability
// that an account can have, and is there to be read as the reference of the
// contract, to be served in tests and demonstrations, and to be the truth that
// fuzzing compares with.
//
// A Store has users, a user has mailboxes, and each of these has messages in
// ascending order of their UIDs. Nothing is ever written to disk.
//
// All of a user is under one lock, which is held while changes are told to those
// who watch. Messages are read without it: their content does not change, and
// flags are replaced as a whole.
package imapmem
