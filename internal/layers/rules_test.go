package layers

import (
	"slices"
	"strings"
)

// pureRooms are the packages, or the files of one, that do no I/O.
var pureRooms = []room{
	{dir: "smtp", impure: impure},
	{dir: "imap", impure: impure},
	{dir: "imap/imapview", impure: impure},
	{dir: "pop3", impure: impure},
	{dir: "mime", impure: impure},
	{
		// The machines of SASL. They take their nonces and the time from outside.
		dir: "auth",
		files: []string{"sasl.go", "errors.go", "octets.go", "plain.go", "login.go", "cram.go", "scram.go", "scramclient.go",
			"scramserver.go", "oauth.go", "external.go", "commands.go", "prep.go"},
		impure: append([]string{"crypto/rand", "crypto/x509", "io", "math/rand", "sync", "time"}, impure...),
	},
	{
		// The stored form of secrets. log/slog is there to redact them.
		dir:         "auth",
		files:       []string{"secret.go", "verifier.go", "schemes.go", "kdf.go"},
		impure:      []string{"net", "crypto/tls", "crypto/x509", "os", "time"},
		importsOnly: true,
	},
}

// room is a part of the tree under the rules of purity.
type room struct {
	dir    string
	files  []string // none: the whole package
	impure []string // packages it may not import; each stands for those below it, too

	importsOnly bool // statements are free
}

var (
	// impure is what reaches the world: sockets, files, processes, contexts, logs.
	impure = []string{"net", "crypto/tls", "context", "os", "log", "syscall", "plugin", "testing"}

	// pureAnyway are packages below those of impure which only hold values.
	pureAnyway = []string{"net/netip"}

	// clock is what a machine may not call: it is told the time.
	clock = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick"}

	// clockReaders are the exceptions, by file.
	clockReaders = []string{
		"mime/builder.go", // the Date of a message whose author gave none
	}
)

// imports says who may import what of this module. The first rule whose
// package matches holds. A pattern ends in "/..." to include all below it.
var imports = []importRule{
	// What serves the roots, and what serves tests.
	{"internal/proxyproto", nil},
	{"internal/...", list("internal/...")},

	// The roots, side by side.
	{"smtp", rootsInternal},
	{"imap", rootsInternal},
	{"imap/imapview", append(list("imap"), rootsInternal...)},
	{"pop3", rootsInternal},
	{"auth", rootsInternal},
	{"mime", list("internal/ascii")},

	// Names and routes.
	{"dnsmx", list("auth")},
	{"dnsmx/...", list("auth", "dnsmx", "dnsmx/...")},

	// Drivers. They have no private door into the root, so of the internal
	// packages only what no root uses is open to them.
	{"smtp/smtpserver", append(list("smtp", "auth"), serversInternal...)},
	{"smtp/smtpclient", list("smtp", "auth")},
	{"smtp/smtptest", append(list("smtp", "smtp/...", "auth"), testsInternal...)},
	{"imap/imapserver", append(list("imap", "imap/imapview", "auth", "mime", "internal/inflate"), serversInternal...)},
	{"imap/imapclient", list("imap", "imap/imapview", "auth", "mime", "internal/inflate")},
	{"imap/imapmem", list("imap", "imap/imapview", "imap/imapserver", "auth", "mime")},
	{"imap/imaptest", append(list("imap", "imap/...", "auth", "mime"), testsInternal...)},
	{"pop3/pop3server", append(list("pop3", "auth"), serversInternal...)},
	{"pop3/pop3client", list("pop3", "auth")},
	{"pop3/pop3test", append(list("pop3", "pop3/...", "auth"), testsInternal...)},

	// Message authentication.
	{"auth/...", list("auth", "auth/...", "dnsmx", "mime")},

	// Programs use nothing that a user cannot.
	{"examples/...", list("smtp", "smtp/...", "imap", "imap/...", "pop3", "pop3/...",
		"auth", "auth/...", "mime", "dnsmx", "dnsmx/...", "examples/...")},
}

type importRule struct {
	pkg string
	may []string
}

var (
	rootsInternal   = list("internal/ascii", "internal/lineio", "internal/dot")
	serversInternal = list("internal/netserver", "internal/proxyproto")
	testsInternal   = list("internal/memnet", "internal/suite", "internal/transcript")

	// external is what code other than tests may import beyond the standard
	// library, and externalOfPure what pure rooms may: values, no sockets.
	external       = list("golang.org/x/net/...", "golang.org/x/crypto/...", "golang.org/x/text/...")
	externalOfPure = list("golang.org/x/net/idna", "golang.org/x/crypto/...", "golang.org/x/text/...")

	// requirements is what go.mod may require. x/sys is there for x/crypto.
	requirements = list("golang.org/x/net", "golang.org/x/crypto", "golang.org/x/text", "golang.org/x/sys",
		"github.com/google/go-cmp")
)

func list(s ...string) []string { return s }

// matches reports whether a pattern names a package.
func matches(pattern, pkg string) bool {
	below, ok := strings.CutSuffix(pattern, "...")
	return pattern == pkg || ok && strings.HasPrefix(pkg, below)
}

func matchesAny(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, pkg) })
}

// isImpure reports whether a room may not import pkg.
func (r *room) isImpure(pkg string) bool {
	return !slices.Contains(pureAnyway, pkg) && slices.ContainsFunc(r.impure, func(p string) bool {
		return pkg == p || strings.HasPrefix(pkg, p+"/")
	})
}
