package pop3client

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/mailwire/mailwire/pop3"
)

// How long an answer may be of which we keep what it says: lists of messages, and
// the others.
const (
	maxListing = 128 << 20
	maxCaps    = 1 << 20
)

// lines sends a command and hands the lines of its body to each. An error of
// each is returned when the body has been read.
func (c *Client) lines(ctx context.Context, each func(line []byte) error, v pop3.Verb) error {
	done, e, err := c.begun(ctx, v)
	if err != nil {
		return err
	}
	if !e.Body {
		return done(nil)
	}
	limit := int64(maxListing)
	if v == pop3.CAPA || v == pop3.LANG {
		limit = maxCaps
	}
	body := c.r.Body(limit)
	var bad error
	most, n := cmp.Or(c.d.Limits.Messages, 1_000_000), 0
	for line, err := range body.Lines(max(2048, c.d.Limits.ReplyLine)) {
		if n++; err == nil && most > 0 && n > most {
			err = pop3.ErrBodyTooLong
		}
		if err != nil {
			return done(err)
		}
		if bad == nil {
			bad = each(line)
		}
	}
	c.s.BodyDone()
	if err := done(nil); err != nil {
		return err
	}
	return bad
}

// Caps asks the server what it offers: again after login, where LOGIN-DELAY and
// EXPIRE may have other values. A server without CAPA is taken to offer USER, TOP
// and UIDL. RFC 2449, section 5.
func (c *Client) Caps(ctx context.Context) (pop3.Caps, error) {
	var list [][]byte
	err := c.lines(ctx, func(line []byte) error {
		list = append(list, append([]byte(nil), line...))
		return nil
	}, pop3.CAPA)
	if _, refused := errors.AsType[*pop3.ReplyError](err); refused {
		c.caps = pop3.Caps{Top: true, UIDL: true, User: true}
		c.s.Offered(c.caps)
		return c.caps, nil
	}
	if err != nil {
		return pop3.Caps{}, err
	}
	c.caps = pop3.ParseCaps(slices.Values(list))
	c.s.Offered(c.caps)
	return c.caps, nil
}

// Stat returns how many messages there are that are not marked, and the octets
// of all. RFC 1939, section 5.
func (c *Client) Stat(ctx context.Context) (n int, size int64, err error) {
	r, err := c.command(ctx, pop3.STAT)
	if err != nil {
		return 0, 0, err
	}
	return pop3.ParseStat(r.Text)
}

// List returns number and size of each message that is not marked. RFC 1939,
// section 5.
func (c *Client) List(ctx context.Context) ([]pop3.Entry, error) {
	return c.listing(ctx, pop3.LIST, func(line []byte) (e pop3.Entry, err error) {
		e.N, e.Size, err = pop3.ParseScan(line)
		return e, err
	})
}

// UIDs returns number and unique-id of each message that is not marked. It is
// asked even where CAPA does not list UIDL. A server may leave messages out, or
// give one no unique-id, and then UID is "". RFC 1939, section 7.
func (c *Client) UIDs(ctx context.Context) ([]pop3.Entry, error) {
	return c.listing(ctx, pop3.UIDL, func(line []byte) (e pop3.Entry, err error) {
		e.N, e.UID, err = pop3.ParseUnique(line)
		return e, err
	})
}

func (c *Client) listing(ctx context.Context, v pop3.Verb, parse func([]byte) (pop3.Entry, error)) ([]pop3.Entry, error) {
	var all []pop3.Entry
	err := c.lines(ctx, func(line []byte) error {
		e, err := parse(line)
		if err == nil {
			all = append(all, e)
		}
		return err
	}, v)
	if err != nil {
		return nil, err
	}
	return all, nil
}

// Lang chooses the language of the server's texts, by a range such as "de" or
// "*", and returns the tag of what was chosen. RFC 6856, section 3.
func (c *Client) Lang(ctx context.Context, tag string) (string, error) {
	r, err := c.command(ctx, pop3.LANG, tag)
	if err != nil {
		return "", err
	}
	chosen, _, _ := strings.Cut(r.Text, " ")
	return chosen, nil
}

// Languages returns the languages that the server's texts can be had in.
func (c *Client) Languages(ctx context.Context) ([]pop3.Language, error) {
	var all []pop3.Language
	err := c.lines(ctx, func(line []byte) error {
		tag, name, _ := strings.Cut(string(line), " ")
		all = append(all, pop3.Language{Tag: tag, Name: name})
		return nil
	}, pop3.LANG)
	if err != nil {
		return nil, err
	}
	return all, nil
}
