"""A reviewer's minute: ``python -m tests.benchmarks.review_minute [--reviews 60] [--think-s 0 1.5]``.

Photographs of metal (../shared/data, else rendered specimens) are judged by the default bundle and lie in a
real control room; a robot answers by a real mosquitto. A scripted person sits before a headless Chromium with
nothing but keys: looks at the picture for a while, confirms what is right, disputes what is wrong by digit,
sends, and goes on with what follows. Every tenth time the person errs, sees it, takes it back and gives the
right review. At the end every stored review is compared with what was meant. Wanted: none wrong.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import msgspec

from edge_node.config.sections import InspectConfig
from edge_node.control_room.history.history import History
from edge_node.evidence.marked_jpeg import embed_marking
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.inference.engine import Engine
from edge_node.inspection.inspector import Inspector, configured_inspector, make_marking
from edge_node.messages.verdict import EvidenceReason, Outcome
from tests.support.answering_robot import AnsweringRobot
from tests.support.browser import browser
from tests.support.control_room import ControlRoom
from tests.support.photographs import iter_photographs
from tests.support.processes import Mosquitto
from tests.support.reviewable import add_verdict

if TYPE_CHECKING:
    from edge_node.messages.verdict import Decision

_ERRS_EVERY = 10
_LOOKED = """(before) => {
  const id = document.querySelector('.queued[aria-current="true"]')?.dataset.id;
  const image = [...document.querySelectorAll('#drawer .picture img')].find((one) => !one.hidden && one.naturalWidth > 0);
  const ready = document.querySelector('#drawer .review .buttons button:not(:disabled)');
  return image && ready && id && id !== before && document.querySelector('#drawer .known')?.textContent.includes(id) ? id : null;
}"""  # noqa: E501
_LETTERS = {
    Outcome.CORRODED: "C",
    Outcome.UNCORRODED: "U",
    Outcome.UNCERTAIN: "?",
    Outcome.NOT_INSPECTABLE: "X",
}


@dataclass(slots=True)
class Session:
    """What the person meant, by verdict: the judgement and the labels; and how many keys it took."""

    meant: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)
    keys: int = 0
    undone: int = 0
    seconds: float = 0.0


class Person:
    """Somebody with nothing but keys, who knows the truth of each picture."""

    def __init__(self, page: Any, truths: dict[str, bool], think_s: float) -> None:
        self._page = page
        self._truths = truths
        self._think_s = think_s
        self.session = Session()

    def review(self, count: int) -> Session:
        """Review pictures of the queue, one after the other."""
        self._press("4")
        self._page.locator(".queued").first.wait_for()
        started, before = time.monotonic(), None
        self._press("j")
        for number in range(1, count + 1):
            verdict_id = self._look(before)
            is_slip = number % _ERRS_EVERY == 0
            self._judge(verdict_id, is_corroded=self._truths[verdict_id] is not is_slip)
            if is_slip:
                self._take_back(verdict_id)
                self._judge(verdict_id, is_corroded=self._truths[verdict_id])
            before = verdict_id
        self._page.wait_for_function(_LOOKED, arg=before)
        self.session.seconds = time.monotonic() - started
        return self.session

    def _look(self, before: str | None) -> str:
        found: str = self._page.wait_for_function(_LOOKED, arg=before).json_value()
        time.sleep(self._think_s)
        return found

    def _judge(self, verdict_id: str, *, is_corroded: bool) -> None:
        said = self._page.locator("#drawer-title").inner_text().partition(" · ")[0]
        if said == ("corroded" if is_corroded else "uncorroded"):
            self._press("c")
            self._meant = ("confirmed", {})
        else:
            self._press("d")
            words = "it is corroded" if is_corroded else "there is no corrosion"
            option = self._page.locator(".rights label", has_text=words).first
            self._press(option.locator("kbd").inner_text())
            self._meant = ("disputed", {"outcome": "corroded" if is_corroded else "uncorroded"})
        self._press("Enter")
        self.session.meant[verdict_id] = self._meant

    def _take_back(self, verdict_id: str) -> None:
        self._page.wait_for_function(_LOOKED, arg=verdict_id)
        self._press("u")
        self._page.locator("#drawer .right", has_text="Take this review back").wait_for()
        self._press("Enter")
        self._page.locator("#drawer .said", has_text="Taken back").wait_for()
        self._page.locator("#drawer .withdrawn").first.wait_for()
        self.session.undone += 1

    def _press(self, key: str) -> None:
        self.session.keys += 1
        self._page.keyboard.press(key)


def main() -> None:
    """Fill a room, review at each pace, compare, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reviews", type=int, default=60, help="of each pace")
    parser.add_argument(
        "--think-s", type=float, nargs="+", default=[0.0, 1.5], help="looks at each picture so long"
    )
    args = parser.parse_args()
    print(" look s  reviews  seconds  per minute  keys each  undone  wrong")
    wrong = 0
    for think_s in args.think_s:
        session, here = _run(args.reviews, think_s)
        wrong += here
        per_minute, keys = 60 * args.reviews / session.seconds, session.keys / args.reviews
        print(
            f"{think_s:7.1f} {args.reviews:8} {session.seconds:8.1f} {per_minute:11.1f} {keys:10.1f}"
            f" {session.undone:7} {here:6}",
            flush=True,
        )
    raise SystemExit(1 if wrong else 0)


