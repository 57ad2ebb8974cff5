"""The tables by which processes that share a history know of each other: state of today, in no backup."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table, Text, text

from edge_node.control_room.history.storage.tables import MEASURE, NUMBER, metadata

# Duties that one process has at a time. Whoever has one raises ``beat``; each new holder raises ``fence``.
lease = Table(
    "lease",
    metadata,
    Column("name", Text, primary_key=True, nullable=False),
    Column("holder", Text, nullable=False),
    Column("fence", NUMBER, nullable=False),
    Column("beat", NUMBER, nullable=False),
    sqlite_with_rowid=False,
)
# What was stored lately, for the pages of other processes and for receipts.
change = Table(
    "change",
    metadata,
    Column("change_key", NUMBER, primary_key=True),
    Column("content", Text, nullable=False),
    sqlite_autoincrement=True,
)
# Who runs, and how its link to the broker is.
room_process = Table(
    "room_process",
    metadata,
    Column("name", Text, primary_key=True, nullable=False),
    Column("place", Text, nullable=False),
    Column("beat", NUMBER, nullable=False),
    Column("state", Text, nullable=False),
    Column("since_us", NUMBER, nullable=False),
    Column("words", Text, nullable=False, server_default=text("''")),
    sqlite_with_rowid=False,
)
# Who is logged in: what the file sessions.json is to a control room of one process.
login_session = Table(
    "login_session",
    metadata,
    Column("key", Text, primary_key=True, nullable=False),
    Column("user", Text, nullable=False),
    Column("proof", Text, nullable=False),
    Column("began_s", MEASURE, nullable=False),
    Column("expires_s", MEASURE, nullable=False),
    sqlite_with_rowid=False,
)
Index("login_session_by_user", login_session.c.user, login_session.c.began_s)
# Who guesses passwords where, so that more processes are no more guesses.
failed_login = Table(
    "failed_login",
    metadata,
    Column("user", Text, primary_key=True, nullable=False),
    Column("network", Text, primary_key=True, nullable=False),
    Column("failures", NUMBER, nullable=False),
    Column("until_s", MEASURE, nullable=False),
    Column("checking_until_s", MEASURE, nullable=False),
    Column("tried_s", MEASURE, nullable=False),
    sqlite_with_rowid=False,
)
TABLES = (lease, change, room_process, login_session, failed_login)
