package imapclient

import (
	"bytes"
	"context"

	"github.com/mailwire/mailwire/imap"
)

// AppendResult says where messages have gone. It is zero where the server does not
// tell. RFC 4315, section 3.
type AppendResult struct {
	UIDValidity uint32
	UIDs        imap.UIDList // one for each message, in their order
}

// NewMessage makes of octets what Append takes. Lines must end in CRLF.
func NewMessage(octets []byte, flags ...imap.Flag) imap.AppendMessage {
	return imap.AppendMessage{Flags: flags, Size: uint64(len(octets)), Src: bytes.NewReader(octets)}
}

// Append puts messages into a mailbox: all of them, or none. More than one need
// MULTIAPPEND (RFC 3502); those that are Binary need BINARY (RFC 3516), and those
// that are UTF8 need UTF8=ACCEPT to be enabled (RFC 6855). The octets are read
// while they are sent; where the server has said that they are too many, or has to
// ask for them first, a refusal comes before they travel. A source that ends too soon,
// or fails, ends the connection: the server waits for the rest.
//
// If the mailbox is not there, the error has the code TRYCREATE.
func (c *Client) Append(ctx context.Context, name string, m ...imap.AppendMessage) (AppendResult, error) {
	if len(m) > 1 {
		if err := c.need(imap.CapMultiAppend); err != nil {
			return AppendResult{}, err
		}
	}
	var total uint64
	for i := range m {
		total += min(m[i].Size, 1<<40)
		if m[i].Binary && !m[i].UTF8 {
			if err := c.need(imap.CapBinary, imap.CapRev2); err != nil {
				return AppendResult{}, err
			}
		}
		if m[i].UTF8 && !c.Enabled(imap.CapUTF8Accept) {
			return AppendResult{}, &CapError{[]imap.Cap{imap.CapUTF8Accept}}
		}
	}
	k := &call{name: "APPEND"}
	if total > maxAhead { // see maxAhead: it must not stand beside what has a long answer
		k.apart = func(*call) bool { return true }
	}
	st, err := c.runCall(ctx, k, &imap.AppendArgs{Mailbox: name, Messages: m})
	if err != nil {
		return AppendResult{}, err
	}
	if u, ok := st.Code.Arg.(*imap.UIDCode); ok {
		return AppendResult{u.Validity, u.UIDs}, nil
	}
	return AppendResult{}, nil
}
