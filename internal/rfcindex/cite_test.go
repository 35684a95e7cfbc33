package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCitations(t *testing.T) {
	tests := []struct {
		name, text string
		want       string // as rfc/section, with spaces between
	}{
		{"none", "Nothing is cited here. Section 3 is of no RFC.", ""},
		{"one", "RFC 5321, section 4.1.4", "5321/4.1.4"},
		{"at the end of a sentence", "See RFC 5321, section 4.1.4. More follows.", "5321/4.1.4"},
		{"and", "RFC 5321, sections 4.1.4 and 4.2", "5321/4.1.4 5321/4.2"},
		{"list", "RFC 5321, sections 3.1, 3.2, and 4, are one.", "5321/3.1 5321/3.2 5321/4"},
		{"number behind one section", "RFC 5321, section 4.1.4, 3 times", "5321/4.1.4"},
		{"continued", "RFC 5321, section 4.5.2; section 2.3.8.", "5321/4.5.2 5321/2.3.8"},
		{"continued with words between", "as RFC 2920, section 3.1, has it (but section 3.2 (5) does not)", "2920/3.1 2920/3.2"},
		{"not behind the sentence", "RFC 5321, section 4.5.2. Section 2.3.8 is of this text.", "5321/4.5.2"},
		{"not behind the paragraph", "RFC 5321, section 4.5.2\n\nsection 2.3.8", "5321/4.5.2"},
		{"over a line end", "RFC\n5321, section\n4.5.2; section 2", "5321/4.5.2 5321/2"},
		{"two RFCs", "RFC 5321, section 4.1, RFC 2920, section 3.1 and section 3.2", "5321/4.1 2920/3.1 2920/3.2"},
		{"two sentences", "RFC 5321, section 4.1. RFC 2920, section 3.1.", "5321/4.1 2920/3.1"},
		{"no section", "RFC 2119 is general, RFC 5321, section 4, is not", "2119/ 5321/4"},
		{"no section, again", "RFC 2119", "2119/"},
		{"appendix", "RFC 5321, appendix B; RFC 5322, appendix A.1.1 and appendices C and D", "5321/B 5322/A.1.1 5322/C 5322/D"},
		{"other spelling", "RFC5321, section 4; rfc 5321 section 3; XRFC 5321", ""},
		{"huge number", "RFC 99999999999999999999, section 1", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, c := range citations(tt.text) {
				got = append(got, fmt.Sprintf("%d/%s", c.rfc, c.section))
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("%q (-want +got):\n%s", tt.text, diff)
			}
		})
	}
}

func TestCitationOfName(t *testing.T) {
	tests := []struct {
		name string
		want citation
		ok   bool
	}{
		{"TestRFC5321_4_1_4_RcptBeforeMail", citation{5321, "4.1.4"}, true},
		{"TestRFC5321_4", citation{5321, "4"}, true},
		{"FuzzRFC2047_2", citation{2047, "2"}, true},
		{"TestRFC2119_Words", citation{2119, ""}, true},
		{"TestRFC2119", citation{2119, ""}, true},
		{"TestRFC5321x_4", citation{}, false},
		{"TestReply", citation{}, false},
		{"rfc5321_4", citation{}, false},
	}
	for _, tt := range tests {
		if got, ok := citationOfName(tt.name); got != tt.want || ok != tt.ok {
			t.Errorf("%s: got %v, %v; want %v, %v", tt.name, got, ok, tt.want, tt.ok)
		}
	}
}

func TestCompare(t *testing.T) {
	want := []citation{{822, "1"}, {5321, ""}, {5321, "2"}, {5321, "2.1"}, {5321, "2.9"}, {5321, "2.10"}, {5321, "10"}, {5321, "A"}, {5321, "A.2"}, {5321, "B"}}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, citation.compare)
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(citation{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// FuzzCitations writes citations down in the ways the conventions allow, with
// line ends anywhere, and reads them back. An octet is a section, with another
// RFC or sentence before it.
func FuzzCitations(f *testing.F) {
	f.Add([]byte{1, 2, 190, 3, 110, 4, 255, 0, 220})
	f.Fuzz(func(t *testing.T, plan []byte) {
		text := "As RFC 1000, section 1"
		want := []citation{{1000, "1"}}
		for i, o := range plan[:min(len(plan), 30)] {
			c := citation{want[i].rfc, fmt.Sprintf("%d.%d", o%7+1, o%5)}
			switch {
			case o < 100:
				text += "; section " + c.section
			case o < 150:
				text += " holds, and section " + c.section
			case o < 200:
				c.rfc = 2000 + int(o)
				text += fmt.Sprintf(" and RFC %d, section %s", c.rfc, c.section)
			default:
				c.rfc = 3000 + int(o)
				text += fmt.Sprintf(". Section 9 is of this text. RFC %d, section %s", c.rfc, c.section)
			}
			want = append(want, c)
		}
		words := strings.Split(text, " ")
		text = ""
		for i, word := range words {
			space := " "
			if len(plan) > 0 && plan[i%len(plan)]%3 == 0 {
				space = "\n"
			}
			text += word + space
		}
		if diff := cmp.Diff(want, citations(text), cmp.AllowUnexported(citation{})); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	})
}
