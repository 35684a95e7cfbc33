package auth

import (
	"strings"
	"unicode/utf8"

	"github.com/mailwire/mailwire/internal/ascii"
)

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
	// the server names; zero or less: 4096 and 2 000 000.
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
	maxScramMessage = 8 << 10
	minScramNonce   = 8 // of each side, in characters
	minScramSalt    = 8
	scramRoom       = 192 // in which most messages fit
)

// server-error-value, RFC 5802, section 7, as far as this server sends them. A
// wrong proof and an unknown user get none: the protocol's own failure says enough.
const (
	scramOther       = "other-error"
	scramExtension   = "extensions-not-supported"
	scramMismatch    = "channel-bindings-dont-match"
	scramDowngrade   = "server-does-support-channel-binding"
	scramNoBinding   = "channel-binding-not-supported"
	scramBindingType = "unsupported-channel-binding-type"
)

func scramMechanism(hash string, plus bool) string {
	h, ok := findHash(hash)
	switch {
	case plus:
		return "SCRAM-" + hash + "-PLUS"
	case ok:
		return h.mechanism
	}
	return "SCRAM-" + hash
}

// fault is what is wrong with a message: a place and what should be there, or a
// reason that SCRAM has a word for.
type fault struct {
	off  int
	want string
	e    string
}

// outcome is how an exchange ends on f: with e= where there is a word for it.
func (f *fault) outcome(x *exchange, msg string) Outcome {
	if f.e != "" {
		return Outcome{Send: []byte("e=" + f.e), Err: &ScramError{f.e}}
	}
	return Outcome{Err: x.syntax(f.off, f.want, sample(msg[min(f.off, len(msg)):]))}
}

// scramText checks what holds for every message: RFC 5802, section 7, value-char.
func scramText(in []byte) (string, *fault) {
	if len(in) > maxScramMessage {
		return "", &fault{off: maxScramMessage, want: "at most 8 KiB"}
	}
	s := string(in)
	if i := strings.IndexByte(s, 0); i >= 0 {
		return s, &fault{off: i, want: "no NUL"}
	}
	if !utf8.ValidString(s) {
		return s, &fault{want: "UTF-8"}
	}
	return s, nil
}

// scramReader takes a message apart, attribute by attribute.
type scramReader struct {
	s   string
	off int // of the next attribute; past len(s) after the last
}

func (r *scramReader) more() bool { return r.off <= len(r.s) }

// next takes one attr-val, whatever its name.
func (r *scramReader) next() (name byte, value string, ok bool) {
	if !r.more() {
		return 0, "", false
	}
	attr, _, _ := strings.Cut(r.s[r.off:], ",")
	if len(attr) < 3 || !ascii.Alpha[attr[0]] || attr[1] != '=' {
		return 0, "", false
	}
	r.off += len(attr) + 1
	return attr[0], attr[2:], true
}

// attr takes the attribute that has to come now. Their order is fixed, and "m" is
// a demand that nobody can meet. RFC 5802, section 5.1.
func (r *scramReader) attr(name byte, want string) (string, *fault) {
	off := r.off
	got, value, ok := r.next()
	switch {
	case ok && got == 'm':
		return "", &fault{off: off, e: scramExtension}
	case !ok || got != name:
		return "", &fault{off: off, want: want}
	}
	return value, nil
}

// extensions skips the rest. Extensions have names that are not assigned yet; a
// second "n" or "i" is not one.
func (r *scramReader) extensions() *fault {
	for r.more() {
		off := r.off
		name, _, ok := r.next()
		switch {
		case ok && name == 'm':
			return &fault{off: off, e: scramExtension}
		case !ok || strings.IndexByte("aceinprsv", name) >= 0:
			return &fault{off: off, want: "an extension attribute"}
		}
	}
	return nil
}

