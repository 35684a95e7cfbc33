package smtp

import (
	"math"
	"reflect"
	"testing"
)

// Zero is the documented default, negative is none, positive is itself.
func TestLimits(t *testing.T) {
	tests := []struct {
		field string
		get   func(*Limits) int64
		def   int64
	}{
		{"Line", func(l *Limits) int64 { return int64(l.line()) }, 2048},
		{"AuthLine", func(l *Limits) int64 { return int64(l.authLine()) }, 12288},
		{"Message", func(l *Limits) int64 { return l.message() }, 50 << 20},
		{"Rcpts", func(l *Limits) int64 { return int64(l.rcpts()) }, 1000},
		{"RcptDomains", func(l *Limits) int64 { return int64(l.rcptDomains()) }, math.MaxInt},
		{"Mails", func(l *Limits) int64 { return int64(l.mails()) }, math.MaxInt},
		{"Header", func(l *Limits) int64 { return l.header() }, 256 << 10},
		{"Received", func(l *Limits) int64 { return int64(l.received()) }, 100},
		{"TextLine", func(l *Limits) int64 { return int64(l.textLine()) }, math.MaxInt},
		{"Errors", func(l *Limits) int64 { return int64(l.errors()) }, 20},
		{"BadRcpts", func(l *Limits) int64 { return int64(l.badRcpts()) }, 100},
		{"AuthFailures", func(l *Limits) int64 { return int64(l.authFailures()) }, 3},
		{"ReplyLine", func(l *Limits) int64 { return int64(l.replyLine()) }, 2048},
		{"Reply", func(l *Limits) int64 { return int64(l.reply()) }, 64 << 10},
	}
	if n := reflect.TypeFor[Limits]().NumField(); n != len(tests) {
		t.Errorf("%d limits are tested, there are %d", len(tests), n)
	}
	for _, tt := range tests {
		t.Run(tt.field, func(t *testing.T) {
			var l Limits
			if got := tt.get(&l); got != tt.def {
				t.Errorf("zero means %d, want %d", got, tt.def)
			}
			field := reflect.ValueOf(&l).Elem().FieldByName(tt.field)
			field.SetInt(-1)
			if got := tt.get(&l); got < math.MaxInt32 {
				t.Errorf("negative means %d", got)
			}
			field.SetInt(4096)
			if got := tt.get(&l); got != 4096 {
				t.Errorf("4096 means %d", got)
			}
		})
	}
	// RFC 5321, section 4.5.3.1.4: no limit may be lower.
	if got := (&Limits{Line: 10}).line(); got != 512 {
		t.Errorf("Line of 10 means %d, want 512", got)
	}
	// Adding CRLF must not overflow.
	s := ServerSession{Config: ServerConfig{Limits: Limits{AuthLine: -1, Line: -1}}, state: Authing}
	if s.LineLimit() <= 0 {
		t.Errorf("LineLimit() = %d", s.LineLimit())
	}
}
