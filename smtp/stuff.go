package smtp

import (
	"errors"

	"github.com/mailwire/mailwire/internal/dot"
)

// ErrBareLineEnd is returned by a Stuffer for a bare CR or LF that it was told
// to reject, or that it was told to keep, which it never does.
var ErrBareLineEnd = errors.New("smtp: bare CR or LF in content")

// A Stuffer writes content for DATA. Line ends are settled before dots are
// stuffed, so that the receiver sees no line start that the Stuffer did not:
// sending a bare CR or LF as it is lets others smuggle. RFC 5321, section 4.5.2.
type Stuffer struct {
	LineEnds LineEnds // default: NormalizeBare; KeepBare is refused like RejectBare

	encoder dot.Encoder
}

// Append appends the wire form of the next octets of content. After
// ErrBareLineEnd the message cannot be finished: drop the connection.
func (s *Stuffer) Append(dst, src []byte) ([]byte, error) {
	dst = s.encoder.Append(dst, src)
	return dst, s.err()
}

// Finish appends the end of content: a CRLF that is missing, and the line of
// one dot. The Stuffer is then ready for another message. After ErrBareLineEnd
// dst is returned as it was given, so that the message is not ended.
func (s *Stuffer) Finish(dst []byte) ([]byte, error) {
	out := s.encoder.Finish(dst)
	err := s.err()
	s.encoder.Reset()
	if err != nil {
		return dst, err
	}
	return out, nil
}

func (s *Stuffer) err() error {
	if s.encoder.Bare() && s.LineEnds != DefaultLineEnds && s.LineEnds != NormalizeBare {
		return ErrBareLineEnd
	}
	return nil
}
