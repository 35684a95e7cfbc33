package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mailwire/mailwire/examples/internal/whole"
	"github.com/mailwire/mailwire/imap"
)

// A folder is the Maildir of a mailbox. What it has is what its files are, UID.imap
// with the flags in the name; what the server said of the mailbox is in a file beside.
type folder struct {
	path  string
	files map[imap.UID]string // names below cur
	state state
}

// A state is as of the last run that came to its end: without it there is nothing to
// ask for changes since, and with an old one the server tells more than is needed.
type state struct {
	UIDValidity uint32
	UIDNext     imap.UID
	ModSeq      imap.ModSeq
	Keywords    map[imap.UID][]imap.Flag // flags that a Maildir has no letter for
}

// folderOf is where a mailbox is mirrored: below dir, and in no other place, whatever
// it is called.
func folderOf(dir, mailbox string) *folder {
	name := url.PathEscape(mailbox)
	if strings.HasPrefix(name, ".") {
		name = "%2E" + name[1:]
	}
	return &folder{path: filepath.Join(dir, name)}
}

func (f *folder) cur(name string) string { return filepath.Join(f.path, "cur", name) }
func (f *folder) tmp() string            { return filepath.Join(f.path, "tmp") }

// load looks at what is there, and makes what is not.
func (f *folder) load() error {
	if err := os.RemoveAll(f.tmp()); err != nil { // of a run that was cut off
		return err
	}
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(f.path, sub), 0o700); err != nil {
			return err
		}
	}
	b, err := os.ReadFile(filepath.Join(f.path, "mirror.json"))
	if err == nil {
		err = json.Unmarshal(b, &f.state)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if f.state.Keywords == nil {
		f.state.Keywords = make(map[imap.UID][]imap.Flag)
	}
	all, err := os.ReadDir(f.cur(""))
	if err != nil {
		return err
	}
	f.files = make(map[imap.UID]string)
	for _, e := range all {
		var uid imap.UID
		if n, _ := fmt.Sscanf(e.Name(), "%d.imap:2,", &uid); n == 1 {
			f.files[uid] = e.Name()
		}
	}
	return nil
}

// save keeps the state, when everything that it stands for is on disk.
func (f *folder) save() error {
	if err := whole.Sync(f.cur("")); err != nil {
		return err
	}
	return whole.Write(f.tmp(), filepath.Join(f.path, "mirror.json"), func(file *os.File) error {
		return json.NewEncoder(file).Encode(f.state)
	})
}

func (f *folder) uids() imap.UIDSet { return imap.NumSetOf(slices.Sorted(maps.Keys(f.files))...) }

// begin is told what the UIDs mean. If that is not what those of the files mean, which
// are of a mailbox that had the same name, or of no state at all, they go. From here on
// a run that is cut off has not been in vain.
func (f *folder) begin(validity uint32) error {
	if f.state.UIDValidity == validity {
		return nil
	}
	f.state = state{UIDValidity: validity, Keywords: make(map[imap.UID][]imap.Flag)}
	if err := f.remove(f.uids()); err != nil {
		return err
	}
	return f.save()
}

func (f *folder) remove(uids imap.UIDSet) error {
	for uid := range uids.All() {
		if err := os.Remove(f.cur(f.files[uid])); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		delete(f.files, uid)
		delete(f.state.Keywords, uid)
	}
	return nil
}

// add stores a message, from the connection straight to the disk.
func (f *folder) add(uid imap.UID, flags []imap.Flag, date time.Time, body io.Reader) error {
	name := f.name(uid, flags)
	err := whole.Write(f.tmp(), f.cur(name), func(file *os.File) error {
		if _, err := io.Copy(file, body); err != nil {
			return err
		}
		return os.Chtimes(file.Name(), date, date)
	})
	if err == nil {
		f.files[uid] = name
	}
	return err
}

func (f *folder) setFlags(uid imap.UID, flags []imap.Flag) error {
	name := f.name(uid, flags)
	if name == f.files[uid] {
		return nil
	}
	err := os.Rename(f.cur(f.files[uid]), f.cur(name))
	if err == nil {
		f.files[uid] = name
	}
	return err
}

// name is that of the file of a message with these flags; those without a letter are
// noted in the state.
func (f *folder) name(uid imap.UID, flags []imap.Flag) string {
	name, keywords := split(flags)
	delete(f.state.Keywords, uid)
	if len(keywords) > 0 {
		f.state.Keywords[uid] = keywords
	}
	return fmt.Sprintf("%d.imap:2,%s", uid, name)
}

// A letter stands for a flag in a Maildir.
type letter struct {
	letter string
	flag   imap.Flag
}

// letters are in the order in which a name has them.
var letters = []letter{
	{"D", imap.FlagDraft}, {"F", imap.FlagFlagged}, {"P", imap.FlagForwarded},
	{"R", imap.FlagAnswered}, {"S", imap.FlagSeen}, {"T", imap.FlagDeleted},
}

// split cuts flags into the letters of a name and what has none.
func split(flags []imap.Flag) (name string, rest []imap.Flag) {
	for _, l := range letters {
		if imap.HasFlag(flags, l.flag) {
			name += l.letter
		}
	}
	for _, f := range flags {
		if !f.Is(imap.FlagRecent) && !slices.ContainsFunc(letters, func(l letter) bool { return l.flag.Is(f) }) {
			rest = append(rest, f)
		}
	}
	return name, rest
}
