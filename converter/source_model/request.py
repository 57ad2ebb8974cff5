"""Define what the process of the source models is asked and what it answers, and the files that carry both.

Nothing here comes from the converter's reading of a graph: files, the user's flags, pictures, their labels.
"""

from __future__ import annotations

from typing import Literal

import msgspec

REQUEST_NAME, RESULT_NAME = "source_request.json", "source_result.json"
PROGRESS = "share done: "  # begins the lines about how far the process is; TensorFlow may print others
UNKNOWN_LABEL = -1
# Names among the alternatives: the source's own scaling, and its two labels in the other order.
CHOSEN, EXCHANGED_LABELS = "as chosen", "labels exchanged"


class SourceFlags(msgspec.Struct, frozen=True, kw_only=True):
    """What the user says about one graph, by flags or in the cascade file."""

    input_layer: str | None = None
    output_layer: str | None = None
    height: int | None = None
    width: int | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    colour_order: str | None = None


class SourceStage(msgspec.Struct, frozen=True, kw_only=True):
    """One source model, and the pictures whose label is known.

    Attributes:
        name: of the stage.
        graph: path of the file or folder that the user gave.
        flags: given by the user.
        labels: how many there are.
        truth: per picture the index of the right label; ``UNKNOWN_LABEL`` where it is not known.
    """

    name: str
    graph: str
    flags: SourceFlags
    labels: int
    truth: tuple[int, ...] = ()


class SourcePicture(msgspec.Struct, frozen=True, kw_only=True):
    """One picture file; ``sha256`` is of the node's own decoded pixels, red first."""

    path: str
    sha256: str = ""


class SourceRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The task of the process.

    Attributes:
        stages: the source models.
        pictures: first those that the bundle is compared on, then more whose label is known.
        compared: how many of them the bundle is compared on.
        variants: whether other ways to feed these are tried too, to find out why a bundle differs.
    """

    stages: tuple[SourceStage, ...]
    pictures: tuple[SourcePicture, ...]
    compared: int
    variants: bool = False


class ScalingScore(msgspec.Struct, frozen=True, kw_only=True):
    """How often a model is right under one scaling of its pixels.

    Attributes:
        name: of the scaling.
        right: pictures with the right label.
        pictures: all that were asked.
        gained: right here, and wrong under the chosen scaling.
        lost: wrong here, and right under the chosen scaling.
    """

    name: str
    right: int
    pictures: int
    gained: int = 0
    lost: int = 0


class SourceAnswers(msgspec.Struct, frozen=True, kw_only=True):
    """What one source model says.

    Attributes:
        facts: what was read from the model itself and the flags, by name.
        height: pixels of its input.
        width: pixels of its input.
        form: what its output is; ``independent`` labels have a probability of their own each.
        probabilities: per compared picture that could be read, per label.
        scores: accuracy under the chosen scaling and others, on the pictures whose label is known.
        fast_decoding: the most that TensorFlow's own default decoding of JPEG moves a probability.
        resized: file with the compared pictures at the input's size, bytes, red first; empty where they are
            no bytes.
        rounding: the most that rounding of resized pixels moves a probability.
        unrounded: the same probabilities where its own ops that round to a few bits are passed by; none if it
            has no such ops.
        variants: how pixels were fed -> the probabilities of the first compared pictures.
        refusal: a sentence on what nothing tells; then there is no answer.
    """

    facts: dict[str, str] = {}
    height: int = 0
    width: int = 0
    form: Literal["exclusive", "independent"] = "exclusive"
    probabilities: tuple[tuple[float, ...], ...] = ()
    scores: tuple[ScalingScore, ...] = ()
    fast_decoding: float | None = None
    resized: str = ""
    rounding: float | None = None
    unrounded: tuple[tuple[float, ...], ...] = ()
    variants: dict[str, tuple[tuple[float, ...], ...]] = {}
    refusal: str = ""


class DecodedPicture(msgspec.Struct, frozen=True, kw_only=True):
    """How TensorFlow decodes one compared picture.

    Attributes:
        pixels: file with its pixels, red first, where they are not the node's; empty where they are the same.
        worst_levels: grey levels by which TensorFlow's own default decoding differs at most; None where it
            has only one way.
        mean_levels: on average.
        unread: why TensorFlow does not decode it; empty where it does.
    """

    pixels: str = ""
    worst_levels: float | None = None
    mean_levels: float | None = None
    unread: str = ""


class SourceResult(msgspec.Struct, frozen=True, kw_only=True):
    """The answers of all source models.

    Attributes:
        stages: by name.
        pictures: how the compared pictures were decoded.
        seconds: that it took.
        peak_memory_mb: of the process.
        modules: of the converter that the process had loaded in the end.
    """

    stages: dict[str, SourceAnswers]
    pictures: tuple[DecodedPicture, ...]
    seconds: float = 0.0
    peak_memory_mb: float = 0.0
    modules: tuple[str, ...] = ()
