package smtpserver

import (
	"context"
	"errors"
	"log/slog"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/smtp"
)

var errShutdown = &smtp.Reject{Code: 421, Enhanced: smtp.EnhancedCode{4, 3, 2}, Text: "shutting down"}

// ok is the verdict of those who have nothing to say: the session finds the
// code and the text.
var ok = smtp.Reply{Code: 250}

// localError is all that the peer learns of a failure of ours.
var localError = smtp.Reply{Code: 451, Enhanced: smtp.EnhancedCode{4, 3, 0}, Text: "local error"}

// verdict makes a reply of what a hook returned.
func (c *Conn) verdict(ctx context.Context, err error) smtp.Reply {
	if err == nil {
		return ok
	}
	if r, is := errors.AsType[*smtp.Reject](err); is && r.Code >= 400 && r.Code <= 599 {
		return r.Reply()
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return errShutdown.Reply()
	}
	c.log.LogAttrs(ctx, slog.LevelError, "handler failed", slog.Any("err", err))
	return localError
}

// answer is verdict for hooks that give a reply of their own.
func (c *Conn) answer(ctx context.Context, r smtp.Reply, err error) smtp.Reply {
	if err != nil {
		return c.verdict(ctx, err)
	}
	return r
}

// defaultAnswer is what a query gets that nobody decides on. VRFY never says
// that a name is right, nor that it is wrong: RFC 5321, section 3.5.3.
func defaultAnswer(v smtp.Verb) smtp.Reply {
	switch v {
	case smtp.VRFY:
		return smtp.Reply{Code: 252, Enhanced: smtp.EnhancedCode{2, 1, 5}, Text: "cannot verify, but will take mail and try"}
	case smtp.HELP:
		return smtp.Reply{Code: 214, Enhanced: smtp.EnhancedCode{2, 0, 0}, Text: "see RFC 5321"}
	}
	return smtp.Reply{Code: 502, Enhanced: smtp.EnhancedCode{5, 5, 1}, Text: "command not offered"}
}

// authVerdict is the reply to an exchange of SASL that failed. Wrong password,
// wrong user and wrong authorization read alike. RFC 4954, section 6.
func authVerdict(err error) smtp.Reply {
	reply := func(code int, class, subject, detail uint16, text string) smtp.Reply {
		return smtp.Reply{Code: code, Enhanced: smtp.EnhancedCode{class, subject, detail}, Text: text}
	}
	if _, is := errors.AsType[*auth.SyntaxError](err); is {
		return reply(501, 5, 5, 2, "response is not as the mechanism has it")
	}
	switch {
	case errors.Is(err, auth.ErrTemporary):
		return reply(454, 4, 7, 0, "temporary authentication failure")
	case errors.Is(err, auth.ErrAborted):
		return reply(501, 5, 7, 0, "authentication cancelled")
	case errors.Is(err, auth.ErrMechanism):
		return reply(504, 5, 5, 4, "mechanism not offered")
	case errors.Is(err, auth.ErrTLSRequired):
		return reply(538, 5, 7, 11, "send STARTTLS first")
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return reply(454, 4, 7, 0, "temporary authentication failure")
	}
	return reply(535, 5, 7, 8, "authentication failed")
}
