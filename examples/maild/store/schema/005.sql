-- The history of removals is bounded: how many of a mailbox are in the table
-- expunged, and up to which modification sequence they are forgotten.
ALTER TABLE mailboxes ADD COLUMN removals INTEGER NOT NULL DEFAULT 0;
ALTER TABLE mailboxes ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0;
UPDATE mailboxes SET removals = (SELECT count(*) FROM expunged WHERE mailbox = id);

-- Accounts older than 003 have no mailbox for the archive. The first mailboxes of
-- an account have successive ids, and were five then: so these are told from later
-- accounts that have deleted theirs.
CREATE TEMP TABLE no_archive AS
	SELECT i.account FROM mailboxes AS i
	WHERE i.name = 'INBOX'
		AND EXISTS (SELECT 1 FROM mailboxes AS m WHERE m.account = i.account
			AND (m.special_use = '\Junk' AND m.id = i.id + 3 OR m.special_use = '\Trash' AND m.id = i.id + 4))
		AND NOT EXISTS (SELECT 1 FROM mailboxes AS m WHERE m.account = i.account
			AND (instr(' ' || m.special_use || ' ', ' \Archive ') > 0));
UPDATE mailboxes SET special_use = trim(special_use || ' \Archive')
	WHERE name = 'Archive' AND account IN (SELECT account FROM no_archive);
DELETE FROM no_archive WHERE account IN (SELECT account FROM mailboxes WHERE name = 'Archive');
UPDATE uidvalidity SET last = max(last, unixepoch());
INSERT INTO mailboxes (account, name, special_use, uidvalidity)
	SELECT account, 'Archive', '\Archive', last + row_number() OVER (ORDER BY account) FROM no_archive, uidvalidity;
UPDATE uidvalidity SET last = last + (SELECT count(*) FROM no_archive);
INSERT OR IGNORE INTO subscriptions SELECT account, 'Archive' FROM no_archive;
DROP TABLE no_archive;
