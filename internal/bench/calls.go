package main

import (
	"fmt"
	"log"
	"regexp"
	"slices"
	"testing"
)

// A call is one row of the second table: the same work done by several libraries
// in this process.
type call struct {
	name   string
	target float64 // ours as a share of the first peer's time; 0: none
	allocs int64   // ours at the most; 0: none
	octets int     // the work's size; 0: not of octets
	ways   []way
}

// A way is how one library does it. It returns how much it found, so that the
// work is not optimised away and is seen to be the same.
type way struct {
	library string
	do      func() int
}

var calls = slices.Concat(mimeCalls, authCalls, clientCalls)

// callTable measures and prints. Libraries take turns, and the best of the rounds
// counts: whatever else the machine does only makes things slower.
func callTable(rows *regexp.Regexp, rounds int) {
	if !slices.ContainsFunc(calls, func(c call) bool { return rows.MatchString(c.name) }) {
		return
	}
	fmt.Println("\n| work | library | time | allocations | octets | share of the first peer | target |")
	fmt.Println("|---|---|---:|---:|---:|---:|---|")
	for _, c := range calls {
		if !rows.MatchString(c.name) {
			continue
		}
		best := make([]testing.BenchmarkResult, len(c.ways))
		for range rounds {
			for i, w := range c.ways {
				if w.do() == 0 {
					log.Fatalf("%s: %s found nothing", c.name, w.library)
				}
				r := testing.Benchmark(func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						w.do()
					}
				})
				if best[i].N == 0 || r.NsPerOp() < best[i].NsPerOp() {
					best[i] = r
				}
			}
		}
		for i, w := range c.ways {
			target := ""
			if i == 0 {
				target = c.targetText()
			}
			fmt.Printf("| %s | %s | %s | %d | %d | %.2f | %s |\n", c.name, w.library, c.time(best[i]), best[i].AllocsPerOp(), best[i].AllocedBytesPerOp(),
				float64(best[i].NsPerOp())/float64(best[1].NsPerOp()), target)
		}
	}
}

func (c *call) time(r testing.BenchmarkResult) string {
	t := fmt.Sprintf("%.2f µs", float64(r.NsPerOp())/1e3)
	if c.octets > 0 {
		t += fmt.Sprintf(" (%.0f MB/s)", float64(c.octets)*1e3/float64(r.NsPerOp()))
	}
	return t
}

func (c *call) targetText() string {
	t := ""
	if c.target > 0 {
		t = fmt.Sprintf("≤ %.2f", c.target)
	}
	if c.allocs > 0 {
		t += fmt.Sprintf(", ≤ %d allocations", c.allocs)
	}
	return t
}
