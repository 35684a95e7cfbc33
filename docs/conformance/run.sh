#!/usr/bin/env bash
# Starts a server of its own on loopback, with a configuration and a folder of its
# own, and runs examples/conform against it with all that may be done to a server
# for tests. Reports go to standard output. From the top of the repository:
#
#   docs/conformance/run.sh postfix|exim|dovecot|maild [flags of conform]
#
# Postfix, Exim and Dovecot are those of Debian, and are started by root.
# ONLY=scheme runs a part; CONFORM=file is a program that is built already.
set -euo pipefail
server=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
dir=$(mktemp -d)
pids=()
stop() {
  if [ "$server" = postfix ]; then postfix -c "$dir/postfix" stop 2>/dev/null || true; fi
  for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; wait "$p" 2>/dev/null || true; done
  rm -rf "$dir"
}
trap stop EXIT
chmod 755 "$dir"
if [ -n "${CONFORM-}" ]; then cp "$CONFORM" "$dir/conform"; else go build -o "$dir/conform" ./examples/conform; fi
export MAIL_PASSWORD=pencil-and-paper
port=$((20000 + RANDOM % 1000 * 10)) # and the nine behind it; the system takes higher ones for clients

# A certificate for localhost that vouches for itself.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$dir/key.pem" -out "$dir/cert.pem" 2>/dev/null
chmod 644 "$dir/key.pem"

# conform URL FLAG...: a report in Markdown, or as the flags say. Failures are what
# the report is about, so that status 1 is in order.
conform() {
  local url=$1 scheme=${1%%:*} status=0
  local protocol=${scheme%s}
  local known="$here/known/$server-${protocol/submission/smtp}.txt"
  shift
  if [ "${ONLY:-$scheme}" != "$scheme" ]; then return; fi
  printf '\n## %s\n\n' "$scheme"
  [ -f "$known" ] || known=/dev/null
  "$dir/conform" -format markdown -cafile "$dir/cert.pem" -known "$known" -load -guess -expose "$@" "$url" || status=$?
  [ "$status" -le 1 ]
}

# wait_for PORT: until something listens.
wait_for() {
  for _ in $(seq 200); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then return; fi
    read -r -t 0.05 <> <(:) || true
  done
  echo "nothing listens on port $1" >&2
  return 1
}

start_dovecot() {
  mkdir -m 777 "$dir/mail"
  for user in u1 u2 u3; do echo "$user@x.example:{PLAIN}$MAIL_PASSWORD" >> "$dir/users"; done
  cat > "$dir/dovecot.conf" <<END
base_dir = $dir/run
state_dir = $dir/state
log_path = $dir/dovecot.log
protocols = imap pop3 lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <$dir/cert.pem
ssl_key = <$dir/key.pem
auth_mechanisms = plain
auth_failure_delay = 0
mail_location = mdbox:$dir/mail/%u
mail_plugins = zlib
first_valid_uid = 1
mail_max_userip_connections = 200
pop3_lock_session = yes
passdb {
  driver = passwd-file
  args = $dir/users
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=$dir/mail/%u
}
namespace inbox {
  inbox = yes
  separator = /
}
protocol imap {
  mail_plugins = zlib imap_zlib
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service auth {
  unix_listener $dir/auth {
    mode = 0666
  }
}
service imap-login {
  inet_listener imap {
    port = $((port + 1))
  }
  inet_listener imaps {
    port = $((port + 2))
  }
}
service pop3-login {
  inet_listener pop3 {
    port = $((port + 3))
  }
  inet_listener pop3s {
    port = $((port + 4))
  }
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = $((port + 5))
  }
}
END
  dovecot -F -c "$dir/dovecot.conf" &
  pids+=($!)
  wait_for $((port + 1))
}

dovecot_() {
  start_dovecot
  local account=(-user u1@x.example -empty-account -destructive Test/)
  conform "imap://localhost:$((port + 1))" "${account[@]}" "$@"
  conform "imaps://localhost:$((port + 2))" "${account[@]}" "$@"
  conform "pop3://localhost:$((port + 3))" "${account[@]}" -fill "imap://localhost:$((port + 1))" "$@"
  conform "pop3s://localhost:$((port + 4))" "${account[@]}" -fill "imap://localhost:$((port + 1))" "$@"
  conform "lmtp://localhost:$((port + 5))" -deliver-to u1@x.example,u2@x.example,u3@x.example -refused nobody@x.example "$@"
}

