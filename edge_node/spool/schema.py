"""Define the tables of the spool's SQLite file. Pure."""

from __future__ import annotations

APPLICATION_ID = 0x436F7252  # "CorR": tells our files from other SQLite files
VERSION = 1  # tables are added without a new version: an older program does not see them
COLUMNS = "position, kind, seq, epoch, keep, appended_at_s, crc, correlation, payload"
SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE message (
    position INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, seq INTEGER NOT NULL,
    epoch TEXT NOT NULL, keep INTEGER NOT NULL, appended_at_s REAL NOT NULL,
    crc INTEGER NOT NULL, correlation BLOB NOT NULL, payload BLOB NOT NULL);
CREATE INDEX message_by_keep ON message (keep, position);
CREATE INDEX message_by_kind ON message (kind, position);
CREATE TABLE quarantine (
    position INTEGER PRIMARY KEY, kind TEXT NOT NULL, seq INTEGER NOT NULL,
    epoch TEXT NOT NULL, keep INTEGER NOT NULL, appended_at_s REAL NOT NULL,
    crc INTEGER NOT NULL, correlation BLOB NOT NULL, payload BLOB NOT NULL,
    code INTEGER NOT NULL, reason TEXT NOT NULL);
CREATE TABLE nonce (id TEXT PRIMARY KEY, expires_at_s REAL NOT NULL) WITHOUT ROWID;
"""
GIVEN_UP_SCHEMA = """
CREATE TABLE IF NOT EXISTS given_up (
    position INTEGER PRIMARY KEY, epoch TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    previous_sha256 TEXT);
"""
