package doccheck

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapserver"
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
