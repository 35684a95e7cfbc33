package ascii

import (
	"errors"
	"math"
)

// What ParseUint refuses. They are two errors, because a number too large to
// hold is still a number: a protocol answers it as "too big", not as nonsense.
var (
	ErrNumber = errors.New("ascii: not a decimal number")
	ErrRange  = errors.New("ascii: number out of range")
)

// ParseUint reads all of s as 1*DIGIT: no sign, no space, leading zeros allowed,
// any number of digits. A value over limit is ErrRange and returned as limit.
func ParseUint[T ~string | ~[]byte](s T, limit uint64) (uint64, error) {
	if len(s) == 0 || !All(Digit, s) {
		return 0, ErrNumber
	}
	var n uint64
	for i := range len(s) {
		d := uint64(s[i] - '0')
		if n > (math.MaxUint64-d)/10 {
			return limit, ErrRange
		}
		n = n*10 + d
	}
	if n > limit {
		return limit, ErrRange
	}
	return n, nil
}
