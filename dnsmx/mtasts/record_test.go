package mtasts

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mailwire/mailwire/dnsmx"
)

func TestRFC8461_3_1_ParseRecord(t *testing.T) {
	id32 := strings.Repeat("a1", 16)
	for _, tt := range []struct {
		name, txt string
		want      Record
		ok        bool
	}{
		{"usual", "v=STSv1; id=20160831085700Z;", Record{ID: "20160831085700Z"}, true},
		{"no final semicolon", "v=STSv1; id=1", Record{ID: "1"}, true},
		{"no spaces", "v=STSv1;id=1", Record{ID: "1"}, true},
		{"tabs and spaces", "v=STSv1;\t id=1 \t; ", Record{ID: "1"}, true},
		{"extensions", "v=STSv1; a.b_c-d=1!; id=1; x=y;", Record{ID: "1", Ext: []Pair{{"a.b_c-d", "1!"}, {"x", "y"}}}, true},
		{"id of 32", "v=STSv1; id=" + id32, Record{ID: id32}, true},
		{"id of 33", "v=STSv1; id=" + id32 + "a", Record{}, false},
		{"id with a hyphen", "v=STSv1; id=2016-08", Record{}, false},
		{"empty id", "v=STSv1; id=;", Record{}, false},
		{"no id", "v=STSv1;", Record{}, false},
		{"no id but others", "v=STSv1; x=y", Record{}, false},
		{"two ids", "v=STSv1; id=1; id=1", Record{}, false},
		{"id in upper case", "v=STSv1; ID=1", Record{}, false},
		{"space before the semicolon", "v=STSv1 ; id=1", Record{}, false},
		{"version in lower case", "v=stsv1; id=1", Record{}, false},
		{"other version", "v=STSv2; id=1", Record{}, false},
		{"longer version", "v=STSv10; id=1", Record{}, false},
		{"id first", "id=1; v=STSv1;", Record{}, false},
		{"space first", " v=STSv1; id=1", Record{}, false},
		{"two semicolons", "v=STSv1;; id=1", Record{}, false},
		{"two semicolons at the end", "v=STSv1; id=1;;", Record{}, false},
		{"field without value", "v=STSv1; id=1; x", Record{}, false},
		{"field with an empty value", "v=STSv1; id=1; x=", Record{}, false},
		{"value with a space", "v=STSv1; id=1; x=a b", Record{}, false},
		{"value with =", "v=STSv1; id=1; x=a=b", Record{}, false},
		{"value of UTF-8", "v=STSv1; id=1; x=ä", Record{}, false},
		{"name with a hyphen first", "v=STSv1; id=1; -x=a", Record{}, false},
		{"name of 33", "v=STSv1; id=1; " + id32 + "x=a", Record{}, false},
		{"empty", "", Record{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := ParseRecord(tt.txt)
			if diff := cmp.Diff(tt.want, r); diff != "" || (err == nil) != tt.ok || err != nil && !errors.Is(err, errRecord) {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

// For all texts of a name.
func TestRFC8461_3_1_OneRecord(t *testing.T) {
	for _, tt := range []struct {
		name  string
		texts []string
		want  string
	}{
		{"none", nil, ""},
		{"one", []string{"v=STSv1; id=1"}, "1"},
		{"two", []string{"v=STSv1; id=1", "v=STSv1; id=2"}, ""},
		{"two alike", []string{"v=STSv1; id=1", "v=STSv1; id=1"}, ""},
		{"a good and a bad one", []string{"v=STSv1; id=1", "v=STSv1; id=-"}, ""},
		{"a bad and a good one", []string{"v=STSv1; id=-", "v=STSv1; id=1"}, ""},
		{"another text beside", []string{"v=spf1 -all", "v=STSv1; id=1", "v=STSv1 ; id=2"}, "1"},
		{"others alone", []string{"v=spf1 -all"}, ""},
	} {
		if id := onlyID(tt.texts); id != tt.want {
			t.Errorf("%s: %q", tt.name, id)
		}
	}
}

func TestRFC8461_3_2_ParsePolicy(t *testing.T) {
	enforce := func(age time.Duration, mx ...string) *dnsmx.STSPolicy {
		return &dnsmx.STSPolicy{Mode: dnsmx.ModeEnforce, MX: mx, MaxAge: age}
	}
	const head = "version: STSv1\nmode: enforce\n"
	for _, tt := range []struct {
		name, body string
		want       *dnsmx.STSPolicy
	}{
		{"CRLF", "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\n", enforce(604800*time.Second, "mail.example.com", "*.example.net")},
		{"LF", head + "mx: a.example\nmax_age: 1", enforce(time.Second, "a.example")},
		{"both", "version: STSv1\r\nmode: enforce\nmx: a.example\r\nmax_age: 1\n", enforce(time.Second, "a.example")},
		{"another order", "max_age:1\nmx:a.example\nmode:enforce\nversion:STSv1\n", enforce(time.Second, "a.example")},
		{"spaces behind", head + "mx: a.example \t\nmax_age: 1 \n", enforce(time.Second, "a.example")},
		{"empty lines", "\n" + head + "\r\n\nmx: a.example\nmax_age: 1\n\n", enforce(time.Second, "a.example")},
		{"unknown field", head + "x-y: z : \xff\nmx: a.example\nmax_age: 1\n", enforce(time.Second, "a.example")},
		{"first duplicate", head + "mode: none\nmode: x\nmx: a.example\nmax_age: 1\nmax_age: x\nversion: x\n", enforce(time.Second, "a.example")},
		{"mx twice", head + "mx: a.example\nmx: a.example\nmax_age: 1\n", enforce(time.Second, "a.example", "a.example")},
		{"mx in upper case with a dot", head + "mx: *.A.Example.\nmax_age: 1\n", enforce(time.Second, "*.a.example")},
		{"mx with an underscore", head + "mx: mx_1.example\nmax_age: 1\n", enforce(time.Second, "mx_1.example")},
		{"testing", "version: STSv1\nmode: testing\nmx: a.example\nmax_age: 1", &dnsmx.STSPolicy{Mode: dnsmx.ModeTesting, MX: []string{"a.example"}, MaxAge: time.Second}},
		{"none without mx", "version: STSv1\nmode: none\nmax_age: 86400\n", &dnsmx.STSPolicy{MaxAge: 24 * time.Hour}},
		{"greatest max_age", head + "mx: a.example\nmax_age: 31557600", enforce(maxAge, "a.example")},
		{"max_age over it", head + "mx: a.example\nmax_age: 31557601", enforce(maxAge, "a.example")},
		{"max_age of ten digits", head + "mx: a.example\nmax_age: 9999999999", enforce(maxAge, "a.example")},
		{"max_age of zero", head + "mx: a.example\nmax_age: 0", enforce(0, "a.example")},

		{"enforce without mx", head + "max_age: 1", nil},
		{"testing without mx", "version: STSv1\nmode: testing\nmax_age: 1", nil},
		{"max_age of eleven digits", head + "mx: a.example\nmax_age: 00000000001", nil},
		{"negative max_age", head + "mx: a.example\nmax_age: -1", nil},
		{"max_age with a sign", head + "mx: a.example\nmax_age: +1", nil},
		{"max_age with a unit", head + "mx: a.example\nmax_age: 1d", nil},
		{"empty max_age", head + "mx: a.example\nmax_age:", nil},
		{"no max_age", head + "mx: a.example", nil},
		{"no version", "mode: enforce\nmx: a.example\nmax_age: 1", nil},
		{"other version", "version: STSv2\nmode: enforce\nmx: a.example\nmax_age: 1", nil},
		{"no mode", "version: STSv1\nmx: a.example\nmax_age: 1", nil},
		{"unknown mode", "version: STSv1\nmode: report\nmx: a.example\nmax_age: 1", nil},
		{"mode in upper case", "version: STSv1\nmode: Enforce\nmx: a.example\nmax_age: 1", nil},
		{"mx of U-labels", head + "mx: *.bücher.example\nmax_age: 1", nil},
		{"lone wild card", head + "mx: *.\nmax_age: 1", nil},
		{"star alone", head + "mx: *\nmax_age: 1", nil},
		{"star inside", head + "mx: a.*.example\nmax_age: 1", nil},
		{"two stars", head + "mx: *.*.example\nmax_age: 1", nil},
		{"mx is an address", head + "mx: 192.0.2.1\nmax_age: 1", nil},
		{"empty mx", head + "mx:\nmax_age: 1", nil},
		{"two in one mx", head + "mx: a.example, b.example\nmax_age: 1", nil},
		{"line without colon", head + "hello\nmx: a.example\nmax_age: 1", nil},
		{"HTML", "<!DOCTYPE html>\n<p>version: STSv1", nil},
		{"empty", "", nil},
		{"CR alone", "version: STSv1\rmode: enforce\rmx: a.example\rmax_age: 1\r", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := ParsePolicy([]byte(tt.body))
			if diff := cmp.Diff(tt.want, p); diff != "" || (err == nil) != (tt.want != nil) || err != nil && !errors.Is(err, errPolicy) {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

func TestAppend(t *testing.T) {
	b, err := AppendRecord([]byte("x"), Record{ID: "1", Ext: []Pair{{"a", "b"}}})
	if string(b) != "xv=STSv1; id=1; a=b;" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	for _, r := range []Record{{}, {ID: "1;"}, {ID: "1; id=2"}, {ID: "1", Ext: []Pair{{"id", "2"}}}, {ID: "1", Ext: []Pair{{"a", "b;c=d\n"}}}} {
		if b, err := AppendRecord([]byte("x"), r); err == nil || string(b) != "x" {
			t.Errorf("%+v: %q, %v", r, b, err)
		}
	}
	b, err = AppendPolicy([]byte("x"), &dnsmx.STSPolicy{Mode: dnsmx.ModeTesting, MX: []string{"a.example", "*.b.example"}, MaxAge: time.Hour})
	if string(b) != "xversion: STSv1\r\nmode: testing\r\nmx: a.example\r\nmx: *.b.example\r\nmax_age: 3600\r\n" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	for _, p := range []dnsmx.STSPolicy{{Mode: dnsmx.ModeEnforce}, {Mode: 9, MX: []string{"a"}}, {Mode: dnsmx.ModeEnforce, MX: []string{"a\r\nmx: b"}}, {MaxAge: -time.Second}} {
		if b, err := AppendPolicy([]byte("x"), &p); err == nil || string(b) != "x" {
			t.Errorf("%+v: %q, %v", p, b, err)
		}
	}
}

// What parses can be appended, and parses to the same.
func FuzzTagList(f *testing.F) {
	f.Add("v=STSv1; id=20160831085700Z; a.b=c;")
	f.Add("v=STSv1;id=1;; x=y")
	f.Fuzz(func(t *testing.T, txt string) {
		r, err := ParseRecord(txt)
		if err != nil {
			return
		}
		b, err := AppendRecord(nil, r)
		if err != nil {
			t.Fatalf("%q: %v", txt, err)
		}
		again, err := ParseRecord(string(b))
		if diff := cmp.Diff(r, again); diff != "" || err != nil {
			t.Fatalf("%q, %q: %v\n%s", txt, b, err, diff)
		}
		if n := strings.Count(txt, "="); n != 2+len(r.Ext) {
			t.Fatalf("%q has %d fields, and %d were read", txt, n, 2+len(r.Ext))
		}
	})
}

// naive is the definition: the first mode, and all that are mx.
func naive(body string) (mode string, mx int) {
	for line := range strings.SplitSeq(body, "\n") {
		name, value, _ := strings.Cut(line, ":")
		switch {
		case name == "mx":
			mx++
		case name == "mode" && mode == "":
			mode = strings.Trim(value, " \t\r")
		}
	}
	return mode, mx
}

func FuzzSTSPolicy(f *testing.F) {
	f.Add([]byte("version: STSv1\r\nmode: enforce\r\nmx: a.example\r\nmx: *.b.example\r\nmax_age: 1\r\n"))
	f.Add([]byte("version: STSv1\nmode: testing\nmode: enforce\nmx: a.example\nmax_age: 1"))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := ParsePolicy(body)
		if err != nil {
			return
		}
		b, err := AppendPolicy(nil, p)
		if err != nil {
			t.Fatalf("%q: %v", body, err)
		}
		again, err := ParsePolicy(b)
		if diff := cmp.Diff(p, again); diff != "" || err != nil {
			t.Fatalf("%q, %q: %v\n%s", body, b, err, diff)
		}
		if mode, mx := naive(string(body)); mode != p.Mode.String() || mx != len(p.MX) {
			t.Fatalf("%q: mode %v and %d mx, want %s and %d", body, p.Mode, len(p.MX), mode, mx)
		}
		if p.MaxAge < 0 || p.MaxAge > maxAge || p.Mode != dnsmx.ModeNone && len(p.MX) == 0 {
			t.Fatalf("%+v", p)
		}
		for _, mx := range p.MX {
			host := strings.Replace(mx, "*.", "x.", 1)
			n, err := dnsmx.ParseNameLax(host)
			if err != nil || !p.Allows(n) || slices.Contains(p.MX, "") {
				t.Fatalf("%q does not allow %q: %v", mx, host, err)
			}
		}
	})
}
