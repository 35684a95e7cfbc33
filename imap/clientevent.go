package imap

// A ClientEvent is what a ClientSession makes of a response. It may be kept.
type ClientEvent interface{ clientEvent() }

type (
	// Greeting is the first response: OK, PREAUTH or BYE. Err is set if the
	// connection must not be used, as by PREAUTH where TLS is still needed.
	Greeting struct {
		Status Status
		Err    error
	}

	// Data is an untagged response, a status (OK, NO, BAD) included.
	//
	// A FETCH whose literal is streamed comes in parts: while its FetchRow is
	// Open, read Reader.Literal, then go on with Next and Step, which gives the
	// same Data again with more items.
	Data struct {
		Response
		// Dropped: it makes no sense before login, and whoever sent it may be an
		// attacker: it is to be ignored. RFC 9051, section 11.3.
		Dropped bool
	}

	// Done is the tagged response: the command is over.
	Done struct {
		Tag     string
		Command *Command // the one that was sent
		Status  Status
	}

	// Plus is a continuation request: go on sending what waits for it, or answer
	// the challenge, or IDLE has begun. Tag is that of the command it belongs to;
	// "": of none, and it means nothing.
	Plus struct {
		Tag       string
		Text      []byte
		Challenge []byte // Text decoded, of AUTHENTICATE
		Err       error  // Text is not base64: cancel
	}

	// Bye: the server ends the connection. Between LOGOUT and its Done it is as
	// it should be. Commands in flight get no answer.
	Bye struct{ Status Status }
)

func (*Greeting) clientEvent() {}
func (*Data) clientEvent()     {}
func (*Done) clientEvent()     {}
func (*Plus) clientEvent()     {}
func (*Bye) clientEvent()      {}
