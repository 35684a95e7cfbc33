package imap

import (
	"encoding/base64"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"
)

func TestRFC3501_5_1_3_UTF7(t *testing.T) {
	tests := []struct {
		wire, name string
		bad        bool
	}{
		{"INBOX", "INBOX", false},
		{"", "", false},
		{"a&-b", "a&b", false},
		{"&-&-", "&&", false},
		{"Entw&APw-rfe", "Entw\u00fcrfe", false},
		{"~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/\u53f0\u5317/\u65e5\u672c\u8a9e", false},
		{"&2D3eAA-", "\U0001f600", false},
		{"&AAk-", "\t", false},
		{"a&b", "", true},         // no end
		{"&AOQ", "", true},        // no end
		{"&AGE-", "", true},       // "a" encoded, though printable
		{"&2AA-", "", true},       // half a surrogate pair
		{"&3gA-", "", true},       // the other half
		{"&2D0AYQ-", "", true},    // a high surrogate before a letter
		{"&AOQ-&AOQ-", "", true},  // two shifts that are one
		{"&AOR-", "", true},       // bits set in the padding
		{"&AOQA-", "", true},      // a digit too many
		{"&A-", "", true},         // not even one unit
		{"&AO/-", "", true},       // "/" belongs to another base64
		{"&AOQ=-", "", true},      // padding
		{"caf\xc3\xa9", "", true}, // raw 8-bit
		{"a\tb", "", true},        // control
		{"&ACY-", "", true},       // "&" encoded
	}
	for _, tt := range tests {
		got, err := ParseUTF7([]byte(tt.wire))
		if (err != nil) != tt.bad || got != tt.name {
			t.Errorf("ParseUTF7(%q) = %q, %v; want %q, bad %v", tt.wire, got, err, tt.name, tt.bad)
		}
		if !tt.bad {
			if back := string(AppendUTF7(nil, tt.name)); back != tt.wire {
				t.Errorf("AppendUTF7(%q) = %q, want %q", tt.name, back, tt.wire)
			}
		}
	}
}

// naiveUTF7 is the definition in a few lines.
func naiveUTF7(name string) string {
	var out strings.Builder
	var shift []byte
	flush := func() {
		if len(shift) > 0 {
			out.WriteString("&" + strings.ReplaceAll(base64.RawStdEncoding.EncodeToString(shift), "/", ",") + "-")
			shift = nil
		}
	}
	for _, r := range name {
		if r >= ' ' && r <= '~' {
			flush()
			out.WriteString(strings.ReplaceAll(string(r), "&", "&-"))
			continue
		}
		for _, u := range utf16.Encode([]rune{r}) {
			shift = append(shift, byte(u>>8), byte(u))
		}
	}
	flush()
	return out.String()
}

// FuzzUTF7: printing is the definition; what parses is exactly what is printed.
func FuzzUTF7(f *testing.F) {
	for _, s := range []string{"a&b", "&AOQ-", "\u53f0\u5317", "&AOQ-&AOQ-", "\U0001f600&", "\xff", "&2D3eAA-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		wire := string(AppendUTF7(nil, s))
		if want := naiveUTF7(s); wire != want {
			t.Fatalf("AppendUTF7(%q) = %q, want %q", s, wire, want)
		}
		if back, err := ParseUTF7([]byte(wire)); err != nil || utf8.ValidString(s) && back != s {
			t.Fatalf("%q goes as %q and comes back as %q, %v", s, wire, back, err)
		}
		if name, err := ParseUTF7([]byte(s)); err == nil && string(AppendUTF7(nil, name)) != s {
			t.Fatalf("%q parses as %q, which prints as %q", s, name, AppendUTF7(nil, name))
		}
	})
}
