"""Export reviewed pictures with labels for ``converter retrain``.

Only labels that a person confirmed or gave in this room are exported, none that a robot says a person gave:
for the picture that the person saw, and for a disputed finding only the labels in the review. Unknown labels
stay empty.
"""

from __future__ import annotations

import csv
import hashlib
import shutil
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from edge_node.control_room.comparison.csv_cells import escape_cell
from edge_node.control_room.history.defects.defect_book import DefectBook
from edge_node.control_room.history.records import ReviewOrigin
from edge_node.control_room.report.collected_reviews import CollectedReview, collect_newest_reviews
from edge_node.errors import ConfigError, DatasetError
from edge_node.labels_csv import COLUMNS, LABELS_NAME, VIEW_COLUMN
from edge_node.messages.review import Condition, ReviewJudgement, is_finding
from edge_node.messages.verdict import Outcome
from edge_node.view.recorded_view import read_view

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from edge_node.control_room.history.history import History
    from edge_node.messages.finding import Finding
    from edge_node.messages.verdict import Verdict

REVIEW_COLUMNS = (
    *("file", "subject", "judgement", "by", "at", "note", "model_outcome", "model_material"),
    *("model_severity", "model_confidence", "bundle", "evidence_reasons", "model_area_mm2", "mm_per_px"),
)
REVIEWS_NAME, PICTURES_NAME = "reviews.csv", "pictures"
_SET = "reviewed"
_NOT_HEARD = {
    ReviewOrigin.ROBOT.value: "only a robot says that a person reviewed it: review it here if that is right"
}
_NOT_KNOWN = (
    "an earlier version did not keep whether this room heard the review from a person: review it here again"
)
_NOTHING = "none"  # severity and form of uncorroded metal in labelled sets


