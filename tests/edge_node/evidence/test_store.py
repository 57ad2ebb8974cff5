"""Evidence: names, bounds, policy; and over a real broker: thumbnails when idle, full pictures on request."""

from __future__ import annotations

import hashlib
import stat
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edge_node.config.delivery_sections import EvidenceBudgets, EvidenceConfig, MqttConfig, SpoolConfig
from edge_node.delivery.publisher import Publisher
from edge_node.evidence.marked_jpeg import read_marking
from edge_node.evidence.picture_outbox import PictureOutbox
from edge_node.evidence.store import EvidenceStore, PictureSize
from edge_node.inspection.overlay import Marking
from edge_node.messages.topics import Kind, Topics
from edge_node.messages.verdict import EvidenceReason
from edge_node.mqtt.wake import Wake
from edge_node.spool.spool import Spool
from tests.support.collector import Collector
from tests.support.processes import wait_for
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from pathlib import Path

TOPICS = Topics("site", "robot")
NOISE = np.random.default_rng(7)
CORRODED = (EvidenceReason.CORRODED,)
SAMPLE = (EvidenceReason.SAMPLE,)


def picture(height: int = 240, width: int = 320) -> np.ndarray:
    """A picture unlike any other; noise, so that it does not compress."""
    return NOISE.integers(0, 255, (height, width, 3), dtype=np.uint8)


def names(folder: Path, kind: str) -> set[str]:
    """The hashes of the pictures of a kind on disk."""
    return {file.stem for file in (folder / kind).iterdir()}


def test_a_picture_is_named_by_the_hash_of_its_bytes(tmp_path: Path) -> None:
    """The name says what is in the file; the file is the owner's alone; twice the same is once on disk."""
    evidence = EvidenceStore(tmp_path / "in", EvidenceConfig())
    pixels = picture()
    sha256 = evidence.keep(pixels, CORRODED)
    file = tmp_path / "in" / "corroded" / f"{sha256}.jpg"
    assert hashlib.sha256(file.read_bytes()).hexdigest() == sha256
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (file.parent, tmp_path / "in")} == {0o700}
    assert cv2.imread(str(file)).shape == pixels.shape
    assert evidence.keep(pixels, CORRODED) == sha256
    assert names(tmp_path / "in", "corroded") == {sha256}


def test_at_the_bound_pictures_of_uncorroded_go_first_then_the_oldest(tmp_path: Path) -> None:
    """The folder never exceeds its bound by more than a picture, over a restart too."""
    kept: dict[bool, list[str]] = {True: [], False: []}
    for run in range(2):
        evidence = EvidenceStore(tmp_path, EvidenceConfig(max_mb=1))
        for number in range(12):
            corroded = number % 2 == 0
            kept[corroded].append(evidence.keep(picture(), CORRODED if corroded else SAMPLE))
            size = sum(file.stat().st_size for file in tmp_path.glob("*/*"))
            assert size <= 1_000_000, f"{size} bytes in run {run}"
    left = [name for name in kept[True] if name in names(tmp_path, "corroded")]
    assert left == kept[True][-len(left) :]
    assert len(left) > 8
    assert len(names(tmp_path, "other")) < 4


def test_reviewed_pictures_stay_while_others_go_up_to_their_share(tmp_path: Path) -> None:
    """A review protects its picture; the one reviewed longest ago is given up first; over a restart too."""
    config = EvidenceConfig(max_mb=1, reviewed_share=0.4)
    evidence = EvidenceStore(tmp_path, config)
    first, second = (evidence.keep(picture(), CORRODED) for _ in range(2))
    assert evidence.protect(first)
    assert evidence.protect(first)
    assert evidence.protect(second)
    for _ in range(20):
        evidence.keep(picture(), CORRODED)
    assert names(tmp_path, "reviewed") == {first, second}
    evidence = EvidenceStore(tmp_path, config)
    reviewed = []
    for _ in range(8):
        reviewed.append(evidence.keep(picture(), CORRODED))
        assert evidence.protect(reviewed[-1])
    left = [sha256 for sha256 in (first, second, *reviewed) if sha256 in names(tmp_path, "reviewed")]
    assert left == reviewed[-len(left) :]
    assert sum(file.stat().st_size for file in (tmp_path / "reviewed").iterdir()) <= 400_000
    assert sum(file.stat().st_size for file in tmp_path.glob("*/*")) <= 1_000_000
    assert evidence.request(left[0])
    assert not evidence.protect("0" * 64)
    assert not evidence.protect("../reviewed/x")


