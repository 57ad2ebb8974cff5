"""Pieces of a bundle: only what was asked for is taken, and how much is asked for."""

from __future__ import annotations

from edge_node.update.piece_requests import MAX_PIECES, PIECE_BYTES, Piece, PieceRequests


def test_only_what_was_asked_for_is_taken():
    """Another offset, another length, the same piece twice: left out; out of order is put in order."""
    requests = PieceRequests()
    first, second = requests.due(0, 3 * PIECE_BYTES, 0.0)
    assert (first, second) == (Piece(0, PIECE_BYTES), Piece(PIECE_BYTES, PIECE_BYTES))
    content = bytes(PIECE_BYTES)
    assert requests.receive(1, content, 0, 0.1) is None
    assert requests.receive(0, content + b"x", 0, 0.1) is None
    assert requests.receive(2 * PIECE_BYTES, content, 0, 0.1) is None
    assert requests.receive(PIECE_BYTES, content, 0, 0.1) == b""
    assert requests.receive(PIECE_BYTES, content, 0, 0.1) is None
    assert requests.receive(0, content, 0, 0.1) == content * 2


def test_quick_links_get_more_and_silent_ones_less_and_less():
    """The window grows to its bound, and what does not come is asked for ever more seldom."""
    requests, at, now_s = PieceRequests(), 0, 0.0
    for _ in range(300):
        for piece in requests.due(at, 1 << 30, now_s):
            at += len(requests.receive(piece.offset, bytes(piece.length), at, now_s + 0.01) or b"")
        now_s += 0.02
    assert len(requests.due(at, 1 << 30, now_s)) == MAX_PIECES
    asked = [bool(requests.due(at, 1 << 30, now_s + second)) for second in range(1, 301)]
    assert 5 < sum(asked) < 40