@dataclass(frozen=True, slots=True)
class PictureLabels:
    """Labels of a picture; None is unknown."""

    corroded: bool | None = None
    material: str | None = None
    severity: str | None = None
    form: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether every label is unknown."""
        return self == PictureLabels()


@dataclass(frozen=True, slots=True)
class _LabelledPicture:
    """One picture to export, with the review that labels it."""

    review: CollectedReview
    sha256: str
    group: str
    labels: PictureLabels
    verdict: Verdict | None


@dataclass(slots=True)
class ExportReport:
    """Counts of exported pictures, and of those left out by reason."""

    pictures: int = 0
    confirmed: int = 0
    disputed: int = 0
    left_out: Counter[str] = field(default_factory=Counter)


def export_dataset(
    history: History,
    out: Path,
    *,
    licence: str = "",
    every_picture: bool = False,
    on_progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> ExportReport:
    """Write ``labels.csv``, ``reviews.csv`` and ``pictures/`` into the new folder ``out``.

    Args:
        history: of the control room.
        out: must not exist; is written whole or not at all.
        licence: of the pictures, for the column ``licence``.
        every_picture: of a confirmed finding also the pictures that nobody saw, if the robot judged them
            alike.
        on_progress: called with the number of reviews done, and of all.

    Raises:
        DatasetError: ``out`` exists or cannot be written, or no review has a picture.
    """
    if out.exists():
        raise DatasetError(f"{out}: is there already; name a new folder")
    partial = out.with_name(out.name + ".part")
    report = ExportReport()
    try:
        shutil.rmtree(partial, ignore_errors=True)
        (partial / PICTURES_NAME).mkdir(parents=True)
        _write(history, partial, report, licence, _rows(history, report, every_picture, on_progress))
        if not report.pictures:
            reasons = "; ".join(f"{count}: {why}" for why, count in report.left_out.most_common())
            raise DatasetError(f"no reviewed picture to export ({reasons or 'nothing was reviewed yet'})")
        partial.rename(out)
    except OSError as err:
        raise DatasetError(f"{err.filename or out}: {err.strerror or err}; nothing was exported") from err
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return report


def label_finding(finding: Finding, review: CollectedReview, verdict: Verdict | None) -> PictureLabels:
    """Label a picture of a finding by its review.

    Args:
        finding: the robot's newest message of it.
        review: of the finding.
        verdict: the robot's on that picture; None if it was deleted.
    """
    if review.judgement is ReviewJudgement.DISPUTED:
        return _label_from_corrections(review)
    # A review confirms the finding's peak severity; this picture may show a lower one.
    shown = verdict.severity if verdict is not None else None
    peak = finding.peak_severity if shown == finding.peak_severity else None
    return PictureLabels(
        corroded=True,
        material=review.material or finding.material,
        severity=review.severity or peak,
        form=review.form or finding.form,
    )


def label_verdict(verdict: Verdict, review: CollectedReview) -> PictureLabels:
    """Label the picture of one verdict by its review."""
    if review.judgement is ReviewJudgement.DISPUTED:
        return _label_from_corrections(review)
    if verdict.outcome not in (Outcome.CORRODED, Outcome.UNCORRODED):
        return PictureLabels()  # confirms that it cannot be judged, which labels nothing
    is_corroded = verdict.outcome is Outcome.CORRODED
    nothing = None if is_corroded else _NOTHING
    return PictureLabels(
        corroded=is_corroded,
        material=review.material or verdict.material,
        severity=review.severity or verdict.severity or nothing,
        form=review.form or verdict.form or nothing,
    )


def _label_from_corrections(review: CollectedReview) -> PictureLabels:
    is_clean = review.outcome is Condition.UNCORRODED
    return PictureLabels(
        corroded=None if review.outcome is None else not is_clean,
        material=review.material,
        severity=review.severity or (_NOTHING if is_clean else None),
        form=review.form or (_NOTHING if is_clean else None),
    )


def _rows(
    history: History,
    report: ExportReport,
    every_picture: bool,
    on_progress: Callable[[int, int], None],
) -> Iterator[_LabelledPicture]:
    """Yield each picture once with its labels; its newest review counts."""
    reviews = collect_newest_reviews(history)
    groups = _Groups(history)
    seen: set[str] = set()
    for done, review in enumerate(reviews, start=1):
        on_progress(done, len(reviews))
        if not review.is_heard:
            report.left_out[_NOT_HEARD.get(review.origin, _NOT_KNOWN)] += 1
            continue
        label = _label_finding_pictures if is_finding(review.subject) else _label_verdict_picture
        for row in label(groups, report, review, every_picture):
            if row.labels.is_empty:
                report.left_out["the review does not say what is right"] += 1
            elif row.sha256 not in seen:
                seen.add(row.sha256)
                yield row


class _Groups:
    """Names the groups of pictures, which splits never separate: the defect, else the finding or the verdict.

    A defect's group is called as its first finding would be, so one of a single finding keeps its name.
    """

    def __init__(self, history: History) -> None:
        self.history = history
        self._of_defects = DefectBook(history.database).groups()

    def name(self, site: str, asset: str | None, subject: str) -> str:
        """Return the group of a finding, or of a verdict outside of any."""
        return self._of_defects.get((site, subject)) or f"{site}:{asset or ''}:{subject}"


def _label_finding_pictures(
    groups: _Groups,
    report: ExportReport,
    review: CollectedReview,
    every_picture: bool,
) -> Iterator[_LabelledPicture]:
    history = groups.history
    record = history.finding(review.subject, site=review.site)
    if record is None:
        report.left_out["the finding is not in the history any more"] += 1
        return
    finding = record.finding
    verdicts = {
        found.verdict.evidence_sha256: found.verdict for found in history.verdicts_of(finding, limit=5000)
    }
    seen_sha256 = review.evidence_sha256 or finding.best_evidence_sha256
    if seen_sha256 is None:
        report.left_out["the robot kept no picture of it"] += 1
        return
    wanted = [seen_sha256]
    if every_picture and review.judgement is ReviewJudgement.CONFIRMED:
        wanted += [sha256 for sha256 in verdicts if sha256 and sha256 != seen_sha256]
    group = groups.name(finding.site, finding.asset, finding.id)
    for sha256 in wanted:
        verdict = verdicts.get(sha256)
        yield _LabelledPicture(review, sha256, group, label_finding(finding, review, verdict), verdict)


def _label_verdict_picture(
    groups: _Groups,
    report: ExportReport,
    review: CollectedReview,
    _every_picture: bool,
) -> Iterator[_LabelledPicture]:
    history = groups.history
    record = history.verdict(review.subject)
    if record is None or record.verdict.site != review.site:
        report.left_out["the verdict is not in the history any more"] += 1
        return
    verdict, queued = record.verdict, history.queued(review.subject)
    known = verdict.evidence_sha256 if queued is None else queued.sha256  # perhaps the shadow's
    sha256 = review.evidence_sha256 or known
    if sha256 is None:
        report.left_out["the robot kept no picture of it"] += 1
        return
    own = verdict if sha256 == known else None
    group = groups.name(verdict.site, verdict.asset, _find_open_finding(history, verdict) or verdict.id)
    yield _LabelledPicture(review, sha256, group, label_verdict(verdict, review), own)


def _find_open_finding(history: History, verdict: Verdict) -> str | None:
    """Return the id of the finding open at a verdict: both get one group, which splits never separate."""
    around = history.findings_around(verdict)
    return around[0].finding.id if around else None


def _write(
    history: History, folder: Path, report: ExportReport, licence: str, rows: Iterator[_LabelledPicture]
) -> None:
    with (
        (folder / LABELS_NAME).open("x", newline="", encoding="utf-8") as labels_file,
        (folder / REVIEWS_NAME).open("x", newline="", encoding="utf-8") as reviews_file,
    ):
        columns = (*COLUMNS, VIEW_COLUMN)
        labels = csv.DictWriter(labels_file, columns, restval="", lineterminator="\n")
        reviews = csv.DictWriter(reviews_file, REVIEW_COLUMNS, restval="", lineterminator="\n")
        labels.writeheader()
        reviews.writeheader()
        for row in rows:
            review = row.review
            picture = history.picture(review.site, review.robot, row.sha256)
            if picture is None or picture.is_thumbnail:
                report.left_out[
                    f"the whole picture has not come; ask for it: edge-node command --robot"
                    f" {review.site}/{review.robot} evidence SHA256"
                ] += 1
                continue
            if hashlib.sha256(picture.content).hexdigest() != row.sha256:
                report.left_out["the picture is damaged"] += 1
                continue
            try:
                view = _describe_view(picture.content)
            except ConfigError:
                report.left_out["the view that the robot recorded in the picture cannot be read"] += 1
                continue
            file = f"{PICTURES_NAME}/{row.sha256}.jpg"
            (folder / file).write_bytes(picture.content)
            labels.writerow({"file": file, "licence": licence, **_label_cells(row), VIEW_COLUMN: view})
            reasons = _reasons(history, row.verdict)
            told = {"file": file, **_review_cells(row), "evidence_reasons": reasons}
            reviews.writerow({name: escape_cell(cell) for name, cell in told.items()})
            report.pictures += 1
            report.confirmed += review.judgement is ReviewJudgement.CONFIRMED
            report.disputed += review.judgement is ReviewJudgement.DISPUTED


def _describe_view(jpeg: bytes) -> str:
    """Return in numbers what the robot judged of a picture, as JSON; empty if it was the picture as it is.

    The mask stays in the picture.
    """
    recorded = read_view(jpeg)
    return "" if recorded is None else msgspec.json.encode(recorded.numbers).decode()


def _reasons(history: History, verdict: Verdict | None) -> str:
    """Return why the robot kept a verdict's picture; empty if it does not tell, or the verdict is gone."""
    if verdict is None:
        return ""
    queued = history.queued(verdict.id)
    return " ".join(verdict.evidence_reasons if queued is None else queued.reasons)


