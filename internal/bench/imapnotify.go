package main

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"os"
	"regexp"
	"slices"
	"time"
)

// idlers is how many sessions wait inside IDLE for the message that one appends.
const idlers = 1000

// Dovecot has a process for each session: a thousand are more than most machines
// here can start in the time of a row.
var notifyWork = work{
	name: fmt.Sprintf("imap APPEND to the EXISTS of %d sessions in IDLE", idlers), servers: []string{"mailwire imap", "go-imap", "bare imap"}, prepare: imapMail(10, 1<<10),
}

// notifyTable prints how long sessions inside IDLE wait for news. Server and
// clients have one core each.
func notifyTable(rows *regexp.Regexp, rounds int) {
	if !rows.MatchString(notifyWork.name) {
		return
	}
	fmt.Println("\n| work | server | mean | the last of them |")
	fmt.Println("|---|---|---:|---:|")
	for _, server := range notifyWork.servers {
		var means, lasts []time.Duration
		for range rounds {
			mean, last, err := notified(server)
			if err != nil {
				log.Printf("%s, %s: %v", notifyWork.name, server, err)
				continue
			}
			means, lasts = append(means, mean), append(lasts, last)
		}
		if len(means) == 0 {
			fmt.Printf("| %s | %s | not measured | |\n", notifyWork.name, server)
			continue
		}
		fmt.Printf("| %s | %s | %.1f ms | %.1f ms |\n", notifyWork.name, server, milliseconds(middle(means)), milliseconds(middle(lasts)))
	}
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1e3 }

func middle(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// notified starts a server, and the clients.
func notified(server string) (mean, last time.Duration, err error) {
	s, err := start(notifyWork, server)
	if err != nil {
		return 0, 0, err
	}
	defer s.stop()
	cmd := onCore(1, os.Args[0], "-notify", s.addr)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, 0, err
	}
	_, err = fmt.Sscan(string(out), &mean, &last)
	return mean, last, err
}

// notify is the clients' whole program. It prints, in nanoseconds, how long it
// took from a message to the news of it, on average and to the last session: of
// many messages the one in the middle, since other things run on the machine too.
func notify(addr string) {
	news := make(chan time.Time, idlers)
	for range idlers {
		c := need(dialIMAP(addr))
		need(c.do("x SELECT INBOX\r\n", 1))
		need(io.WriteString(c, "x IDLE\r\n"))
		need(c.r.ReadSlice('\n'))
		go c.watch(news)
	}
	from := need(dialIMAP(addr))
	message := imapMessage(1 << 10)
	command := fmt.Sprintf("x APPEND INBOX {%d+}\r\n%s\r\n", len(message), message)
	var means, lasts []time.Duration
	const messages = 20
	for i := range messages + 1 {
		time.Sleep(200 * time.Millisecond) // servers may gather what comes fast
		began := time.Now()
		need(from.do(command, 1))
		var sum, last time.Duration
		for range idlers {
			took := (<-news).Sub(began)
			sum, last = sum+took, max(last, took)
		}
		if i > 0 { // the first one warms up
			means, lasts = append(means, sum/idlers), append(lasts, last)
		}
	}
	fmt.Println(middle(means).Nanoseconds(), middle(lasts).Nanoseconds())
}

// watch tells when the connection tells of a message.
func (c *imapConn) watch(news chan<- time.Time) {
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return
		}
		if bytes.HasSuffix(line, []byte(" EXISTS\r\n")) {
			news <- time.Now()
		}
	}
}
