"""Every command of Python's imaplib against a server with two messages in INBOX.

Usage: python_imaplib.py HOST PORT CAFILE. The certificate is for mail.example.
"""
import imaplib
import socket
import ssl
import sys

host, port, cafile = sys.argv[1], int(sys.argv[2]), sys.argv[3]
context = ssl.create_default_context(cafile=cafile)


class Client(imaplib.IMAP4):
    """A client that knows the server by another name than its address."""

    def __init__(self):
        super().__init__(host, port, timeout=20)
        self.host = "mail.example"


def ok(answer, want=None):
    typ, data = answer
    assert typ == "OK", answer
    if want is not None:
        assert want(data), answer
    return data


def no(answer):
    assert answer[0] == "NO", answer


m = Client()
assert "LOGINDISABLED" in m.capabilities, m.capabilities
ok(m.starttls(context))
assert "AUTH=PLAIN" in m.capabilities and "STARTTLS" not in m.capabilities, m.capabilities
try:
    m.login("u", "wrong")
    raise SystemExit("wrong password taken")
except imaplib.IMAP4.error:
    pass
ok(m.authenticate("PLAIN", lambda _: b"\0u\0p"))
ok(m.capability())
ok(m.noop())
ok(m.namespace(), lambda d: d == [b'(("" "/")) NIL NIL'])
ok(m.create("work"))
ok(m.create("work/2024"))
no(m.create("work"))
ok(m.rename("work", "Work"))
ok(m.subscribe("Work"))
ok(m.lsub('""', '"*"'), lambda d: d == [b'() "/" Work'])
ok(m.unsubscribe("Work"))
ok(m.lsub('""', '"*"'), lambda d: d == [None])
ok(m.list(), lambda d: len(d) == 3)
ok(m.list('""', '"%"'), lambda d: len(d) == 2)
ok(m.status("INBOX", "(MESSAGES UNSEEN)"), lambda d: d == [b"INBOX (MESSAGES 2 UNSEEN 2)"])
no(m.status("nope", "(MESSAGES)"))
message = b"Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n\r\nvon imaplib\r\n"
ok(m.append("INBOX", r"(\Flagged)", imaplib.Time2Internaldate(1700000000), message))
# Behind this imaplib puts the words UTF8 (...) into the octets of a message, so
# there is no APPEND from here on.
ok(m.enable("UTF8=ACCEPT"))
assert m.utf8_enabled
ok(m.select("INBOX"), lambda d: d == [b"3"])
assert m.response("UIDNEXT")[1] == [b"4"]
ok(m.check())
ok(m.fetch("1:*", "(FLAGS UID)"), lambda d: len(d) == 3)
ok(m.fetch("3", "(BODY.PEEK[] INTERNALDATE)"), lambda d: d[0][1] == message)
ok(m.fetch("3", "BODY.PEEK[]<0.7>"), lambda d: d[0][1] == b"Subject")
ok(m.store("1", "+FLAGS", r"(\Seen keyword)"), lambda d: d == [rb"1 (FLAGS (\Seen keyword \Recent))"])
ok(m.search(None, "SEEN"), lambda d: d == [b"1"])
ok(m.search(None, "SUBJECT", '"gr\u00fc\u00dfe"'), lambda d: d == [b"2 3"])
ok(m.uid("SEARCH", None, "ALL"), lambda d: d == [b"1 2 3"])
ok(m.uid("FETCH", "3", "(FLAGS)"), lambda d: len(d) == 1)
ok(m.copy("1:2", "Work"), lambda d: b"COPYUID" in d[0])
ok(m.uid("COPY", "3", "Work"))
ok(m.uid("MOVE", "2", "Work"))
ok(m.uid("STORE", "3", "+FLAGS", r"(\Deleted)"))
ok(m.expunge(), lambda d: d == [b"2", b"2"] or d == [b"2"])
ok(m.search(None, "ALL"), lambda d: d == [b"1"])
ok(m.xatom("ID", "NIL"))
ok(m.recent())
try:
    typ, data = m.fetch("9", "FLAGS")
    raise SystemExit("a number that is not there was taken")
except imaplib.IMAP4.error:
    pass
ok(m.unselect())
ok(m.select("Work", readonly=True), lambda d: d == [b"4"])
try:
    ok(m.store("1", "+FLAGS", r"(\Deleted)"))
    raise SystemExit("a read-only mailbox was changed")
except (AssertionError, imaplib.IMAP4.readonly):
    pass
ok(m.close())
ok(m.delete("Work/2024"))
ok(m.delete("Work"))
for extension in ("getacl", "getquota", "getquotaroot", "myrights"):  # not offered: refused, and no more
    try:
        getattr(m, extension)("INBOX")
        raise SystemExit(extension + " was taken")
    except imaplib.IMAP4.error:
        pass
for extension, args in (
    ("setacl", ("INBOX", "x", "r")), ("deleteacl", ("INBOX", "x")), ("setquota", ("", "(STORAGE 1)")),
    ("getannotation", ("INBOX", '"/comment"', '"value"')), ("setannotation", ("INBOX", '"/comment"', '("value" "x")')),
):
    try:
        getattr(m, extension)(*args)
        raise SystemExit(extension + " was taken")
    except imaplib.IMAP4.error:
        pass
ok(m.select())
for extension, args in (("sort", ("(DATE)", "UTF-8", "ALL")), ("thread", ("REFERENCES", "UTF-8", "ALL")), ("proxyauth", ("x",))):
    try:
        getattr(m, extension)(*args)
        raise SystemExit(extension + " was taken")
    except imaplib.IMAP4.error:
        pass
typ, data = m.logout()
assert typ == "BYE", typ

m = imaplib.IMAP4(host, port, timeout=20)
m.host = "mail.example"
m.starttls(context)
ok(m.login("u", "p"))
ok(m.select())
m.shutdown()
print("done")
