package dnsmx_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailwire/mailwire/auth"
	"github.com/mailwire/mailwire/dnsmx"
)

// signedZone is what the authoritative server serves, after it was signed. The
// record that is bogus is changed behind the signer's back.
const signedZone = `$ORIGIN signed.example.
$TTL 300
@ IN SOA ns hostmaster 1 3600 600 86400 120
@ IN NS ns
ns IN A 127.0.0.1
@ IN MX 10 mx1
@ IN MX 20 mx2
mx1 IN A 192.0.2.1
mx1 IN AAAA 2001:db8::1
mx2 IN A 192.0.2.2
_25._tcp.mx1 IN TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
www IN CNAME web
web IN CNAME mx1
dangling IN CNAME nowhere
out IN CNAME host.unsigned.example.
_25._tcp.out IN TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
null IN MX 0 .
bogus IN A 192.0.2.66
bogus IN MX 10 mx1
large IN TXT %s
dead IN NS ns.dead
ns.dead IN A 127.0.0.1
`

const unsignedZone = `$ORIGIN unsigned.example.
$TTL 300
@ IN SOA ns hostmaster 1 3600 600 86400 120
@ IN NS ns
ns IN A 127.0.0.1
@ IN MX 10 host
@ IN MX 20 mx1.signed.example.
host IN A 192.0.2.3
into IN CNAME mx1.signed.example.
`

// dnsLab is a signed zone on an authoritative server (nsd) and a validating
// resolver (unbound), both on loopback.
type dnsLab struct {
	dir           string
	authoritative netip.AddrPort
	resolver      netip.AddrPort
	dead          netip.AddrPort // nobody listens
}

// startLab skips the test where the programs are not installed.
func startLab(t *testing.T) *dnsLab {
	t.Helper()
	if testing.Short() {
		t.Skip("starts DNS servers; not with -short")
	}
	path := make(map[string]string)
	for _, program := range []string{"unbound", "nsd", "ldns-keygen", "ldns-signzone"} {
		for _, candidate := range []string{program, "/usr/sbin/" + program} {
			if found, err := exec.LookPath(candidate); err == nil {
				path[program] = found
				break
			}
		}
		if path[program] == "" {
			t.Skipf("%s is not installed; on Debian: apt-get install unbound nsd ldnsutils", program)
		}
	}
	ports := freePorts(t, 3)
	lab := &dnsLab{dir: t.TempDir(), authoritative: ports[0], resolver: ports[1], dead: ports[2]}
	anchor := lab.sign(t, path["ldns-keygen"], path["ldns-signzone"])
	lab.write(t, "unsigned.zone", unsignedZone)
	lab.write(t, "nsd.conf", fmt.Sprintf(`server:
	ip-address: 127.0.0.1@%d
	username: ""
	zonesdir: %q
	database: ""
	pidfile: "nsd.pid"
	xfrdfile: "xfrd.state"
	zonelistfile: "zone.list"
	server-count: 1
remote-control:
	control-enable: no
zone:
	name: signed.example
	zonefile: signed.zone.signed
zone:
	name: unsigned.example
	zonefile: unsigned.zone
`, lab.authoritative.Port(), lab.dir))
	lab.write(t, "unbound.conf", fmt.Sprintf(`server:
	interface: 127.0.0.1@%d
	port: %d
	username: ""
	chroot: ""
	directory: %q
	pidfile: "unbound.pid"
	use-syslog: no
	logfile: ""
	verbosity: 1
	do-daemonize: no
	num-threads: 1
	do-ip6: no
	do-not-query-localhost: no
	ede: yes
	trust-anchor: %q
	module-config: "validator iterator"
remote-control:
	control-enable: no
stub-zone:
	name: signed.example
	stub-addr: 127.0.0.1@%[5]d
stub-zone:
	name: unsigned.example
	stub-addr: 127.0.0.1@%[5]d
stub-zone:
	name: refused.example
	stub-addr: 127.0.0.1@%[5]d
stub-zone:
	name: dead.signed.example
	stub-addr: 127.0.0.1@%[6]d
`, lab.resolver.Port(), lab.resolver.Port(), lab.dir, anchor, lab.authoritative.Port(), lab.dead.Port()))
	lab.start(t, "nsd started", path["nsd"], "-d", "-c", "nsd.conf")
	lab.start(t, "start of service", path["unbound"], "-d", "-c", "unbound.conf")
	return lab
}

