package auth

import (
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"
)

// The machines know no world: no clock, no randomness, no connection. The stored
// form knows no connection. What is not listed here is a driver.
func TestLayers(t *testing.T) {
	machine := []string{"context", "net", "crypto/tls", "crypto/rand", "crypto/x509", "os", "io", "log/slog", "time", "sync", "math/rand", "math/rand/v2"}
	stored := []string{"net", "crypto/tls", "crypto/x509", "os", "time"}
	for file, banned := range map[string][]string{
		"sasl.go": machine, "errors.go": machine, "octets.go": machine, "plain.go": machine, "login.go": machine, "cram.go": machine,
		"scram.go": machine, "scramclient.go": machine, "scramserver.go": machine, "oauth.go": machine, "external.go": machine,
		"commands.go": machine, "prep.go": machine,
		"secret.go": stored, "verifier.go": stored, "schemes.go": stored, "kdf.go": stored,
	} {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, spec := range f.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil || slices.Contains(banned, path) {
				t.Errorf("%s imports %s", file, spec.Path.Value)
			}
		}
	}
}
