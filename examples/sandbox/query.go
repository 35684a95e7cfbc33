package main

import (
	"context"
	"errors"
	"strings"

	"github.com/mailwire/mailwire/mime"
)

// query is what somebody looks for: words and "several words" that all have to
// be in the message, each anywhere or, behind one of the names in fields, there.
//
//	from:shop "your order" has:attachment
//
// Case does not matter. What has another name in front of a colon is a word.
type query []term

type term func(*entry, *mime.Message) (bool, error)

// fields are the names that a word may have in front. Who a message is from and
// to is asked of header and envelope alike: a Bcc is in the envelope alone.
var fields = map[string]func(word string) term{
	"from": func(word string) term {
		return header(word, func(s *session) []string { return []string{s.From} }, "From", "Sender")
	},
	"to": func(word string) term {
		return header(word, func(s *session) []string { return s.To }, "To", "Cc", "Bcc")
	},
	"subject": func(word string) term { return header(word, nil, "Subject") },
	"id":      func(word string) term { return header(word, nil, "Message-ID") },
	"body": func(word string) term {
		x := mime.NewMatcher(word)
		return func(_ *entry, m *mime.Message) (bool, error) { return x.MatchBody(m) }
	},
	"has": func(word string) term {
		return func(e *entry, _ *mime.Message) (bool, error) {
			return strings.EqualFold(word, "attachment") && e.attachments > 0, nil
		}
	},
}

// header looks into fields of the header and into what envelope gives.
func header(word string, envelope func(*session) []string, names ...string) term {
	x := mime.NewMatcher(word)
	return func(e *entry, m *mime.Message) (bool, error) {
		if envelope != nil && contains(envelope(&e.session), word) {
			return true, nil
		}
		h := m.Header()
		for _, name := range names {
			if x.MatchHeader(h, name) {
				return true, nil
			}
		}
		return false, nil
	}
}

// anywhere looks into the header, the text of all parts and the envelope.
func anywhere(word string) term {
	x := mime.NewMatcher(word)
	return func(e *entry, m *mime.Message) (bool, error) {
		if contains([]string{e.session.From}, word) || contains(e.session.To, word) {
			return true, nil
		}
		return x.MatchText(m)
	}
}

func contains(addresses []string, word string) bool {
	for _, a := range addresses {
		if strings.Contains(strings.ToLower(a), strings.ToLower(word)) {
			return true
		}
	}
	return false
}

const maxTerms = 20

var errQuery = errors.New("a search has at most 20 words")

func parseQuery(s string) (query, error) {
	var q query
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		if len(q) == maxTerms {
			return nil, errQuery
		}
		look := anywhere
		if name, rest, found := strings.Cut(s, ":"); found && fields[strings.ToLower(name)] != nil {
			look, s = fields[strings.ToLower(name)], rest
		}
		var word string
		word, s = nextWord(s)
		if word != "" {
			q = append(q, look(word))
		}
	}
	return q, nil
}

// nextWord cuts the first word off, or what is between the first quotes. A quote
// that is not closed goes to the end.
func nextWord(s string) (word, rest string) {
	if quoted, found := strings.CutPrefix(s, `"`); found {
		word, rest, _ = strings.Cut(quoted, `"`)
		return word, rest
	}
	if i := strings.IndexAny(s, " \t\r\n"); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

// match reports whether a message has all that is looked for. A message that is
// gone by now has nothing.
func (q query) match(ctx context.Context, s *shelf, e *entry) (bool, error) {
	if len(q) == 0 {
		return true, nil
	}
	m, err := s.message(ctx, e.uid)
	if errors.Is(err, errGone) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, t := range q {
		if ok, err := t(e, m); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// search returns those of entries that match, the newest first.
func (q query) search(ctx context.Context, s *shelf, entries []*entry) ([]*entry, error) {
	var found []*entry
	for i := len(entries) - 1; i >= 0; i-- {
		ok, err := q.match(ctx, s, entries[i])
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, entries[i])
		}
	}
	return found, nil
}
