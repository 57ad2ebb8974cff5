"""Keep the ids of accepted commands in the spool's file, so that each is taken once, over restarts too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.spool.rows import MAX_NONCES

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

SELECT = "SELECT id, expires_at_s FROM nonce"


def put(writer: sqlite3.Connection, taken: Sequence[tuple[str, float]], forget_before_s: float) -> None:
    """Insert ids with when each expires, in the caller's transaction.

    Those that expired before ``forget_before_s``, the floor of time, are deleted, and of too many the first
    that expire.
    """
    writer.execute("DELETE FROM nonce WHERE expires_at_s < ?", (forget_before_s,))
    writer.executemany("INSERT OR REPLACE INTO nonce VALUES (?, ?)", taken)
    writer.execute(
        "DELETE FROM nonce WHERE id IN (SELECT id FROM nonce ORDER BY expires_at_s"
        " LIMIT max(0, (SELECT count(*) FROM nonce) - ?))",
        (MAX_NONCES,),
    )
