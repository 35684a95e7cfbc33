package doccheck

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapserver"
	"github.com/mailwire/mailwire/pop3"
	"github.com/mailwire/mailwire/smtp"
)

// TestFeatures compares the tables of docs/features.md with what the code says of
// itself: who adds an extension adds its row.
func TestFeatures(t *testing.T) {
	content, err := fs.ReadFile(root, "docs/features.md")
	if err != nil {
		t.Fatal(err)
	}
	capabilities := table(string(content), "IMAP: capabilities")
	for _, f := range imap.Features() {
		if f != imap.Core && capabilities[f.Name] == nil {
			t.Errorf("no row for the IMAP capability %s", f.Name)
		}
	}
	served := []string{"IMAP4REV1", "IMAP4REV2", "STARTTLS", "LOGINDISABLED", "AUTH=", "SASL-IR", "LITERAL+", "LITERAL-"}
	for _, x := range imapserver.Default() {
		served = append(served, x.Feature.Name)
		if row := capabilities[x.Feature.Name]; row == nil || row[2] == "" {
			t.Errorf("%s is served, and has no row that says so", x.Feature.Name)
		}
	}
	for name, row := range capabilities {
		if row[2] != "" && row[2] != "no" && !slices.Contains(served, name) {
			t.Errorf("the IMAP capability %s is not served", name)
		}
	}

	mechanisms := table(string(content), "SASL mechanisms")
	if len(mechanisms) < 10 {
		t.Errorf("only %d mechanisms", len(mechanisms))
	}
	for name := range mechanisms {
		// A client that lists nothing else says why it cannot use this one.
		p := auth.ClientPolicy{Prefer: []string{name}}
		_, err := p.Choose(auth.Credentials{}, auth.ConnInfo{Offered: []string{name}})
		if err != nil && strings.Contains(err.Error(), "unknown mechanism") {
			t.Errorf("the mechanism %s: %v", name, err)
		}
	}
}

// TestFeaturesOfSMTP asks a session that offers everything.
func TestFeaturesOfSMTP(t *testing.T) {
	s := &smtp.ServerSession{Config: smtp.ServerConfig{
		Protocol: smtp.Submission, StartTLS: true, Mechanisms: []string{"PLAIN"},
		Offer: smtp.Offer{
			SMTPUTF8: true, DSN: true, BinaryMIME: true, RequireTLS: true, RRVS: true, Limits: true, EXPN: true, ETRN: true, XClient: true,
			FutureRelease: new(smtp.FutureRelease), DeliverBy: new(time.Duration), Priority: new(string),
		},
	}}
	s.Greet(smtp.Reply{Code: 220})
	s.Step([]byte("EHLO client.example"))
	rows := page(t, "docs/features.md").text
	greeting := true
	for line := range s.Settle(smtp.Reply{Code: 250}).Lines() {
		keyword, _, _ := strings.Cut(line, " ")
		if !greeting && !regexp.MustCompile(`(?m)^\| (?:\w+, )*`+regexp.QuoteMeta(keyword)+`[ ,]`).MatchString(rows) {
			t.Errorf("no row for %s", keyword)
		}
		greeting = false
	}
}

// TestFeaturesOfPOP3 does so too.
func TestFeaturesOfPOP3(t *testing.T) {
	rows := page(t, "docs/features.md").text
	lines := pop3.AppendCaps(nil, pop3.Caps{
		Top: true, UIDL: true, User: true, STLS: true, RespCodes: true, AuthRespCode: true, Pipelining: true, UTF8: true, Lang: true,
		SASL: []string{"PLAIN"}, LoginDelay: pop3.Period{Set: true}, Expire: pop3.Period{Set: true}, Implementation: "x",
	})
	for line := range strings.Lines(string(lines)) {
		tag := strings.Fields(line)[0]
		if !regexp.MustCompile(`(?m)^\| (?:[\w-]+, )*` + tag + `[ ,]`).MatchString(rows) {
			t.Errorf("no row for %s", tag)
		}
	}
}

// TestFeaturesByRFC: an RFC that the code of the library cites is in the tables.
func TestFeaturesByRFC(t *testing.T) {
	packages, err := load(root)
	if err != nil {
		t.Fatal(err)
	}
	text := page(t, "docs/features.md").text
	for dir, p := range packages {
		if !p.library() || strings.HasSuffix(dir, "test") {
			continue
		}
		for _, file := range p.files {
			for _, group := range file.Comments {
				for _, m := range regexp.MustCompile(`\bRFC (\d{3,5})\b`).FindAllStringSubmatch(group.Text(), -1) {
					if !regexp.MustCompile(`\b` + m[1] + `\b`).MatchString(text) {
						t.Errorf("%v: docs/features.md does not know RFC %s", p.fset.Position(group.Pos()), m[1])
					}
				}
			}
		}
	}
}

// page reads a page of this module.
func page(t *testing.T, name string) *document {
	t.Helper()
	content, err := fs.ReadFile(root, name)
	if err != nil {
		t.Fatal(err)
	}
	return parsePage(name, string(content))
}

// table returns the rows of the table below a heading by their first cells.
func table(page, heading string) map[string][]string {
	_, below, _ := strings.Cut(page, "\n## "+heading+"\n")
	below, _, _ = strings.Cut(below, "\n## ")
	rows := make(map[string][]string)
	for i, m := range regexp.MustCompile(`(?m)^\| (.*) \|$`).FindAllStringSubmatch(below, -1) {
		cells := strings.Split(m[1], " | ")
		if i > 0 { // the head
			rows[cells[0]] = cells
		}
	}
	return rows
}

// TestDeviations: a package that lists deviations is found from
// docs/deviations.md.
func TestDeviations(t *testing.T) {
	packages, err := load(root)
	if err != nil {
		t.Fatal(err)
	}
	content, err := fs.ReadFile(root, "docs/deviations.md")
	if err != nil {
		t.Fatal(err)
	}
	for dir, p := range packages {
		for _, file := range p.files {
			text := file.Doc.Text()
			listed := strings.Contains(string(content), "(../"+dir+"/doc.go)")
			if strings.Contains(text, "# Deviations\n") && !listed {
				t.Errorf("%s has deviations, and docs/deviations.md does not say so", dir)
			}
			if strings.Contains(text, "# Where ") {
				t.Errorf("%s: the heading of that list is Deviations everywhere", dir)
			}
		}
	}
}
