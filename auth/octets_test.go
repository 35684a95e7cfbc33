package auth

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
)

func TestRFC4954_4_ParseOctets(t *testing.T) {
	for _, tt := range []struct {
		name, line string
		limit      int
		want       string
		err        error
	}{
		{"octets", "AQ==", 0, "\x01", nil},
		{"empty line", "", 0, "", nil},
		{"empty initial response", "=", 0, "", nil},
		{"abort", "*", 0, "", ErrAborted},
		{"star and more", "*=", 0, "", ErrBase64},
		{"pad in the middle", "AQ==AQ==", 0, "", ErrBase64},
		{"no padding", "AQ", 0, "", ErrBase64},
		{"trailing bits", "AR==", 0, "", ErrBase64},
		{"URL alphabet", "-_==", 0, "", ErrBase64},
		{"space", "AQ= =", 0, "", ErrBase64},
		{"CR", "AQ==\r", 0, "", ErrBase64},
		{"LF inside", "A\nQ==", 0, "", ErrBase64},
		{"at the limit", "AAAA", 4, "\x00\x00\x00", nil},
		{"over the limit", "AAAAAAAA", 4, "", ErrLineTooLong},
		{"at the default", strings.Repeat("AAAA", DefaultLine/4), 0, strings.Repeat("\x00", DefaultLine/4*3), nil},
		{"over the default", strings.Repeat("AAAA", DefaultLine/4+1), 0, "", ErrLineTooLong},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseOctets([]byte(tt.line), tt.limit)
			if string(got) != tt.want || !errors.Is(err, tt.err) || (got == nil) != (tt.err != nil) {
				t.Errorf("%q, %v, want %q, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

func TestAppendInitial(t *testing.T) {
	for in, want := range map[string]string{"": "=", "\x00": "AA==", "abc": "YWJj"} {
		if got := AppendInitial([]byte("AUTH X "), []byte(in)); string(got) != "AUTH X "+want {
			t.Errorf("AppendInitial(%q) = %q, want %q", in, got, want)
		}
	}
	if got := AppendOctets([]byte("334 "), nil); string(got) != "334 " {
		t.Errorf("AppendOctets = %q", got)
	}
}

func FuzzParseOctets(f *testing.F) {
	for _, s := range []string{"", "=", "*", "AQ==", "AQ", "AR==", "AAAA\n", "A", "===="} {
		f.Add([]byte(s))
	}
	strict := base64.StdEncoding.Strict()
	f.Fuzz(func(t *testing.T, line []byte) {
		got, err := ParseOctets(line, 0)
		want, wantErr := strict.DecodeString(string(line))
		if bytes.ContainsAny(line, "\r\n") || len(line) > DefaultLine || string(line) == "*" {
			wantErr = ErrBase64
		} else if string(line) == "=" {
			want, wantErr = nil, nil
		}
		if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(got, want) {
			t.Fatalf("%q: %q, %v, want %q, %v", line, got, err, want, wantErr)
		}
		if err == nil && len(got) > 0 && string(AppendOctets(nil, got)) != string(line) {
			t.Errorf("%q: two lines mean the same", line)
		}
	})
}
