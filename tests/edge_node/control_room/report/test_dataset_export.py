"""Reviews become labelled pictures: what was vouched for and nothing else, in the columns of retraining."""

from __future__ import annotations

import csv
import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

import cv2
import msgspec
import numpy as np
import pytest

from converter.data.dataset import load_dataset
from edge_node.config.sections import example_config
from edge_node.control_room.history.defects.defect_book import DefectBook
from edge_node.control_room.history.history import History
from edge_node.control_room.history.records import Delivery, ReviewOrigin, StoredPicture, StoredReview
from edge_node.control_room.ingest.batch_store import store
from edge_node.control_room.report.dataset_export import export_dataset
from edge_node.control_room.robots.commander import Commander, Ending
from edge_node.demo.run import CLIP
from edge_node.errors import DatasetError
from edge_node.labels_csv import COLUMNS, VIEW_COLUMN
from edge_node.messages.camera_view import CameraView
from edge_node.messages.command import Verb
from edge_node.messages.finding import Finding, FindingState
from edge_node.messages.review import ReviewJudgement
from edge_node.messages.topics import Topics
from edge_node.messages.verdict import Pose, Verdict
from edge_node.mqtt.types import Endpoint, Incoming
from edge_node.signing import load_signer, make_key_pair
from edge_node.view.framing import Framing
from edge_node.view.recorded_view import embed_view, record_view
from edge_node.view.settings import ViewSettings
from tests.support.collector import Collector
from tests.support.plates import run_retrain
from tests.support.processes import command, daemon, wait_for
from tests.support.room_records import disagreement
from tests.support.signed_records import keys_of
from tests.support.verdicts import START, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOISE = np.random.default_rng(11)
TOPICS = Topics("quay", "crawler-1")


def jpeg() -> tuple[str, bytes]:
    """A picture unlike any other, and its name."""
    content = cv2.imencode(".jpg", NOISE.integers(0, 255, (40, 60, 3), dtype=np.uint8))[1].tobytes()
    return hashlib.sha256(content).hexdigest(), content


class Room:
    """A history that is filled as by robots and people."""

    def __init__(self, folder: Path) -> None:
        self.history = History(folder)
        self._number = 0

    def picture(self, *, is_thumbnail: bool = False, content: bytes | None = None) -> str:
        """One that came."""
        sha256, content = jpeg() if content is None else (hashlib.sha256(content).hexdigest(), content)
        self.history.add_picture(StoredPicture("quay", "crawler-1", sha256, is_thumbnail, content))
        return sha256

    def verdict(self, seq: int, what: str, sha256: str | None, **fields) -> str:
        """One that came, with that picture."""
        said = verdict(seq, what, evidence_sha256=sha256, asset="pipe 7", **fields)
        self.history.add_verdict(said)
        return said.id

    def finding(self, first: int, last: int, sha256: str | None, **fields) -> str:
        """A closed one from verdict ``first`` to ``last``."""
        name = f"crawler-1:epoch:f{first}"
        self.history.add_finding(
            Finding(
                **{
                    "id": name,
                    "state": FindingState.CLOSED,
                    "site": "quay",
                    "robot": "crawler-1",
                    "asset": "pipe 7",
                    "material": "steel",
                    "first_observed_at": START + timedelta(seconds=first),
                    "last_observed_at": START + timedelta(seconds=last),
                    "first_verdict": f"crawler-1:epoch:{first}",
                    "last_verdict": f"crawler-1:epoch:{last}",
                    "best_verdict": f"crawler-1:epoch:{first}",
                    "frames": 3,
                    "peak_confidence": 0.9,
                    "peak_severity": "mid",
                    "best_evidence_sha256": sha256,
                    **fields,
                }
            )
        )
        return name

    def said_here(self, finding_id: str, opinion: str, **corrections) -> None:
        """A review from the page."""
        self._number += 1
        self.history.add_review(
            StoredReview(
                review_id=f"review-{self._number:04}",
                site="quay",
                robot="crawler-1",
                finding_id=finding_id,
                opinion=ReviewJudgement(opinion),
                note="",
                reviewer="Anna",
                reviewed_at=START + timedelta(hours=1, seconds=self._number),
                corrections=corrections,
                origin=ReviewOrigin.TYPED.value,
            )
        )

    def said_by_robot(self, subject: str, judgement: str, origin: str = "signed", **data: str) -> None:
        """A review that a robot says it has recorded: a person's if a key signed it that the room trusts."""
        self._number += 1
        sha256, note = data.pop("evidence_sha256", ""), data.pop("note", "")
        self.history.learn_review(
            StoredReview(
                review_id=f"terminal-{self._number:04}",
                site="quay",
                robot="crawler-1",
                finding_id=subject,
                opinion=ReviewJudgement(judgement),
                note=note,
                reviewer="李",
                reviewed_at=START + timedelta(hours=1, seconds=self._number),
                corrections=data,
                delivery=Delivery.DONE,
                origin=origin,
                evidence_sha256=sha256,
            )
        )


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """An empty one."""
    opened = Room(tmp_path / "room")
    yield opened
    opened.history.close()


