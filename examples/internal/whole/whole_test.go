package whole_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mailwire/mailwire/examples/internal/whole"
)

func write(s string) func(*os.File) error {
	return func(f *os.File) error {
		_, err := f.WriteString(s)
		return err
	}
}

// TestWrite: a file comes and is replaced as a whole, and a failure leaves the old
// one and nothing else.
func TestWrite(t *testing.T) {
	tmp, dir := t.TempDir(), t.TempDir()
	path := filepath.Join(dir, "a")
	broken := errors.New("broken")
	for _, step := range []struct {
		fill    func(*os.File) error
		want    string
		wantErr error
	}{
		{write("one"), "one", nil},
		{write("two"), "two", nil},
		{func(f *os.File) error { return errors.Join(write("thr")(f), broken) }, "two", broken},
	} {
		if err := whole.Write(tmp, path, step.fill); !errors.Is(err, step.wantErr) {
			t.Errorf("got error %v, want %v", err, step.wantErr)
		}
		if got, err := os.ReadFile(path); string(got) != step.want || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, step.want)
		}
	}
	for dir, want := range map[string]int{tmp: 0, dir: 1} {
		if left, err := os.ReadDir(dir); len(left) != want || err != nil {
			t.Errorf("%d files, %v, want %d", len(left), err, want)
		}
	}
	if err := whole.Write(tmp, filepath.Join(dir, "missing", "a"), write("x")); err == nil {
		t.Error("a file in a folder that is not there")
	}
}

func TestName(t *testing.T) {
	early, late := whole.Name(time.Unix(1, 0)), whole.Name(time.Unix(1, 2000))
	if early >= late || whole.Name(time.Unix(1, 0)) == early {
		t.Errorf("%q, %q", early, late)
	}
}