// sign makes a key, signs the zone, spoils one record, and returns the DS record.
func (lab *dnsLab) sign(t *testing.T, keygen, signzone string) string {
	t.Helper()
	var large strings.Builder
	for range 12 {
		fmt.Fprintf(&large, "%q ", strings.Repeat("x", 250))
	}
	lab.write(t, "signed.zone", fmt.Sprintf(signedZone, large.String()))
	key := strings.TrimSpace(lab.run(t, keygen, "-a", "ECDSAP256SHA256", "-k", "signed.example"))
	lab.run(t, signzone, "signed.zone", key)
	file := filepath.Join(lab.dir, "signed.zone.signed")
	signed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	spoiled := bytes.Replace(signed, []byte("192.0.2.66"), []byte("192.0.2.67"), 1)
	if bytes.Equal(spoiled, signed) {
		t.Fatalf("no record to spoil in %s", signed)
	}
	lab.write(t, "signed.zone.signed", string(spoiled))
	ds, err := os.ReadFile(filepath.Join(lab.dir, key+".ds"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(ds)), " ")
}

func (lab *dnsLab) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(lab.dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (lab *dnsLab) run(t *testing.T, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = lab.dir
	out, err := cmd.Output()
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		t.Fatalf("%s: %v\n%s", program, err, e.Stderr)
	} else if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// start runs a server until the test ends, and returns when it says that it is ready.
func (lab *dnsLab) start(t *testing.T, ready, program string, args ...string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = lab.dir
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = nil
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make(chan string, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		var log strings.Builder
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if log.Len() < 1<<16 {
				log.WriteString(lines.Text() + "\n")
			}
			if strings.Contains(lines.Text(), ready) {
				select {
				case said <- "":
				default:
				}
			}
		}
		select {
		case said <- log.String():
		default:
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		<-done
		cmd.Wait()
	})
	select {
	case log := <-said:
		if log != "" {
			t.Fatalf("%s ended:\n%s", program, log)
		}
	case <-time.After(30 * time.Second):
		t.Fatalf("%s does not get ready", program)
	}
}

// freePorts returns addresses on loopback at which nobody listens, neither on UDP nor
// on TCP.
func freePorts(t *testing.T, n int) (ports []netip.AddrPort) {
	t.Helper()
	for range 20 * n {
		u, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer u.Close()
		addr := u.LocalAddr().(*net.UDPAddr).AddrPort()
		if l, err := net.Listen("tcp4", addr.String()); err == nil {
			defer l.Close()
			if ports = append(ports, addr); len(ports) == n {
				return ports
			}
		}
	}
	t.Fatal("no free ports")
	return nil
}