def table(folder: Path, name: str = "labels.csv") -> list[dict[str, str]]:
    """The rows of a table."""
    with (folder / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def labels(folder: Path) -> dict[str, tuple[str, ...]]:
    """File name without its suffix -> corroded, material, severity, form."""
    return {
        row["file"].removeprefix("pictures/").removesuffix(".jpg"): (
            *(row["corroded"], row["material"], row["severity"], row["form"]),
        )
        for row in table(folder)
    }


def test_a_confirmed_finding_gives_its_picture_what_the_robot_said(room, tmp_path):
    """Material and condition as confirmed; the peak severity only where this very picture shows it."""
    peak, earlier = room.picture(), room.picture()
    room.verdict(3, "C", peak, severity="mid")
    room.said_here(room.finding(3, 5, peak), "confirmed")
    room.verdict(10, "C", earlier, severity="none")
    room.said_here(room.finding(10, 12, earlier), "confirmed")
    report = export_dataset(room.history, tmp_path / "out", licence="ours")
    assert labels(tmp_path / "out") == {peak: ("1", "steel", "mid", ""), earlier: ("1", "steel", "", "")}
    assert (report.pictures, report.confirmed, report.disputed) == (2, 2, 0)
    rows = table(tmp_path / "out")
    assert tuple(rows[0]) == (*COLUMNS, VIEW_COLUMN)
    assert {row["licence"] for row in rows} == {"ours"}
    assert {(row["set"], row["source"], row["mask"]) for row in rows} == {("reviewed", "quay/crawler-1", "")}
    assert len({row["group"] for row in rows}) == 2


def test_the_view_goes_with_its_picture(room, tmp_path):
    """Numbers in the table, the camera's pixels and the mask in the file; retraining reads the view."""
    mask = np.repeat(np.uint8([[255], [0]]), 20, axis=0).repeat(60, axis=1)
    framing, plain = Framing(ViewSettings(90, mask=mask), 60, 40), jpeg()[1]
    sha256 = room.picture(content=embed_view(plain, record_view(framing.numbers, mask)))
    room.verdict(3, "C", sha256, severity="mid")
    room.said_here(room.finding(3, 5, sha256), "confirmed")
    export_dataset(room.history, tmp_path / "out")
    (row,), (sample,) = table(tmp_path / "out"), load_dataset(tmp_path / "out")
    assert msgspec.json.decode(row[VIEW_COLUMN], type=CameraView) == framing.numbers
    assert hashlib.sha256((tmp_path / "out" / row["file"]).read_bytes()).hexdigest() == sha256
    pixels = cv2.imdecode(np.frombuffer(plain, np.uint8), cv2.IMREAD_COLOR)
    assert np.array_equal(sample.read(), framing.render(pixels))


def test_of_a_disputed_finding_only_what_the_review_names_is_known(room, tmp_path):
    """No corrosion has neither severity nor form; another material says nothing of the condition."""
    clean, other, silent = room.picture(), room.picture(), room.picture()
    room.said_here(room.finding(3, 5, clean), "disputed", outcome="uncorroded")
    room.said_here(room.finding(10, 12, other), "disputed", material="zinc", severity="late")
    room.said_here(room.finding(20, 22, silent), "disputed")
    report = export_dataset(room.history, tmp_path / "out")
    assert labels(tmp_path / "out") == {
        clean: ("0", "", "none", "none"),
        other: ("", "zinc", "late", ""),
    }
    assert dict(report.left_out) == {"the review does not say what is right": 1}


def test_a_reviewed_picture_tells_why_it_was_kept(room, tmp_path):
    """Also one that the shadow kept of a verdict without a picture: it is labelled by that verdict."""
    close, shadows, old = room.picture(), room.picture(), room.picture()
    room.said_here(room.verdict(1, "C", close, evidence_reasons=("low_margin", "corroded")), "confirmed")
    contested = room.verdict(2, "U", None)
    room.history.add_disagreement(disagreement(2, shadows))
    room.said_here(contested, "confirmed")
    room.said_here(room.verdict(3, "C", old), "confirmed")
    export_dataset(room.history, tmp_path / "out")
    assert labels(tmp_path / "out")[shadows] == ("0", "steel", "none", "none")
    reasons = {row["file"][9:-4]: row["evidence_reasons"] for row in table(tmp_path / "out", "reviews.csv")}
    assert reasons == {close: "low_margin corroded", shadows: "shadow", old: ""}


def test_verdicts_can_be_reviewed_and_stay_in_the_group_of_their_finding(room, tmp_path):
    """A verdict within a finding shares its group; elsewhere it has its own; an abstention is no label."""
    best, within, clean, unsure = (room.picture() for _ in range(4))
    finding_id = room.finding(3, 9, best)
    room.verdict(3, "C", best, severity="mid")
    room.said_here(finding_id, "confirmed")
    room.said_by_robot(room.verdict(5, "C", within, severity="late"), "confirmed")
    room.said_by_robot(room.verdict(30, "U", clean), "confirmed")
    room.said_by_robot(room.verdict(31, "?", unsure), "confirmed")
    export_dataset(room.history, tmp_path / "out")
    assert labels(tmp_path / "out") == {
        best: ("1", "steel", "mid", ""),
        within: ("1", "steel", "late", ""),
        clean: ("0", "steel", "none", "none"),
    }
    groups = {row["file"][9:-4]: row["group"] for row in table(tmp_path / "out")}
    assert groups[best] == groups[within] == f"quay:pipe 7:{finding_id}"
    assert groups[clean] != groups[best]


def test_one_place_is_one_group_whatever_passes_saw_it(room, tmp_path):
    """By the matching and by a person; the first finding names the group, and others keep theirs."""
    pictures = [room.picture() for _ in range(4)]
    places = (Pose(distance_m=2.0), Pose(distance_m=2.02), None, None)
    names = []
    for number, (sha256, pose) in enumerate(zip(pictures, places, strict=True)):
        robot = f"crawler-1:epoch:{number * 20 + 3}"
        days = {"first_observed_at": START + timedelta(days=number), "from_pose": pose, "to_pose": pose}
        names.append(room.finding(number * 20 + 3, number * 20 + 9, sha256, **days, best_verdict=robot))
        room.said_here(names[-1], "confirmed")
    book = DefectBook(room.history.database)
    book.catch_up()
    export_dataset(room.history, tmp_path / "out")
    found = {row["file"][9:-4]: row["group"] for row in table(tmp_path / "out")}
    own = [f"quay:pipe 7:{name}" for name in names]
    assert [found[sha256] for sha256 in pictures] == [own[0], own[0], own[2], own[3]]
    book.deeds.join_findings([("quay", names[1]), ("quay", names[3])], "Ada")
    export_dataset(room.history, tmp_path / "joined")
    found = {row["file"][9:-4]: row["group"] for row in table(tmp_path / "joined")}
    assert [found[sha256] for sha256 in pictures] == [own[0], own[0], own[2], own[0]]


def test_the_newest_review_counts_wherever_it_was_made(room, tmp_path):
    """Confirmed on the page, then disputed from a terminal: disputed; and the picture that was looked at."""
    first, looked_at = room.picture(), room.picture()
    finding_id = room.finding(3, 5, first)
    room.said_here(finding_id, "confirmed")
    room.said_by_robot(finding_id, "disputed", outcome="uncorroded", evidence_sha256=looked_at, note="=1+1")
    export_dataset(room.history, tmp_path / "out")
    assert labels(tmp_path / "out") == {looked_at: ("0", "", "none", "none")}
    (said,) = table(tmp_path / "out", "reviews.csv")
    assert said["note"] == "'=1+1"  # no formula of a spreadsheet
    assert (said["judgement"], said["by"], said["subject"]) == ("disputed", "李", finding_id)


def test_what_a_robot_says_a_person_said_labels_nothing(room, tmp_path):
    """Nor does a review of which nobody knows whether this room heard it; both are counted as left out."""
    first, second, third = room.picture(), room.picture(), room.picture()
    finding_id = room.finding(3, 5, first)
    room.said_here(finding_id, "confirmed")
    room.said_by_robot(finding_id, "disputed", origin="robot", outcome="uncorroded")
    room.said_by_robot(room.verdict(30, "U", second), "confirmed", origin="robot")
    room.said_by_robot(room.verdict(31, "U", third), "confirmed", origin="")
    report = export_dataset(room.history, tmp_path / "out")
    assert labels(tmp_path / "out") == {first: ("1", "steel", "", "")}
    assert sum(report.left_out.values()) == 2
    assert any("only a robot says" in why for why in report.left_out)


def test_every_picture_adds_those_that_the_robot_judged_alike(room, tmp_path):
    """Only on request, only of confirmed findings, in the same group."""
    pictures = [room.picture() for _ in range(3)]
    for seq, sha256 in enumerate(pictures, start=3):
        room.verdict(seq, "C", sha256, severity="mid")
    room.said_here(room.finding(3, 5, pictures[1]), "confirmed")
    export_dataset(room.history, tmp_path / "one")
    assert set(labels(tmp_path / "one")) == {pictures[1]}
    export_dataset(room.history, tmp_path / "all", every_picture=True)
    assert set(labels(tmp_path / "all")) == set(pictures)
    assert len({row["group"] for row in table(tmp_path / "all")}) == 1


def test_thumbnails_are_drawn_on_and_never_learnt_from(room, tmp_path):
    """A picture of which only the thumbnail came is left out, with what to do; nothing at all is an error."""
    room.said_here(room.finding(3, 5, room.picture(is_thumbnail=True)), "confirmed")
    with pytest.raises(DatasetError, match=r"whole picture has not come.*evidence SHA256"):
        export_dataset(room.history, tmp_path / "out")
    assert list(tmp_path.glob("out*")) == []
    full = room.picture()
    room.said_here(room.finding(20, 22, full), "confirmed")
    assert export_dataset(room.history, tmp_path / "out").pictures == 1
    with pytest.raises(DatasetError, match="is there already"):
        export_dataset(room.history, tmp_path / "out")


def test_the_command_line_exports_what_the_converter_loads(room, tmp_path):
    """One sentence each for what was exported and what was left out; the table is read."""
    sha256 = room.picture()
    room.verdict(3, "C", sha256, severity="late")
    room.said_here(room.finding(3, 5, sha256, peak_severity="late"), "confirmed")
    room.said_here(room.finding(20, 22, None), "confirmed")
    arguments = ("mission", "export-dataset", "--state-dir", str(tmp_path / "room"))
    ran = command("edge_node.cli", *arguments, str(tmp_path / "out"))
    assert ran.returncode == 0, ran.stderr
    assert "1 picture (1 confirmed, 0 disputed)" in ran.stdout
    assert "left out 1: the robot kept no picture of it" in ran.stderr
    (sample,) = load_dataset(tmp_path / "out")
    wanted = {"material": "steel", "corroded": "corroded", "severity": "late"}
    assert wanted.items() <= sample.labels.items()
    assert "form" not in sample.labels
    assert sample.read().shape == (40, 60, 3)
    again = command("edge_node.cli", *arguments, str(tmp_path / "out"))
    assert (again.returncode, len(again.stderr.splitlines())) == (1, 1)
    nowhere = command("edge_node.cli", *arguments[:3], str(tmp_path / "no"), str(tmp_path / "out2"))
    assert (nowhere.returncode, len(nowhere.stderr.splitlines())) == (1, 1)


def _patches(folder: Path) -> None:
    """Frames of the demo's clip: six times clean and then corroded steel."""
    video = cv2.VideoCapture(str(CLIP))
    frames = [video.read()[1] for _ in range(256)]
    folder.mkdir()
    order: list[int] = []
    for part in range(6):
        order += [*range(5 + 4 * part, 9 + 4 * part), *range(66 + 6 * part, 71 + 6 * part)]
    for at, number in enumerate(order):
        cv2.imwrite(str(folder / f"{at:03}.png"), frames[number])


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_from_a_real_daemon_over_reviews_to_a_retrained_graph(mosquitto, tmp_path):
    """Daemon, findings, reviews by command, pictures, export; and ``converter retrain`` learns from it."""
    _patches(tmp_path / "frames")
    public = make_key_pair(tmp_path / "terminal.pem")
    config = tmp_path / "node.toml"
    config.write_text(
        example_config(
            node={
                "site": "quay",
                "robot": "crawler-1",
                "asset": "pipe 7",
                "state_dir": str(tmp_path / "state"),
            },
            camera={"source": str(tmp_path / "frames"), "fps": 10.0, "loop": True},
            bundle={"path": "default"},
            mqtt={"hostname": "127.0.0.1", "port": mosquitto.port, "keep_alive_s": 2},
            findings={"open_frames": 2, "of_frames": 3, "close_frames": 2},
            evidence={"min_interval_s": 0.0, "sample_every": 1},
            commands={"burst": 1000, "max_per_minute": 6000, "public_key_file": str(public)},
        ),
        encoding="utf-8",
    )
    history, keys = History(tmp_path / "room"), keys_of(trusted_keys=[str(public)])
    sign = load_signer(tmp_path / "terminal.pem")
    asked = Commander(Endpoint("127.0.0.1", mosquitto.port, "room"), sign, timeout_s=30)
    with Collector(mosquitto.port) as heard, daemon(config):

        def said(leaf: str, kind: type) -> list:
            return [msgspec.json.decode(m.payload, type=kind) for m in heard.of(f"{TOPICS.base}/{leaf}")]

        def closed() -> list[Finding]:
            return [found for found in said("finding", Finding) if found.state is FindingState.CLOSED]

        wait_for(lambda: len({found.id for found in closed()}) >= 5, 90, "findings")
        clean = [
            found
            for found in said("verdict", Verdict)
            if found.outcome.value == "uncorroded" and found.material  # an unsure one is no label
        ][:12]
        assert clean
        subjects = [(found.id, found.best_evidence_sha256) for found in closed()[:5]]
        subjects += [(found.id, found.evidence_sha256) for found in clean]
        for subject, sha256 in subjects:
            reply = asked.send(
                TOPICS,
                Verb.REVIEW,
                {"subject": subject, "judgement": "confirmed", "by": "Anna", "evidence_sha256": sha256},
            )
            assert (reply.ending, reply.data["evidence_kept"]) == (Ending.DONE, True), reply.sentence
        whole = {sha256 for _, sha256 in subjects}
        wait_for(lambda: whole <= _whole_pictures(heard), 60, "whole pictures")
        for found in said("verdict", Verdict):
            history.add_verdict(found)
        for found in said("finding", Finding):
            history.add_finding(found)
        responses = heard.of(f"{TOPICS.base}/rsp")
        store(
            history, [Incoming(TOPICS.response, m.payload, is_retained=False) for m in responses], keys=keys
        )
        for sha256 in whole:
            content = next(m.payload for m in heard.of(TOPICS.evidence(sha256)) if m.user["size"] == "full")
            history.add_picture(
                StoredPicture("quay", "crawler-1", sha256, is_thumbnail=False, content=content)
            )
    history.close()
    room = ("--state-dir", str(tmp_path / "room"))
    ran = command("edge_node.cli", "mission", "export-dataset", str(tmp_path / "out"), *room)
    assert ran.returncode == 0, ran.stderr
    samples = load_dataset(tmp_path / "out")
    assert {sample.labels["corroded"] for sample in samples} == {"corroded", "uncorroded"}
    assert all(sample.labels["material"] for sample in samples)
    trained = run_retrain(
        *("--image_dir", tmp_path / "out", "--column", "corroded"),
        *("--size_px", 64, "--copies", 1, "--how_many_training_steps", 40),
        *("--output_graph", tmp_path / "graph.pb", "--output_labels", tmp_path / "labels.txt"),
    )
    assert trained.returncode == 0, trained.stderr[-2000:]
    assert (tmp_path / "labels.txt").read_text().split() == ["corroded", "uncorroded"]
    assert (tmp_path / "graph.pb").stat().st_size > 1_000_000


def _whole_pictures(heard: Collector) -> set[str]:
    """The hashes of pictures that came whole, checked."""
    return {
        message.topic.rpartition("/")[2]
        for message in list(heard.messages)
        if message.user.get("size") == "full"
        and hashlib.sha256(message.payload).hexdigest() == message.topic.rpartition("/")[2]
    }
