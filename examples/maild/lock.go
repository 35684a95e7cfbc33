package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// lockFolder has one daemon at a time work on a data folder: that a maildrop is
// open once (RFC 1939, section 4) and what wakes IDLE are known to a process
// alone. The commands of manage do without, and work beside a daemon. The lock
// ends with the process, however that ends; the file stays.
func lockFolder(dir string) (io.Closer, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = flock(f)
	if errors.Is(err, errLocked) {
		pid, _ := io.ReadAll(io.LimitReader(f, 20))
		err = fmt.Errorf("another maild works on %s: process %s", dir, pid)
	}
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = fmt.Fprint(f, os.Getpid())
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

var errLocked = errors.New("locked by another process")
