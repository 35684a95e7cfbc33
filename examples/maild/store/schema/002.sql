-- Mail on its way to other hosts. A message is here as long as one of its
-- recipients is, and holds its octets together with the mailboxes here.

CREATE TABLE queue (
	id       INTEGER PRIMARY KEY AUTOINCREMENT,
	name     TEXT NOT NULL UNIQUE,            -- as in replies, trace and log
	content  INTEGER NOT NULL REFERENCES contents,
	skip     INTEGER NOT NULL,                -- octets on top of the content that are for mailboxes only
	arrived  INTEGER NOT NULL,                -- this and the times below: milliseconds since 1970, UTC
	envelope TEXT NOT NULL                    -- JSON: sender and parameters
) STRICT;
CREATE INDEX queue_content ON queue (content);

CREATE TABLE queue_rcpts (
	id       INTEGER PRIMARY KEY AUTOINCREMENT,
	message  INTEGER NOT NULL REFERENCES queue ON DELETE CASCADE,
	domain   TEXT NOT NULL,                   -- lower case, A-labels
	rcpt     TEXT NOT NULL,                   -- JSON: address and parameters
	attempts INTEGER NOT NULL,
	next     INTEGER NOT NULL,                -- when to try again
	warn     INTEGER NOT NULL,                -- when to tell the sender that it takes long; 0: never, or done
	expires  INTEGER NOT NULL,                -- when to give up
	last     TEXT NOT NULL                    -- what came of the last attempt
) STRICT;
CREATE INDEX queue_rcpts_message ON queue_rcpts (message);
CREATE INDEX queue_rcpts_domain ON queue_rcpts (domain, next);
CREATE INDEX queue_rcpts_next ON queue_rcpts (next);

CREATE TRIGGER queue_done AFTER DELETE ON queue_rcpts
WHEN NOT EXISTS (SELECT 1 FROM queue_rcpts WHERE message = OLD.message)
BEGIN
	DELETE FROM queue WHERE id = OLD.message;
END;

-- Whoever is the last to drop a message takes its octets along.
DROP TRIGGER contents_unused;
CREATE TRIGGER contents_unused AFTER DELETE ON messages
WHEN NOT EXISTS (SELECT 1 FROM messages WHERE content = OLD.content) AND NOT EXISTS (SELECT 1 FROM queue WHERE content = OLD.content)
BEGIN
	DELETE FROM contents WHERE id = OLD.content;
END;
CREATE TRIGGER contents_unused_in_queue AFTER DELETE ON queue
WHEN NOT EXISTS (SELECT 1 FROM messages WHERE content = OLD.content) AND NOT EXISTS (SELECT 1 FROM queue WHERE content = OLD.content)
BEGIN
	DELETE FROM contents WHERE id = OLD.content;
END;

-- MTA-STS policies: a policy protects because it is remembered. RFC 8461, section 10.2.
CREATE TABLE sts_policies (
	domain TEXT PRIMARY KEY,
	entry  TEXT NOT NULL                      -- JSON
) STRICT, WITHOUT ROWID;