// gs2Header is RFC 5801, section 4, without the "F," that neither SCRAM nor OAuth
// has.
type gs2Header struct {
	flag    byte   // 'n', 'y' or 'p'
	binding string // type, with 'p'
	authzid string
}

func (h gs2Header) append(b []byte) []byte {
	b = append(b, h.flag)
	if h.flag == 'p' {
		b = append(append(b, '='), h.binding...)
	}
	b = append(b, ',')
	if h.authzid != "" {
		b = appendSaslName(append(b, "a="...), h.authzid)
	}
	return append(b, ',')
}

// parseGS2 also returns the length of the header with both of its commas.
func parseGS2(s string) (h gs2Header, n int, f *fault) {
	flag, rest, ok := strings.Cut(s, ",")
	authzid, _, ok2 := strings.Cut(rest, ",")
	switch {
	case !ok || !ok2:
		return h, 0, &fault{want: "a GS2 header"}
	case flag == "n" || flag == "y":
		h.flag = flag[0]
	case strings.HasPrefix(flag, "p=") && len(flag) > 2 && ascii.All(cbName, flag[2:]):
		h.flag, h.binding = 'p', flag[2:]
	default:
		return h, 0, &fault{want: "n, y or p= and a binding type"}
	}
	n = len(flag) + 1
	if authzid != "" {
		name, isA := strings.CutPrefix(authzid, "a=")
		if h.authzid, ok = parseSaslName(name); !ok || !isA {
			return h, 0, &fault{off: n, want: "a= and an authzid"}
		}
	}
	return h, n + len(authzid) + 1, nil
}

var cbName = ascii.LetDig.Or(ascii.Of(".-"))

// appendSaslName and parseSaslName are saslname: "," is "=2C", "=" is "=3D", and
// nothing else may follow "=". RFC 5802, section 5.1.
func appendSaslName(b []byte, name string) []byte {
	for i := range len(name) {
		switch name[i] {
		case ',':
			b = append(b, "=2C"...)
		case '=':
			b = append(b, "=3D"...)
		default:
			b = append(b, name[i])
		}
	}
	return b
}

func parseSaslName(s string) (name string, ok bool) {
	if s == "" || strings.IndexByte(s, ',') >= 0 {
		return "", false
	}
	if strings.IndexByte(s, '=') >= 0 {
		var b strings.Builder
		for i := 0; i < len(s); i++ {
			switch {
			case s[i] != '=':
				b.WriteByte(s[i])
			case strings.HasPrefix(s[i:], "=2C"):
				b.WriteByte(',')
				i += 2
			case strings.HasPrefix(s[i:], "=3D"):
				b.WriteByte('=')
				i += 2
			default:
				return "", false
			}
		}
		s = b.String()
	}
	return s, validName(s)
}

// validNonce is printable of RFC 5802, section 7, at a length worth guessing at.
func validNonce(s string) bool {
	return len(s) >= minScramNonce && ascii.All(nonceChar, s)
}

var nonceChar = ascii.VChar.Without(",")

// clientFirst is client-first-message.
type clientFirst struct {
	gs2Header
	user, nonce string
	header      string // the GS2 header as it was sent
	bare        string // client-first-message-bare, likewise: it is hashed as received
}

func parseClientFirst(s string) (m clientFirst, f *fault) {
	gs2, n, f := parseGS2(s)
	if f != nil {
		return m, f
	}
	m.gs2Header, m.header, m.bare = gs2, s[:n], s[n:]
	r := scramReader{s: s, off: n}
	user, f := r.attr('n', "n= and a user name")
	if f != nil {
		return m, f
	}
	var ok bool
	if m.user, ok = parseSaslName(user); !ok {
		return m, &fault{off: n, want: "a user name in which = precedes 2C or 3D"}
	}
	off := r.off
	if m.nonce, f = r.attr('r', "r= and a nonce"); f != nil {
		return m, f
	}
	if !validNonce(m.nonce) {
		return m, &fault{off: off, want: "a printable nonce of 8 characters at least"}
	}
	return m, r.extensions()
}

