package dnsmx

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// A Resolver answers questions about names. A nil error means that the answer is
// known, and denials are answers; an error means that it is not. Answer.Secure
// says that the answer was validated by DNSSEC, all of it, and that everything on
// the way to us is trusted. If ctx ended, the error wraps why. Implementations are
// safe for concurrent use; package dnsmxtest has the contract as a test.
type Resolver interface {
	Query(ctx context.Context, name Name, typ Type) (Answer, error)
}

// Trust says which servers are believed when they claim, by the AD bit, to have
// validated an answer.
type Trust uint8

const (
	// TrustLoopback: those at a loopback address. On a longer way anybody could
	// set the bit. The zero value.
	TrustLoopback Trust = iota
	// TrustNone: none, and so no answer is ever Secure.
	TrustNone
	// TrustAll: all, because the way to them is protected. It is what "trust-ad"
	// says in resolv.conf.
	TrustAll
)

func (t Trust) String() string {
	switch t {
	case TrustLoopback:
		return "TrustLoopback"
	case TrustNone:
		return "TrustNone"
	case TrustAll:
		return "TrustAll"
	}
	return fmt.Sprintf("Trust(%d)", uint8(t))
}

func (t Trust) allows(server netip.Addr) bool {
	return t == TrustAll || t == TrustLoopback && server.Unmap().IsLoopback()
}

// A Stub asks recursive servers, over UDP and where an answer is too long for it
// over TCP. Each question has a socket, a port and an ID of its own; messages
// that do not match it are not seen. RFC 5452, section 9. It keeps nothing: put a
// Cache in front. The fields are not changed once in use.
type Stub struct {
	// Servers are tried in their order, the next when one fails. None is an error.
	Servers []netip.AddrPort
	// TrustAD says whose AD bit makes answers Secure.
	TrustAD Trust
	// Timeout is how long one exchange with one server may take; zero: 5 s.
	// Attempts is how often the servers are gone through; zero: 2. A server that
	// answered, if only with a failure, is not asked again.
	Timeout  time.Duration
	Attempts int
	// Mixed puts the letters of the name into random case, which an answer has to
	// repeat: more for a forger to guess, but some servers do not.
	Mixed bool
	// Dial makes connections of the networks "udp" and "tcp"; nil: net.Dialer. One
	// for "udp" reads one datagram at a time, and only those of its server.
	Dial func(ctx context.Context, network string, addr netip.AddrPort) (net.Conn, error)
	// Rand is where IDs come from; nil: crypto/rand.
	Rand io.Reader
}

const (
	defaultTimeout  = 5 * time.Second
	defaultAttempts = 2
)

var errNoServers = errors.New("no servers to ask")

// Query implements Resolver. The error is an *Error: the failure that a server
// answered if any did, else why there was no answer. It wraps ctx's error if that
// was the reason.
func (s *Stub) Query(ctx context.Context, name Name, typ Type) (Answer, error) {
	r, server, err := s.query(ctx, name, typ)
	if err != nil {
		return Answer{}, err
	}
	r.Answer.Secure = r.AD && s.TrustAD.allows(server.Addr())
	return r.Answer, nil
}

func (s *Stub) query(ctx context.Context, name Name, typ Type) (Response, netip.AddrPort, error) {
	failed := &Error{Name: name, Type: typ, Err: errNoServers}
	answered := make([]bool, len(s.Servers))
	attempts := s.Attempts
	if attempts <= 0 {
		attempts = defaultAttempts
	}
	for range attempts {
		for i, server := range s.Servers {
			if answered[i] {
				continue
			}
			r, err := s.ask(ctx, server, name, typ)
			answered[i] = err == nil
			if err == nil && (r.RCode == dnsmessage.RCodeSuccess || r.RCode == dnsmessage.RCodeNameError) {
				return r, server, nil
			}
			if err == nil || failed.RCode == dnsmessage.RCodeSuccess {
				failed = &Error{
					Name: name, Type: typ, RCode: r.RCode, EDE: r.EDE, Info: r.Info, Server: server,
					Timeout: errors.Is(err, os.ErrDeadlineExceeded), Err: err,
				}
			}
			if ctx.Err() != nil {
				failed.Err, failed.Timeout = ctx.Err(), errors.Is(ctx.Err(), context.DeadlineExceeded)
				return Response{}, server, failed
			}
		}
	}
	return Response{}, netip.AddrPort{}, failed
}

// ask puts the question to one server. One that does not know EDNS gets it once
// more without: RFC 6891, section 7.
func (s *Stub) ask(ctx context.Context, server netip.AddrPort, name Name, typ Type) (Response, error) {
	r, err := s.exchange(ctx, server, name, typ, false)
	if err == nil && (r.RCode == dnsmessage.RCodeFormatError || !r.EDNS) {
		r, err = s.exchange(ctx, server, name, typ, true)
	}
	return r, err
}

// exchange asks over UDP, and over TCP if the answer is truncated.
func (s *Stub) exchange(ctx context.Context, server netip.AddrPort, name Name, typ Type, noEDNS bool) (Response, error) {
	r, err := s.transact(ctx, "udp", server, name, typ, noEDNS)
	if err == nil && r.TC {
		r, err = s.transact(ctx, "tcp", server, name, typ, noEDNS)
		if err == nil && r.TC {
			err = errors.New("an answer over TCP that is truncated")
		}
	}
	if err != nil {
		return Response{}, err
	}
	return r, nil
}