// TestUnbound asks a validating resolver of another make about a zone that was
// signed for the purpose.
func TestUnbound(t *testing.T) {
	lab := startLab(t)
	stub := &dnsmx.Stub{Servers: []netip.AddrPort{lab.resolver}}
	for _, mixed := range []bool{false, true} {
		stub.Mixed = mixed
		for _, tt := range []struct {
			typ  dnsmx.Type
			name string
			want string
		}{
			{dnsmx.TypeMX, "signed.example", "Found signed.example secure [10 mx1.signed.example] [20 mx2.signed.example]"},
			{dnsmx.TypeA, "mx1.signed.example", "Found mx1.signed.example secure [192.0.2.1]"},
			{dnsmx.TypeAAAA, "mx1.signed.example", "Found mx1.signed.example secure [2001:db8::1]"},
			{dnsmx.TypeAAAA, "mx2.signed.example", "NoData mx2.signed.example secure"},
			{dnsmx.TypeTLSA, "_25._tcp.mx1.signed.example", "Found _25._tcp.mx1.signed.example secure [3 1 1]"},
			{dnsmx.TypeTLSA, "_25._tcp.mx2.signed.example", "NXDomain _25._tcp.mx2.signed.example secure"},
			{dnsmx.TypeTXT, "_tcp.mx1.signed.example", "NoData _tcp.mx1.signed.example secure"},
			{dnsmx.TypeA, "www.signed.example", "Found mx1.signed.example secure via www.signed.example web.signed.example [192.0.2.1]"},
			{dnsmx.TypeA, "dangling.signed.example", "NXDomain nowhere.signed.example secure via dangling.signed.example"},
			{dnsmx.TypeA, "nowhere.signed.example", "NXDomain nowhere.signed.example secure"},
			{dnsmx.TypeA, "out.signed.example", "Found host.unsigned.example via out.signed.example [192.0.2.3]"},
			{dnsmx.TypeCNAME, "out.signed.example", "Found out.signed.example secure [host.unsigned.example]"},
			{dnsmx.TypeA, "into.unsigned.example", "Found mx1.signed.example via into.unsigned.example [192.0.2.1]"},
			{dnsmx.TypeMX, "null.signed.example", "Found null.signed.example secure [0 .]"},
			{dnsmx.TypeMX, "unsigned.example", "Found unsigned.example [10 host.unsigned.example] [20 mx1.signed.example]"},
			{dnsmx.TypeA, "nowhere.unsigned.example", "NXDomain nowhere.unsigned.example"},
			{dnsmx.TypeTXT, "large.signed.example", "Found large.signed.example secure [3000 octets]"}, // over TCP
			{dnsmx.TypeA, "bogus.signed.example", "SERVFAIL bogus"},
			{dnsmx.TypeMX, "bogus.signed.example", "Found bogus.signed.example secure [10 mx1.signed.example]"},
			{dnsmx.TypeA, "x.refused.example", "SERVFAIL"},
		} {
			if got := describe(stub.Query(t.Context(), name(tt.name), tt.typ)); got != tt.want {
				t.Errorf("%v %s, mixed case %v:\n got %s\nwant %s", tt.typ, tt.name, mixed, got, tt.want)
			}
		}
	}

	t.Run("not trusted", func(t *testing.T) {
		s := *stub
		s.TrustAD = dnsmx.TrustNone
		if got := describe(s.Query(t.Context(), name("mx1.signed.example"), dnsmx.TypeA)); got != "Found mx1.signed.example [192.0.2.1]" {
			t.Error(got)
		}
	})
	t.Run("plan", func(t *testing.T) { lab.plan(t, stub) })
	t.Run("authoritative", func(t *testing.T) {
		// It does not recurse, validates nothing, and says so.
		s := &dnsmx.Stub{Servers: []netip.AddrPort{lab.authoritative}}
		if got := describe(s.Query(t.Context(), name("mx1.signed.example"), dnsmx.TypeA)); got != "Found mx1.signed.example [192.0.2.1]" {
			t.Error(got)
		}
		if got := describe(s.Query(t.Context(), name("x.dead.signed.example"), dnsmx.TypeMX)); got != "error" {
			t.Errorf("a referral: %s", got)
		}
		if got := describe(s.Query(t.Context(), name("example.net"), dnsmx.TypeA)); got != "REFUSED" {
			t.Error(got)
		}
	})
	t.Run("nobody there", func(t *testing.T) {
		s := &dnsmx.Stub{Servers: []netip.AddrPort{lab.dead, lab.resolver}}
		if got := describe(s.Query(t.Context(), name("mx1.signed.example"), dnsmx.TypeA)); got != "Found mx1.signed.example secure [192.0.2.1]" {
			t.Error(got)
		}
	})
	t.Run("silence", func(t *testing.T) {
		hole, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer hole.Close()
		s := &dnsmx.Stub{Servers: []netip.AddrPort{hole.LocalAddr().(*net.UDPAddr).AddrPort(), lab.resolver}, Timeout: 100 * time.Millisecond}
		if got := describe(s.Query(t.Context(), name("mx1.signed.example"), dnsmx.TypeA)); got != "Found mx1.signed.example secure [192.0.2.1]" {
			t.Error(got)
		}
		s.Servers = s.Servers[:1]
		for server, question := range map[netip.AddrPort]string{s.Servers[0]: "mx1.signed.example", lab.resolver: "x.dead.signed.example"} {
			s.Servers = []netip.AddrPort{server}
			_, err = s.Query(t.Context(), name(question), dnsmx.TypeA)
			if e, ok := errors.AsType[*dnsmx.Error](err); !ok || !e.Timeout {
				t.Errorf("%s: %v", question, err)
			}
		}
	})
}

