package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/examples/maild/store"
	"github.com/mailwire/mailwire/smtp"
)

// accounts says who may log in and who an address belongs to. An account is
// called by the local part of its address: demo has demo@domain and every
// demo+tag@domain, in any letter case.
type accounts struct {
	store    *store.Store
	domain   string
	readable bool // keep new passwords so that APOP works

	iterations int // of the derivation from a new password; 0: the usual count
}

// authenticator serves submission and POP3 alike.
func (a *accounts) authenticator() *auth.Authenticator {
	return &auth.Authenticator{Lookup: a.lookup}
}

func (a *accounts) lookup(ctx context.Context, user string) ([]auth.Verifier, error) {
	texts, err := a.store.Verifiers(ctx, a.login(user))
	if err != nil {
		return nil, err
	}
	var all []auth.Verifier
	for _, text := range texts {
		v, err := auth.ParseVerifier(text)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// login is the account that a user name means: people type their name or their address.
func (a *accounts) login(user string) string {
	user = lower(user)
	return strings.TrimSuffix(user, "@"+lower(a.domain))
}

// lower folds ASCII only: Unicode has letters besides K that fold to k.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}

// owner is the account that an address belongs to. local tells whether the
// domain is ours; a local address without an account is unknown.
func (a *accounts) owner(ctx context.Context, p smtp.Path) (account string, local bool, err error) {
	name, _, _ := strings.Cut(lower(p.Local), "+")
	if lower(p.Domain) != lower(a.domain) && !(name == "postmaster" && p.Domain == "") {
		return "", false, nil
	}
	if name == "postmaster" { // RFC 5321, section 4.5.1: somebody must read it
		name, err = a.first(ctx)
		return name, true, err
	}
	if ok, err := a.store.HasAccount(ctx, name); !ok {
		return "", true, err
	}
	return name, true, nil
}

// demoUser is the account of a first start.
const demoUser = "demo"

// start creates the demo account if there is no account yet. Otherwise the
// password is empty: only its verifier is stored.
func (a *accounts) start(ctx context.Context) (user string, password auth.Secret, err error) {
	user, err = a.first(ctx)
	if errors.Is(err, store.ErrNotFound) {
		password, err = a.add(demoUser)
		user = demoUser
	}
	return user, password, err
}

// first is the oldest account.
func (a *accounts) first(ctx context.Context) (string, error) {
	all, err := a.store.Accounts(ctx)
	if err != nil {
		return "", err
	}
	if len(all) == 0 {
		return "", store.ErrNotFound
	}
	return all[0], nil
}

// add creates an account with a random password.
func (a *accounts) add(name string) (auth.Secret, error) {
	if err := checkName(name); err != nil {
		return "", err
	}
	return a.newPassword(name, a.store.CreateAccount)
}

// passwd gives an account a new random password.
func (a *accounts) passwd(name string) (auth.Secret, error) {
	return a.newPassword(name, a.store.SetVerifiers)
}

func (a *accounts) newPassword(name string, save func(string, map[string]string) error) (auth.Secret, error) {
	password := auth.Secret(strings.ToLower(rand.Text()[:20])) // 100 bits
	v, err := auth.NewVerifier("SCRAM-SHA-256", password, auth.VerifierOptions{Iterations: a.iterations})
	if err != nil {
		return "", err
	}
	verifiers := map[string]string{v.Scheme(): v.Text()}
	if a.readable {
		if v, err = auth.NewVerifier("PLAIN", password, auth.VerifierOptions{}); err != nil {
			return "", err
		}
		verifiers[v.Scheme()] = v.Text()
	}
	return password, save(name, verifiers)
}

// checkName keeps account names to what owner can find and what needs no quotes
// in an address.
func checkName(name string) error {
	const allowed = "abcdefghijklmnopqrstuvwxyz0123456789._-"
	if name == "" || strings.Trim(name, allowed) != "" {
		return fmt.Errorf("account name %q: only lower-case letters, digits, dots, underscores and hyphens", name)
	}
	if name == "postmaster" {
		return errors.New("postmaster is the oldest account already")
	}
	return smtp.Path{Local: name, Domain: "example.org"}.Check(false)
}
