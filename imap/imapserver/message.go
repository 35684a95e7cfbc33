package imapserver

import (
	"io"
	"time"

	"github.com/mailwire/mailwire/imap"
)

// Need says which fields of a Message have to be filled in.
type Need uint32

const (
	NeedFlags    Need = 1 << iota // Flags and ModSeq
	NeedReceived                  // Received
	NeedSize                      // Size
	NeedIndex                     // Index, and Open
	NeedEnvelope                  // Envelope, or else Index and Open
	NeedBody                      // Body, or else Index and Open
	NeedContent                   // Open
)

// A Message is a stored message as a Mailbox gives it. The slices are the
// store's: nothing here changes them or keeps them.
type Message struct {
	UID      imap.UID
	Flags    []imap.Flag // without \Recent
	ModSeq   imap.ModSeq // 0 without HasModSeq
	Received time.Time   // INTERNALDATE
	Size     int64       // octets of the content
	// What Stored had when the message was appended. Each may be nil: then it is
	// computed from the content.
	Index, Envelope, Body []byte
	// Open opens the content. It may be called until the next step of the
	// iteration, several times.
	Open func() (Content, error)
}

// Content is the octets of a message. They stay readable until Close, also if
// the message is removed meanwhile.
type Content interface {
	io.ReaderAt
	io.Closer
}

// Index is what is computed of a message when it comes, to be stored beside it:
// FETCH then answers ENVELOPE and BODYSTRUCTURE without looking at the message,
// and the rest without parsing it.
type Index struct {
	Parts    []byte // of mime: Message.Index
	Envelope []byte // as it is printed on connections that are not UTF-8
	Body     []byte // likewise, BODYSTRUCTURE
}