// plan makes delivery plans from real answers.
func (lab *dnsLab) plan(t *testing.T, stub *dnsmx.Stub) {
	p := &dnsmx.Planner{Resolver: &dnsmx.Cache{Next: stub}}
	plan, err := p.Plan(t.Context(), name("signed.example"))
	if err != nil || !plan.Secure || len(plan.Hosts) != 2 || plan.Hosts[0].TLS.Level != auth.TLSDANE || plan.Hosts[1].TLS.Level != auth.TLSOpportunistic {
		t.Errorf("signed: %q, %v", lines(plan, err), err)
	}
	plan, err = p.Plan(t.Context(), name("unsigned.example"))
	if err != nil || plan.Secure || len(plan.Hosts) != 2 || plan.Hosts[1].TLS.Level != auth.TLSOpportunistic {
		t.Errorf("unsigned: %q, %v", lines(plan, err), err)
	}
	for domain, want := range map[string]error{
		"null.signed.example":    dnsmx.ErrNullMX,
		"nowhere.signed.example": dnsmx.ErrNoDomain,
		"x.refused.example":      dnsmx.ErrUnknown,
	} {
		if _, err := p.Plan(t.Context(), name(domain)); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", domain, err, want)
		}
	}
	route := &dnsmx.Planner{Resolver: stub, NextHop: func(dnsmx.Name) ([]dnsmx.Host, bool) {
		return []dnsmx.Host{{Name: name("out.signed.example")}}, true
	}}
	plan, err = route.Plan(t.Context(), name("anything.example"))
	if err != nil || plan.Hosts[0].TLS.Level != auth.TLSDANE || plan.Hosts[0].TLS.ServerName != "out.signed.example" {
		t.Errorf("alias into an unsigned zone: %q, %v", lines(plan, err), err)
	}
}

// describe writes an answer on one line.
func describe(a dnsmx.Answer, err error) string {
	if e, ok := errors.AsType[*dnsmx.Error](err); ok && e.RCode != 0 {
		s := map[int]string{2: "SERVFAIL", 5: "REFUSED"}[int(e.RCode)]
		if e.Bogus() {
			s += " bogus"
		}
		return s
	}
	if err != nil {
		return "error"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%v %v", a.Status, a.Canonical)
	if a.Secure {
		b.WriteString(" secure")
	}
	if len(a.Aliases) > 0 {
		fmt.Fprintf(&b, " via %s", strings.Trim(fmt.Sprint(a.Aliases), "[]"))
	}
	records := make([]string, 0, len(a.Records))
	for _, r := range a.Records {
		host := r.Host.String()
		if r.Root {
			host = "."
		}
		switch r.Type {
		case dnsmx.TypeMX:
			host = fmt.Sprint(r.Pref, " ", host)
		case dnsmx.TypeA, dnsmx.TypeAAAA:
			host = r.Addr.String()
		case dnsmx.TypeTXT:
			host = fmt.Sprint(len(r.Text), " octets")
		case dnsmx.TypeTLSA:
			host = fmt.Sprint(r.TLSA.Usage, " ", r.TLSA.Selector, " ", r.TLSA.Match)
		}
		records = append(records, " ["+host+"]")
	}
	slices.Sort(records) // servers rotate them
	return b.String() + strings.Join(records, "")
}
