package mime

import (
	"fmt"
	"strings"
	"time"

	"github.com/mailwire/mailwire/internal/ascii"
)

// Received is a trace field: RFC 5321, section 4.4. From and By keep their
// comments, in which servers write what they know of the peer; For is without
// brackets. All but Date may be empty.
type Received struct {
	From, By, Via, With, ID, For string
	Date                         time.Time
}

// ParseReceived reads the body of a Received field, folded or not. Clauses in
// other orders, and words between them, are accepted; the first of a kind
// counts. ErrReceived, wrapped, without a date that can be read.
func ParseReceived(s string) (Received, error) {
	s = cleanText(toValid(unfold(s)))
	var r Received
	var clause *string
	from, i := 0, 0
	end := func(at int) {
		if clause != nil && *clause == "" {
			*clause = trimSpace(s[from:at])
		}
		clause = nil
	}
	semi := -1
	for i < len(s) {
		start := i
		switch c := s[i]; {
		case c == '(':
			i, _ = skipComment(s, i)
		case c == ';':
			semi = i
			end(start)
			i++
		case isSpace(c):
			i++
		default:
			for i < len(s) && !isSpace(s[i]) && s[i] != ';' && s[i] != '(' {
				i++
			}
			if to := r.clause(s[start:i]); to != nil && semi < 0 {
				end(start)
				clause, from = to, i
			}
		}
	}
	if semi < 0 {
		return Received{}, fmt.Errorf("%w: %s", ErrReceived, note(s))
	}
	for _, v := range []*string{&r.Via, &r.With, &r.ID, &r.For} {
		*v = compactComments(*v)
	}
	r.For = strings.Trim(r.For, "<>")
	var err error
	if r.Date, err = ParseDate(s[semi+1:]); err != nil {
		return Received{}, fmt.Errorf("%w: %w", ErrReceived, err)
	}
	return r, nil
}

func (r *Received) clause(word string) *string {
	switch {
	case ascii.EqualFold(word, "from"):
		return &r.From
	case ascii.EqualFold(word, "by"):
		return &r.By
	case ascii.EqualFold(word, "via"):
		return &r.Via
	case ascii.EqualFold(word, "with"):
		return &r.With
	case ascii.EqualFold(word, "id"):
		return &r.ID
	case ascii.EqualFold(word, "for"):
		return &r.For
	}
	return nil
}

// compactComments removes comments and the white space around them.
func compactComments(s string) string {
	if strings.IndexByte(s, '(') < 0 {
		return s
	}
	var out []byte
	for i := 0; i < len(s); {
		if s[i] == '(' {
			i, _ = skipComment(s, i)
			continue
		}
		out = append(out, s[i])
		i++
	}
	return trimSpace(string(out))
}
