// Package dot is the dot-stuffing that SMTP DATA and multi-line POP3 answers
// share: RFC 5321, section 4.5.2; RFC 1939, section 3.
//
// One rule carries both directions: a line starts at the first octet of the
// content and behind CRLF, nowhere else. A bare CR or a bare LF never starts a
// line, so LF.LF, CRLF.LF, CR.CR and their kin end nothing; receivers that take
// them for an end let a second message be smuggled inside the first
// (CVE-2023-51764 to 51766).
//
// [Decoder] and [Encoder] are resumable at any octet and keep no octets of
// their own: what they remember is where in a line they are.
package dot

// A State is a place in the content, seen from the next octet.
type State uint8

const (
	LineStart  State = iota // at the first octet, or behind CRLF
	Text                    // inside a line
	AfterCR                 // inside a line, behind a CR that may be half of CRLF
	AfterDot                // behind the dot that starts a line
	AfterDotCR              // behind such a dot and a CR: LF ends the content
	Ended                   // behind the end of the content
)

func (s State) String() string {
	return [...]string{"LineStart", "Text", "AfterCR", "AfterDot", "AfterDotCR", "Ended"}[s]
}
