-- What IMAP has beyond POP3.

-- Messages from this UID on no session has been told of: RFC 3501, section 2.3.2 (\Recent).
ALTER TABLE mailboxes ADD COLUMN recent INTEGER NOT NULL DEFAULT 1;

-- In which zone internal_date was given, seconds east of UTC.
ALTER TABLE messages ADD COLUMN zone INTEGER NOT NULL DEFAULT 0;

-- ENVELOPE and BODYSTRUCTURE as they are printed; NULL: to be made from the index.
ALTER TABLE contents ADD COLUMN imap_envelope BLOB;
ALTER TABLE contents ADD COLUMN imap_body BLOB;

-- Names, not mailboxes: they outlive these. RFC 9051, section 6.3.7.
CREATE TABLE subscriptions (
	account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
	name    TEXT NOT NULL,
	PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;
INSERT INTO subscriptions SELECT account, name FROM mailboxes;

-- The keywords of a mailbox, as they were spelled first: RFC 9051, section 2.3.2.
CREATE TABLE keywords (
	mailbox INTEGER NOT NULL REFERENCES mailboxes ON DELETE CASCADE,
	name    TEXT NOT NULL COLLATE NOCASE,
	PRIMARY KEY (mailbox, name)
) STRICT, WITHOUT ROWID;

-- Octets that nobody refers to any more. The transaction that puts them here
-- removes them, but for those that are just being read.
CREATE TABLE unused (
	content INTEGER PRIMARY KEY REFERENCES contents ON DELETE CASCADE
) STRICT;

DROP TRIGGER contents_unused;
CREATE TRIGGER contents_unused AFTER DELETE ON messages
WHEN NOT EXISTS (SELECT 1 FROM messages WHERE content = OLD.content) AND NOT EXISTS (SELECT 1 FROM queue WHERE content = OLD.content)
BEGIN
	INSERT OR IGNORE INTO unused VALUES (OLD.content);
END;
DROP TRIGGER contents_unused_in_queue;
CREATE TRIGGER contents_unused_in_queue AFTER DELETE ON queue
WHEN NOT EXISTS (SELECT 1 FROM messages WHERE content = OLD.content) AND NOT EXISTS (SELECT 1 FROM queue WHERE content = OLD.content)
BEGIN
	INSERT OR IGNORE INTO unused VALUES (OLD.content);
END;
