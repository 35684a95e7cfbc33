package main

import (
	"context"

	"github.com/xdg-go/scram"

	"github.com/mailwire/mailwire/auth"
)

var authCalls = []call{
	{name: "auth SCRAM-SHA-256, both roles, keys kept", allocs: 40, ways: []way{
		{"mailwire", scramExchange()},
		{"xdg-go/scram", xdgExchange()},
	}},
}

// scramExchange is a login by our client at our server. Both know the keys: what
// is measured is the exchange, not the derivation.
func scramExchange() func() int {
	ctx := context.Background()
	v, err := auth.NewVerifier("SCRAM-SHA-256", "pencil", auth.VerifierOptions{Iterations: 4096})
	if err != nil {
		panic(err)
	}
	server := &auth.Authenticator{
		Lookup:    func(context.Context, string) ([]auth.Verifier, error) { return []auth.Verifier{v}, nil },
		Cleartext: auth.CleartextHashed,
	}
	policy := auth.ClientPolicy{Cleartext: auth.CleartextHashed, Prefer: []string{"SCRAM-SHA-256"}}
	credentials := auth.Credentials{Username: "user", Password: "pencil", Keys: new(auth.KeyCache)}
	return func() int {
		c, err := policy.Choose(credentials, auth.ConnInfo{Offered: []string{"SCRAM-SHA-256"}})
		if err != nil {
			return 0
		}
		s, err := server.Server("SCRAM-SHA-256", auth.ConnInfo{})
		if err != nil {
			return 0
		}
		response, err := c.Start(ctx)
		for steps := 1; err == nil; steps++ {
			challenge, done, serr := s.Next(ctx, response)
			if serr != nil {
				return 0
			}
			if done {
				if c.Finish() != nil {
					return 0
				}
				return steps
			}
			response, err = c.Next(ctx, challenge)
		}
		return 0
	}
}

func xdgExchange() func() int {
	client, err := scram.SHA256.NewClient("user", "pencil", "")
	if err != nil {
		panic(err)
	}
	stored, err := client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: "0123456789abcdef", Iters: 4096})
	if err != nil {
		panic(err)
	}
	server, err := scram.SHA256.NewServer(func(string) (scram.StoredCredentials, error) { return stored, nil })
	if err != nil {
		panic(err)
	}
	return func() int {
		c, s := client.NewConversation(), server.NewConversation()
		message, err := c.Step("")
		for steps := 1; err == nil; steps++ {
			if message, err = s.Step(message); err != nil {
				break
			}
			if message, err = c.Step(message); err != nil {
				break
			}
			if c.Done() && s.Done() && c.Valid() && s.Valid() {
				return steps
			}
		}
		return 0
	}
}