def test_evidence_keeps_the_cameras_pixels_and_draws_the_map_when_somebody_looks(tmp_path: Path) -> None:
    """Models learn from the full picture: no tint, no text; overlay and thumbnail are drawn from it."""
    evidence = EvidenceStore(tmp_path, EvidenceConfig(thumbnail_px=160))
    grey = np.full((240, 320, 3), 128, np.uint8)
    corroded = np.zeros((7, 7), np.float32)
    corroded[:, :3] = 0.9
    sha256 = evidence.keep(grey, CORRODED, marking=Marking(corroded, ("corroded steel late",)))
    plain = EvidenceStore(tmp_path / "plain", EvidenceConfig()).keep(grey, CORRODED)
    stored = (tmp_path / "corroded" / f"{sha256}.jpg").read_bytes()
    unmarked = (tmp_path / "plain" / "corroded" / f"{plain}.jpg").read_bytes()
    decoded = [cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR) for jpeg in (stored, unmarked)]
    assert np.array_equal(*decoded)
    found = read_marking(stored)
    assert found.lines == ("corroded steel late",)
    assert np.abs(found.corroded - corroded).max() < 1 / 255
    assert evidence.next_picture().size is PictureSize.THUMBNAIL
    assert evidence.request(sha256, PictureSize.OVERLAY)
    assert evidence.request(sha256)
    assert evidence.next_picture().content == stored
    shown = evidence.next_picture()
    assert shown.size is PictureSize.OVERLAY
    pixels = cv2.imdecode(np.frombuffer(shown.content, np.uint8), cv2.IMREAD_COLOR).astype(int)
    height, width = pixels.shape[:2]
    assert height > 240  # the line of text
    assert width == 320
    line = pixels[120, :, 0] - pixels[120, :, 1] > 50  # violet, where the corroded third ends
    assert 100 < np.flatnonzero(line[10:]).mean() + 10 < 180
    assert np.abs(pixels[120, [60, 260]] - 128).max() < 10


def test_a_picture_says_why_it_was_kept(tmp_path: Path) -> None:
    """The reasons are in the file and in what is sent; samples are deleted first, then corroded ones."""
    evidence = EvidenceStore(tmp_path, EvidenceConfig(max_mb=1, teaching_share=0.8, reviewed_share=0.0))
    taught = evidence.keep(picture(), (EvidenceReason.FINDING_WORSE, EvidenceReason.CORRODED))
    assert names(tmp_path, "teaching") == {taught}
    sent = evidence.next_picture()
    assert sent.reasons == ("finding_worse", "corroded")
    for content in (sent.content, (tmp_path / "teaching" / f"{taught}.jpg").read_bytes()):
        assert read_marking(content).reasons == ("finding_worse", "corroded")
    shared = evidence.keep(picture(), CORRODED)
    for _ in range(16):
        evidence.keep(picture(), CORRODED)
        evidence.keep(picture(), SAMPLE)
    assert names(tmp_path, "teaching") == {taught}
    assert shared not in names(tmp_path, "corroded")


def test_of_pictures_that_grow_worse_the_last_thumbnail_is_sent(tmp_path: Path) -> None:
    """Those before it are on disk for whoever asks; another finding's, or one kept for more, is sent too."""
    now_s = [0.0]
    evidence = EvidenceStore(tmp_path, EvidenceConfig(), clock_s=lambda: now_s[0])
    worse, steel, aluminium = EvidenceReason.FINDING_WORSE, ("steel", None), ("aluminium", None)
    first = evidence.keep(picture(), (EvidenceReason.FINDING_FIRST, worse), finding=steel)
    growing = [evidence.keep(picture(), (worse,), finding=steel) for _ in range(3)]
    other = evidence.keep(picture(), (worse,), finding=aluminium)
    assert evidence.next_picture().sha256 == first
    assert evidence.next_picture() is None
    now_s[0] = 1.5
    assert [evidence.next_picture().sha256 for _ in range(2)] == [growing[-1], other]
    assert evidence.next_picture() is None
    assert evidence.request(growing[0])
    evidence.keep(picture(), (worse,), finding=steel)
    final = evidence.keep(picture(), (worse, EvidenceReason.CORRODED), finding=steel)
    assert [evidence.next_picture().sha256 for _ in range(2)] == [growing[0], final]
    now_s[0] = 9.0
    assert evidence.next_picture() is None
    evidence.announce(growing[1])  # a finding's message names it
    evidence.announce(growing[1])
    evidence.announce(final)
    assert evidence.next_picture().sha256 == growing[1]
    assert evidence.next_picture() is None


def test_the_shadows_disagreement_keeps_the_picture_within_its_budget(tmp_path: Path) -> None:
    """One that is kept already is kept longer from then on; beyond the budget the disagreement has none."""
    budgets = EvidenceBudgets(shadow=2)
    evidence = EvidenceStore(tmp_path, EvidenceConfig(keep=False, per_hour=budgets))
    known = evidence.keep(picture(), SAMPLE)
    assert evidence.keep_for_shadow(picture(), known, 0.0) == known
    new = evidence.keep_for_shadow(picture(), None, 1.0)
    assert names(tmp_path, "teaching") == {known, new}
    assert read_marking((tmp_path / "teaching" / f"{new}.jpg").read_bytes()).reasons == ("shadow",)
    assert evidence.keep_for_shadow(picture(), None, 2.0) is None
    unwanted = EvidenceStore(tmp_path / "b", EvidenceConfig(keep=("corroded",)))
    assert unwanted.keep_for_shadow(picture(), None, 0.0) is None


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..", "", "0" * 63, "0" * 64 + "/x", "A" * 64, "0" * 64 + "\n"]
)
def test_nothing_but_a_hash_names_a_picture(tmp_path: Path, name: str) -> None:
    """A name that is no hash, and a hash that nobody kept, is not found."""
    evidence = EvidenceStore(tmp_path / "evidence", EvidenceConfig())
    assert not evidence.request(name)
    assert not evidence.request("0" * 64)