// appendBare leaves the GS2 header out.
func (m clientFirst) appendBare(b []byte) []byte {
	b = appendSaslName(append(b, "n="...), m.user)
	return append(append(b, ",r="...), m.nonce...)
}

// serverFirst is server-first-message.
type serverFirst struct {
	nonce      string
	salt       []byte
	iterations int
}

func parseServerFirst(s string, minimum, maximum int) (m serverFirst, f *fault) {
	r := scramReader{s: s}
	if m.nonce, f = r.attr('r', "r= and a nonce"); f != nil {
		return m, f
	}
	if !validNonce(m.nonce) {
		return m, &fault{want: "a printable nonce"}
	}
	off := r.off
	salt, f := r.attr('s', "s= and a salt")
	if f != nil {
		return m, f
	}
	var err error
	if m.salt, err = ascii.ParseBase64(nil, []byte(salt)); err != nil || len(m.salt) < minScramSalt {
		return m, &fault{off: off, want: "a salt of 8 octets at least, in base64"}
	}
	off = r.off
	count, f := r.attr('i', "i= and an iteration count")
	if f != nil {
		return m, f
	}
	n, err := ascii.ParseUint(count, uint64(maximum))
	if err != nil || count[0] == '0' || n < uint64(minimum) {
		return m, &fault{off: off, want: "an iteration count within the bounds of the policy"}
	}
	m.iterations = int(n)
	return m, r.extensions()
}

func (m serverFirst) append(b []byte) []byte {
	b = append(append(b, "r="...), m.nonce...)
	b = ascii.AppendBase64(append(b, ",s="...), m.salt)
	return appendInt(append(b, ",i="...), m.iterations)
}

// clientFinal is client-final-message.
type clientFinal struct {
	binding string // base64 as sent
	nonce   string
	proof   []byte
	bare    string // client-final-message-without-proof
}

func parseClientFinal(s string) (m clientFinal, f *fault) {
	// The proof is last, behind the extensions.
	end := strings.LastIndexByte(s, ',')
	if end < 0 || !strings.HasPrefix(s[end:], ",p=") {
		return m, &fault{off: max(end, 0), want: "p= and a proof at the end"}
	}
	var err error
	if m.proof, err = ascii.ParseBase64(nil, []byte(s[end+3:])); err != nil || len(m.proof) == 0 {
		return m, &fault{off: end + 1, want: "a proof in base64"}
	}
	m.bare = s[:end]
	r := scramReader{s: m.bare}
	if m.binding, f = r.attr('c', "c= and the channel binding"); f != nil {
		return m, f
	}
	if m.nonce, f = r.attr('r', "r= and the nonce"); f != nil {
		return m, f
	}
	return m, r.extensions()
}

// appendProof completes client-final-message-without-proof.
func (m clientFinal) appendProof(b []byte) []byte {
	return ascii.AppendBase64(append(b, ",p="...), m.proof)
}

// appendFirsts begins the AuthMessage with the two first messages. There is room
// for the third in most exchanges.
func appendFirsts(clientBare, server string) []byte {
	b := make([]byte, 0, len(clientBare)+len(server)+scramRoom)
	b = append(append(b, clientBare...), ',')
	return append(append(b, server...), ',')
}

// parseServerFinal returns the signature of v=, or the value of e=.
func parseServerFinal(s string) (signature []byte, e string, f *fault) {
	r := scramReader{s: s}
	name, value, ok := r.next()
	switch {
	case ok && name == 'm':
		return nil, "", &fault{e: scramExtension}
	case ok && name == 'e':
		return nil, value, r.extensions()
	case !ok || name != 'v':
		return nil, "", &fault{want: "v= or e="}
	}
	signature, err := ascii.ParseBase64(nil, []byte(value))
	if err != nil {
		return nil, "", &fault{want: "a signature in base64"}
	}
	return signature, "", r.extensions()
}
