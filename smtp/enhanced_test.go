package smtp

import "testing"

func TestRFC3463_2_EnhancedCode(t *testing.T) {
	tests := []struct {
		name, in string
		want     EnhancedCode
		rest     string
		ok       bool
	}{
		{"with text", "5.1.1 no such user", EnhancedCode{5, 1, 1}, "no such user", true},
		{"alone", "2.0.0", EnhancedCode{2, 0, 0}, "", true},
		{"one space only is cut", "4.7.1  x", EnhancedCode{4, 7, 1}, " x", true},
		{"three digits", "5.999.100 x", EnhancedCode{5, 999, 100}, "x", true},
		{"empty", "", EnhancedCode{}, "", false},
		{"class 3", "3.0.0 x", EnhancedCode{}, "3.0.0 x", false},
		{"class 1", "1.0.0 x", EnhancedCode{}, "1.0.0 x", false},
		{"class of two digits", "55.1.1 x", EnhancedCode{}, "55.1.1 x", false},
		{"four digits", "5.1000.1 x", EnhancedCode{}, "5.1000.1 x", false},
		{"leading zero", "5.01.1 x", EnhancedCode{}, "5.01.1 x", false},
		{"two parts", "5.1 x", EnhancedCode{}, "5.1 x", false},
		{"four parts", "5.1.1.1 x", EnhancedCode{}, "5.1.1.1 x", false},
		{"nothing behind the dot", "5.1. x", EnhancedCode{}, "5.1. x", false},
		{"no space behind", "5.1.1x", EnhancedCode{}, "5.1.1x", false},
		{"hyphen behind", "5.1.1-x", EnhancedCode{}, "5.1.1-x", false},
		{"a host name", "5.1.1.example", EnhancedCode{}, "5.1.1.example", false},
		{"sign", "5.+1.1 x", EnhancedCode{}, "5.+1.1 x", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, rest, ok := cutEnhanced([]byte(tt.in))
			if got != tt.want || string(rest) != tt.rest || ok != tt.ok {
				t.Errorf("cutEnhanced(%q) = %v, %q, %v; want %v, %q, %v", tt.in, got, rest, ok, tt.want, tt.rest, tt.ok)
			}
		})
	}
}

func TestEnhancedCodeString(t *testing.T) {
	for want, e := range map[string]EnhancedCode{"": {}, "5.1.1": {5, 1, 1}, "2.0.0": {2, 0, 0}, "4.10.999": {4, 10, 999}} {
		if got := e.String(); got != want {
			t.Errorf("String() = %q, want %q", got, want)
		}
		if e.IsZero() != (want == "") {
			t.Errorf("%q: IsZero() = %v", want, e.IsZero())
		}
	}
}

func TestRFC2034_4_ForReply(t *testing.T) {
	tests := []struct {
		name string
		in   EnhancedCode
		code int
		want EnhancedCode
	}{
		{"agrees", EnhancedCode{5, 1, 1}, 550, EnhancedCode{5, 1, 1}},
		{"none given, success", EnhancedCode{}, 250, EnhancedCode{2, 0, 0}},
		{"none given, temporary", EnhancedCode{}, 451, EnhancedCode{4, 0, 0}},
		{"none given, failure", EnhancedCode{}, 550, EnhancedCode{5, 0, 0}},
		{"wrong class", EnhancedCode{2, 1, 5}, 550, EnhancedCode{5, 1, 5}},
		{"class of nothing", EnhancedCode{9, 1, 5}, 450, EnhancedCode{4, 1, 5}},
		{"intermediate", EnhancedCode{2, 1, 5}, 354, EnhancedCode{}},
		{"preliminary", EnhancedCode{2, 1, 5}, 150, EnhancedCode{}},
		{"no code", EnhancedCode{2, 1, 5}, 0, EnhancedCode{}},
		{"subject of four digits cannot be written", EnhancedCode{5, 1000, 1}, 550, EnhancedCode{5, 0, 1}},
		{"detail of five digits cannot be written", EnhancedCode{5, 1, 65535}, 550, EnhancedCode{5, 1, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.in.ForReply(tt.code); got != tt.want {
				t.Errorf("ForReply(%d) = %v, want %v", tt.code, got, tt.want)
			}
		})
	}
}
