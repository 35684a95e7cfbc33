"""Calls every method of Python's poplib on a maildrop with three equal messages.

Usage: PASSWORD=... poplib_methods.py HOST:PORT(pop3) HOST:PORT(pop3s) CERTIFICATE
"""
import os
import poplib
import ssl
import sys

LINES = [b"Subject: hello", b"", b".one", b"two"]


def connect(cls, address, **options):
    host, port = address.rsplit(":", 1)
    return cls(host, int(port), timeout=60, **options)


def same(what, got, want):
    assert got == want, f"{what}: {got!r}, want {want!r}"


def refused(code, do, *args):
    try:
        do(*args)
    except poplib.error_proto as e:
        assert code in e.args[0], e
    else:
        raise AssertionError(f"{do.__name__}{args} was not refused")


def message(answer):
    """Cuts the trace off an answer of RETR or TOP."""
    lines = answer[1]
    return lines[lines.index(LINES[0]):]


plain, tls, certificate = sys.argv[1:]
password = os.environ["PASSWORD"]
context = ssl.create_default_context(cafile=certificate)

p = connect(poplib.POP3, plain)
p.set_debuglevel(0)
assert p.getwelcome().startswith(b"+OK"), p.getwelcome()
caps = p.capa()
assert "STLS" in caps and "USER" not in caps and caps["EXPIRE"] == ["NEVER"], caps
refused(b"-ERR", p.user, "demo")
p.stls(context=context)
caps = p.capa()
assert "STLS" not in caps and "USER" in caps and "PLAIN" in caps["SASL"] and "UTF8" in caps, caps
p.utf8()
p.user("demo")
refused(b"[AUTH]", p.pass_, "wrong")
p.user("demo")
p.pass_(password)
count, size = p.stat()
same("count", count, 3)
listing = p.list()[1]
same("list", [line.split()[0] for line in listing], [b"1", b"2", b"3"])
same("sizes", sum(int(line.split()[1]) for line in listing), size)
same("list of one", p.list(2).split()[:2], [b"+OK", b"2"])
uids = p.uidl()[1]
same("unique ids", len({line.split()[1] for line in uids}), 3)
same("uidl of one", p.uidl(3).split()[2], uids[2].split()[1])
same("retr", message(p.retr(1)), LINES)
same("top", message(p.top(1, 1)), LINES[:3])
p.dele(1)
refused(b"-ERR", p.retr, 1)
p.noop()
p.rset()
same("after rset", p.stat(), (3, size))
p.dele(2)
p.quit()

p = connect(poplib.POP3_SSL, tls, context=context)
p.apop("demo", password)
same("after dele and quit", [line.split()[1] for line in p.uidl()[1]], [uids[0].split()[1], uids[2].split()[1]])
p.dele(1)
p.close()  # without QUIT nothing is removed

p = connect(poplib.POP3_SSL, tls, context=context)
refused(b"-ERR", p.rpop, "demo")  # left the standard with RFC 1460
p.user("demo")
p.pass_(password)
same("after close", p.stat()[0], 2)
p.quit()
