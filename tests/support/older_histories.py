"""Histories as older versions of the control room wrote them, and their statements, word for word."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from edge_node.control_room.history.database import NAME

if TYPE_CHECKING:
    from pathlib import Path

OF_0_5_0 = """
CREATE TABLE robot (
    robot_key INTEGER PRIMARY KEY, site TEXT NOT NULL, robot TEXT NOT NULL,
    first_heard_us INTEGER NOT NULL, last_heard_us INTEGER NOT NULL, last_verdict_us INTEGER,
    verdicts INTEGER NOT NULL DEFAULT 0, duplicates INTEGER NOT NULL DEFAULT 0,
    clock_ahead_us INTEGER, status BLOB, health BLOB,
    UNIQUE (site, robot));
CREATE TABLE epoch (
    epoch_key INTEGER PRIMARY KEY, robot_key INTEGER NOT NULL, epoch TEXT NOT NULL,
    UNIQUE (robot_key, epoch));
CREATE TABLE arrived (
    epoch_key INTEGER NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,
    PRIMARY KEY (epoch_key, first_seq)) WITHOUT ROWID;
CREATE TABLE verdict (
    position INTEGER PRIMARY KEY AUTOINCREMENT, robot_key INTEGER NOT NULL, epoch_key INTEGER NOT NULL,
    seq INTEGER NOT NULL, observed_us INTEGER NOT NULL, received_us INTEGER NOT NULL,
    replayed INTEGER NOT NULL, outcome TEXT NOT NULL, material TEXT, form TEXT, severity TEXT, asset TEXT,
    distance_m REAL, area_fraction REAL, evidence TEXT);
CREATE UNIQUE INDEX verdict_by_number ON verdict (epoch_key, seq);
CREATE INDEX verdict_by_time ON verdict (observed_us);
CREATE INDEX verdict_by_robot ON verdict (robot_key, observed_us);
CREATE INDEX verdict_by_outcome ON verdict (outcome, observed_us);
CREATE INDEX verdict_by_material ON verdict (material, observed_us);
CREATE INDEX verdict_by_severity ON verdict (severity, observed_us) WHERE severity IS NOT NULL;
CREATE INDEX verdict_by_asset ON verdict (asset, observed_us) WHERE asset IS NOT NULL;
CREATE INDEX verdict_by_distance ON verdict (robot_key, distance_m) WHERE distance_m IS NOT NULL;
CREATE TABLE verdict_message (position INTEGER PRIMARY KEY, payload BLOB NOT NULL);
CREATE TABLE finding (
    finding_key INTEGER PRIMARY KEY, robot_key INTEGER NOT NULL, finding_id TEXT NOT NULL,
    is_open INTEGER NOT NULL, frames INTEGER NOT NULL, first_us INTEGER NOT NULL, last_us INTEGER NOT NULL,
    received_us INTEGER NOT NULL, material TEXT, severity TEXT, asset TEXT, payload BLOB NOT NULL,
    UNIQUE (robot_key, finding_id));
