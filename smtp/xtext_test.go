package smtp

import (
	"strings"
	"testing"
)

// RFC 3461, section 4. Case 37.
func TestRFC3461_4_Xtext(t *testing.T) {
	tests := []struct {
		name, in, want string
		bad            bool
	}{
		{"plain", "abc@d.example", "abc@d.example", false},
		{"empty", "", "", false},
		{"space", "a+20b", "a b", false},
		{"plus and equals", "a+2Bb+3Dc", "a+b=c", false},
		{"any octet", "+00+FF+0D+0A", "\x00\xff\r\n", false},
		{"plus alone", "+", "", true},
		{"one digit", "+4", "", true},
		{"no hex", "+zz", "", true},
		{"lower case", "+0d", "", true},
		{"half lower case", "+0Da+3d", "", true},
		{"plus plus", "++41", "", true},
		{"plus at the end", "a+", "", true},
		{"one digit at the end", "a+2", "", true},
		{"equals", "a=b", "", true},
		{"raw space", "a b", "", true},
		{"raw 8-bit", "a\xff", "", true},
		{"raw control", "a\x01", "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseXtext([]byte("x"), []byte(tt.in))
			if string(got) != "x"+tt.want || (err != nil) != tt.bad {
				t.Errorf("ParseXtext(%q) = %q, %v; want %q, bad %v", tt.in, got[1:], err, tt.want, tt.bad)
			}
		})
	}
}

func TestAppendXtext(t *testing.T) {
	for in, want := range map[string]string{"": "", "ab": "ab", "a b": "a+20b", "+=": "+2B+3D", "\xff\x00": "+FF+00", "\r\n": "+0D+0A"} {
		if got := string(AppendXtext([]byte("x"), in)); got != "x"+want {
			t.Errorf("AppendXtext(%q) = %q, want %q", in, got[1:], want)
		}
	}
}

func FuzzXtext(f *testing.F) {
	for _, s := range []string{"", "abc", "+", "+41", "a+20b", "+0d", "\xff", "=", "+2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		wire := AppendXtext(nil, s)
		if got, err := ParseXtext(nil, wire); err != nil || string(got) != s {
			t.Fatalf("%q was written as %q and read as %q, %v", s, wire, got, err)
		}
		for _, c := range wire {
			if c < 0x21 || c > 0x7e || c == '=' {
				t.Fatalf("%q was written as %q", s, wire)
			}
		}
		// Two texts of the same meaning differ at most in needless escapes.
		if got, err := ParseXtext(nil, []byte(s)); err == nil {
			if len(got) > len(s) {
				t.Fatalf("%q was read as %q", s, got)
			}
			if min := string(AppendXtext(nil, string(got))); len(min) > len(s) {
				t.Fatalf("%q means %q, which was written as %q", s, got, min)
			}
		}
	})
}

func TestRFC6533_3_UTF8Address(t *testing.T) {
	tests := []struct {
		name, in, want string
		bad            bool
	}{
		{"ASCII", "a@d.example", "a@d.example", false},
		{"raw UTF-8", "j\u00f6@d", "j\u00f6@d", false},
		{"escaped", `j\x{F6}@d`, "j\u00f6@d", false},
		{"escaped beyond the BMP", `\x{1F600}@d`, "\U0001f600@d", false},
		{"escaped backslash", `a\x{5C}b`, `a\b`, false},
		{"escaped plus and equals", `\x{2B}\x{3D}`, "+=", false},
		{"lower case", `\x{f6}`, "", true},
		{"one digit", `\x{F}`, "", true},
		{"surrogate", `\x{D800}`, "", true},
		{"beyond Unicode", `\x{110000}`, "", true},
		{"seven digits", `\x{00000F6}`, "", true},
		{"control", `\x{0A}`, "", true},
		{"DEL", `\x{7F}`, "", true},
		{"open", `\x{F6`, "", true},
		{"empty", `\x{}`, "", true},
		{"sign", `\x{+F6}`, "", true},
		{"backslash alone", `\`, "", true},
		{"raw plus", "a+b", "", true},
		{"raw equals", "a=b", "", true},
		{"raw space", "a b", "", true},
		{"invalid", "\xff", "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := parseUTF8Addr(tt.in)
			if ok == tt.bad || ok && got != tt.want {
				t.Errorf("parseUTF8Addr(%q) = %q, %v", tt.in, got, ok)
			}
			if !ok {
				return
			}
			wire := string(appendUTF8Addr(nil, got))
			if strings.ContainsFunc(wire, func(c rune) bool { return c < 0x21 || c > 0x7e }) {
				t.Errorf("written as %q", wire)
			}
			if again, ok := parseUTF8Addr(wire); !ok || again != got {
				t.Errorf("%q was written as %q and read as %q, %v", got, wire, again, ok)
			}
		})
	}
}
