package imap

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// allCaps is everything that this package knows.
func allCaps(st State, _ bool) []Cap {
	caps := Caps{CapRev1, CapRev2, CapSASLIR, CapLiteralPlus}
	for _, f := range Features()[1:] {
		caps = append(caps, Cap(f.Name))
	}
	return caps
}

// A pair is a client and a server in memory.
type pair struct {
	t      testing.TB
	c      ClientSession
	toy    *toyServer
	out    bytes.Buffer // what the server has said
	r      *Reader
	done   *Done
	plus   int
	events int
}

func newPair(t testing.TB, mode LiteralMode) *pair {
	p := &pair{t: t, toy: newToy(true, func(s *ServerSession) {
		s.Limits = Limits{Bad: -1, AuthFails: -1, Literals: -1, NumLiterals: -1}
		s.Offer = func(st State, tls bool) []Cap {
			caps := allCaps(st, tls)
			if mode == SyncLiterals {
				caps = append(Caps{CapRev1}, caps[4:]...)
			}
			return caps
		}
	})}
	p.r = NewReader(&p.out)
	p.r.Responses = true
	p.c.Start(true)
	p.hear()
	return p
}

// hear takes what the server has said.
func (p *pair) hear() {
	p.t.Helper()
	p.out.Write(p.toy.take().Octets)
	for {
		piece, err := p.r.Next(p.c.Bounds())
		if err == io.EOF {
			return
		}
		if err != nil || piece.Announce != nil {
			p.t.Fatalf("the server says %v, %v", piece, err)
		}
		ev, err := p.c.Step(piece.Command)
		if err != nil {
			p.t.Fatalf("%q: %v", piece.Command, err)
		}
		p.events++
		switch ev := ev.(type) {
		case *Done:
			if p.done != nil {
				p.t.Fatalf("%q ends a command that is done", piece.Command)
			}
			p.done = ev
		case *Plus:
			if p.plus++; ev.Tag == "" {
				p.t.Fatalf("the server asks for octets that nobody announced: %q", piece.Command)
			}
		}
	}
}

// run sends a command to its end, and returns what the server answers.
func (p *pair) run(name string, args any) (Status, error) {
	p.t.Helper()
	out, err := p.c.Send(name, args)
	if err != nil {
		return Status{}, err
	}
	p.done = nil
	for c := range out.Chunks() {
		if c.Wait && p.plus == 0 {
			break // refused
		}
		p.plus = 0
		var b bytes.Buffer
		c.WriteTo(&b)
		p.toy.feed(b.Bytes())
		p.hear()
	}
	if name == "IDLE" {
		p.toy.feed(p.c.AppendDone(nil))
		p.hear()
	}
	if name == "AUTHENTICATE" && p.done == nil {
		p.toy.feed(p.c.AppendCancel(nil))
		p.hear()
	}
	p.plus = 0
	if p.done == nil {
		p.t.Fatalf("%s %#v is not answered", name, args)
	}
	return p.done.Status, nil
}

// FuzzPair: whatever a client can send, the server understands, and both agree
// on what has become of the session.
func FuzzPair(f *testing.F) {
	f.Add([]byte("0123456789abcdefghijklmnopqrstuvwxyz"), true)
	f.Add([]byte("zyxwvutsrqponmlkjihgfedcba9876543210"), false)
	f.Fuzz(func(t *testing.T, ops []byte, sync bool) {
		mode := PlusLiterals
		if sync {
			mode = SyncLiterals
		}
		p := newPair(t, mode)
		defer p.toy.end()
		p.run("LOGIN", &LoginArgs{"ann", []byte("secret")})
		p.run("ENABLE", &EnableArgs{Caps{CapQResync}})
		if len(ops)%2 == 0 {
			p.run("ENABLE", &EnableArgs{Caps{CapRev2}})
		}
		for i, op := range ops {
			f := Features()[int(op)%len(Features())]
			if len(f.Commands) == 0 {
				f = Core
			}
			spec := &f.Commands[(int(op)+i)%len(f.Commands)]
			switch spec.Name {
			case "LOGOUT", "STARTTLS", "COMPRESS", "LOGIN", "UNAUTHENTICATE":
				continue
			}
			uid := spec.UID && op%2 == 0
			name, args := spec.Name, any(nil)
			if uid {
				name = "UID " + name
			}
			if spec.Sample != nil {
				args = spec.Sample(newRand(uint64(op)<<8|uint64(i)), uid)
			}
			if _, ok := args.(*EnableArgs); ok {
				continue // of UTF8=ACCEPT, after which CHARSET is a mistake
			}
			if a, ok := args.(*SelectArgs); ok && op%5 == 0 {
				a.Mailbox = "missing"
			}
			st, err := p.run(name, args)
			if errors.Is(err, ErrState) {
				continue
			}
			if err != nil {
				t.Fatalf("%s %#v: %v", name, args, err)
			}
			if st.Kind == BAD && name != "AUTHENTICATE" {
				t.Fatalf("%s %+v: the server says %v", name, args, st)
			}
			if a, b := p.c.State(), p.toy.s.State(); a != b {
				t.Fatalf("behind %s the client is %v, the server %v", name, a, b)
			}
			if a, b := p.c.enabled.String(), p.toy.s.enabled.String(); len(a) != len(b) {
				t.Fatalf("behind %s enabled is %s at the client, %s at the server", name, a, b)
			}
		}
	})
}