CREATE INDEX finding_by_time ON finding (is_open, last_us);
CREATE TABLE review (
    review_id TEXT PRIMARY KEY, robot_key INTEGER NOT NULL, finding_id TEXT NOT NULL,
    reviewed_us INTEGER NOT NULL, opinion TEXT NOT NULL, note TEXT NOT NULL, reviewer TEXT NOT NULL,
    corrections TEXT NOT NULL, delivery TEXT NOT NULL, answer TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX review_by_finding ON review (robot_key, finding_id, reviewed_us);
CREATE TABLE response (
    response_key INTEGER PRIMARY KEY, robot_key INTEGER NOT NULL, response_id TEXT NOT NULL,
    received_us INTEGER NOT NULL, command_id TEXT, payload BLOB NOT NULL,
    UNIQUE (robot_key, response_id));
CREATE INDEX response_by_command ON response (command_id);
CREATE TABLE picture (
    picture_key INTEGER PRIMARY KEY AUTOINCREMENT, robot_key INTEGER NOT NULL, sha256 TEXT NOT NULL,
    is_thumbnail INTEGER NOT NULL, received_us INTEGER NOT NULL, bytes INTEGER NOT NULL,
    content BLOB NOT NULL,
    UNIQUE (robot_key, sha256, is_thumbnail));
CREATE TABLE refused (
    reason TEXT PRIMARY KEY, count INTEGER NOT NULL, last_us INTEGER NOT NULL, last_topic TEXT NOT NULL,
    last_text TEXT NOT NULL) WITHOUT ROWID;
"""
# What 0.6.0 to 0.8.0 added when they opened a file.
ADDED_TO_0_8_0 = """
CREATE TABLE epoch_state (
    epoch_key INTEGER PRIMARY KEY, robot_key INTEGER NOT NULL, from_start INTEGER NOT NULL,
    previous_key INTEGER, named_seq INTEGER NOT NULL DEFAULT 0, named_us INTEGER,
    missing INTEGER NOT NULL DEFAULT 0);
CREATE TABLE conflict (
    conflict_key INTEGER PRIMARY KEY, robot_key INTEGER NOT NULL, epoch TEXT NOT NULL,
    seq INTEGER NOT NULL, sha256 BLOB NOT NULL, received_us INTEGER NOT NULL, count INTEGER NOT NULL,
    payload BLOB NOT NULL, UNIQUE (robot_key, epoch, seq, sha256));
CREATE INDEX epoch_with_gaps ON epoch_state (robot_key) WHERE missing > 0;
CREATE INDEX epoch_by_previous ON epoch_state (previous_key) WHERE previous_key IS NOT NULL;
ALTER TABLE verdict ADD COLUMN sha256 BLOB;
ALTER TABLE verdict ADD COLUMN reasons TEXT NOT NULL DEFAULT '';
ALTER TABLE verdict ADD COLUMN teaches INTEGER NOT NULL DEFAULT 99;
ALTER TABLE verdict ADD COLUMN margin REAL NOT NULL DEFAULT 0;
CREATE INDEX verdict_by_teaching ON verdict (teaches, margin, position DESC) WHERE evidence IS NOT NULL;
CREATE TABLE disagreement (disagreement_key INTEGER PRIMARY KEY AUTOINCREMENT, robot_key INTEGER NOT NULL,
    epoch TEXT NOT NULL, seq INTEGER NOT NULL, received_us INTEGER NOT NULL, evidence TEXT,
    payload BLOB NOT NULL, UNIQUE (robot_key, epoch, seq));
CREATE TABLE IF NOT EXISTS retired (robot_key INTEGER PRIMARY KEY, retired_us INTEGER NOT NULL);
"""
VERSIONS = {"0.5.0": OF_0_5_0, "0.8.0": OF_0_5_0 + ADDED_TO_0_8_0}
_COPY = "INSERT INTO main.{table} ({columns}) SELECT {columns} FROM newer.{table}"
_APPLICATION_ID = 0x436F7248


def make_older(folder: Path, version: str = "0.5.0") -> None:
    """Replace the history in ``folder`` by a file of ``version`` with the rows that it knows of."""
    newer, older = folder / NAME, folder / "older.db"
    with closing(sqlite3.connect(older, isolation_level=None)) as file:
        file.executescript(f"{VERSIONS[version]} PRAGMA application_id = {_APPLICATION_ID};")
        file.executescript("PRAGMA user_version = 1; PRAGMA journal_mode = WAL;")
        file.execute("ATTACH ? AS newer", (str(newer),))
        tables = file.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            columns = ", ".join(row[1] for row in file.execute(f"PRAGMA main.table_info({table})"))
            if table != "sqlite_sequence":
                file.execute(_COPY.format(table=table, columns=columns))
    for path in folder.glob(f"{NAME}*"):
        path.unlink()
    older.rename(newer)


def store_as_0_5_0(folder: Path, seq: int, payload: bytes) -> None:
    """Store a verdict of the robot and the epoch that are there, as 0.5.0 does at its next start."""
    with closing(sqlite3.connect(folder / NAME, isolation_level=None)) as file:
        assert file.execute("PRAGMA user_version").fetchone() == (1,), "it would refuse the file"
        file.execute("BEGIN IMMEDIATE")
        file.execute("INSERT INTO arrived VALUES (?, ?, ?)", (1, seq, seq))
        position = file.execute(
            "INSERT INTO verdict (robot_key, epoch_key, seq, observed_us, received_us, replayed, outcome,"
            " material, form, severity, asset, distance_m, area_fraction, evidence)"
            " VALUES (1, 1, ?, ?, ?, 0, 'corroded', 'steel', NULL, NULL, NULL, NULL, NULL, NULL)",
            (seq, seq * 10**6, seq * 10**6),
        ).lastrowid
        file.execute("INSERT INTO verdict_message VALUES (?, ?)", (position, payload))
        file.execute(
            "INSERT INTO review (review_id, robot_key, finding_id, reviewed_us, opinion, note, reviewer,"
            " corrections, delivery, answer) VALUES (?, 1, 'f', 0, 'confirmed', '', 'Ada', '{}', 'done', '')",
            (f"review {seq}",),
        )
        file.execute(
            "INSERT INTO refused SELECT ?1, 1, ?2, ?3, ?4 WHERE (SELECT count(*) FROM refused) < 100"
            " OR EXISTS (SELECT 1 FROM refused WHERE reason = ?1) ON CONFLICT (reason) DO UPDATE SET"
            " count = count + 1, last_us = ?2, last_topic = ?3, last_text = ?4",
            ("not JSON", 0, "topic", "text"),
        )
        file.execute("COMMIT")
