"""What may be asked for."""

from __future__ import annotations

import msgspec
import pytest

from edge_node.control_room.long_work.job_order import PostedJob


@pytest.mark.parametrize(
    "text",
    [
        '{"kind":"exe"}',
        '{"kind":"pdf"}',
        '{"kind":"dataset","report":{"site":"a","robot":"b"}}',
        '{"kind":"csv","report":{"site":"a"}}',
        '{"kind":"csv","report":{"site":"a","robot":"b","since":"2026-01-01T00:00:00"}}',
        '{"kind":"csv","report":{"site":"a","robot":"b"},"out":"/etc/passwd"}',
    ],
)
def test_what_is_no_work_is_refused(text: str) -> None:
    """Nobody names a file, and each kind has what it needs."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=PostedJob)


def test_a_file_has_a_plain_name() -> None:
    """Whatever a site is called."""
    posted = msgspec.json.decode(
        '{"kind":"pdf","report":{"site":"../\\u202equay \\"1\\"","robot":"é"}}', type=PostedJob
    )
    assert posted.file_name == ".._" + "_quay__1_-_.pdf"
