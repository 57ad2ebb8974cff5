"""Detect a stream that repeats one picture: a hung encoder still sends frames, but they are old."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_node.camera.frame import Frame

# Every eighth pixel of every eighth line: sensor noise alone changes some of 4800 at 640 x 480.
_SAMPLE_STEP = 8
# Two equal frames may be one that was sent twice at a doubled rate.
_MIN_REPEATS = 3


class FrozenStreamDetector:
    """Detect that frames have been equal bit by bit for longer than ``after_ms``."""

    def __init__(self, after_ms: int) -> None:
        self._after_ns = after_ms * 1_000_000
        self._sample = b""
        self._repeats = 0
        self._since_ns = 0

    def sees_repetition(self, frame: Frame) -> bool:
        """Compare the next frame with the last; True while the stream counts as frozen."""
        sample = frame.pixels[::_SAMPLE_STEP, ::_SAMPLE_STEP].tobytes()
        if sample != self._sample:
            self._sample, self._repeats, self._since_ns = sample, 0, frame.captured_at_ns
            return False
        self._repeats += 1
        return self._repeats >= _MIN_REPEATS and frame.captured_at_ns - self._since_ns >= self._after_ns

    def repeated_ms(self, frame: Frame) -> float:
        """Return for how long the frames have been equal."""
        return (frame.captured_at_ns - self._since_ns) / 1e6
