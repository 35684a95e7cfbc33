package transcript

import (
	"path/filepath"
	"testing"
)

// Run makes a subtest of each file that matches a pattern of [filepath.Glob],
// and fails it with the error of play.
func Run(t *testing.T, pattern string, play func(t *testing.T, s *Script) error) {
	t.Helper()
	scripts, err := Load(pattern)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scripts {
		t.Run(filepath.Base(s.File), func(t *testing.T) {
			t.Helper()
			if err := play(t, s); err != nil {
				t.Error(err)
			}
		})
	}
}

// Seed adds what a side says in the files that match a pattern of
// [filepath.Glob] to the corpus of a fuzz target that takes octets.
func Seed(f *testing.F, side Side, pattern string) {
	f.Helper()
	scripts, err := Load(pattern)
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range scripts {
		f.Add(s.Octets(side))
	}
}
