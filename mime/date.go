package mime

import (
	"fmt"
	"time"

	"github.com/mailwire/mailwire/internal/ascii"
)

// ParseDate reads the date-time of the mail that exists. RFC 5322, sections 3.3
// and 4.3, and more: comments and folds anywhere, the day name optional and
// with or without comma, asctime order, ISO 8601. The zone is kept, as a
// location without name; letters that mean nothing, and no zone, are UTC. A
// year of two digits lies in 1950-2049, to one of three 1900 is added. Text
// after the date is ignored. The error is ErrDate, wrapped, with a zero time.
func ParseDate(s string) (time.Time, error) {
	t, _, ok := parseDate(s)
	if !ok {
		return time.Time{}, fmt.Errorf("%w: %s", ErrDate, note(s))
	}
	return t, nil
}

// AppendDate appends the date-time of RFC 5322, section 3.3, in t's own zone.
// Fractions of a second are left out.
func AppendDate(dst []byte, t time.Time) []byte {
	return t.AppendFormat(dst, "Mon, 2 Jan 2006 15:04:05 -0700")
}

// zones holds the whole-hour zones from -15 to +15, so that a date needs no
// allocation.
var zones = func() (z [31]*time.Location) {
	for i := range z {
		z[i] = time.FixedZone("", (i-15)*3600)
	}
	z[15] = time.UTC
	return
}()

func zone(seconds int) *time.Location {
	if h := seconds / 3600; seconds%3600 == 0 && -15 <= h && h <= 15 {
		return zones[h+15]
	}
	return time.FixedZone("", seconds)
}

// A dateScanner reads tokens and never goes back.
type dateScanner struct {
	s   string
	i   int
	obs bool
}

func (d *dateScanner) skip() {
	d.i = skipCFWS(d.s, d.i)
}

func (d *dateScanner) peek() byte {
	if d.i < len(d.s) {
		return d.s[d.i]
	}
	return 0
}

func (d *dateScanner) take(c byte) bool {
	if d.peek() == c {
		d.i++
		return true
	}
	return false
}

// letters returns a run of letters, number the value and length of one of digits.
func (d *dateScanner) letters() string {
	n := ascii.Span(ascii.Alpha, d.s[d.i:])
	d.i += n
	return d.s[d.i-n : d.i]
}

func (d *dateScanner) number() (v, n int) {
	for d.i < len(d.s) && ascii.Digit[d.s[d.i]] {
		if n++; n < 10 {
			v = v*10 + int(d.s[d.i]-'0')
		}
		d.i++
	}
	return v, n
}

// separators passes what may stand between the parts of a date.
func (d *dateScanner) separators() {
	for {
		d.skip()
		switch d.peek() {
		case '-', '/', '.':
			d.obs = true
		case ',':
		default:
			return
		}
		d.i++
	}
}

// dateParts is a date before it is checked.
type dateParts struct {
	year, digits     int
	month, day       int
	hour, minute     int
	second, nano     int
	offset           int
	haveTime, haveTZ bool
}

func parseDate(s string) (t time.Time, obs, ok bool) {
	d := dateScanner{s: s}
	var p dateParts
	d.skip()
	for range 2 { // a day name, then perhaps a month
		if !ascii.Alpha[d.peek()] || p.month != 0 {
			break
		}
		word := d.letters()
		d.skip()
		if p.month = monthNumber(word); d.peek() == ',' {
			p.month = 0 // "Mar," is a day in some language
		} else if p.month == 0 {
			d.obs = true
		}
		d.separators()
	}
	if p.month != 0 {
		ok = d.monthFirst(&p)
	} else {
		ok = d.dayFirst(&p)
	}
	if !ok || !p.valid() {
		return time.Time{}, false, false
	}
	obs = d.obs || p.digits != 4 || !p.haveTime || !p.haveTZ
	return time.Date(p.year, time.Month(p.month), p.day, p.hour, p.minute, p.second, p.nano, zone(p.offset)), obs, true
}

func (d *dateScanner) dayFirst(p *dateParts) bool {
	v, n := d.number()
	if n == 4 && d.peek() == '-' {
		return d.iso(p, v)
	}
	if n == 0 || n > 2 {
		return false
	}
	p.day = v
	d.separators()
	p.month = monthNumber(d.letters())
	d.separators()
	p.year, p.digits = d.number()
	if p.month == 0 || p.digits < 2 {
		return false
	}
	d.separators()
	d.clock(p)
	d.zone(p)
	return true
}

