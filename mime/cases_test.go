package mime

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// shared returns the path of test data that lies beside the repository, and
// skips the test where it is absent.
func shared(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join("..", "..", "shared", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("test data %q is absent: it lies beside the repository, not in it", filepath.Join("..", "shared", name))
	}
	return path
}

type sharedCase struct {
	ID, Kind, In string
	In64         []byte
	Fill         *struct {
		Mark, Text string
		Times      int
	}
	Key, Want, Why string
}

func (c *sharedCase) input() string {
	s := c.In
	if c.In64 != nil {
		s = string(c.In64)
	}
	if c.Fill != nil {
		s = strings.ReplaceAll(s, c.Fill.Mark, strings.Repeat(c.Fill.Text, c.Fill.Times))
	}
	return s
}

func TestCases(t *testing.T) {
	data, err := os.ReadFile(shared(t, "mime-cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []sharedCase
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range cases {
		t.Run(c.ID, func(t *testing.T) {
			got := c.result(t)
			if !utf8.ValidString(got) {
				t.Errorf("result %q is not valid UTF-8", got)
			}
			if !matchWant(got, c.Want) {
				t.Errorf("%s\n in   %.200q\n got  %.300q\n want %.300q", c.Why, c.input(), got, c.Want)
			}
		})
	}
}

func matchWant(got, want string) bool {
	switch {
	case want == "*":
		return true
	case strings.HasPrefix(want, "~"):
		return strings.Contains(got, want[1:])
	case strings.HasPrefix(want, "!"):
		return !strings.Contains(got, want[1:])
	}
	return got == want
}

func (c *sharedCase) result(t *testing.T) string {
	t.Helper()
	in := c.input()
	switch c.Kind {
	case "words":
		return DecodeWords(in)
	case "addr":
		return showAddresses(ParseAddresses(in))
	case "date":
		d, err := ParseDate(in)
		if err != nil {
			return err.Error()
		}
		return d.UTC().Format(time.RFC3339)
	case "param":
		if c.Key == "filename" {
			d, _ := ParseDisposition(in)
			return d.Params.Get(c.Key)
		}
		m, _ := ParseMediaType(in)
		return m.Params.Get(c.Key)
	case "header":
		return Parse([]byte(in), nil).Header().Get(c.Key)
	case "msg":
		return showTree(t, Parse([]byte(in), nil).Root())
	}
	t.Fatalf("unknown kind %q", c.Kind)
	return ""
}

func showAddresses(l AddressList) string {
	var out []string
	for _, a := range l.Mailboxes {
		s := "<" + a.Spec() + ">"
		if a.Name != "" {
			s = a.Name + " " + s
		}
		out = append(out, s)
	}
	return strings.Join(out, "|")
}

// showTree prints a part as mime-cases.md says.
func showTree(t testing.TB, p Part) string {
	t.Helper()
	mt := p.Type()
	name := mt.Type + "/" + mt.Subtype
	var kids []string
	switch {
	case p.Kind() != Leaf:
		for c := range p.Children() {
			kids = append(kids, showTree(t, c))
		}
	default:
		if m, err := p.Message(); err == nil {
			kids = append(kids, showTree(t, m.Root()))
			break
		}
		var s string
		var err error
		if mt.Type == "text" {
			s, err = p.ReadText(-1)
		} else {
			var b []byte
			b, err = p.ReadDecoded(-1)
			s = string(b)
		}
		if err != nil {
			t.Fatalf("part %s: %v", p.Number(), err)
		}
		s = strings.ReplaceAll(s, "\r\n", "\n")
		s = strings.ReplaceAll(s, `\`, `\\`)
		s = strings.ReplaceAll(s, "\n", `\n`)
		return name + `:"` + s + `"`
	}
	return name + "{" + strings.Join(kids, ",") + "}"
}
