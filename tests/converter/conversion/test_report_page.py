"""The page of a conversion: answer first, names as they are, no empty column, nothing beside the screen."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from msgspec.structs import replace

from converter.conversion.bundle_writer import write_bundle
from converter.conversion.report_page import render_report, render_thumbnails
from converter.data.stage_truth import with_meanings
from converter.evaluation.evaluation import evaluate
from converter.evaluation.evaluation_page import render_evaluation
from converter.evaluation.judge import judge_samples, load_judge
from converter.evaluation.questions import choose_questions
from converter.evaluation.ship_verdict import ShipVerdict
from converter.study.figures import Predictions
from converter.study.models import FOUR_CLASSES, TITLES
from converter.study.page import render_study
from tests.support.browser import browser
from tests.support.conversions import rename_labels
from tests.support.studies import make_study

LONG = "corroded_steel_with_a_name_of_forty_signs"
ODD = ("<b>rust</b> & scale", LONG, "صدأ", "рж\N{RIGHT-TO-LEFT OVERRIDE}авчина", "  ", "plain")


THIRTY = tuple(f"label {at:02}" for at in range(30))
# What ends right of the window: tables scroll nowhere.
OUTSIDE = """[...document.querySelectorAll('body *:not(svg *)')]
    .filter(one => one.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
    .map(one => one.tagName + ' ' + one.textContent.slice(0, 40))"""


@pytest.fixture(scope="module")
def plain(report):
    """The report without charts, which take most of the time."""
    return replace(report, stages=tuple(replace(stage, reliability=()) for stage in report.stages))


def text_of(page: bytes) -> str:
    """Return a page's text."""
    return page.decode("utf-8")


def test_the_answer_is_the_first_thing_on_the_page(plain):
    """Before the title, with its reason; and yes reads as yes."""
    body = text_of(render_report(plain)).partition("<body>")[2]
    first = re.sub(r"<[^>]+>", "", body).strip().splitlines()[0]
    assert first.startswith("May I ship it? No")
    said = replace(plain, verdict=ShipVerdict(ship=True, shown=("proved at the source",)))
    assert "May I ship it? Yes</b>: proved at the source." in text_of(render_report(said))


def test_pictures_that_differ_stand_with_every_answer(outcome, plain):
    """With pictures in the page beside the bundle, and only their names in the bundle's own."""
    pictures = render_thumbnails(outcome, plain)
    page = text_of(render_report(plain, pictures))
    assert page.count("data:image/jpeg") >= len(plain.stages[0].differing)
    assert re.search(r"<th>float</th><th>int8</th>", page)
    assert "Pictures with different answers, the largest difference first" in page
    alone = text_of(render_report(plain))
    assert "data:image" not in alone
    assert "This page only names the pictures" in alone


def test_pictures_are_bounded_in_bytes(outcome, plain, monkeypatch):
    """What is beyond is only named; the first of each list come before the second of any."""
    every = render_thumbnails(outcome, plain)
    monkeypatch.setattr("converter.conversion.report_page._MOST_BYTES", len(next(iter(every.values()))) + 10)
    (only,) = render_thumbnails(outcome, plain)
    assert only[1] == plain.stages[0].differing[0].index


def test_names_are_shown_and_never_obeyed(plain):
    """Markup is text, characters that turn text round are replaced, right to left stands alone."""
    page = text_of(render_report(rename_labels(plain, ODD)))
    assert "&lt;b&gt;rust&lt;/b&gt; &amp; scale" in page
    assert "<b>rust" not in page
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in page
    assert "<bdi>" in page


def test_columns_that_say_nothing_are_left_out(plain):
    """Without labelled pictures no column of accuracies, and no note about their intervals."""
    (stage,) = plain.stages
    unlabelled = replace(
        plain,
        stages=(replace(stage, float_accuracy=None, quantized_accuracy=None, confusion=(), reliability=()),),
    )
    page = text_of(render_report(unlabelled))
    assert "same label as float" in page
    for gone in ("right (95", "<th>pictures</th>", "same label as the source", "Wilson"):
        assert gone not in page


def test_many_labels_have_a_line_each(plain):
    """A matrix of thirty columns fits no screen: each label says how often it is right, and what instead."""
    page = text_of(render_report(rename_labels(plain, THIRTY)))
    assert ">most often called instead</th>" in page
    assert '<table class="matrix' not in page
    assert "30 labels in all" in page


def test_nothing_leaves_the_screen(outcome, report, plain, tmp_path):
    """Report, evaluation and study keep every table within a phone and a monitor, dark where asked."""
    odd, pictures = rename_labels(report, ODD), render_thumbnails(outcome, report)
    write_bundle(outcome.bundle, tmp_path / "bundle", {})
    samples = with_meanings(outcome.labelled.samples)
    judged = judge_samples(load_judge(tmp_path / "bundle"), samples, lambda _parts=1.0: None)
    asked = choose_questions({""}, outcome.bundle.manifest.cascade)
    found = evaluate(f"{LONG}{LONG}", LONG, judged, asked)
    groups = np.array(list("abcde"))
    answered = Predictions(TITLES["four"], FOUR_CLASSES, np.zeros(5, np.intp), np.array([0, 0, 0, 0, 1]))
    pages = {
        "report": render_report(odd, pictures),
        "many": render_report(rename_labels(plain, THIRTY)),
        "evaluation": render_evaluation(found, judged, asked),
        "study": render_study(make_study([answered], groups, data=LONG)),
    }
    for name, content in pages.items():
        (tmp_path / f"{name}.html").write_bytes(content)
    with browser(tmp_path / "profile", color_scheme="dark") as context:
        page = context.new_page()
        for width, name in itertools.product((400, 1400), pages):
            page.set_viewport_size({"width": width, "height": 900})
            page.goto((tmp_path / f"{name}.html").as_uri())
            assert page.evaluate(OUTSIDE) == [], (width, name)
            assert page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
