// Package mime finds the parts of a message, reads what is in them, and builds
// messages. Parsing never fails on content: what is wrong with a message is told
// beside the result, as defects with their offsets.
//
// # Terms
//
// An [Indexer] finds the parts while the octets stream by and keeps none of them.
// Its result is the flat index that a [Message] holds; a [Part] is a place in it,
// to copy and compare. [Message.AppendIndex] gives the form that is stored beside
// the message, [LoadIndex] takes it back without reading the message.
//
// A [Header] is an ordered list of fields over the octets that they came in.
// Values (addresses, dates, encoded-words, parameters) are parsed when asked for,
// by functions that stand alone too. Octets are what lies in the message; text is
// always valid UTF-8, and in headers without CR, LF and NUL.
//
// # Three ways to use it
//
// To show or filter a mail that is in memory: [Parse], then [Message.Header],
// [Message.Views], [Part.Text], [Message.Check].
//
// To store mail and serve it: write it through an [Indexer], store the index,
// and answer from [LoadIndex] with [Message.Section], [Message.Envelope],
// [Message.BodyStructure] and a [Matcher]; these read the octets asked for and
// never parse again.
//
// To build mail: a [Builder], or an [Entity] for other shapes. To change it:
// [Message.Rewrite], which leaves every octet that is not edited.
//
// # Layers
//
// The scan (indexer.go, headerscan.go, boundary.go) is the only code that finds
// parts. Values, decoders and charsets know nothing of parts. What IMAP asks, the
// views, reports and the Builder stand on these. The package does no I/O but
// through the readers and writers it is given; only the Builder reads the clock
// and random octets, and only for what its user left open.
//
// # Deviations
//
//   - Encoded-words are decoded in quoted strings and parameter values too, where
//     RFC 2047, section 5 forbids them: senders write them there.
//   - In a quoted parameter value a backslash escapes only quotes and backslashes,
//     so that paths of Windows senders survive: RFC 2045, section 5.1.
//   - LF ends a line, and any run of CR in front of it belongs to the line end;
//     CR alone ends none: RFC 5322, section 2.3.
//   - iso-8859-1 and us-ascii mean windows-1252, as browsers have it, gb2312 means
//     gb18030.
//   - A header that runs into a delimiter, of its own multipart too, ends there.
//   - A multipart in which no delimiter occurs is text/plain.
//
// # Security
//
// Time and memory grow linearly with the input, and [Options] bounds levels, parts,
// headers and addresses. A delimiter stands at the start of a line, and one of an outer
// multipart ends inner parts, so that no part hides from a scanner. Local part and
// domain of an address are never split from a joined string; what is encoded is
// never syntax. Setters refuse CR, LF and NUL. [Part.Filename] is one element of a
// path without control characters; it is still a name that a stranger chose.
// [Message.Security] says what a message shows, nothing is verified.
//
// # Specifications
//
// RFC 5322 and 6532 (messages), 2045 to 2047 and 2049 (MIME), 2183 and 2231
// (parameters), 3676 (flowed), 2387 (related), 6522, 3464, 6533, 8098 and 5965
// (reports), RFC 5256, section 2.1 (base subject), RFC 8621, section 4.1.4 (views), RFC 9051
// and 5051 (IMAP and its search).
package mime
