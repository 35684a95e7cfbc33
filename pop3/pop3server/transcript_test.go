package pop3server_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/internal/transcript"
	"github.com/mailwire/mailwire/pop3"
	"github.com/mailwire/mailwire/pop3/pop3server"
	"github.com/mailwire/mailwire/pop3/pop3test"
)

// The dialogues of the machine are those of the server too.
func TestTranscripts(t *testing.T) {
	german := map[string]string{"language changed": "Sprache geändert"}
	spanish := map[string]string{"language changed": "Idioma cambiado"}
	in := func(words map[string]string) func(pop3.Reply) string {
		return func(r pop3.Reply) string { return words[r.Text] }
	}
	fixtures := map[string]func() *pop3server.Server{
		"clear": func() *pop3server.Server {
			s := openServer(policies{pop3test.NewMemory(exampleMessages()...)})
			s.TLS = testTLS()
			s.Delay = pop3.Period{Set: true, PerUser: true, N: 900}
			s.Expire = pop3.Period{Set: true, PerUser: true, N: 60}
			s.Implementation = "Shlemazle-Plotz-v302"
			s.Languages = []pop3server.Language{
				{Tag: "en", Name: "English"}, {Tag: "en-boont", Name: "English Boontling dialect"},
				{Tag: "de", Name: "Deutsch", Text: in(german)}, {Tag: "es", Name: "Español", Text: in(spanish)},
			}
			return s
		},
		"tls": func() *pop3server.Server {
			return &pop3server.Server{
				Hostname: "mail.example", Backend: pop3test.NewMemory(exampleMessages()...),
				Auth: accounts(auth.CleartextNone), TLS: testTLS(),
			}
		},
	}
	for name, server := range fixtures {
		for _, chunk := range []int{0, 1, 7} {
			t.Run(fmt.Sprint(name, "/chunk=", chunk), func(t *testing.T) {
				transcript.Run(t, "../testdata/"+name+"-*.txt", func(t *testing.T, s *transcript.Script) error {
					near, far := memnet.Pipe(memnet.Options{ToServer: memnet.Flow{Chunk: memnet.Chunks(chunk)}})
					done := make(chan error, 1)
					go func() { done <- server().ServeConn(context.Background(), far) }()
					err := s.PlayClient(near, &transcript.Options{TLS: startClientTLS})
					near.Close()
					<-done
					return err
				})
			})
		}
	}
}
