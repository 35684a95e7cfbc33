package imap

import (
	"testing"
	"time"
)

func TestDates(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want Date
		ok   bool
	}{
		{"1-Jan-2026", Date{2026, 1, 1}, true},
		{"01-jAN-2026", Date{2026, 1, 1}, true},
		{"29-Feb-2024", Date{2024, 2, 29}, true},
		{"29-Feb-2026", Date{}, false},
		{"0-Jan-2026", Date{}, false},
		{"1-Foo-2026", Date{}, false},
		{"1-Jan-26", Date{}, false},
		{"001-Jan-2026", Date{}, false},
		{"1 Jan 2026", Date{}, false},
		{"", Date{}, false},
	} {
		if got, ok := ParseDate([]byte(tt.in)); ok != tt.ok || ok && got != tt.want {
			t.Errorf("ParseDate(%q) = %v, %v; want %v, %v", tt.in, got, ok, tt.want, tt.ok)
		}
	}
	a, b := Date{2026, 1, 31}, Date{2026, 2, 1}
	if a.Compare(b) != -1 || b.Compare(a) != 1 || a.Compare(a) != 0 {
		t.Error("31-Jan is not before 1-Feb")
	}
}

func TestDateTime(t *testing.T) {
	for _, tt := range []struct {
		in, want string // want as RFC 3339; "": refused
	}{
		{" 5-Nov-2026 10:11:12 +0130", "2026-11-05T10:11:12+01:30"},
		{"5-Nov-2026 10:11:12 -0000", "2026-11-05T10:11:12Z"},
		{"25-Nov-2026 23:59:60 -1100", "2026-11-26T00:00:00-11:00"},
		{" 25-Nov-2026 10:11:12 +0000", "2026-11-25T10:11:12Z"},
		{"5-Nov-2026 24:00:00 +0000", ""},
		{"5-Nov-2026 10:60:00 +0000", ""},
		{"5-Nov-2026 10:11:12 +0060", ""},
		{"5-Nov-2026 10:11:12 0000", ""},
		{"5-Nov-2026 10:11:12 UTC", ""},
		{"5-Nov-2026", ""},
		{"5-Nov-2026 1:11:12 +0000 ", ""},
		{"", ""},
	} {
		got, ok := ParseDateTime([]byte(tt.in))
		if ok != (tt.want != "") || ok && got.Format(time.RFC3339) != tt.want {
			t.Errorf("ParseDateTime(%q) = %v, %v; want %s", tt.in, got, ok, tt.want)
		}
	}
	if got, want := string(AppendDateTime(nil, time.Date(26, 1, 5, 1, 2, 3, 9, time.FixedZone("", -5400)))), `" 5-Jan-0026 01:02:03 -0130"`; got != want {
		t.Errorf("AppendDateTime = %s, want %s", got, want)
	}
}
