// Command bench measures Mailwire beside its peers on the same work in one run,
// and prints a table in Markdown.
//
//	go run . [-run regexp] [-rounds n] [-seconds s]
//
// Each server is a process of its own, pinned to one core, and so is the load
// generator, which speaks plain octets over loopback TCP and knows no library.
// What counts is the server's CPU time per operation from /proc: unlike the time
// on the clock it hardly depends on what else the machine does. See README.md
// for what each row does.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

// works are the rows.
var works = slices.Concat(smtpWorks, pop3Works, imapWorks)

// servers are those that this program can be; dir is what the row has prepared.
var servers = map[string]func(addr, dir string) error{
	"mailwire":      serveSMTP,
	"go-smtp":       serveGoSMTP,
	"bare smtp":     bareSMTP,
	"bare pop3":     barePOP3,
	"bare imap":     bareCommands,
	"mailwire pop3": servePOP3,
	"mailwire imap": serveIMAP,
	"go-imap":       serveGoIMAP,
}

// programs are servers of others: how they are started.
var programs = map[string]func(addr, dir string) ([]string, error){
	"smtp-sink":    smtpSink,
	"dovecot pop3": dovecot("pop3", ""),
	"dovecot imap": dovecot("imap", dovecotIMAP),
}

// A work is one row of the table: what is asked of every server.
type work struct {
	name    string // protocol and shape
	unit    string // what one operation is
	servers []string
	tls     bool                   // from the first octet
	target  float64                // ours as a share of the first peer; 0: none
	prepare func(dir string) error // before the server starts; nil: nothing
	load    func(addr string, until time.Time) (operations int, err error)
}

func main() {
	log.SetFlags(0)
	run := flag.String("run", ".", "rows whose name matches")
	rounds := flag.Int("rounds", 3, "how often each row is measured; the median counts")
	seconds := flag.Float64("seconds", 2, "how long each measurement takes")
	serve := flag.String("serve", "", "be this server (used by the command itself)")
	load := flag.String("load", "", "put this load on the address (used by the command itself)")
	clients := flag.String("notify", "", "be the clients inside IDLE at the address (used by the command itself)")
	flag.Parse()
	switch {
	case *clients != "":
		notify(*clients)
		return
	case *serve != "":
		log.Fatal(servers[*serve](flag.Arg(0), flag.Arg(1)))
	case *load != "":
		generate(*load, flag.Arg(0), *seconds)
		return
	}
	rows := regexp.MustCompile(*run)
	table(rows, *rounds, *seconds)
	memoryTable(rows, *rounds)
	notifyTable(rows, *rounds)
	callTable(rows, *rounds)
}

// table measures and prints.
func table(rows *regexp.Regexp, rounds int, seconds float64) {
	if !slices.ContainsFunc(works, func(w work) bool { return rows.MatchString(w.name) }) {
		return
	}
	fmt.Println("| work | server | CPU | share of the first peer | target | operations/s |")
	fmt.Println("|---|---|---:|---:|---:|---:|")
	for _, w := range works {
		if !rows.MatchString(w.name) {
			continue
		}
		results := make(map[string][]result)
		for range rounds { // servers take turns, so that drift hits all of them
			for _, name := range w.servers {
				r, err := measure(w, name, seconds)
				if err != nil {
					log.Printf("%s, %s: %v", w.name, name, err)
					continue
				}
				results[name] = append(results[name], r)
			}
		}
		peer := median(results[w.servers[1]])
		for _, name := range w.servers {
			if len(results[name]) == 0 {
				fmt.Printf("| %s | %s | not measured | | | |\n", w.name, name)
				continue
			}
			m := median(results[name])
			target := ""
			if name == w.servers[0] && w.target > 0 {
				target = fmt.Sprintf("≤ %.2f", w.target)
			}
			fmt.Printf("| %s | %s | %.1f µs/%s | %.2f | %s | %.0f |\n",
				w.name, name, m.cpu.Seconds()*1e6, w.unit, m.cpu.Seconds()/peer.cpu.Seconds(), target, m.rate)
		}
	}
}

// A result is what one measurement gave.
type result struct {
	cpu  time.Duration // of the server, per operation
	rate float64       // operations per second on the clock
}

func median(r []result) result {
	if len(r) == 0 {
		return result{}
	}
	r = slices.Clone(r)
	slices.SortFunc(r, func(a, b result) int { return int(a.cpu - b.cpu) })
	return r[len(r)/2]
}

// generate is the load generator's whole program.
func generate(name, addr string, seconds float64) {
	i := slices.IndexFunc(works, func(w work) bool { return w.name == name })
	if i < 0 {
		log.Fatalf("no row %q; there are %s", name, strings.Join(names(), ", "))
	}
	began := time.Now()
	n, err := works[i].load(addr, began.Add(time.Duration(seconds*float64(time.Second))))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(n, time.Since(began).Nanoseconds())
	os.Exit(0)
}

func names() (n []string) {
	for _, w := range works {
		n = append(n, w.name)
	}
	return n
}
