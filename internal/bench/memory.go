package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An idleness is one row of the table of memory: what clients do before they wait.
type idleness struct {
	work
	conns int
	open  func(addr string) (io.Closer, error)
}

var idlenesses = []idleness{
	{work{name: "smtp idle connections", servers: smtpServers[:2]}, 1000, func(addr string) (io.Closer, error) { return dialSMTP(addr) }},
	{work{name: "smtp idle connections, TLS", tls: true, servers: smtpServers[:2]}, 1000, func(addr string) (io.Closer, error) { return dialSMTP(addr) }},
	{work{name: "pop3 idle connections", servers: pop3Servers, prepare: maildir(0)}, 100, func(addr string) (io.Closer, error) { return dialPOP3(addr) }},
	{work{name: "imap idle connections, a mailbox selected", servers: imapServers, prepare: imapMail(10, 1<<10)}, 100, func(addr string) (io.Closer, error) { return selectIMAP(addr) }},
	{work{name: "imap in IDLE", servers: imapServers, prepare: imapMail(10, 1<<10)}, 100, idleIMAP},
}

func idleIMAP(addr string) (io.Closer, error) {
	c, err := selectIMAP(addr)
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(c, "x IDLE\r\n"); err != nil {
		return nil, err
	}
	_, err = c.r.ReadSlice('\n')
	return c, err
}

// memoryTable prints what a connection that waits takes of its server.
func memoryTable(rows *regexp.Regexp, rounds int) {
	if !slices.ContainsFunc(idlenesses, func(w idleness) bool { return rows.MatchString(w.name) }) {
		return
	}
	fmt.Println("\n| connections | server | memory of each | share of the first peer |")
	fmt.Println("|---|---|---:|---:|")
	for i := range idlenesses {
		w := &idlenesses[i]
		if !rows.MatchString(w.name) {
			continue
		}
		each := make([]float64, len(w.servers))
		for n, server := range w.servers {
			var all []float64
			for range rounds {
				octets, err := w.measure(server)
				if err != nil {
					log.Printf("%s, %s: %v", w.name, server, err)
					continue
				}
				all = append(all, octets)
			}
			if len(all) > 0 {
				slices.Sort(all)
				each[n] = all[len(all)/2]
			}
		}
		for n, server := range w.servers {
			fmt.Printf("| %d %s | %s | %.1f KiB | %.2f |\n", w.conns, w.name, server, each[n]/1024, each[n]/each[1])
		}
	}
}

// measure opens the connections, twice: at first for what a server takes once, and
// then for what it takes of memory for each.
func (w *idleness) measure(server string) (octets float64, err error) {
	s, err := start(w.work, server)
	if err != nil {
		return 0, err
	}
	defer s.stop()
	var held [2]int64
	for i, n := range []int{w.conns / 10, w.conns} {
		for range n {
			c, err := w.open(s.addr)
			if err != nil {
				return 0, err
			}
			defer c.Close()
		}
		time.Sleep(500 * time.Millisecond) // servers give back what they do not need
		if held[i], err = memoryOf(s.pid()); err != nil {
			return 0, err
		}
	}
	return float64(held[1]-held[0]) / float64(w.conns), nil
}

// memoryOf returns the octets that a process and all below it hold, each page
// shared out among those that have it.
func memoryOf(pid int) (octets int64, err error) {
	below, err := processes(pid)
	if err != nil {
		return 0, err
	}
	for _, m := range below {
		f, err := os.Open(filepath.Join("/proc", strconv.Itoa(m.pid), "smaps_rollup"))
		if err != nil {
			continue // it has ended
		}
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if size, ok := strings.CutPrefix(lines.Text(), "Pss:"); ok {
				var n int64
				fmt.Sscan(size, &n)
				octets += n << 10
			}
		}
		f.Close()
	}
	return octets, nil
}
