package ascii

import (
	"bytes"
	"encoding/base64"
	"errors"
	"math"
	"strings"
	"testing"
)

func TestClasses(t *testing.T) {
	tests := []struct {
		name  string
		class *Class
		in    string // some that belong
		out   string // some that do not
		size  int
	}{
		{"Alpha", Alpha, "AZaz", "@[`{09\x80", 52},
		{"Digit", Digit, "09", "/:", 10},
		{"HexDigit", HexDigit, "09afAF", "gG/:", 22},
		{"LetDig", LetDig, "Az09", "-_", 62},
		{"VChar", VChar, "!~", " \x7f", 94},
		{"Print", Print, " ~", "\x1f\x7f\x80", 95},
		{"Control", Control, "\x00\x1f\x7f", " ~\x80", 33},
		{"High", High, "\x80\xff", "\x7f\x00", 128},
		{"Atext", Atext, "a0!#$%&'*+-/=?^_`{|}~", `()<>@,;:\". []`, 62 + 19},
		{"QText", QText, " !#[]~", "\"\\\x7f\x00", 93},
		{"DContent", DContent, "!Z^~:", `[\] `, 91},
		{"Token", Token, "a0!#.+-", `()<>@,;:\"/[]?= `, 94 - 15},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if n := Span(tt.class, tt.in); n != len(tt.in) {
				t.Errorf("%q is not in the class, want it in", tt.in[n])
			}
			for i := range len(tt.out) {
				if tt.class[tt.out[i]] {
					t.Errorf("%q is in the class, want it out", tt.out[i])
				}
			}
			size := 0
			for _, in := range tt.class {
				if in {
					size++
				}
			}
			if size != tt.size {
				t.Errorf("class has %d octets, want %d", size, tt.size)
			}
		})
	}
}

func TestEqualFold(t *testing.T) {
	tests := []struct {
		a, b string
		want bool
	}{
		{"", "", true},
		{"STARTTLS", "starttls", true},
		{"STARTTLS", "STARTTLSX", false},
		{"K", "\u212a", false},
		{"@", "`", false},
		{"[", "{", false},
		{"\xc0", "\xe0", false},
	}
	for _, tt := range tests {
		if got := EqualFold(tt.a, []byte(tt.b)); got != tt.want {
			t.Errorf("EqualFold(%q, %q) = %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
	if !HasPrefixFold("from:<a>", "FROM:") || HasPrefixFold("FRO", "FROM:") {
		t.Error("HasPrefixFold is wrong about FROM:")
	}
	if got := string(AppendLower(AppendUpper(nil, "aZ-é"), "aZ-É")); got != "AZ-éaz-É" {
		t.Errorf("upper and lower = %q", got)
	}
}

func TestParseUint(t *testing.T) {
	tests := []struct {
		in    string
		limit uint64
		want  uint64
		err   error
	}{
		{"0", 9, 0, nil},
		{"0000000000000000000000000007", 9, 7, nil},
		{"9", 9, 9, nil},
		{"10", 9, 9, ErrRange},
		{"18446744073709551615", math.MaxUint64, math.MaxUint64, nil},
		{"18446744073709551616", math.MaxUint64, math.MaxUint64, ErrRange},
		{"99999999999999999999", math.MaxInt64, math.MaxInt64, ErrRange},
		{strings.Repeat("9", 200), 5, 5, ErrRange},
		{"", 9, 0, ErrNumber},
		{"-1", 9, 0, ErrNumber},
		{"+1", 9, 0, ErrNumber},
		{"1 ", 9, 0, ErrNumber},
		{strings.Repeat("9", 30) + "x", 9, 0, ErrNumber},
	}
	for _, tt := range tests {
		got, err := ParseUint(tt.in, tt.limit)
		if got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("ParseUint(%q, %d) = %d, %v; want %d, %v", tt.in, tt.limit, got, err, tt.want, tt.err)
		}
	}
}

func TestParseBase64(t *testing.T) {
	tests := []struct {
		name, in string
		want     string
		ok       bool
	}{
		{"empty", "", "", true},
		{"one octet", "YQ==", "a", true},
		{"no padding", "YQ", "", false},
		{"short padding", "YQ=", "", false},
		{"padding alone", "=", "", false},
		{"octets behind the padding", "YQ==YQ==", "", false},
		{"trailing bits set", "YR==", "", false},
		{"line end inside", "Y\r\nQ==", "", false},
		{"line end behind", "YQ==\n", "", false},
		{"space", "YQ ==", "", false},
		{"the URL alphabet", "_-8=", "", false},
		{"cancel", "*", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseBase64([]byte("x"), []byte(tt.in))
			if (err == nil) != tt.ok || string(got) != "x"+tt.want {
				t.Errorf("ParseBase64(%q) = %q, %v; want %q, ok %v", tt.in, got, err, "x"+tt.want, tt.ok)
			}
		})
	}
}

// What was decoded of a line that is then refused may be half of a password.
func TestParseBase64LeavesNothing(t *testing.T) {
	buf := make([]byte, 3, 64)
	for _, in := range []string{"AGEAaHVzaA=", "AGEAaHVzaDEx!AAA"} {
		out, err := ParseBase64(buf, []byte(in))
		if err != ErrBase64 || len(out) != 3 {
			t.Fatalf("%q, %v", out, err)
		}
		if rest := buf[3:cap(buf)]; bytes.Trim(rest, "\x00") != nil {
			t.Errorf("%q left %q", in, rest)
		}
	}
}

// FuzzParseBase64: what is accepted is exactly what encoding back gives.
func FuzzParseBase64(f *testing.F) {
	for _, s := range []string{"", "YQ==", "YR==", "Y\nQ==", "AGEAYg==", "0==="} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := ParseBase64(nil, in)
		lenient, lerr := base64.StdEncoding.DecodeString(string(in))
		canonical := lerr == nil && base64.StdEncoding.EncodeToString(lenient) == string(in)
		if (err == nil) != canonical {
			t.Fatalf("ParseBase64(%q): error %v, canonical %v", in, err, canonical)
		}
		if err == nil && !bytes.Equal(AppendBase64(nil, got), in) {
			t.Fatalf("%q does not come back: %q", in, got)
		}
	})
}

func BenchmarkEqualFold(b *testing.B) {
	line := []byte("startTLS")
	b.ReportAllocs()
	for b.Loop() {
		if !EqualFold(line, "STARTTLS") {
			b.Fatal("differ")
		}
	}
}
