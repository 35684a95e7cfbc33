package main

import (
	"fmt"
	"log"
	"regexp"
	"runtime"
	"slices"
	"syscall"
	"time"
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
	fmt.Println("\n| work | library | CPU | allocations | octets | share of the first peer | target |")
	fmt.Println("|---|---|---:|---:|---:|---:|---|")
	for _, c := range calls {
		if !rows.MatchString(c.name) {
			continue
		}
		best := make([]cost, len(c.ways))
		for range rounds {
			for i, w := range c.ways {
				if w.do() == 0 {
					log.Fatalf("%s: %s found nothing", c.name, w.library)
				}
				if got := costOf(w.do); best[i].cpu == 0 || got.cpu < best[i].cpu {
					best[i] = got
				}
			}
		}
		for i, w := range c.ways {
			target := ""
			if i == 0 {
				target = c.targetText()
			}
			fmt.Printf("| %s | %s | %s | %.0f | %.0f | %.2f | %s |\n", c.name, w.library, c.time(best[i].cpu), best[i].allocs, best[i].octets,
				best[i].cpu/best[1].cpu, target)
		}
	}
}

// A cost is what one operation takes.
type cost struct {
	cpu    float64 // ns of this process, with what its collector does meanwhile
	allocs float64
	octets float64 // of the allocations
}

// costOf does something again and again, until half a second of CPU time is used.
func costOf(do func() int) cost {
	for n := 1; ; n *= 4 {
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := usedCPU()
		for range n {
			do()
		}
		used := usedCPU() - began
		runtime.ReadMemStats(&after)
		if used < 500*time.Millisecond && n < 1<<28 {
			continue
		}
		return cost{
			cpu:    float64(used) / float64(n),
			allocs: float64(after.Mallocs-before.Mallocs) / float64(n),
			octets: float64(after.TotalAlloc-before.TotalAlloc) / float64(n),
		}
	}
}

// usedCPU is what this process has used, in user and system mode.
func usedCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		log.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func (c *call) time(ns float64) string {
	t := fmt.Sprintf("%.2f µs", ns/1e3)
	if c.octets > 0 {
		t += fmt.Sprintf(" (%.0f MB/s)", float64(c.octets)*1e3/ns)
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
