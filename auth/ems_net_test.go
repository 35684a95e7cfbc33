package auth

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// A client that cannot do the extended master secret, which crypto/tls has no option
// for: with it on TLS 1.2 there is something to bind to, without it there is not,
// although crypto/tls does give out a tls-unique.
func TestRFC5929_8_NoExtendedMasterSecret(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	conf := filepath.Join(t.TempDir(), "openssl.cnf")
	err = os.WriteFile(conf, []byte("openssl_conf = init\n[init]\nssl_conf = ssl\n[ssl]\nsystem_default = tls\n[tls]\nOptions = -ExtendedMasterSecret\n"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	cert := newAuthority(t, nil).leaf(t, certOptions{})
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, ems := range []bool{true, false} {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		cmd := exec.CommandContext(ctx, openssl, "s_client", "-connect", l.Addr().String(), "-tls1_2", "-quiet")
		if !ems {
			cmd.Env = append(os.Environ(), "OPENSSL_CONF="+conf)
		}
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		c, err := acceptWithin(ctx, l)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.HandshakeContext(ctx); err != nil {
			t.Fatal(err)
		}
		cs := c.ConnectionState()
		for _, typ := range []string{tlsExporter, tlsUnique} {
			data, err := ChannelBinding(&cs, typ)
			if ems && err != nil || !ems && !errors.Is(err, ErrBinding) {
				t.Errorf("extended master secret %v, %s: %x, %v", ems, typ, data, err)
			}
		}
		if len(cs.TLSUnique) == 0 {
			t.Error("no tls-unique: the test shows nothing")
		}
		stdin.Close()
		c.Close()
		cmd.Wait()
	}
}

func acceptWithin(ctx context.Context, l net.Listener) (*tls.Conn, error) {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	c, err := l.Accept()
	if err != nil {
		return nil, err
	}
	return c.(*tls.Conn), nil
}
