// Package transcript reads dialogues of a mail protocol and plays them, as the
// client against a server or a bare session machine, or as the server against
// a client. One file is a test, a fuzz seed and benchmark input at once.
//
// # Format
//
//	# RFC 5321, section 4.5.2: the leading dot is removed, once.
//	S: 220 ...
//	C: EHLO client.example
//	S: ...
//	S: 250 {{any}}
//	C: MAIL FROM:<a@example.org>
//	C: RCPT TO:<b@example.org>
//	C: DATA
//	S: 250 2.1.0 OK
//	S: 250 2.1.5 OK
//	S: 354 go ahead
//	C~ "..a\r\n.\nb\r\n.\r\n"
//	event: data ".a\r\n.\nb\r\n"
//	S: 250 2.0.0 OK
//	C: QUIT
//	S: 221 ...
//	S: <closed>
//
// The first line is a comment that says which rule is shown, and its section.
// Further comments and empty lines may stand anywhere. Otherwise a line is
//
//	S: text      a line of the server; CRLF is implied
//	C: text      a line of the client; CRLF is implied
//	S~ "octets"  raw octets of the server as a Go string, without implied CRLF
//	C~ "octets"  raw octets of the client
//	S: ...       any number of lines of the server, up to one that matches the next line
//	S: <closed>  the server ends the connection (likewise C: <close>; both words work for both)
//	event: text  what the handler, or the user of the client, saw
//	-- tls --    both sides start TLS here
//
// Lines of one side with nothing between them leave in one write: that is how a
// pipelined batch is written down.
//
// In text, {{any}} stands for any octets, " ..." at the end for nothing or a
// space and any octets, and {{500*ab}} for 500 times "ab". Text with wild cards
// can only be expected, not sent. Text has no white space at its end and no
// control octets but TAB, because a reader would not see them: write these, and
// a literal "{{", as raw octets, which match only themselves.
//
// # What is checked
//
// Each expected line has to come in this order, with nothing between. Events
// are checked against the other events only: an event may stand before or
// behind the reply that it belongs to. A script without any event line does not
// care about events; a script with one has to name all.
//
// At the end of a script nothing may be left over. A connection cannot tell
// what would have come later, so a script which wants to be sure that nothing
// follows ends with S: <closed>.
package transcript
