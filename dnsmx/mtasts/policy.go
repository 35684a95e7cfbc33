package mtasts

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mailwire/mailwire/dnsmx"
)

// maxAge is the greatest max_age, about a year: RFC 8461, section 3.2.
const maxAge = 31_557_600 * time.Second

var errPolicy = errors.New("mtasts: bad policy")

// ParsePolicy parses the body of a policy file: RFC 8461, section 3.2. Lines end in
// LF or CRLF; of a field that comes twice the first counts, but for mx; unknown
// fields are ignored. ID and Expires are not set: the file does not say them.
func ParsePolicy(body []byte) (*dnsmx.STSPolicy, error) {
	p := &dnsmx.STSPolicy{}
	seen := make(map[string]bool)
	for line := range bytes.Lines(body) {
		text := strings.TrimRight(strings.TrimSuffix(strings.TrimSuffix(string(line), "\n"), "\r"), " \t")
		if text == "" {
			continue
		}
		name, value, ok := strings.Cut(text, ":")
		if !ok || !isExtName(name) {
			return nil, fmt.Errorf("%w: line %s", errPolicy, quote(text))
		}
		if seen[name] && name != "mx" {
			continue
		}
		seen[name] = true
		if err := setField(p, name, strings.TrimLeft(value, " \t")); err != nil {
			return nil, err
		}
	}
	for _, name := range [...]string{"version", "mode", "max_age"} {
		if !seen[name] {
			return nil, fmt.Errorf("%w: no %s", errPolicy, name)
		}
	}
	if p.Mode != dnsmx.ModeNone && len(p.MX) == 0 {
		return nil, fmt.Errorf("%w: mode %v without mx", errPolicy, p.Mode)
	}
	return p, nil
}

func setField(p *dnsmx.STSPolicy, name, value string) (err error) {
	switch name {
	case "version":
		if value != version {
			err = errors.New("unknown")
		}
	case "mode":
		p.Mode, err = parseMode(value)
	case "max_age":
		p.MaxAge, err = parseAge(value)
	case "mx":
		var mx string
		mx, err = parseMX(value)
		p.MX = append(p.MX, mx)
	}
	if err != nil {
		return fmt.Errorf("%w: %s %s: %w", errPolicy, name, quote(value), err)
	}
	return nil
}

func parseMode(s string) (dnsmx.Mode, error) {
	for _, m := range [...]dnsmx.Mode{dnsmx.ModeNone, dnsmx.ModeTesting, dnsmx.ModeEnforce} {
		if s == m.String() {
			return m, nil
		}
	}
	return 0, errors.New("unknown")
}

func parseAge(s string) (time.Duration, error) {
	if s == "" || len(s) > 10 || !each(s, "0123456789") {
		return 0, errors.New("not a number of up to ten digits")
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, err
	}
	// Compared in seconds: ten digits of them are more than a Duration holds.
	return time.Duration(min(n, int64(maxAge/time.Second))) * time.Second, nil
}

// parseMX takes a name, or "*." and a name, as A-labels. A U-label is a mistake that
// would match nothing: RFC 8461, section 3.2.
func parseMX(s string) (string, error) {
	host, wild := strings.CutPrefix(s, "*.")
	n, err := dnsmx.ParseNameLax(host)
	if err != nil {
		return "", err
	}
	if wild {
		return "*." + n.String(), nil
	}
	return n.String(), nil
}

// AppendPolicy appends a policy file, to be published. It refuses what ParsePolicy
// would.
func AppendPolicy(dst []byte, p *dnsmx.STSPolicy) ([]byte, error) {
	b := fmt.Appendf(dst, "version: %s\r\nmode: %v\r\n", version, p.Mode)
	for _, mx := range p.MX {
		b = fmt.Appendf(b, "mx: %s\r\n", mx)
	}
	b = fmt.Appendf(b, "max_age: %d\r\n", p.MaxAge/time.Second)
	if again, err := ParsePolicy(b[len(dst):]); err != nil {
		return dst, err
	} else if len(again.MX) != len(p.MX) {
		return dst, fmt.Errorf("%w: line end in an mx", errPolicy)
	}
	return b, nil
}
