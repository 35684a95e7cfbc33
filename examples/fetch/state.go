package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mailwire/mailwire/examples/internal/whole"
	"github.com/mailwire/mailwire/imap"
)

// A state says what was seen. UIDs mean something together with their UIDVALIDITY
// only: RFC 9051, section 2.3.1.1.
type state struct {
	UIDValidity uint32      // 0: nothing was seen yet
	Seen        imap.UIDSet // as a rule 1 to the last one: what is gone counts as seen
}

// next is the lowest UID that has not been seen.
func (s *state) next() imap.UID {
	for r := range s.Seen.Runs() {
		if r.Lo == 1 {
			return r.Hi + 1
		}
		break
	}
	return 1
}

// load reads the state; without a file, nothing was seen.
func (f *fetcher) load() error {
	b, err := os.ReadFile(f.stateFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(b, &f.state)
	}
	return err
}

// save keeps it.
func (f *fetcher) save() error {
	return whole.Write(filepath.Dir(f.stateFile), f.stateFile, func(file *os.File) error {
		return json.NewEncoder(file).Encode(f.state)
	})
}