# Messages go nowhere, and SASL is Dovecot's.
postfix_() {
  start_dovecot
  mkdir -p "$dir/postfix" "$dir/spool" "$dir/data"
  chown postfix "$dir/data"
  cat > "$dir/postfix/main.cf" <<END
compatibility_level = 3.6
queue_directory = $dir/spool
data_directory = $dir/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = $dir/mail.log
maillog_file_prefixes = $dir
myhostname = mx.example
mydestination = x.example
local_recipient_maps = static:all
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
local_transport = discard:
default_transport = discard:
disable_dns_lookups = yes
message_size_limit = 200000
smtpd_error_sleep_time = 0
smtpd_tls_security_level = may
smtpd_tls_cert_file = $dir/cert.pem
smtpd_tls_key_file = $dir/key.pem
smtpd_sasl_type = dovecot
smtpd_sasl_path = $dir/auth
smtpd_tls_auth_only = yes
smtpd_recipient_restrictions = check_recipient_access inline:{ { nobody@x.example = REJECT nobody of that name } }, permit_mynetworks, reject
END
  cat > "$dir/postfix/master.cf" <<END
127.0.0.1:$port inet n - n - - smtpd
127.0.0.1:$((port + 6)) inet n - n - - smtpd
  -o smtpd_sasl_auth_enable=yes
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
discard unix - - n - - discard
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
END
  postfix -c "$dir/postfix" start 2>/dev/null
  wait_for $port
  local mail=(-deliver-to u1@x.example,u2@x.example,u3@x.example -refused nobody@x.example -patience 20s)
  conform "smtp://localhost:$port" "${mail[@]}" "$@"
  conform "submission://localhost:$((port + 6))" "${mail[@]}" -user u1@x.example "$@"
}

exim_() {
  mkdir -p "$dir/exim/log" "$dir/exim/spool"
  chown -R Debian-exim "$dir/exim"
  cat > "$dir/exim.conf" <<END
primary_hostname = mx.example
qualify_domain = x.example
domainlist local_domains = x.example
exim_path = $(command -v exim4)
spool_directory = $dir/exim/spool
log_file_path = $dir/exim/log/%s
pid_file_path = $dir/exim/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = $port
tls_certificate = $dir/cert.pem
tls_privatekey = $dir/key.pem
tls_advertise_hosts = *
auth_advertise_hosts = \${if eq{\$tls_in_cipher}{}{}{*}}
message_size_limit = 200000
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
acl_smtp_vrfy = accept
smtp_accept_max = 100
never_users =
begin acl
rcpt:
  deny local_parts = nobody
       message = nobody of that name
  accept domains = +local_domains
  deny message = no relaying
begin routers
all:
  driver = accept
  local_parts = !nobody
  transport = nowhere
begin transports
nowhere:
  driver = appendfile
  file = /dev/null
  user = Debian-exim
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = \${if and{{eq{\$auth2}{u1@x.example}}{eq{\$auth3}{$MAIL_PASSWORD}}}}
  server_set_id = \$auth2
END
  exim4 -C "$dir/exim.conf" -bdf &
  pids+=($!)
  wait_for $port
  conform "smtp://localhost:$port" -deliver-to u1@x.example,u2@x.example,u3@x.example -refused nobody@x.example -user u1@x.example "$@"
}

maild_() {
  local services=() i=0
  for service in smtp submission smtps imap imaps pop3 pop3s; do
    services+=("-$service" "127.0.0.1:$((port + i++))")
  done
  (cd examples/maild && go build -o "$dir/maild" .)
  "$dir/maild" -data "$dir/maild-data" "${services[@]}" > "$dir/hello" 2> "$dir/maild.log" &
  pids+=($!)
  wait_for $((port + 6))
  for _ in $(seq 200); do # it listens before it says the password
    if grep -q password "$dir/hello"; then break; fi
    read -r -t 0.05 <> <(:) || true
  done
  cp "$dir/maild-data/cert.pem" "$dir/cert.pem"
  MAIL_PASSWORD=$(awk '$1 == "password" { print $2; exit }' "$dir/hello")
  "$dir/maild" -data "$dir/maild-data" adduser other > /dev/null
  local mail=(-deliver-to demo@maild.localhost,other@maild.localhost,demo+tag@maild.localhost -refused nobody@maild.localhost -from demo@maild.localhost)
  local account=(-user demo -empty-account -destructive Test/)
  conform "smtp://localhost:$port" "${mail[@]}" "$@"
  conform "submission://localhost:$((port + 1))" "${mail[@]}" -user demo "$@"
  conform "imap://localhost:$((port + 3))" "${account[@]}" "$@"
  conform "imaps://localhost:$((port + 4))" "${account[@]}" "$@"
  conform "pop3://localhost:$((port + 5))" "${account[@]}" -fill "imap://localhost:$((port + 3))" "$@"
  conform "pop3s://localhost:$((port + 6))" "${account[@]}" -fill "imap://localhost:$((port + 3))" "$@"
}

case $server in
  postfix | exim | dovecot | maild) "${server}_" "$@" ;;
  *) echo "no server is called $server" >&2; exit 2 ;;
esac
