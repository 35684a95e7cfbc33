package imaptest

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// later are the topics, and single cases of other topics, of extensions that the
// library does not have yet.
var later = map[string]string{
	"QUO": "QUOTA", "ACL": "ACL", "MET": "METADATA", "NTF": "NOTIFY", "OID": "OBJECTID", "SRT": "SORT", "THR": "THREAD",
	"IDL-4": "NOTIFY", "CST-9": "UIDONLY", "FET-16": "PREVIEW",
}

// TestAllCases: the list of cases that the design has and those that are here are
// the same, but for what comes later.
func TestAllCases(t *testing.T) {
	f, err := os.Open("../../../shared/design/imap-cases.md")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the list of cases is not beside the repository")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()

	have := make(map[string]bool) // "ZIP-4" for ZIP-4b, too
	base := regexp.MustCompile(`^[A-Z]+-[0-9]+`)
	for _, c := range Cases() {
		have[base.FindString(c.ID)] = true
	}
	tlsCases, err := tlsClientCases()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range slices.Concat(clientCases(), tlsCases) {
		have[base.FindString(c.id)] = true
	}
	listed := 0
	line := regexp.MustCompile(`^- ([A-Z]+)-[0-9]+ `)
	for s := bufio.NewScanner(f); s.Scan(); {
		m := line.FindStringSubmatch(s.Text())
		if m == nil {
			continue
		}
		listed++
		id := strings.Fields(m[0])[1]
		why, notYet := later[id]
		if !notYet {
			why, notYet = later[m[1]]
		}
		switch {
		case !notYet && !have[id]:
			t.Errorf("%s has no case", id)
		case notYet && have[id]:
			t.Errorf("%s has a case: it is not for later, when %s comes", id, why)
		}
	}
	if listed < 150 {
		t.Errorf("only %d cases are listed", listed)
	}
}

// TestCaseIDs: each is there once, of one form, and cites what it is about.
func TestCaseIDs(t *testing.T) {
	form := regexp.MustCompile(`^[A-Z]+-[0-9]+[a-z]*$`)
	section := regexp.MustCompile(`^RFC [0-9]+, (section [0-9]+|appendix [A-Z])(\.[0-9]+)*$`)
	seen := make(map[string]bool)
	check := func(id, title string, refs []string, level Level) {
		if seen[id] {
			t.Errorf("%s is there twice", id)
		}
		seen[id] = true
		if title == "" || level < Must || level > Practice || len(refs) == 0 {
			t.Errorf("%s: %q, %v, %v", id, title, level, refs)
		}
		for _, ref := range refs {
			if !section.MatchString(ref) {
				t.Errorf("%s: %q is no section", id, ref)
			}
		}
	}
	for _, c := range Cases() {
		if check(c.ID, c.Title, c.Refs, c.Level); !form.MatchString(c.ID) {
			t.Errorf("%q is no ID", c.ID)
		}
	}
	tlsCases, err := tlsClientCases()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range slices.Concat(clientCases(), strictCases(), tlsCases) {
		if check(c.id+" "+c.name, c.title, c.refs, c.level); !form.MatchString(c.id) {
			t.Errorf("%q is no ID", c.id)
		}
	}
}
