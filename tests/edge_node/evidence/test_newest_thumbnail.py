"""The retained thumbnail: the newest, when the link is idle, and not too often."""

from __future__ import annotations

from edge_node.evidence.newest_thumbnail import NewestThumbnail
from edge_node.evidence.store import EvidencePicture, PictureSize
from edge_node.messages.topics import Topics

TOPICS = Topics("site", "robot")


def picture(content: bytes, size: PictureSize = PictureSize.THUMBNAIL) -> EvidencePicture:
    """A picture as the store hands it out."""
    return EvidencePicture(sha256="0" * 64, size=size, content=content)


def test_the_newest_thumbnail_is_retained_when_nothing_else_is_to_be_sent() -> None:
    """Older ones and full pictures are left out; at most one in ten seconds."""
    newest = NewestThumbnail(TOPICS)
    assert newest.next_message(0, is_idle=True) is None
    newest.put(picture(b"1"))
    newest.put(picture(b"2"))
    newest.put(picture(b"full", PictureSize.FULL))
    assert newest.next_message(1, is_idle=False) is None
    message = newest.next_message(2, is_idle=True)
    assert message is not None
    assert (message.topic, message.payload, message.retain) == (TOPICS.thumbnail, b"2", True)
    newest.put(picture(b"3"))
    assert newest.next_message(11, is_idle=True) is None
    assert newest.next_message(12, is_idle=True) is not None
    assert newest.next_message(100, is_idle=True) is None
