"""Calls every method of Python's imaplib, on an inbox with three equal messages.

Usage: PASSWORD=... imaplib_methods.py HOST:PORT(imap) HOST:PORT(imaps) CERTIFICATE
"""
import imaplib
import os
import re
import ssl
import sys

called = {"print_log"}  # which writes for people


class Recorded:
    """Notes which methods are used, by us or by others of them."""

    def __getattribute__(self, name):
        called.add(name)
        return super().__getattribute__(name)


class Plain(Recorded, imaplib.IMAP4):
    pass


class TLS(Recorded, imaplib.IMAP4_SSL):
    pass


def connect(cls, address, **options):
    host, port = address.rsplit(":", 1)
    return cls(host, int(port), timeout=60, **options)


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


def same(what, got, want):
    assert got == want, f"{what}: {got!r}, want {want!r}"


def refused(word, do, *args):
    """An exception or NO, which has this word in it."""
    try:
        answer = do(*args)
    except imaplib.IMAP4.error as e:
        answer = ("error", e.args)
    assert answer[0] != "OK" and word in str(answer), f"{do.__name__}{args}: {answer}"


def text(m, number):
    """The octets of a message, below the trace."""
    octets = ok(m.fetch(number, "(BODY.PEEK[])"))[0][1]
    return octets[octets.index(b"Subject: "):]


plain, tls, certificate = sys.argv[1:]
password = os.environ["PASSWORD"]
context = ssl.create_default_context(cafile=certificate)

m = connect(Plain, plain)
assert m.welcome.startswith(b"* OK"), m.welcome
assert "LOGINDISABLED" in m.capabilities and "STARTTLS" in m.capabilities, m.capabilities
refused("PRIVACYREQUIRED", m.login, "demo", password)
ok(m.starttls(context))
assert m.socket().version() >= "TLSv1.2" and "LOGINDISABLED" not in m.capabilities, m.capabilities
refused("not offered", m.login_cram_md5, "demo", "wrong")
refused("AUTHENTICATIONFAILED", m.authenticate, "PLAIN", lambda _: b"\0demo\0wrong")
ok(m.authenticate("PLAIN", lambda _: b"\0demo\0" + password.encode()))
assert b"UIDPLUS" in ok(m.capability())[-1].split()
ok(m.enable("CONDSTORE"))
same("namespace", ok(m.namespace()), [b'(("" "/")) NIL NIL'])

same("select", ok(m.select()), [b"3"])
assert m.recent()[1] in ([b"3"], [b"0"])
same("response", m.response("UIDVALIDITY")[0], "UIDVALIDITY")
same("status", re.sub(rb"\d{3,}", b"V", ok(m.status("INBOX", "(MESSAGES UNSEEN UIDNEXT UIDVALIDITY)"))[0]), b"INBOX (MESSAGES 3 UNSEEN 3 UIDNEXT 4 UIDVALIDITY V)")
same("search", ok(m.search(None, "SUBJECT", '"hello"')), [b"1 2 3"])
m.literal = "grüße".encode()
same("search by a literal", ok(m.search("UTF-8", "TEXT")), [b""])
same("fetch", text(m, "1"), b"Subject: hello\r\n\r\n.one\r\ntwo\r\n")
assert rb"\Seen" in ok(m.store("1", "+FLAGS", r"(\Seen Note)"))[0]
same("uid", ok(m.uid("SEARCH", "KEYWORD", "note")), [b"1"])
refused("illegal in state", m.proxyauth, "other")
refused("BAD", m.partial, "1", "RFC822", "0", "10")  # left the standard with RFC 2060

ok(m.create("Work/A"))
ok(m.rename("Work/A", "Work/B"))
ok(m.subscribe("Work/B"))
same("list", ok(m.list('""', "Work/%")) + ok(m.list("Work/", "B")), 2 * [rb'(\HasNoChildren) "/" Work/B'])
assert b"Work/B" in b" ".join(ok(m.lsub()))
ok(m.unsubscribe("Work/B"))
assert b"Work/B" not in b" ".join(ok(m.lsub()))
same("append", re.search(rb"APPENDUID \d+ (\d+)", ok(m.append("Work/B", r"(\Draft)", '"11-Jan-2026 10:00:00 +0200"', b"Subject: note\r\n\r\nkept\r\n"))[0])[1], b"1")
ok(m.copy("1,3", "Work/B"))
ok(m.store("3", "+FLAGS.SILENT", r"\Deleted"))
same("expunge", ok(m.expunge()), [b"3"])
ok(m.check())
ok(m.noop())
ok(m.unselect())

same("select read-only", ok(m.select("Work/B", readonly=True)), [b"3"])
same("what was appended", text(m, "1"), b"Subject: note\r\n\r\nkept\r\n")
refused("read-only", m.store, "1", "+FLAGS", r"\Seen")
same("select", ok(m.select('"Work/B"')), [b"3"])
ok(m.store("2", "+FLAGS", r"\Deleted"))
ok(m.close())  # which expunges
same("after close", ok(m.status("Work/B", "(MESSAGES)")), [b"Work/B (MESSAGES 2)"])
ok(m.delete("Work/B"))
refused("NONEXISTENT", m.delete, "Work/B")

# What this server does not have is refused, and nothing else happens.
ok(m.select())
for name, arguments in {
    "sort": ("SUBJECT", "UTF-8", "ALL"), "thread": ("REFERENCES", "UTF-8", "ALL"),
    "getacl": ("INBOX",), "setacl": ("INBOX", "other", "lr"), "deleteacl": ("INBOX", "other"), "myrights": ("INBOX",),
    "getquota": ("x",), "getquotaroot": ("INBOX",), "setquota": ("x", "(STORAGE 1)"),
    "getannotation": ("INBOX", "/comment", "value.priv"), "setannotation": ("INBOX", "/comment", '("value.priv" "x")'),
}.items():
    refused("BAD", getattr(m, name), *arguments)
refused("BAD", m.xatom, "XNOSUCH")
same("after all of it", ok(m.search(None, "ALL")), [b"1 2"])
if hasattr(m, "idle"):  # from Python 3.14 on
    with m.idle(duration=60) as waiting:
        with connect(TLS, tls, ssl_context=context) as other:
            ok(other.login("demo", password))
            ok(other.append("INBOX", None, None, b"Subject: new\r\n\r\n"))
        same("idle", next(iter(waiting)), ("EXISTS", [b"3"]))
m.logout()

with connect(TLS, tls, ssl_context=context) as m:
    ok(m.login("demo", password))
    assert ok(m.select())[0] in (b"2", b"3")

missing = {name for name in dir(imaplib.IMAP4) if not name.startswith("_")} - {"abort", "error", "readonly"} - called
assert not missing, f"not called: {missing}"