def _run(reviews: int, think_s: float) -> tuple[Session, int]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Mosquitto(folder)
        broker.start()
        (folder / "room").mkdir(mode=0o700)
        truths = _fill(folder / "room", reviews + 5)
        try:
            with (
                AnsweringRobot(broker.port, "quay", "crawler-1"),
                ControlRoom(folder, broker.port) as room,
                browser(folder / "profile") as context,
            ):
                page = context.new_page()
                page.set_viewport_size({"width": 1400, "height": 900})
                page.add_init_script("localStorage.setItem('reviewer', 'Ada')")
                page.goto(room.url)
                page.locator(".robot").first.wait_for()
                session = Person(page, truths, think_s).review(reviews)
                return session, _count_wrong(room, session)
        finally:
            broker.kill()


def _fill(folder: Path, count: int) -> dict[str, bool]:
    """Store photographs as a robot judged them; return by verdict whether the metal is corroded."""
    inspector = configured_inspector(InspectConfig(), Engine(load_bundle(DEFAULT_BUNDLE)))
    history, truths = History(folder), {}
    for seq, photograph in enumerate(iter_photographs(count), start=1):
        decision, jpeg = _judge(inspector, photograph.pixels)
        fields = {name: getattr(decision, name) for name in decision.__struct_fields__ if name != "outcome"}
        reasons = {"evidence_reasons": (EvidenceReason.SAMPLE,), "pose": None}
        add_verdict(history, seq, _LETTERS[decision.outcome], jpeg, **fields, **reasons)
        truths[f"crawler-1:epoch:{seq}"] = photograph.is_corroded
    history.close()
    return truths


def _judge(inspector: Inspector, pixels: Any) -> tuple[Decision, bytes]:
    inspection = inspector.inspect(pixels)
    encoded = cv2.imencode(".jpg", pixels)[1].tobytes()
    return msgspec.structs.replace(inspection.decision), embed_marking(encoded, make_marking(inspection))


def _count_wrong(room: ControlRoom, session: Session) -> int:
    """Count verdicts whose review that counts is not what was meant, and reviews that nobody meant."""
    wrong = 0
    for verdict_id, (judgement, labels) in session.meant.items():
        found = [one for one in room.ask(f"/api/verdicts/{verdict_id}")["reviews"] if not one["withdrawn"]]
        stored = [(one["opinion"], one["corrections"], one["reviewer"]) for one in found]
        wrong += stored != [(judgement, labels, "Ada")]
    reviewed = room.ask("/api/queue?reviewed=true&limit=1000")["pictures"]
    waiting = room.ask("/api/queue?limit=1000")["pictures"]
    return wrong + abs(len(reviewed) - len(waiting) - len(session.meant))


if __name__ == "__main__":
    main()
