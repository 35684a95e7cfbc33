package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// dovecot returns how one is started with a configuration for one user and one
// protocol, tuned as its documents have it for many connections: login processes
// are kept. more is what else the protocol wants.
func dovecot(protocol, more string) func(addr, dir string) ([]string, error) {
	return func(addr, dir string) ([]string, error) {
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		conf := fmt.Sprintf(dovecotConf, dir, port, protocol) + more
		name := filepath.Join(dir, "dovecot.conf")
		return []string{"/usr/sbin/dovecot", "-F", "-c", name}, os.WriteFile(name, []byte(conf), 0o644)
	}
}

const dovecotConf = `
base_dir = %[1]s/run
state_dir = %[1]s/state
log_path = /dev/null
protocols = %[3]s
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_location = maildir:%[1]s/mail
mail_max_userip_connections = 2000
auth_mechanisms = plain
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=65534 gid=65534 home=%[1]s/mail
}
service %[3]s-login {
  chroot =
  service_count = 0
  process_min_avail = 1
  inet_listener %[3]s {
    port = %[2]s
  }
  inet_listener %[3]ss {
    port = 0
  }
}
service stats {
  chroot =
}
service anvil {
  chroot =
}
`
