package pop3

import (
	"iter"
	"math"
	"strconv"
	"strings"

	"github.com/mailwire/mailwire/internal/ascii"
)

// Caps is what a server can do, as CAPA lists it. RFC 2449, section 5.
type Caps struct {
	Top            bool     // RFC 2449, section 6.1
	UIDL           bool     // RFC 2449, section 6.8
	User           bool     // USER and PASS work. RFC 2449, section 6.2
	STLS           bool     // RFC 2595, section 4
	RespCodes      bool     // a text that begins with "[" is a response code. RFC 2449, section 6.4
	AuthRespCode   bool     // a login refused for its credentials has the code AUTH. RFC 3206, section 6
	Pipelining     bool     // RFC 2449, section 6.6
	UTF8           bool     // RFC 6856, section 2
	UTF8User       bool     // names and passwords may be UTF-8. RFC 6856, section 2.2
	Lang           bool     // RFC 6856, section 3
	SASL           []string // mechanisms of AUTH, as they came. RFC 2449, section 6.3
	LoginDelay     Period   // seconds between two logins. RFC 2449, section 6.5
	Expire         Period   // days that messages are kept at least. RFC 2449, section 6.7
	Implementation string   // RFC 2449, section 6.9
	Other          []string // lines of capabilities that are not known here, or not understood
}

// A Period is the argument of LOGIN-DELAY, in seconds, or EXPIRE, in days.
type Period struct {
	Set     bool // false: it is not announced
	Never   bool // EXPIRE only: NEVER
	PerUser bool // before login: each user may have another value
	N       int
}

// append appends the argument with the space before it.
func (p Period) append(dst []byte) []byte {
	if p.Never {
		dst = append(dst, " NEVER"...)
	} else {
		dst = append(dst, ' ')
		dst = strconv.AppendInt(dst, int64(max(0, p.N)), 10)
	}
	if p.PerUser {
		dst = append(dst, " USER"...)
	}
	return dst
}

// take reads args into p, unless they make no sense: then p stays as it was.
func (p *Period) take(args []string, never bool) (ok bool) {
	q, ok := parsePeriod(args, never)
	if ok {
		*p = q
	}
	return ok
}

func parsePeriod(args []string, never bool) (p Period, ok bool) {
	if len(args) == 0 || len(args) > 2 || len(args) == 2 && !ascii.EqualFold(args[1], "USER") {
		return Period{}, false
	}
	p = Period{Set: true, PerUser: len(args) == 2}
	if never && ascii.EqualFold(args[0], "NEVER") {
		p.Never = true
		return p, true
	}
	n, err := ascii.ParseUint(args[0], math.MaxInt32)
	if err != nil {
		return Period{}, false
	}
	p.N = int(n)
	return p, true
}

// AppendCaps appends the lines of a CAPA answer with their CRLF, without the
// first line and without the lone dot. What cannot be put on a line of 512
// octets is left out: mechanisms that do not fit, an Implementation or Other of
// other than printable ASCII. RFC 2449, sections 3 and 5.
func AppendCaps(dst []byte, c Caps) []byte {
	for _, tag := range []struct {
		on   bool
		line string
	}{
		{c.Top, "TOP\r\n"},
		{c.UIDL, "UIDL\r\n"},
		{c.User, "USER\r\n"},
		{c.STLS, "STLS\r\n"},
		{c.RespCodes, "RESP-CODES\r\n"},
		{c.AuthRespCode, "AUTH-RESP-CODE\r\n"},
		{c.Pipelining, "PIPELINING\r\n"},
		{c.UTF8 && !c.UTF8User, "UTF8\r\n"},
		{c.UTF8 && c.UTF8User, "UTF8 USER\r\n"},
		{c.Lang, "LANG\r\n"},
	} {
		if tag.on {
			dst = append(dst, tag.line...)
		}
	}
	dst = appendMechanisms(dst, c.SASL)
	if c.LoginDelay.Set {
		dst = append(dst, "LOGIN-DELAY"...)
		dst = append(c.LoginDelay.append(dst), "\r\n"...)
	}
	if c.Expire.Set {
		dst = append(dst, "EXPIRE"...)
		dst = append(c.Expire.append(dst), "\r\n"...)
	}
	if c.Implementation != "" {
		dst = appendCapability(dst, "IMPLEMENTATION "+c.Implementation)
	}
	for _, line := range c.Other {
		dst = appendCapability(dst, line)
	}
	return dst
}

// capTag is cchar, the octets of a tag: RFC 2449, section 3. Without ".", no line
// of the list can be taken for its end; DEL is left out.
var capTag = ascii.VChar.Without(".")

// appendCapability appends a line if it is one.
func appendCapability(dst []byte, line string) []byte {
	tag, _, _ := strings.Cut(line, " ")
	if tag == "" || !ascii.All(capTag, tag) || !ascii.All(ascii.Print, line) || len(line)+len("\r\n") > maxReply {
		return dst
	}
	return append(append(dst, line...), "\r\n"...)
}

func appendMechanisms(dst []byte, mechanisms []string) []byte {
	start := len(dst)
	dst = append(dst, "SASL"...)
	none := len(dst)
	for _, m := range mechanisms {
		if m == "" || !ascii.All(ascii.VChar, m) {
			continue
		}
		if len(dst)-start+len(m)+len(" \r\n") > maxReply {
			break
		}
		dst = append(dst, ' ')
		dst = append(dst, m...)
	}
	if len(dst) == none {
		return dst[:start]
	}
	return append(dst, "\r\n"...)
}

// ParseCaps reads the lines of a CAPA answer, without CRLF. Tags are taken in
// any letter case, several lines of SASL are added up, and what is not known or
// not understood goes to Other. RFC 2449, section 5.
func ParseCaps(lines iter.Seq[[]byte]) Caps {
	var c Caps
	for line := range lines {
		c.add(strings.TrimRight(string(line), " "))
	}
	return c
}

// add takes one line in.
func (c *Caps) add(line string) {
	fields := strings.Fields(line)
	if len(fields) == 0 {
		return
	}
	tag, args := string(ascii.AppendUpper(nil, fields[0])), fields[1:]
	ok := true
	switch tag {
	case "TOP":
		c.Top = true
	case "UIDL":
		c.UIDL = true
	case "USER":
		c.User = true
	case "STLS":
		c.STLS = true
	case "RESP-CODES":
		c.RespCodes = true
	case "AUTH-RESP-CODE":
		c.AuthRespCode = true
	case "PIPELINING":
		c.Pipelining = true
	case "UTF8":
		c.UTF8 = true
		for _, arg := range args {
			c.UTF8User = c.UTF8User || ascii.EqualFold(arg, "USER")
		}
	case "LANG":
		c.Lang = true
	case "SASL":
		c.SASL = append(c.SASL, args...)
	case "LOGIN-DELAY":
		ok = c.LoginDelay.take(args, false)
	case "EXPIRE":
		ok = c.Expire.take(args, true)
	case "IMPLEMENTATION":
		c.Implementation = strings.TrimLeft(line[len(fields[0]):], " ")
	default:
		ok = false
	}
	if !ok {
		c.Other = append(c.Other, line)
	}
}
