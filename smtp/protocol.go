package smtp

// A Protocol is one of the three dialogues that this package speaks.
type Protocol uint8

const (
	SMTP       Protocol = iota // between servers: RFC 5321
	Submission                 // from a user's program to its server: RFC 6409
	LMTP                       // to the server that has the mailboxes: RFC 2033
)

func (p Protocol) String() string {
	return nameOf([]string{"SMTP", "Submission", "LMTP"}, p, "Protocol")
}
