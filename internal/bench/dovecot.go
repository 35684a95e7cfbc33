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
		ssl, plain, secure := "no", port, "0"
		if hasCertificate(dir) {
			ssl, plain, secure = fmt.Sprintf("required\nssl_cert = <%[1]s/cert.pem\nssl_key = <%[1]s/key.pem", dir), "0", port
		}
		conf := fmt.Sprintf(dovecotConf, dir, plain, protocol, ssl, secure) + more
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
ssl = %[4]s
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
    port = %[5]s
    ssl = yes
  }
}
service stats {
  chroot =
}
service anvil {
  chroot =
}
`
