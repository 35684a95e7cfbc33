package layers

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// TestModule applies the rules to this module.
func TestModule(t *testing.T) {
	tree, err := load(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	if tree.packages["internal/layers"] == nil {
		t.Fatal("this package was not found: the source tree is elsewhere")
	}
	for _, v := range tree.check() {
		t.Error(v)
	}
}

// TestRules shows that each rule sees what breaks it, and only that. The
// sources are the files of a small tree, each headed by its path.
func TestRules(t *testing.T) {
	const m = module
	tests := []struct {
		name string
		tree string
		want []string
	}{
		{"empty", ``, nil},
		{"pure", "-- smtp/a.go --\npackage smtp\nimport (\n\"io\"\n\"net/netip\"\n\"time\"\n\"" + m + "/internal/ascii\"\n)\nvar _ time.Time\n-- internal/ascii/a.go --\npackage ascii", nil},

		{"net", "-- smtp/a.go --\npackage smtp\nimport \"net\"", []string{"smtp/a.go:2: smtp is pure and may not import net"}},
		{"below net", "-- pop3/a.go --\npackage pop3\nimport \"net/textproto\"", []string{"pop3/a.go:2: pop3 is pure and may not import net/textproto"}},
		{"context", "-- imap/a.go --\npackage imap\nimport \"context\"", []string{"imap/a.go:2: imap is pure and may not import context"}},
		{"tls", "-- imap/imapview/a.go --\npackage imapview\nimport \"crypto/tls\"", []string{"imap/imapview/a.go:2: imap/imapview is pure and may not import crypto/tls"}},
		{"os", "-- mime/a.go --\npackage mime\nimport \"os\"", []string{"mime/a.go:2: mime is pure and may not import os"}},
		{"slog", "-- mime/a.go --\npackage mime\nimport \"log/slog\"", []string{"mime/a.go:2: mime is pure and may not import log/slog"}},
		{"sockets of x/net", "-- smtp/a.go --\npackage smtp\nimport \"golang.org/x/net/proxy\"", []string{"smtp/a.go:2: smtp is pure and may not import golang.org/x/net/proxy"}},
		{
			"through another package",
			"-- smtp/a.go --\npackage smtp\nimport \"" + m + "/internal/lineio\"\n-- internal/lineio/a.go --\npackage lineio\nimport \"" + m + "/internal/dot\"\n-- internal/dot/a.go --\npackage dot\nimport \"os/exec\"",
			[]string{"internal/dot/a.go:2: smtp is pure and may not import os/exec (internal/lineio imports internal/dot (smtp imports internal/lineio))"},
		},
		{"tests are free", "-- smtp/a_test.go --\npackage smtp\nimport \"net\"", nil},
		{"nested modules are others", "-- smtp/x/go.mod --\nmodule x\n-- smtp/x/a.go --\npackage x\nimport \"example.org/peer\"", nil},
		{"drivers are free", "-- smtp/smtpserver/a.go --\npackage smtpserver\nimport \"net\"\nimport \"time\"\nvar n int\nfunc f() { n++; go f(); time.Sleep(1) }", nil},

		{"machine file", "-- auth/scram.go --\npackage auth\nimport \"time\"", []string{"auth/scram.go:2: auth is pure and may not import time"}},
		{"driver file of auth", "-- auth/client.go --\npackage auth\nimport \"time\"\nimport \"context\"\nvar _ = time.Now", nil},
		{"stored form", "-- auth/secret.go --\npackage auth\nimport \"log/slog\"\nimport \"net\"\nfunc f() { go f() }", []string{"auth/secret.go:3: auth is pure and may not import net"}},

		{"clock", "-- smtp/a.go --\npackage smtp\nimport \"time\"\nfunc f() { _ = time.Now() }", []string{"smtp/a.go:3: smtp is pure and uses time.Now"}},
		{"clock as a value", "-- smtp/a.go --\npackage smtp\nimport \"time\"\nvar now = time.Now", []string{"smtp/a.go:3: smtp is pure and uses time.Now"}},
		{"renamed clock", "-- smtp/a.go --\npackage smtp\nimport t \"time\"\nfunc f() { t.Sleep(1); <-t.After(1) }", []string{"smtp/a.go:3: smtp is pure and uses time.Sleep", "smtp/a.go:3: smtp is pure and uses time.After"}},
		{"dot import", "-- smtp/a.go --\npackage smtp\nimport . \"time\"", []string{"smtp/a.go:2: smtp is pure and has a dot import, which hides what is called"}},
		{"no clock", "-- smtp/a.go --\npackage smtp\nimport \"time\"\nvar _ time.Time\nfunc f(time clock) { time.Now() }\ntype clock struct{}\nfunc (clock) Now() {}", nil},
		{"excepted clock", "-- mime/builder.go --\npackage mime\nimport \"time\"\nvar now = time.Now", nil},

		{"goroutine", "-- imap/a.go --\npackage imap\nfunc f() {\ngo f()\n}", []string{"imap/a.go:3: imap is pure and starts a goroutine"}},

		{"variable", "-- smtp/a.go --\npackage smtp\nvar n int\n-- smtp/b.go --\npackage smtp\nfunc f() { n = 1 }", []string{"smtp/b.go:2: smtp is pure and changes its variable n"}},
		{"parts of variables", "-- smtp/a.go --\npackage smtp\nvar m map[int]int\nvar s struct{ x []int }\nvar p *int\nfunc f() {\nm[1] = 1\ns.x[0]++\n*p = 2\ndelete(m, 1)\nclear(s.x)\ncopy(s.x[1:], s.x)\nfor m[1] = range 3 {}\n}", []string{
			"smtp/a.go:6: smtp is pure and changes its variable m", "smtp/a.go:7: smtp is pure and changes its variable s",
			"smtp/a.go:8: smtp is pure and changes its variable p", "smtp/a.go:9: smtp is pure and changes its variable m",
			"smtp/a.go:10: smtp is pure and changes its variable s", "smtp/a.go:11: smtp is pure and changes its variable s",
			"smtp/a.go:12: smtp is pure and changes its variable m",
		}},
		{"init and locals", "-- smtp/a.go --\npackage smtp\nvar n = func() int { var t [2]int; t[0]++; return t[0] }()\nfunc init() { n = 1 }\nfunc f(n int) { n = 2; x := n; x = 3; _ = x }", nil},

		{"roots side by side", "-- smtp/a.go --\npackage smtp\nimport \"" + m + "/auth\"", []string{"smtp/a.go:2: smtp may not import auth"}},
		{"internal upwards", "-- internal/dot/a.go --\npackage dot\nimport \"" + m + "/smtp\"", []string{"internal/dot/a.go:2: internal/dot may not import smtp"}},
		{"driver", "-- smtp/smtpserver/a.go --\npackage smtpserver\nimport (\n\"" + m + "/smtp\"\n\"" + m + "/auth\"\n\"" + m + "/internal/proxyproto\"\n)", nil},
		{"private door", "-- smtp/smtpserver/a.go --\npackage smtpserver\nimport \"" + m + "/internal/lineio\"", []string{"smtp/smtpserver/a.go:2: smtp/smtpserver may not import internal/lineio"}},
		{"test tools in a driver", "-- pop3/pop3client/a.go --\npackage pop3client\nimport \"" + m + "/internal/memnet\"", []string{"pop3/pop3client/a.go:2: pop3/pop3client may not import internal/memnet"}},
		{"other protocol", "-- pop3/pop3server/a.go --\npackage pop3server\nimport \"" + m + "/imap\"", []string{"pop3/pop3server/a.go:2: pop3/pop3server may not import imap"}},
		{"auth needs no DNS", "-- auth/tls.go --\npackage auth\nimport \"" + m + "/dnsmx\"", []string{"auth/tls.go:2: auth may not import dnsmx"}},
		{"spf needs it", "-- auth/spf/a.go --\npackage spf\nimport \"" + m + "/dnsmx\"", nil},
		{"example", "-- examples/sink/a.go --\npackage main\nimport \"" + m + "/internal/ascii\"", []string{"examples/sink/a.go:2: examples/sink may not import internal/ascii"}},
		{"unknown package", "-- util/a.go --\npackage util", []string{"util: no rule says what this package may import"}},
		{"test dependency in code", "-- dnsmx/a.go --\npackage dnsmx\nimport \"github.com/google/go-cmp/cmp\"", []string{"dnsmx/a.go:2: only tests may import github.com/google/go-cmp/cmp"}},

		{"permitted requirements", "-- go.mod --\nmodule x\n\ngo 1.26\n\nrequire (\n\tgolang.org/x/net v0.1.0\n\tgithub.com/google/go-cmp v0.7.0\n)\n\nrequire golang.org/x/sys v0.1.0 // indirect\n", nil},
		{"other requirements", "-- go.mod --\nmodule x\nrequire example.org/a v1.0.0\nrequire (\n\texample.org/b v1.0.0 // indirect\n)\nreplace golang.org/x/net => ../net\n", []string{"go.mod: requires example.org/a", "go.mod: requires example.org/b", "go.mod: has a line for replace"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tree, err := load(files(tt.tree))
			if err != nil {
				t.Fatal(err)
			}
			got := tree.check()
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestRulesAreUsed finds a rule that another one before it hides.
func TestRulesAreUsed(t *testing.T) {
	for i, r := range imports {
		j := slices.IndexFunc(imports, func(o importRule) bool { return matches(o.pkg, r.pkg) })
		if j != i {
			t.Errorf("the rule for %s is hidden by the one for %s", r.pkg, imports[j].pkg)
		}
	}
}

// files takes "-- path --" sections apart. There is always a go.mod.
func files(s string) fstest.MapFS {
	fsys := fstest.MapFS{"go.mod": {Data: []byte("module x\n")}}
	for section := range strings.SplitSeq("\n"+s, "\n-- ") {
		if name, body, ok := strings.Cut(section, " --\n"); ok {
			fsys[name] = &fstest.MapFile{Data: []byte(body)}
		}
	}
	return fsys
}
