package netserver

import (
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	type count struct {
		n      int
		waited time.Duration
	}
	tests := []struct {
		name   string
		min    int
		counts []count
		next   int
		want   time.Duration // until the end of the next wait; 0: never
	}{
		{"at first", 100, nil, 0, 30 * time.Second},
		{"what is asked for is earned", 100, nil, 500, 35 * time.Second},
		{"waited", 100, []count{{0, 10 * time.Second}}, 0, 20 * time.Second},
		{"earned", 100, []count{{1000, 10 * time.Second}, {1000, 5 * time.Second}}, 0, 35 * time.Second},
		{"too late", 100, []count{{0, 31 * time.Second}}, 0, -time.Second},
		{"more octets than a Duration has nanoseconds", 1, []count{{1 << 40, 0}, {1 << 40, 0}}, 0, 30*time.Second + (1<<31-1)*time.Second},
		{"no limit", 0, []count{{0, time.Hour}}, 0, 0},
		{"none at all", -1, []count{{0, time.Hour}}, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := Pace{Min: tt.min}
			p.Count(1<<20, time.Hour)
			p.Start() // which are forgotten
			for _, c := range tt.counts {
				p.Count(c.n, c.waited)
			}
			got := p.By(now, tt.next)
			if tt.want == 0 && !got.IsZero() || tt.want != 0 && got.Sub(now) != tt.want {
				t.Errorf("by %v, want %v from %v", got, tt.want, now)
			}
		})
	}
}
