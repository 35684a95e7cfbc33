// Package whole writes files that are there as a whole or not at all, which is
// what a program needs before it may say that it has a message.
package whole

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Write makes the file at path, with what fill writes, or replaces it. Nobody ever
// sees a part of it there. When Write returns nil the file outlives a power cut;
// when it returns an error, path is as it was before. tmp is a folder of the same file
// system, for the time in between; a file that a crash leaves there is garbage.
func Write(tmp, path string, fill func(f *os.File) error) error {
	f, err := os.CreateTemp(tmp, ".whole-*")
	if err != nil {
		return err
	}
	err = fill(f)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close()) // a write that failed late may be told here
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return Sync(filepath.Dir(path))
}

// Sync sees to it that what was renamed and removed in a folder stays so.
func Sync(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Name returns a name that no other file has. Names sort by the time.
func Name(now time.Time) string {
	return fmt.Sprintf("%d.%06d.%s", now.Unix(), now.Nanosecond()/1000, rand.Text()[:13])
}