def _label_cells(row: _LabelledPicture) -> dict[str, str]:
    labels = row.labels
    return {
        "set": _SET,
        "source": f"{row.review.site}/{row.review.robot}",
        "group": row.group,
        "material": labels.material or "",
        "corroded": "" if labels.corroded is None else str(int(labels.corroded)),
        "severity": labels.severity or "",
        "form": labels.form or "",
    }


def _review_cells(row: _LabelledPicture) -> dict[str, str]:
    review, verdict = row.review, row.verdict
    cells = {
        "subject": review.subject,
        "judgement": review.judgement.value,
        "by": review.by,
        "at": review.at.isoformat(timespec="seconds"),
        "note": review.note,
    }
    if verdict is not None:
        cells |= {
            "model_outcome": verdict.outcome.value,
            "model_material": verdict.material or "",
            "model_severity": verdict.severity or "",
            "model_confidence": ""
            if verdict.condition_confidence is None
            else f"{verdict.condition_confidence}",
            "bundle": f"{verdict.bundle.name}-{verdict.bundle.version}",
            "model_area_mm2": "" if verdict.area_mm2 is None else f"{verdict.area_mm2}",
            "mm_per_px": "" if verdict.mm_per_px is None else f"{verdict.mm_per_px}",
        }
    return cells