// transact sends one query on a connection of its own and reads the answer.
func (s *Stub) transact(ctx context.Context, network string, server netip.AddrPort, name Name, typ Type, noEDNS bool) (Response, error) {
	timeout := s.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	q := query{name: name, typ: typ, noEDNS: noEDNS}
	if err := q.write(s.Rand, s.Mixed); err != nil {
		return Response{}, err
	}
	c, err := s.dial(ctx, network, server)
	if err != nil {
		return Response{}, timeoutOf(ctx, err)
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	var r Response
	if network == "tcp" {
		r, err = q.overTCP(c)
	} else {
		r, err = q.overUDP(c)
	}
	return r, timeoutOf(ctx, err)
}

// timeoutOf makes one error of all that a passed deadline shows as.
func timeoutOf(ctx context.Context, err error) error {
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return os.ErrDeadlineExceeded
	}
	return err
}

func (s *Stub) dial(ctx context.Context, network string, server netip.AddrPort) (net.Conn, error) {
	if s.Dial != nil {
		return s.Dial(ctx, network, server)
	}
	return new(net.Dialer).DialContext(ctx, network, server.String())
}

// A query is one question on its way.
type query struct {
	name   Name
	typ    Type
	noEDNS bool
	id     uint16
	// frame is the length for TCP, then the message.
	frame []byte
}

// write draws the ID and, for mixed case, a bit for each octet of the name.
func (q *query) write(random io.Reader, mixed bool) error {
	if random == nil {
		random = rand.Reader
	}
	secret := make([]byte, 2, 2+maxName/8+1)
	if mixed {
		secret = secret[:cap(secret)]
	}
	if _, err := io.ReadFull(random, secret); err != nil {
		return fmt.Errorf("no randomness: %w", err)
	}
	q.id = binary.BigEndian.Uint16(secret)
	var err error
	q.frame, err = AppendQuery(make([]byte, 2, 320), q.id, q.name, q.typ, QueryOptions{NoEDNS: q.noEDNS, Case: secret[2:]})
	if err == nil {
		binary.BigEndian.PutUint16(q.frame, uint16(len(q.frame)-2))
	}
	return err
}

// parse reads an answer. The question in it has to be ours to the letter.
func (q *query) parse(msg []byte) (Response, error) {
	question := q.frame[2+headerLen : 2+headerLen+len(q.name.s)+2+4]
	if len(msg) < headerLen+len(question) || !bytes.Equal(msg[headerLen:headerLen+len(question)], question) {
		return Response{}, ErrMismatch
	}
	return ParseResponse(msg, q.id, q.name, q.typ)
}

// udpBuffer is greater than what we ask for, since not every server listens.
const udpBuffer = 4096

// overUDP waits for the one datagram that answers, however many others come
// before it: to give up on a wrong one would let anybody end a query.
func (q *query) overUDP(c net.Conn) (Response, error) {
	if _, err := c.Write(q.frame[2:]); err != nil {
		return Response{}, err
	}
	buf := make([]byte, udpBuffer)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return Response{}, err
		}
		if r, err := q.parse(buf[:n]); !errors.Is(err, ErrMismatch) {
			return r, err
		}
	}
}

// overTCP reads one frame: RFC 7766, section 8. Whoever can write into this
// connection is the server, so that a wrong answer is an error here.
func (q *query) overTCP(c net.Conn) (Response, error) {
	if _, err := c.Write(q.frame); err != nil {
		return Response{}, err
	}
	var length [2]byte
	if _, err := io.ReadFull(c, length[:]); err != nil {
		return Response{}, cutTCP(err)
	}
	n := int(binary.BigEndian.Uint16(length[:]))
	if n < headerLen {
		return Response{}, errors.New("a frame over TCP that is too short for a message")
	}
	// Taken as it comes: a length alone does not get 64 KiB.
	var msg bytes.Buffer
	if _, err := io.CopyN(&msg, c, int64(n)); err != nil {
		return Response{}, cutTCP(err)
	}
	return q.parse(msg.Bytes())
}

func cutTCP(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// ErrNotSecure is what Probe returns for servers that make no answer Secure.
var ErrNotSecure = errors.New("dnsmx: no DNSSEC, and so no DANE")

// Probe asks every server about a name that is signed, the top-level domain org,
// and tells whether answers will be Secure: nil if from all of them, an error that
// wraps ErrNotSecure and says which server is not trusted or does not validate, or
// the *Error of one that does not answer. It is meant for the log at the start of a
// program: a resolver that does not validate loses nothing but DANE.
func (s *Stub) Probe(ctx context.Context) error {
	var errs []error
	for _, server := range s.Servers {
		if !s.TrustAD.allows(server.Addr()) {
			errs = append(errs, fmt.Errorf("%w: %s is not trusted to validate (%v)", ErrNotSecure, server, s.TrustAD))
			continue
		}
		one := *s
		one.Servers = []netip.AddrPort{server}
		switch a, err := one.Query(ctx, Name{"org"}, TypeNS); {
		case err != nil:
			errs = append(errs, err)
		case !a.Secure:
			errs = append(errs, fmt.Errorf("%w: %s does not validate", ErrNotSecure, server))
		}
	}
	if len(s.Servers) == 0 {
		errs = append(errs, &Error{Name: Name{"org"}, Type: TypeNS, Err: errNoServers})
	}
	return errors.Join(errs...)
}