def test_a_link_or_a_changed_file_is_not_sent(tmp_path: Path) -> None:
    """Whoever can write to the folder cannot have another file published under a hash."""
    evidence = EvidenceStore(tmp_path / "evidence", EvidenceConfig(send_thumbnails=False))
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (tmp_path / "evidence" / "corroded" / f"{'0' * 64}.jpg").symlink_to(secret)
    assert not evidence.request("0" * 64)
    sha256 = evidence.keep(picture(), CORRODED)
    (tmp_path / "evidence" / "corroded" / f"{sha256}.jpg").write_text("other")
    assert evidence.request(sha256)
    assert evidence.next_picture() is None


def test_a_disk_that_takes_no_picture_does_not_stop_the_verdicts(tmp_path: Path) -> None:
    """Keeping fails quietly with None: the verdict matters more."""
    evidence = EvidenceStore(tmp_path / "evidence", EvidenceConfig())
    folder = tmp_path / "evidence" / "corroded"
    folder.rmdir()
    folder.touch()
    assert evidence.keep(picture(), CORRODED) is None


def test_half_written_pictures_are_cleared_at_the_start(tmp_path: Path) -> None:
    """A kill while writing leaves nothing behind that counts or is sent."""
    (tmp_path / "corroded").mkdir()
    partial = tmp_path / "corroded" / f"{'0' * 64}.part"
    partial.write_bytes(b"half")
    EvidenceStore(tmp_path, EvidenceConfig())
    assert not partial.exists()


def test_thumbnails_follow_the_verdicts_and_full_pictures_come_on_request(mosquitto, tmp_path: Path) -> None:
    """Verdicts first; then small pictures by themselves; the whole one, byte for byte, when asked for."""
    spool = Spool.open(tmp_path / "spool.sqlite", SpoolConfig())
    evidence = EvidenceStore(tmp_path / "evidence", EvidenceConfig(thumbnail_px=64))
    sha256 = evidence.keep(picture(), CORRODED)
    for _ in range(200):
        spool.append(Kind.VERDICT, lambda seq: b"%d" % seq)
    assert spool.flush(5)
    config = MqttConfig(hostname="127.0.0.1", port=mosquitto.port)
    with Collector(mosquitto.port) as collector:
        pictures = PictureOutbox(evidence, TOPICS)
        publisher = Publisher(config, TOPICS, spool, Wake(), outboxes=[pictures])
        publisher.start()
        topic = TOPICS.evidence(sha256)
        wait_for(lambda: collector.of(topic), what="thumbnail")
        order = [message.topic for message in collector.messages]
        assert order.index(topic) > order.count(TOPICS.verdict) - 1 == 199
        thumbnail = collector.of(topic)[0]
        assert thumbnail.user == {"size": "thumbnail", "reasons": "corroded"}
        pixels = cv2.imdecode(np.frombuffer(thumbnail.payload, np.uint8), cv2.IMREAD_COLOR)
        assert pixels.shape == (48, 64, 3)
        assert evidence.request(sha256)
        wait_for(lambda: len(collector.of(topic)) == 2, what="the full picture")
        assert hashlib.sha256(collector.of(topic)[1].payload).hexdigest() == sha256
        publisher.stop()
    spool.close()


def test_a_picture_at_which_the_link_ends_is_left_out_in_the_end(mosquitto, tmp_path: Path) -> None:
    """Three attempts, and then verdicts are not disturbed by it any more."""
    spool = Spool.open(tmp_path / "spool.sqlite", SpoolConfig())
    evidence = EvidenceStore(tmp_path / "evidence", EvidenceConfig())
    sha256 = evidence.keep(picture(), CORRODED)
    with Collector(mosquitto.port) as collector, Proxy(mosquitto.port) as proxy:
        proxy.poison = sha256.encode()
        config = MqttConfig(hostname="127.0.0.1", port=proxy.port)
        publisher = Publisher(config, TOPICS, spool, Wake(), outboxes=[PictureOutbox(evidence, TOPICS)])
        publisher.start()
        wait_for(lambda: proxy.connections == 4, timeout_s=30, what="three attempts")
        spool.append(Kind.VERDICT, lambda seq: b"%d" % seq)
        assert publisher.drain(10)
        wait_for(lambda: collector.of(TOPICS.verdict), what="the verdict")
        assert proxy.connections == 4
        publisher.stop()
    spool.close()
