package main

import (
	"bufio"
	"crypto/sha256"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/smtp"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var killRounds = flag.Int("kill-rounds", 3, "rounds of TestKilledDaemonKeepsWhatItAcknowledged")

// A daemon that is killed at any moment has, after a restart, every message that
// it acknowledged with 250, once and whole, for all its recipients. A message
// whose reply was lost may be there, but whole as well.
func TestKilledDaemonKeepsWhatItAcknowledged(t *testing.T) {
	bin, data := build(t), t.TempDir()
	passwords := map[string]string{}
	for _, user := range []string{"first", "second"} {
		passwords[user] = addUser(t, bin, data, user)
	}

	acked := map[string]bool{} // by the text that identifies a message
	for round := range *killRounds {
		seed := rand.Uint64()
		p := startProcess(t, bin, data)
		now := p.loadUntilKilled(t, round, seed)
		maps.Copy(acked, now)

		p = startProcess(t, bin, data)
		first := checkMessages(t, p.messages(t, "first", passwords["first"]), acked)
		second := checkMessages(t, p.messages(t, "second", passwords["second"]), acked)
		if diff := cmp.Diff(first, second); diff != "" {
			t.Errorf("messages delivered to one of two recipients (-first +second):\n%s", diff)
		}
		p.kill(t)
		t.Logf("round %d (seed %d): %d acknowledged before the kill; %d in all, %d stored", round, seed, len(now), len(acked), len(first))
		if t.Failed() {
			return
		}
	}
}

func build(t *testing.T) (bin string) {
	t.Helper()
	bin = filepath.Join(t.TempDir(), "maild")
	if out, err := program(t, "go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return bin
}

func addUser(t *testing.T, bin, data, user string) (password string) {
	t.Helper()
	out, err := program(t, bin, "-data", data, "adduser", user).Output()
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(string(out))
	return words[len(words)-1]
}

// checkMessages compares a maildrop with what was acknowledged and returns what is there.
func checkMessages(t *testing.T, all []string, acked map[string]bool) (seen map[string]bool) {
	t.Helper()
	seen = map[string]bool{}
	for _, m := range all {
		content := belowTrace(t, m)
		id, ok := wholeMessage(content)
		if !ok {
			t.Errorf("a message is not whole: %d octets, %.300q", len(content), content)
		}
		if seen[id] {
			t.Errorf("message %s is there twice", id)
		}
		seen[id] = true
	}
	for id := range acked {
		if !seen[id] {
			t.Errorf("message %s was acknowledged and is lost", id)
		}
	}
	return seen
}

// newMessage makes a message that can be recognised and checked by itself.
func newMessage(id string, octets int) string {
	body := strings.Repeat(".a line of 62 octets that starts with a dot, to be stuffed ...\r\n", octets/64+1)
	return fmt.Sprintf("Message-ID: <%s@localhost>\r\nSum: %x\r\n\r\n%s", id, sha256.Sum256([]byte(body)), body)
}

var messagePattern = regexp.MustCompile(`(?s)^Message-ID: <([^@]*)@localhost>\r\nSum: ([0-9a-f]*)\r\n\r\n(.*)$`)

func wholeMessage(content string) (id string, ok bool) {
	m := messagePattern.FindStringSubmatch(content)
	if m == nil {
		return "", false
	}
	return m[1], m[2] == fmt.Sprintf("%x", sha256.Sum256([]byte(m[3])))
}

// process is a running daemon, the addresses it printed, and its log.
type process struct {
	cmd   *exec.Cmd
	addrs map[string]string
	data  string
	log   lines
}

var addrPattern = regexp.MustCompile(`^  (\S+) +(127\.0\.0\.\d+:\d+) `)

// startProcess starts the daemon on ports that the system chooses, unless args say
// otherwise.
func startProcess(t *testing.T, bin, data string, args ...string) *process {
	t.Helper()
	const any = "127.0.0.1:0"
	all := append([]string{"-data", data}, args...)
	for _, s := range services {
		if !slices.Contains(args, "-"+s.flag) {
			all = append(all, "-"+s.flag, any)
		}
	}
	cmd := exec.Command(bin, all...)
	p := &process{cmd: cmd, addrs: map[string]string{}, data: data}
	cmd.Stderr = &p.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	late := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer late.Stop()
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "Ctrl-C") {
		if m := addrPattern.FindStringSubmatch(lines.Text()); m != nil {
			p.addrs[m[1]] = m[2]
		}
	}
	if len(p.addrs) != len(services) {
		cmd.Process.Kill()
		cmd.Wait()
		t.Fatalf("the daemon did not start: addresses %v, log:\n%s", p.addrs, p.log.String())
	}
	return p
}

func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	p.cmd.Wait()
}

// loadUntilKilled sends from several connections until one of them has the daemon
// killed, at a random one of its writes or, every other round, as soon as it
// reads an acknowledgement: the others are then at any point of their messages.
// It returns what was acknowledged.
func (p *process) loadUntilKilled(t *testing.T, round int, seed uint64) map[string]bool {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 0))
	var wg sync.WaitGroup
	var mu sync.Mutex
	acked := map[string]bool{}
	var writes, acks atomic.Int64
	lastWrite, lastAck := random.Int64N(1500)+20, int64(1<<62)
	if round%2 == 0 {
		lastWrite, lastAck = lastAck, random.Int64N(150)+1
	}
	kill := sync.OnceFunc(func() { p.kill(t) })
	for sender := range 8 {
		sizes := rand.New(rand.NewPCG(seed, uint64(sender)+1))
		wg.Go(func() {
			c, err := dialSMTP(p.addrs["SMTP"])
			for n := 0; err == nil; n++ {
				id := fmt.Sprintf("%d.%d.%d", round, sender, n)
				size := sizes.IntN(4 << 10)
				if sizes.IntN(8) == 0 {
					size = sizes.IntN(200 << 10)
				}
				err = sendInPieces(c, newMessage(id, size), func() {
					if writes.Add(1) == lastWrite {
						kill()
					}
				})
				if err == nil && acks.Add(1) == lastAck {
					kill()
				}
				if err == nil {
					mu.Lock()
					acked[id] = true
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	kill() // when all senders failed for another reason, which the log tells
	if writes.Load() < lastWrite && acks.Load() < lastAck {
		t.Errorf("the senders gave up after %d writes and %d acknowledgements", writes.Load(), acks.Load())
	}
	return acked
}

// sendInPieces sends to both accounts and calls wrote after every command and
// every 16 KiB.
func sendInPieces(c *smtp.Client, content string, wrote func()) error {
	if err := c.Mail("sender@example.org"); err != nil {
		return err
	}
	wrote()
	for _, to := range []string{"first@maild.localhost", "second@maild.localhost"} {
		if err := c.Rcpt(to); err != nil {
			return err
		}
	}
	wrote()
	w, err := c.Data()
	if err != nil {
		return err
	}
	for piece := range slices.Chunk([]byte(content), 16<<10) {
		if _, err := w.Write(piece); err != nil {
			return err
		}
		wrote()
	}
	return w.Close()
}

func (p *process) messages(t *testing.T, user, password string) []string {
	t.Helper()
	c, err := trust(filepath.Join(p.data, "cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	all, uids, err := fetch(p.addrs["POP3S"], c, user, password)
	if err != nil {
		t.Fatalf("fetching the mail of %s: %v", user, err)
	}
	if dup := len(uids) - len(slices.Compact(slices.Sorted(slices.Values(uids)))); dup != 0 {
		t.Errorf("%d unique-ids of %s are there twice", dup, user)
	}
	return all
}
