-- Identifiers are AUTOINCREMENT, hence never reused: whoever still holds the
-- id of something deleted finds nothing, and never another user's mail.

CREATE TABLE accounts (
	id   INTEGER PRIMARY KEY AUTOINCREMENT,
	name TEXT NOT NULL UNIQUE                 -- lower case
) STRICT;

-- What an account proves itself with, one row per scheme, as auth.Verifier.Text
-- writes it. A password itself is stored only with -readable-passwords.
CREATE TABLE verifiers (
	account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
	scheme  TEXT NOT NULL,
	text    TEXT NOT NULL,
	PRIMARY KEY (account, scheme)
) STRICT, WITHOUT ROWID;

-- RFC 9051, section 2.3.1.1 (UIDVALIDITY, UIDNEXT); RFC 7162, section 3.1.2.1
-- (HIGHESTMODSEQ). Both counters only ever grow, also when messages go.
CREATE TABLE mailboxes (
	id            INTEGER PRIMARY KEY AUTOINCREMENT,
	account       INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
	name          TEXT NOT NULL,
	special_use   TEXT NOT NULL DEFAULT '',   -- RFC 6154: "\Sent", ...
	uidvalidity   INTEGER NOT NULL CHECK (uidvalidity BETWEEN 1 AND 4294967295),
	uidnext       INTEGER NOT NULL DEFAULT 1 CHECK (uidnext BETWEEN 1 AND 4294967296),
	highestmodseq INTEGER NOT NULL DEFAULT 1,
	UNIQUE (account, name)
) STRICT;

-- The last UIDVALIDITY given out, one row: a mailbox made again under an old
-- name must not get the old value.
CREATE TABLE uidvalidity (last INTEGER NOT NULL) STRICT;
INSERT INTO uidvalidity VALUES (0);

-- The octets of a message, once, however many mailboxes hold it.
CREATE TABLE contents (
	id        INTEGER PRIMARY KEY AUTOINCREMENT,
	size      INTEGER NOT NULL,               -- octets as stored: RFC822.SIZE
	text_size INTEGER NOT NULL,               -- octets with every line end as CRLF: what POP3 counts
	mime      BLOB NOT NULL                   -- where its parts are, as mime.Message.AppendIndex writes it
) STRICT;

-- In pieces, so that 50 MiB are read without holding 50 MiB.
CREATE TABLE chunks (
	content INTEGER NOT NULL REFERENCES contents ON DELETE CASCADE,
	seq     INTEGER NOT NULL,
	data    BLOB NOT NULL,
	PRIMARY KEY (content, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE messages (
	mailbox       INTEGER NOT NULL REFERENCES mailboxes ON DELETE CASCADE,
	uid           INTEGER NOT NULL,
	modseq        INTEGER NOT NULL,
	flags         TEXT NOT NULL DEFAULT '',   -- flags and keywords, separated by SP
	internal_date INTEGER NOT NULL,           -- seconds since 1970, UTC
	content       INTEGER NOT NULL REFERENCES contents,
	PRIMARY KEY (mailbox, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX messages_modseq ON messages (mailbox, modseq);
CREATE INDEX messages_content ON messages (content);

-- The last mailbox to drop a message takes its octets along.
CREATE TRIGGER contents_unused AFTER DELETE ON messages
WHEN NOT EXISTS (SELECT 1 FROM messages WHERE content = OLD.content)
BEGIN
	DELETE FROM contents WHERE id = OLD.content;
END;

-- What is gone, for clients that ask since when: RFC 7162, section 3.2.10 (VANISHED).
CREATE TABLE expunged (
	mailbox INTEGER NOT NULL REFERENCES mailboxes ON DELETE CASCADE,
	modseq  INTEGER NOT NULL,
	uid     INTEGER NOT NULL,
	PRIMARY KEY (mailbox, modseq, uid)
) STRICT, WITHOUT ROWID;
