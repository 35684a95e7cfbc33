-- Whether a header has more than ASCII: clients of POP3 that have not said UTF8 cannot
-- be given the message. RFC 6856, section 2.1. Earlier mail was never looked at.
ALTER TABLE contents ADD COLUMN utf8 INTEGER NOT NULL DEFAULT 0;
