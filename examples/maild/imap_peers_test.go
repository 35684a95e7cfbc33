package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mailwire/mailwire/examples/maild/store"
	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/mime"
)

// peer runs a program that we did not write, in a home of its own. The test is
// skipped where it is not installed.
func peer(t *testing.T, home, name string, args ...string) (output string, err error) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed", name)
	}
	cmd := program(t, path, args...)
	cmd.Dir = home
	cmd.Env = append(os.Environ(), "HOME="+home, "TERM=xterm", "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func letter(subject string) string {
	return "From: a@example.org\r\nTo: demo@maild.localhost\r\nSubject: " + subject + "\r\nMessage-ID: <" + subject + "@example.org>\r\n" +
		"Date: Mon, 2 Nov 2026 10:00:00 +0000\r\n\r\nThe text of " + subject + ".\r\n"
}

// deliver puts letters into the inbox of demo.
func (d *testDaemon) deliver(t *testing.T, subjects ...string) {
	t.Helper()
	for _, s := range subjects {
		if err := d.store.Deliver(t.Context(), []string{"demo"}, time.Now(), strings.NewReader(letter(s))); err != nil {
			t.Fatal(err)
		}
	}
}

// boxes are the mailboxes of demo.
func (d *testDaemon) boxes(t *testing.T) (all []store.Mailbox) {
	t.Helper()
	account, err := d.store.Account(t.Context(), "demo")
	if err != nil {
		t.Fatal(err)
	}
	folders, err := d.store.Folders(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		if f.Missing {
			continue
		}
		m, err := d.store.Mailbox(t.Context(), "demo", f.Name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// letters lists what demo has: "INBOX/subject flags", sorted. What a Maildir cannot
// hold is left out.
func (d *testDaemon) letters(t *testing.T) []string {
	t.Helper()
	list := []string{}
	for _, box := range d.boxes(t) {
		all, err := d.store.Messages(t.Context(), box.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			octets, err := io.ReadAll(d.store.Content(t.Context(), m))
			if err != nil {
				t.Fatal(err)
			}
			var letters strings.Builder
			for _, f := range maildirFlags {
				if imap.HasFlag(fields(m.Flags), f.flag) {
					letters.WriteString(f.letter)
				}
			}
			list = append(list, line(box.Name, octets, letters.String()))
		}
	}
	slices.Sort(list)
	return list
}

// marks are what grows with each change of a mailbox.
func (d *testDaemon) marks(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, m := range d.boxes(t) {
		all[m.Name] = fmt.Sprint(m.UIDValidity, " ", m.UIDNext, " ", m.HighestModSeq)
	}
	return all
}

func fields(text string) (flags []imap.Flag) {
	for word := range strings.FieldsSeq(text) {
		flags = append(flags, imap.Flag(word))
	}
	return flags
}

func line(folder string, octets []byte, flags string) string {
	return strings.TrimSpace(folder + "/" + mime.Parse(octets, nil).Header().Get("Subject") + " " + flags)
}

// In the order in which the name of a file has them.
var maildirFlags = []struct {
	letter string
	flag   imap.Flag
}{{"D", imap.FlagDraft}, {"F", imap.FlagFlagged}, {"R", imap.FlagAnswered}, {"S", imap.FlagSeen}, {"T", imap.FlagDeleted}}

// A maildirs is a folder of Maildirs.
type maildirs struct {
	*testing.T
	dir string
}

// files lists the files of messages, and their flags.
func (m *maildirs) files() map[string]string {
	m.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(m.dir, func(path string, entry fs.DirEntry, err error) error {
		place := filepath.Base(filepath.Dir(path))
		if err != nil || entry.IsDir() || place != "cur" && place != "new" {
			return err
		}
		_, flags, _ := strings.Cut(entry.Name(), ":2,")
		all[path] = flags
		return nil
	})
	if err != nil {
		m.Fatal(err)
	}
	return all
}

// letters lists them as testDaemon.letters does.
func (m *maildirs) letters() []string {
	m.Helper()
	list := []string{}
	for path, flags := range m.files() {
		octets, err := os.ReadFile(path)
		if err != nil {
			m.Fatal(err)
		}
		folder, err := filepath.Rel(m.dir, filepath.Dir(filepath.Dir(path)))
		if err != nil {
			m.Fatal(err)
		}
		list = append(list, line(folder, octets, flags))
	}
	slices.Sort(list)
	return list
}

// add makes a message, and the Maildir if it is missing.
func (m *maildirs) add(folder, subject, flags string) {
	m.Helper()
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(m.dir, folder, sub), 0o700); err != nil {
			m.Fatal(err)
		}
	}
	name := filepath.Join(m.dir, folder, "new", subject)
	if flags != "" {
		name = filepath.Join(m.dir, folder, "cur", subject+":2,"+flags)
	}
	write(m.T, name, strings.ReplaceAll(letter(subject), "\r\n", "\n"))
}

// find is the file of a message.
func (m *maildirs) find(folder, subject string) string {
	m.Helper()
	for path := range m.files() {
		octets, err := os.ReadFile(path)
		if err == nil && strings.HasPrefix(path, filepath.Join(m.dir, folder)+string(filepath.Separator)) &&
			strings.Contains(string(octets), "\nSubject: "+subject+"\n") {
			return path
		}
	}
	m.Fatalf("no %s in %s", subject, folder)
	return ""
}

// flag sets the flags of a message, as a program does that reads mail.
func (m *maildirs) flag(folder, subject, flags string) {
	m.Helper()
	old := m.find(folder, subject)
	name, _, _ := strings.Cut(filepath.Base(old), ":2,")
	if err := os.Rename(old, filepath.Join(m.dir, folder, "cur", name+":2,"+flags)); err != nil {
		m.Fatal(err)
	}
}

const mbsyncConfig = `IMAPAccount maild
Host localhost
Port %s
User demo
Pass %s
SSLType %s
SystemCertificates no
CertificateFile %s
AuthMechs LOGIN
Timeout 60

IMAPStore far
Account maild

MaildirStore near
Path %[5]s/
Inbox %[5]s/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
SyncState *
`

// mbsync keeps the mailboxes and a folder of Maildirs the same: new mail, flags,
// removals and mailboxes, in both directions. When all is done it changes nothing.
func TestMbsync(t *testing.T) {
	for _, tt := range []struct {
		tls     string
		service int
	}{{"IMAPS", imapsService}, {"STARTTLS", imapService}} {
		t.Run(tt.tls, func(t *testing.T) {
			d, home := start(t, testConfig(t)), t.TempDir()
			near := &maildirs{t, filepath.Join(home, "mail")}
			if err := os.Mkdir(near.dir, 0o700); err != nil {
				t.Fatal(err)
			}
			_, port, _ := strings.Cut(d.addr(tt.service), ":")
			configure := func(name, certFile string) {
				write(t, filepath.Join(home, name), fmt.Sprintf(mbsyncConfig, port, d.passwords["demo"], tt.tls, certFile, near.dir))
			}
			configure("rc", d.certFile())
			other := config{data: home, hostname: "localhost"}
			if err := other.makeCertificate(time.Now()); err != nil {
				t.Fatal(err)
			}
			configure("distrust", other.certFile())
			sync := func(want ...string) {
				t.Helper()
				if out, err := peer(t, home, "mbsync", "-c", "rc", "-a"); err != nil {
					t.Fatalf("mbsync: %v\n%s", err, out)
				}
				if diff := cmp.Diff(want, d.letters(t)); diff != "" {
					t.Errorf("the mailboxes (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(want, near.letters()); diff != "" {
					t.Errorf("the Maildirs (-want +got):\n%s", diff)
				}
			}

			d.deliver(t, "one", "two", "three", "four", "five")
			if out, err := peer(t, home, "mbsync", "-c", "distrust", "-a"); err == nil || len(near.files()) > 0 {
				t.Errorf("mbsync trusts another certificate: %v\n%s", err, out)
			}
			near.add("Work/Near", "draft", "DS")
			sync("INBOX/five", "INBOX/four", "INBOX/one", "INBOX/three", "INBOX/two", "Work/Near/draft DS")

			far := d.imap(t, "demo")
			far.do(`UID STORE 2 +FLAGS.SILENT (\Answered \Flagged)`)
			far.do(`UID STORE 1 +FLAGS.SILENT (\Deleted)`)
			far.do("UID EXPUNGE 1")
			far.do(`UID STORE 4 +FLAGS.SILENT (\Deleted)`)
			far.do("CREATE Lists/Far")
			far.do("COPY 2 Lists/Far")
			d.deliver(t, "six")
			near.flag("INBOX", "three", "FS")
			near.flag("INBOX", "two", "S")
			if err := os.Remove(near.find("INBOX", "five")); err != nil {
				t.Fatal(err)
			}
			near.flag("Work/Near", "draft", "DST")
			near.add("INBOX", "seven", "")
			near.add("Archive", "eight", "RS")
			want := []string{"Archive/eight RS", "INBOX/seven", "INBOX/six", "INBOX/three FS", "INBOX/two FRS", "Lists/Far/three"}
			sync(want...)

			marks, files := d.marks(t), near.files()
			sync(want...)
			if diff := cmp.Diff(marks, d.marks(t)); diff != "" {
				t.Errorf("with nothing to do the mailboxes have changed (-before +after):\n%s", diff)
			}
			if diff := cmp.Diff(files, near.files()); diff != "" {
				t.Errorf("with nothing to do the Maildirs have changed (-before +after):\n%s", diff)
			}
		})
	}
}

const neomuttConfig = `set folder="imaps://localhost:%s/"
set spoolfile="imaps://localhost:%[1]s/INBOX"
set imap_user="demo"
set imap_pass="%s"
set certificate_file="%s"
set ssl_verify_dates=yes
set ssl_verify_host=yes
set header_cache="%s"
set connect_timeout=60
set imap_poll_timeout=60
set imap_condstore=yes
set imap_qresync=yes
set confirmappend=no
set confirmcreate=no
set delete=yes
set quit=yes
set mark_old=no
set wait_key=no
set sleep_time=0
set pager=builtin
set trash=""
unset record
set from="demo@maild.localhost"
`

// neomutt reads, flags, tags, saves and deletes. When it comes back, with what it
// has kept, it sees what others have done meanwhile.
func TestNeomutt(t *testing.T) {
	d, home := start(t, testConfig(t)), t.TempDir()
	_, port, _ := strings.Cut(d.addr(imapsService), ":")
	write(t, filepath.Join(home, "rc"), fmt.Sprintf(neomuttConfig, port, d.passwords["demo"], d.certFile(), filepath.Join(home, "cache")))
	neomutt := func(keys string, want ...string) {
		t.Helper()
		if _, err := exec.LookPath("neomutt"); err != nil {
			t.Skip("neomutt is not installed")
		}
		write(t, filepath.Join(home, "keys"), `push "`+keys+`<sync-mailbox><quit>"`+"\n")
		// It wants a terminal.
		out, err := peer(t, home, "script", "-qec", "stty rows 40 cols 120; exec neomutt -n -F rc -e 'source keys'", "/dev/null")
		if err != nil {
			t.Fatalf("neomutt: %v\n%q", err, out)
		}
		if diff := cmp.Diff(want, d.letters(t)); diff != "" {
			t.Errorf("the mailboxes (-want +got):\n%s\n%q", diff, out)
		}
	}

	d.deliver(t, "one", "two", "three", "four", "five", "six")
	neomutt("<search>~s one<enter><display-message><exit>"+
		"<search>~s two<enter><flag-message>"+
		"<tag-pattern>~s three|~s five<enter><tag-prefix><save-message>=Archive<enter>"+
		"<delete-pattern>~s four<enter>",
		"Archive/five", "Archive/three", "INBOX/one S", "INBOX/six", "INBOX/two F")

	far := d.imap(t, "demo")
	far.do(`UID STORE 1 +FLAGS.SILENT (\Deleted)`)
	far.do("UID EXPUNGE 1")
	far.do(`UID STORE 2 -FLAGS.SILENT (\Flagged)`)
	d.deliver(t, "seven")
	neomutt("<tag-pattern>~A<enter><tag-prefix><flag-message><tag-prefix><copy-message>=Sent<enter>"+
		"<untag-pattern>~A<enter><search>~s seven<enter><display-message><delete-message>",
		"Archive/five", "Archive/three", "INBOX/six F", "INBOX/two F", "Sent/seven F", "Sent/six F", "Sent/two F")
}

// Every method of Python's imaplib, with what it must give.
func TestImaplib(t *testing.T) {
	d := start(t, testConfig(t))
	for range 3 {
		if err := d.store.Deliver(t.Context(), []string{"demo"}, time.Now(), strings.NewReader("Subject: hello\r\n\r\n.one\r\ntwo\r\n")); err != nil {
			t.Fatal(err)
		}
	}
	script, err := filepath.Abs("e2e/imaplib_methods.py")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PASSWORD", d.passwords["demo"])
	local := func(service int) string { return "localhost:" + strings.TrimPrefix(d.addr(service), "127.0.0.1:") }
	if out, err := peer(t, t.TempDir(), "python3", script, local(imapService), local(imapsService), d.certFile()); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// What curl makes of URLs (RFC 5092), and commands that it passes on.
func TestCurlIMAP(t *testing.T) {
	d, home := start(t, testConfig(t)), t.TempDir()
	d.deliver(t, "one", "two")
	mixed := "Subject: mixed\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n" +
		"--x\r\n\r\nfirst\r\n--x\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+\r\n--x--\r\n"
	write(t, filepath.Join(home, "mixed"), mixed)
	tls, starttls := "imaps://"+d.addr(imapsService)+"/", "imap://"+d.addr(imapService)+"/"
	for _, tt := range []struct {
		name string
		args []string
		want string // "": anything
		ok   bool
	}{
		{"list", []string{tls}, "* LIST (\\HasNoChildren) \"/\" INBOX\r\n* LIST (\\Archive \\HasNoChildren) \"/\" Archive\r\n* LIST (\\Drafts \\HasNoChildren) \"/\" Drafts\r\n" +
			"* LIST (\\Junk \\HasNoChildren) \"/\" Junk\r\n* LIST (\\Sent \\HasNoChildren) \"/\" Sent\r\n* LIST (\\Trash \\HasNoChildren) \"/\" Trash\r\n", true},
		{"a message", []string{tls + "INBOX;UID=2"}, letter("two"), true},
		{"by number", []string{tls + "INBOX;MAILINDEX=1"}, letter("one"), true},
		{"header fields", []string{tls + "INBOX;UID=1;SECTION=HEADER.FIELDS%20(SUBJECT)"}, "Subject: one\r\n\r\n", true},
		{"a piece of the text", []string{tls + "INBOX;UID=1;SECTION=TEXT;PARTIAL=4.6"}, "text o", true},
		{"a message that is not there", []string{tls + "INBOX;UID=9"}, "", false},
		{"another UIDVALIDITY", []string{tls + "INBOX;UIDVALIDITY=1;UID=1"}, "", false},
		{"a search", []string{tls + "INBOX?SUBJECT%20two"}, "* SEARCH 2\r\n", true},
		{"a search that finds nothing", []string{tls + "INBOX?FLAGGED%20SEEN"}, "* SEARCH\r\n", true},
		{"CREATE over STARTTLS", []string{"--ssl-reqd", starttls, "-X", "CREATE Curl"}, "", true},
		{"upload", []string{"-T", "mixed", tls + "Curl"}, "", true},
		{"upload to nowhere", []string{"-T", "mixed", tls + "Missing"}, "", false},
		{"what was uploaded", []string{tls + "Curl;UID=1"}, mixed, true},
		{"its second part", []string{tls + "Curl;UID=1;SECTION=2"}, "PGI+", true},
		{"the header of its part", []string{tls + "Curl;UID=1;SECTION=2.MIME"}, "Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n", true},
		{"FETCH", []string{tls + "Curl", "-X", "FETCH 1:* (UID FLAGS RFC822.SIZE)"}, fmt.Sprintf("* 1 FETCH (UID 1 FLAGS (\\Seen) RFC822.SIZE %d)\r\n", len(mixed)), true},
		{"STORE", []string{tls + "INBOX", "-X", `UID STORE 1 +FLAGS (\Flagged Note)`}, "", true},
		{"its effect", []string{tls + "INBOX", "-X", "UID SEARCH KEYWORD note FLAGGED"}, "* SEARCH 1\r\n", true},
		{"MOVE", []string{tls + "INBOX", "-X", "UID MOVE 1 Curl"}, "", true},
		{"its effect there", []string{tls, "-X", "STATUS Curl (MESSAGES UIDNEXT)"}, "* STATUS Curl (MESSAGES 2 UIDNEXT 3)\r\n", true},
		{"its effect here", []string{tls + "INBOX", "-X", "UID SEARCH ALL"}, "* SEARCH 2\r\n", true},
		{"a command that nobody knows", []string{tls, "-X", "XNOSUCH"}, "", false},
		{"a mailbox that is not there", []string{tls + "Missing;UID=1"}, "", false},
		{"no TLS", []string{starttls}, "", false},
		{"a wrong password", []string{"--user", "demo:guess", tls}, "", false},
		{"a certificate that nobody trusts", []string{"--cacert", "/dev/null", tls}, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := append([]string{"-sS", "--cacert", d.certFile(), "--user", "demo:" + d.passwords["demo"]}, tt.args...)
			out, err := peer(t, home, "curl", args...)
			if (err == nil) != tt.ok {
				t.Errorf("%v\n%s", err, out)
			}
			if tt.want != "" && out != tt.want {
				t.Errorf("got %q, want %q", out, tt.want)
			}
		})
	}
}
