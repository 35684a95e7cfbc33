#!/usr/bin/env python3
"""Runs the daemon by the README's command against clients that are not ours.

Needs go, curl and python3, and nothing else: python3 examples/maild/e2e/e2e.py
"""

import email.message
import email.policy
import hashlib
import imaplib
import os
import poplib
import random
import re
import shutil
import signal
import smtplib
import ssl
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TIME_LIMIT = 900  # seconds for everything; building the daemon is most of it


class Daemon:
    """The daemon on addresses of its own, and what it printed."""

    def __init__(self, data, log):
        command = ["go", "run", "./examples/maild", "-data", str(data)]
        for service in ("smtp", "submission", "smtps", "pop3", "pop3s", "imap", "imaps"):
            command += ["-" + service, "127.0.0.1:0"]
        # A session of its own: Ctrl-C goes to go run and to the daemon, as in a terminal.
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log,
                                        stdin=subprocess.DEVNULL, text=True, start_new_session=True)
        self.watchdog = threading.Timer(TIME_LIMIT, self.kill)
        self.watchdog.start()
        self.hello = ""
        for line in self.process.stdout:
            self.hello += line
            if line.startswith("Ctrl-C"):
                break
        else:
            raise AssertionError("the daemon ended before it was ready:\n" + self.hello)
        self.ports = {name: int(port) for name, port in
                      re.findall(r"^  (\S+) +127\.0\.0\.1:(\d+) ", self.hello, re.M)}
        self.commands = re.findall(r"^  ((?:printf|curl) .*)$", self.hello, re.M)
        self.password = (re.findall(r"^  password +([a-z0-9]+)$", self.hello, re.M) + [None])[0]

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)

    def interrupt(self):
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait()
        self.watchdog.cancel()


def check(what, ok, detail=""):
    if not ok:
        raise AssertionError(f"{what}: {detail}")
    print("ok  ", what, flush=True)


def below_trace(message):
    """The octets under the two fields that the daemon puts on top."""
    trace = re.match(rb"Return-Path: <[^\r\n]*>\r\nReceived: [^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*", message)
    if not trace:
        raise AssertionError(f"no trace on top of {message[:200]!r}")
    return message[trace.end():]


def same(what, sent, got):
    want, have = hashlib.sha256(sent).hexdigest(), hashlib.sha256(below_trace(got)).hexdigest()
    check(f"{what}: {len(sent)} octets, sha256 {want[:16]}", want == have, f"came back as {have[:16]}, {len(got)} octets in all")


def large_message(address, subject, seed):
    """More than 1 MiB with two attachments."""
    octets = random.Random(seed)
    m = email.message.EmailMessage(policy=email.policy.SMTP)
    m["From"], m["To"], m["Subject"] = address, address, subject
    m["Message-ID"] = f"<{seed}@e2e.localhost>"
    m.set_content("Two attachments.\n.\n..\n.dots at line starts\n")
    for name in ("first.bin", "second.bin"):
        m.add_attachment(octets.randbytes(400 << 10), maintype="application", subtype="octet-stream", filename=name)
    text = m.as_bytes()
    assert len(text) > 1 << 20
    return text


