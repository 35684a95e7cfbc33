// Package memnet is a network in memory: a [Conn] and a [Listener] that behave
// like TCP on a good day, and like TCP on a chosen bad day when told so.
//
// It exists because the two usual stand-ins are wrong for mail. [net.Pipe] has
// no buffer, so two sides that write at the same time (a pipelining client, a
// server that answers it) dead-lock where TCP would not; and a real loopback
// socket is invisible to testing/synctest, so that nothing about time-outs can
// be tested without waiting for them.
//
// # Semantics
//
//   - Each direction has a window ([Flow.Window], 64 KiB by default). Write
//     returns when all octets are in the window and blocks while it is full.
//   - Close lets the peer read what was written before, then [io.EOF]. A Write
//     to a peer that has closed fails with [syscall.EPIPE], at once.
//   - CloseWrite ends one direction only.
//   - Deadlines are as [net.Conn] promises: one in the past wakes whoever is
//     blocked, the error matches [os.ErrDeadlineExceeded], and a later deadline
//     heals the connection.
//   - Everything blocks on [sync.Cond] and every clock is package time's, so
//     inside a testing/synctest bubble a blocked call is durably blocked and a
//     deadline is due in fake time. All users of one connection or listener
//     have to be in the same bubble.
//   - The addresses are [*net.TCPAddr]. The defaults are documentation
//     addresses (RFC 5737, section 3) rather than loopback ones, so that code
//     which trusts loopback is tested in its strict form.
//
// # Bad days
//
// [Flow.Chunk] decides how much one Read returns, which is how a driver is
// shown to work with any split of its input. A [Fault] cuts, stalls or fails a
// direction at a chosen octet. [Conn.Sent] and [Conn.Received] count writes and
// octets, for the rule that the replies to a pipelined batch leave in one write.
package memnet
