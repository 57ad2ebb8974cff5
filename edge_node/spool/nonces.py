"""Keep the ids of accepted commands in the spool's file, so that each is taken once, over restarts too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from edge_node.spool.rows import MAX_NONCES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Execute: TypeAlias = Callable[[str, Sequence[Any]], Any]

SELECT = "SELECT id, expires_at_s FROM nonce"


def put(execute: Execute, taken: Sequence[tuple[str, float]], forget_before_s: float) -> None:
    """Insert ids with when each expires, in the caller's transaction.

    Those that expired before ``forget_before_s``, the floor of time, are deleted, and of too many the first
    that expire.
    """
    execute("DELETE FROM nonce WHERE expires_at_s < ?", (forget_before_s,))
    for nonce in taken:
        execute("INSERT OR REPLACE INTO nonce VALUES (?, ?)", nonce)
    execute(
        "DELETE FROM nonce WHERE id IN (SELECT id FROM nonce ORDER BY expires_at_s"
        " LIMIT max(0, (SELECT count(*) FROM nonce) - ?))",
        (MAX_NONCES,),
    )
