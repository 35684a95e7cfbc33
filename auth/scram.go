package auth

// ScramOptions are the parameters of one SCRAM exchange, in either role.
type ScramOptions struct {
	// Hash is "SHA-1", "SHA-256" or "SHA-512".
	Hash string
	// Nonce is this side's part: at least 18 random octets as base64. It is
	// given, so that vectors are exact.
	Nonce string
	// Plus runs the -PLUS mechanism. CouldBind without Plus: a client sends
	// "y", as it could bind and saw no -PLUS; a server offered -PLUS, and
	// takes "y" for a downgrade.
	Plus, CouldBind bool
	// Bindings: a client binds to the first if Plus is set; a server accepts
	// any of these.
	Bindings []Binding
	// MinIterations and MaxIterations are a client's bounds on the count that
	// the server names; zero: 4096 and 2 000 000.
	MinIterations, MaxIterations int
}

// Binding is the channel binding data of one type, such as "tls-exporter".
type Binding struct {
	Type string
	Data []byte
}

const (
	minIterations   = 4096
	capIterations   = 2_000_000
	scramDowngrade  = "server-does-support-channel-binding"
	maxScramMessage = 8 << 10
	minScramNonce   = 8
	minScramSalt    = 8
)
