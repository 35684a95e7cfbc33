package imap

import (
	"strconv"
	"time"

	"github.com/mailwire/mailwire/internal/ascii"
)

// A Date is a day as SEARCH knows it, without time and zone: RFC 9051,
// section 6.4.4.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// DateOf returns the day of t in the zone of t, which is how SEARCH compares:
// "disregarding time and timezone".
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date{y, m, d}
}

// Compare returns -1, 0 or 1 for d before, on or after e.
func (d Date) Compare(e Date) int {
	a, b := (d.Year*16+int(d.Month))*32+d.Day, (e.Year*16+int(e.Month))*32+e.Day
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// Append appends date-text: RFC 9051, section 9.
func (d Date) Append(dst []byte) []byte {
	dst = strconv.AppendInt(dst, int64(d.Day), 10)
	return appendMonthYear(dst, d.Month, d.Year)
}

const monthNames = "JanFebMarAprMayJunJulAugSepOctNovDec"

func appendMonthYear(dst []byte, m time.Month, year int) []byte {
	dst = append(dst, '-')
	dst = append(dst, monthNames[3*(m-1):3*m]...)
	dst = append(dst, '-')
	return appendDigits(appendDigits(dst, year/100), year%100)
}

// appendDigits appends n, 0 to 99, in two digits.
func appendDigits(dst []byte, n int) []byte {
	return append(dst, byte('0'+n/10), byte('0'+n%10))
}

// ParseDate parses date-text. RFC 9051, section 9.
func ParseDate(b []byte) (Date, bool) {
	n := ascii.Span(ascii.Digit, b)
	if n < 1 || n > 2 {
		return Date{}, false
	}
	day := twoDigits(b[:n])
	month, year, ok := parseMonthYear(b[n:])
	return Date{year, month, day}, ok && validDay(year, month, day)
}

// parseMonthYear parses "-Mon-YYYY".
func parseMonthYear(b []byte) (time.Month, int, bool) {
	if len(b) != 9 || b[0] != '-' || b[4] != '-' || !ascii.All(ascii.Digit, b[5:]) {
		return 0, 0, false
	}
	year := twoDigits(b[5:7])*100 + twoDigits(b[7:])
	for m := time.January; m <= time.December; m++ {
		if ascii.EqualFold(b[1:4], monthNames[3*(m-1):3*m]) {
			return m, year, true
		}
	}
	return 0, 0, false
}

// twoDigits returns the number of at most two digits.
func twoDigits(b []byte) int {
	n := 0
	for _, c := range b {
		n = n*10 + int(c-'0')
	}
	return n
}

func validDay(year int, month time.Month, day int) bool {
	return day >= 1 && time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Day() == day
}

// AppendDateTime appends date-time with its quotes, in the zone of t, whose
// seconds are dropped. RFC 9051, section 9.
func AppendDateTime(dst []byte, t time.Time) []byte {
	_, offset := t.Zone()
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	offset /= 60
	if offset > 99*60+59 || t.Year() < 0 || t.Year() > 9999 { // has no form on the wire
		return AppendDateTime(dst, time.Unix(0, 0).UTC())
	}
	dst = append(dst, '"')
	if t.Day() < 10 {
		dst = append(dst, ' ', byte('0'+t.Day()))
	} else {
		dst = appendDigits(dst, t.Day())
	}
	dst = appendMonthYear(dst, t.Month(), t.Year())
	dst = append(dst, ' ')
	dst = append(appendDigits(dst, t.Hour()), ':')
	dst = append(appendDigits(dst, t.Minute()), ':')
	dst = append(appendDigits(dst, t.Second()), ' ', sign)
	dst = appendDigits(appendDigits(dst, offset/60), offset%60)
	return append(dst, '"')
}

// ParseDateTime parses what is between the quotes of date-time. A day of one
// digit may come with or without its space. RFC 9051, section 9.
func ParseDateTime(b []byte) (time.Time, bool) {
	const clock = " 15:04:05 +0000"
	if len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	n := ascii.Span(ascii.Digit, b)
	if n < 1 || n > 2 || len(b) != n+len("-Jan-2006")+len(clock) {
		return time.Time{}, false
	}
	day := twoDigits(b[:n])
	month, year, ok := parseMonthYear(b[n : n+9])
	c := b[n+9:]
	if !ok || !validDay(year, month, day) || c[0] != ' ' || c[3] != ':' || c[6] != ':' || c[9] != ' ' || c[10] != '+' && c[10] != '-' ||
		!ascii.All(ascii.Digit, c[1:3]) || !ascii.All(ascii.Digit, c[4:6]) || !ascii.All(ascii.Digit, c[7:9]) || !ascii.All(ascii.Digit, c[11:]) {
		return time.Time{}, false
	}
	hour, minute, second := twoDigits(c[1:3]), twoDigits(c[4:6]), twoDigits(c[7:9])
	offset := twoDigits(c[11:13])*3600 + twoDigits(c[13:])*60
	if hour > 23 || minute > 59 || second > 60 || twoDigits(c[13:]) > 59 {
		return time.Time{}, false
	}
	if c[10] == '-' {
		offset = -offset
	}
	return time.Date(year, month, day, hour, minute, second, 0, zone(offset)), true
}

func zone(offset int) *time.Location {
	if offset == 0 {
		return time.UTC
	}
	return time.FixedZone("", offset)
}