def run(tmp, log):
    data = tmp / "data"
    d = Daemon(data, log)
    try:
        first_start(d, tmp, data)
        certificate = (data / "cert.pem").read_bytes()
        uids = with_poplib(d, data, d.password, lambda p: p.uidl()[1])
        old = d.password
        d.interrupt()
        check("Ctrl-C closes the database", not list(data.glob("*-wal")), os.listdir(data))
        check("the key is private", (data / "key.pem").stat().st_mode & 0o777 == 0o600)
        check("the password is stored nowhere", not any(old.encode() in f.read_bytes() for f in data.iterdir()))

        d = Daemon(data, log)
        check("the second start prints no password", d.password is None, d.hello)
        check("the second start keeps the certificate", (data / "cert.pem").read_bytes() == certificate)
        check("unique-ids survive a restart", with_poplib(d, data, old, lambda p: p.uidl()[1]) == uids)
        printed = subprocess.run(["go", "run", "./examples/maild", "-data", str(data), "passwd", "demo"],
                                 cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
        with_poplib(d, data, printed.split()[-1], lambda p: p.stat())
        check("passwd beside the running daemon sets a new password", True)
        try:
            with_poplib(d, data, old, lambda p: p.stat())
            check("the old password is refused", False)
        except poplib.error_proto as e:
            check("the old password is refused", b"[AUTH]" in e.args[0], e)
        d.interrupt()
    finally:
        if d.process.poll() is None:
            d.kill()
        d.watchdog.cancel()


def context(data):
    return ssl.create_default_context(cafile=data / "cert.pem")


def with_poplib(d, data, password, do):
    """do with a maildrop open over POP3S; QUIT afterwards."""
    p = poplib.POP3_SSL("localhost", d.ports["POP3S"], context=context(data), timeout=60)
    try:
        p.user("demo")
        p.pass_(password)
        result = do(p)
        p.quit()
        return result
    finally:
        p.close()


def first_start(d, tmp, data):
    check("four lines to paste", len(d.commands) == 4, d.hello)
    outputs = [subprocess.run(["sh", "-c", c], stdout=subprocess.PIPE, check=True).stdout for c in d.commands]
    check("the printed lines send, list and fetch", outputs[1].startswith(b"1 ") and b"\r\n\r\nIt works.\r\n" in outputs[2], outputs)
    check("IMAP gives the same as POP3", outputs[3] == outputs[2], outputs)

    address = "demo@maild.localhost"
    curl = ["curl", "-sS", "--cacert", str(data / "cert.pem"), "--user", "demo:" + d.password]
    sent = {2: large_message(address, "STARTTLS", 1), 3: large_message(address, "SMTPS", 2)}
    for n, url in ((2, f"smtp://127.0.0.1:{d.ports['submission']}"), (3, f"smtps://127.0.0.1:{d.ports['SMTPS']}")):
        (tmp / "message").write_bytes(sent[n])
        subprocess.run(curl + ["--ssl-reqd", "--mail-from", address, "--mail-rcpt", address,
                               "--upload-file", str(tmp / "message"), url], check=True)

    body = "Grüße\r\n.\r\n..\r\n.hidden\r\n. .\r\nlast line\r\n".encode()
    sent[4] = (f"From: {address}\r\nTo: {address}\r\nSubject: eight bits and dots\r\nMIME-Version: 1.0\r\n"
               "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n").encode() + body
    with smtplib.SMTP("localhost", d.ports["submission"], timeout=60) as s:
        s.starttls(context=context(data))
        s.login("demo", d.password)
        s.sendmail(address, [address], sent[4], mail_options=["BODY=8BITMIME"])
        refused(s, "another's sender address", 553, "boss@maild.localhost", address)
        refused(s, "a recipient elsewhere", 550, address, "someone@example.org")
    with smtplib.SMTP("localhost", d.ports["SMTP"], timeout=60) as s:
        sent[5] = b"From: stranger@example.org\r\n\r\n.from outside\r\n"
        s.sendmail("stranger@example.org", ["Demo+tag@MAILD.localhost"], sent[5])
        refused(s, "relaying", 550, "stranger@example.org", "someone@example.net")

    for n in sent:
        got = subprocess.run(curl + [f"pop3s://127.0.0.1:{d.ports['POP3S']}/{n}"], stdout=subprocess.PIPE, check=True).stdout
        same("curl pop3s", sent[n], got)
    with_poplib(d, data, d.password, lambda p: [same("poplib", sent[n], retr(p, n)) for n in sent])

    for n in sent:
        url = f"imaps://127.0.0.1:{d.ports['IMAPS']}/INBOX;UID={n}"
        same("curl imaps", sent[n], subprocess.run(curl + [url], stdout=subprocess.PIPE, check=True).stdout)
    by_imap(d, data, sent)

    p = poplib.POP3("localhost", d.ports["POP3"], timeout=60)
    p.stls(context(data))
    p.user("demo")
    p.pass_(d.password)
    p.dele(1)
    p.quit()
    check("DELE and QUIT over STLS", with_poplib(d, data, d.password, lambda p: p.stat()[0]) == len(sent))
    with imaplib.IMAP4_SSL("localhost", d.ports["IMAPS"], ssl_context=context(data), timeout=60) as m:
        m.login("demo", d.password)
        check("what POP3 deletes is gone in IMAP", m.select("INBOX")[1] == [str(len(sent)).encode()] and m.uid("SEARCH", "ALL")[1] == [b"2 3 4 5"])


def by_imap(d, data, sent):
    """The mail that has come, with one session over STARTTLS and one over TLS."""
    def ok(answer):
        if answer[0] != "OK":
            raise AssertionError(answer)
        return answer[1]

    a = imaplib.IMAP4("localhost", d.ports["IMAP"], timeout=60)
    check("IMAP takes no password in the clear", "LOGINDISABLED" in a.capabilities, a.capabilities)
    a.starttls(context(data))
    b = imaplib.IMAP4_SSL("localhost", d.ports["IMAPS"], ssl_context=context(data), timeout=60)
    with a, b:
        try:
            b.login("demo", "guess")
            check("a wrong password is refused", False)
        except imaplib.IMAP4.error as e:
            check("a wrong password is refused", b"AUTHENTICATIONFAILED" in e.args[0], e)
        for m in (a, b):
            m.login("demo", d.password)
            check("imaplib selects the inbox", ok(m.select("INBOX")) == [str(len(sent) + 1).encode()])
        listed = b"\n".join(ok(a.list()))
        check("new accounts have mailboxes for all uses", all(use in listed for use in (b"\\Sent", b"\\Drafts", b"\\Trash", b"\\Junk", b"\\Archive")), listed)
        for n in sent:
            got = ok(a.uid("FETCH", str(n), "(RFC822.SIZE BODY.PEEK[])"))[0]
            same("imaplib", sent[n], got[1])
            size = int(re.search(rb"RFC822\.SIZE (\d+)", got[0])[1])
            check(f"RFC822.SIZE of message {n}", size == len(got[1]), size)
        part = ok(a.uid("FETCH", "2", "(BODYSTRUCTURE BODY.PEEK[2.MIME])"))
        check("a part and the structure", b'"first.bin"' in part[0][0] and b"first.bin" in part[0][1], part)

        ok(a.uid("STORE", "4", "+FLAGS", r"(\Flagged Receipt)"))
        check("another session searches by flag and keyword", ok(b.uid("SEARCH", "FLAGGED", "KEYWORD", "receipt")) == [b"4"])
        check("a search in text", ok(b.uid("SEARCH", "SUBJECT", "dots", "BODY", "hidden")) == [b"4"])

        text = b"From: demo@maild.localhost\r\nSubject: note\r\n\r\nkept\r\n.\r\n"
        ok(a.append("Drafts", r"(\Draft \Seen)", '"11-Jan-2026 10:00:00 +0200"', text))
        ok(b.select("Drafts"))
        got = ok(b.fetch("1", "(FLAGS INTERNALDATE BODY.PEEK[])"))[0]
        check("APPEND keeps octets, flags and date", got[1] == text and rb"\Draft" in got[0] and b'11-Jan-2026 10:00:00 +0200' in got[0], got)
        ok(b.create("Work/2026"))
        ok(b.copy("1", "Work/2026"))
        ok(b.store("1", "+FLAGS", r"(\Deleted)"))
        check("EXPUNGE", ok(b.expunge()) == [b"1"] and ok(b.search(None, "ALL")) == [b""])
        ok(a.select("Work/2026"))
        check("a copy outlives its original", ok(a.fetch("1", "(BODY.PEEK[])"))[0][1] == text)
        a.close()
        for name in ("Work/2026", "Work"):
            ok(a.delete(name))


def retr(p, n):
    _, lines, size = p.retr(n)
    message = b"".join(line + b"\r\n" for line in lines)
    check(f"the size of message {n} is what LIST says", len(message) == int(p.list(n).split()[2]), size)
    return message


def refused(s, what, code, sender, recipient):
    try:
        s.sendmail(sender, [recipient], b"\r\n")
    except smtplib.SMTPSenderRefused as e:
        got = e.smtp_code
    except smtplib.SMTPRecipientsRefused as e:
        got = e.recipients[recipient][0]
    else:
        got = 250
    check(f"{what} is refused with {code}", got == code, got)


def main():
    tmp = Path(tempfile.mkdtemp(prefix="maild-e2e-"))
    try:
        with open(tmp / "log", "w") as log:
            try:
                run(tmp, log)
            except BaseException:
                log.flush()
                print("--- log of the daemon\n" + (tmp / "log").read_text(), file=sys.stderr)
                raise
    finally:
        shutil.rmtree(tmp)


if __name__ == "__main__":
    main()
