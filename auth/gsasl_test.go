package auth

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// GNU SASL's command is a peer that talks through its standard input and output.

type gsasl struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	log strings.Builder
}

func startGsasl(t *testing.T, args ...string) *gsasl {
	t.Helper()
	if _, err := exec.LookPath("gsasl"); err != nil {
		t.Skip("gsasl is not installed")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	p := &gsasl{cmd: exec.CommandContext(ctx, "gsasl", args...)}
	p.cmd.Stderr = &p.log
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.end() })
	return p
}

// read returns its next message, past the name of the mechanism and the prompts;
// nil at the end.
func (p *gsasl) read() []byte {
	for {
		line, err := p.out.ReadString('\n')
		if i := strings.LastIndex(line, ": "); i >= 0 {
			line = line[i+2:]
		}
		octets, bad := ParseOctets([]byte(strings.TrimSpace(line)), 0)
		if bad == nil && len(octets) > 0 {
			return octets
		}
		if err != nil {
			return nil
		}
	}
}

func (p *gsasl) write(octets []byte) { fmt.Fprintf(p.in, "%s\n", AppendOctets(nil, octets)) }

func (p *gsasl) end() error {
	p.in.Close()
	io.Copy(io.Discard, p.out)
	return p.cmd.Wait()
}

var gsaslBinding = []byte("0123456789abcdef0123456789abcdef")

// Both roles against it, with and without channel binding, with the right password
// and a wrong one.
func TestRFC5802_5_GNUSASL(t *testing.T) {
	for _, hash := range []string{"SHA-1", "SHA-256"} {
		for _, plus := range []bool{false, true} {
			for _, password := range []Secret{"pencil", "pencils"} {
				mech, good := scramMechanism(hash, plus), password == "pencil"
				t.Run(mech+"/client/"+string(password), func(t *testing.T) { gsaslServes(t, hash, plus, password, good) })
				t.Run(mech+"/server/"+string(password), func(t *testing.T) { gsaslAsks(t, hash, plus, password, good) })
			}
		}
	}
}

// gsaslServes runs our client.
func gsaslServes(t *testing.T, hash string, plus bool, password Secret, good bool) {
	p := startGsasl(t, "--server", "--quiet", "-m", scramMechanism(hash, plus), "-a", "user", "-p", "pencil")
	o := ScramOptions{Hash: hash, Nonce: nonce(), Plus: plus, Bindings: []Binding{{tlsUnique, gsaslBinding}}}
	c := &clientDriver{x: NewScramClient("user", "", o), c: Credentials{Password: password}}
	out, err := c.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.write(out)
	if plus { // it asks for the data of the type that the client has named
		fmt.Fprintln(p.in, base64.StdEncoding.EncodeToString(gsaslBinding))
	}
	if out, err = c.Next(t.Context(), p.read()); err != nil {
		t.Fatal(err, p.log.String())
	}
	p.write(out)
	final := p.read()
	if !good {
		if final != nil {
			t.Errorf("a wrong password draws %q", final)
		}
		return
	}
	if _, err = c.Next(t.Context(), final); err != nil || c.Finish() != nil {
		t.Errorf("%q: %v, %v; %s", final, err, c.Finish(), p.log.String())
	}
}

// gsaslAsks runs our server. It takes tls-exporter by itself.
func gsaslAsks(t *testing.T, hash string, plus bool, password Secret, good bool) {
	p := startGsasl(t, "--client", "--quiet", "-m", scramMechanism(hash, plus), "-a", "user", "-z", "us=e,r", "-p", string(password))
	if plus {
		fmt.Fprintln(p.in, base64.StdEncoding.EncodeToString(gsaslBinding))
	} else {
		fmt.Fprint(p.in, "\n\n") // no tls-exporter, no tls-unique
	}
	s := NewScramServer(ScramOptions{Hash: hash, Nonce: nonce(), Plus: plus, Bindings: []Binding{{tlsUnique, []byte("other")}, {tlsExporter, gsaslBinding}}})
	stored := Answer{Verifiers: []Verifier{cheap(t, "SCRAM-"+hash, "pencil")}}
	var o Outcome
	for range 2 {
		msg := p.read()
		s.Step(msg)
		if o = s.Settle(stored); o.Err != nil {
			if good || !errors.Is(o.Err, errWrongPassword) {
				t.Errorf("%q: %v; %s", msg, o.Err, p.log.String())
			}
			return
		}
		p.write(o.Send)
	}
	fmt.Fprintln(p.in)
	if err := p.end(); err != nil || !good {
		t.Errorf("gsasl: %v, expected: %v; %s", err, good, p.log.String())
	}
	s.Step([]byte{})
	if o = s.Settle(Answer{}); !o.Done || o.Identity.Authzid != "us=e,r" || (o.Identity.Binding == tlsExporter) != plus {
		t.Errorf("Outcome %+v", o)
	}
}