// monthFirst reads "Nov 21 09:55:06 1997", "Nov 21, 1997 09:55".
func (d *dateScanner) monthFirst(p *dateParts) bool {
	d.obs = true
	d.separators()
	var n int
	if p.day, n = d.number(); n == 0 || n > 2 {
		return false
	}
	d.separators()
	if d.clock(p) {
		d.zone(p)
		d.separators()
		p.year, p.digits = d.number()
		d.zone(p)
		return p.digits >= 2
	}
	p.year, p.digits = d.number()
	d.separators()
	d.clock(p)
	d.zone(p)
	return p.digits >= 2
}

// iso reads the rest of an ISO 8601 date whose year was read.
func (d *dateScanner) iso(p *dateParts, year int) bool {
	d.obs = true
	p.year, p.digits = year, 4
	d.take('-')
	var n, k int
	p.month, n = d.number()
	if !d.take('-') {
		return false
	}
	p.day, k = d.number()
	if n == 0 || n > 2 || k == 0 || k > 2 {
		return false
	}
	if !d.take('T') && !d.take('t') {
		d.skip()
	}
	d.clock(p)
	d.zone(p)
	return true
}

// clock reads hh:mm[:ss[.fraction]]; without a colon nothing is taken.
func (d *dateScanner) clock(p *dateParts) bool {
	start := d.i
	h, n := d.number()
	d.skip()
	if n == 0 || n > 2 || !d.take(':') {
		d.i = start
		return false
	}
	d.obs = d.obs || n != 2
	d.skip()
	p.hour, p.haveTime = h, true
	p.minute, n = d.number()
	if n == 0 {
		p.minute = 60 // refused
	}
	d.skip()
	if !d.take(':') {
		return true
	}
	d.skip()
	if p.second, n = d.number(); n == 0 {
		p.second = 61
	}
	if d.peek() == '.' || d.peek() == ',' {
		d.fraction(p)
	}
	return true
}

func (d *dateScanner) fraction(p *dateParts) {
	if d.i+1 == len(d.s) || !ascii.Digit[d.s[d.i+1]] {
		return
	}
	d.obs = true
	unit := 100_000_000
	for d.i++; ascii.Digit[d.peek()]; d.i++ {
		p.nano += int(d.peek()-'0') * unit
		unit /= 10
	}
}

// zone reads a zone if there is one.
func (d *dateScanner) zone(p *dateParts) {
	d.skip()
	if ascii.Alpha[d.peek()] {
		name := d.letters()
		p.offset, p.haveTZ = zoneOffset(name), true
		d.obs = true
		if c := d.peek(); c != '+' && c != '-' { // GMT+0200 says what it means in digits
			return
		}
	}
	c := d.peek()
	if c != '+' && c != '-' {
		return
	}
	d.i++
	v, n := d.number()
	switch {
	case n <= 2 && n > 0 && d.peek() == ':':
		d.i++
		m, _ := d.number()
		v = v*100 + m
		d.obs = true
	case n == 4:
	case n == 3:
		d.obs = true
	case n == 1 || n == 2:
		v *= 100
		d.obs = true
	default:
		return
	}
	if v%100 > 59 {
		return
	}
	p.haveTZ = true
	if p.offset = v/100*3600 + v%100*60; c == '-' {
		p.offset = -p.offset
	}
}

// valid checks ranges and completes the year.
func (p *dateParts) valid() bool {
	switch {
	case p.digits == 2 && p.year < 50:
		p.year += 2000
	case p.digits == 2 || p.digits == 3:
		p.year += 1900
	case p.digits > 4:
		return false
	}
	return p.month >= 1 && p.month <= 12 && p.day >= 1 && p.day <= daysIn(p.year, p.month) &&
		p.hour < 24 && p.minute < 60 && p.second <= 60
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// monthNumber knows a month by its first three letters, in any case.
func monthNumber(s string) int {
	if len(s) < 3 {
		return 0
	}
	const names = "janfebmaraprmayjunjulaugsepoctnovdec"
	a, b, c := ascii.Lower(s[0]), ascii.Lower(s[1]), ascii.Lower(s[2])
	for i := 0; i < len(names); i += 3 {
		if names[i] == a && names[i+1] == b && names[i+2] == c {
			return i/3 + 1
		}
	}
	return 0
}

// zoneOffset gives the names of RFC 5322, section 4.3 their meaning; EST is
// -0500 there, whatever the machine's own zone is. Others mean nothing.
func zoneOffset(s string) int {
	if len(s) != 3 {
		return 0
	}
	var h int
	switch ascii.Lower(s[0]) {
	case 'e':
		h = -5
	case 'c':
		h = -6
	case 'm':
		h = -7
	case 'p':
		h = -8
	default:
		return 0
	}
	if ascii.Lower(s[2]) != 't' {
		return 0
	}
	switch ascii.Lower(s[1]) {
	case 's':
		return h * 3600
	case 'd':
		return (h + 1) * 3600
	}
	return 0
}
