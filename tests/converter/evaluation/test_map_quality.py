"""Corrosion maps against masks, by hand."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from converter.data.dataset import Sample
from converter.evaluation.judge import JudgedSample
from converter.evaluation.map_quality import area_under_curve, measure_maps
from edge_node.messages.verdict import Decision, Outcome


def test_areas_under_the_curve_by_hand():
    """Perfectly apart is 1, alike is a half, one pair of four the wrong way round is three quarters."""
    assert area_under_curve(np.array([0, 5]), np.array([5, 0])) == 1.0
    assert area_under_curve(np.array([3, 3]), np.array([7, 7])) == 0.5
    assert area_under_curve(np.array([0, 1, 0, 1]), np.array([1, 0, 1, 0])) == 0.75
    assert math.isnan(area_under_curve(np.array([1]), np.array([0])))


def test_maps_are_held_against_masks(tmp_path):
    """A map that is right on three of four quarters, with one false and none missed, has an IoU of a half."""
    mask = np.zeros((64, 64), np.uint8)
    mask[:32, :32] = 255
    cv2.imwrite(str(tmp_path / "m.png"), mask)
    cv2.imwrite(str(tmp_path / "p.png"), mask)
    sample = Sample(tmp_path / "p.png", "g", source="here", mask=tmp_path / "m.png")
    answers = [
        JudgedSample(
            sample, Decision(outcome=Outcome.CORRODED), 1.0, np.array([[0.9, 0.8], [0.1, 0.2]], np.float32)
        ),
        JudgedSample(Sample(tmp_path / "p.png", "g"), Decision(outcome=Outcome.CORRODED), 1.0),
    ]
    both, here = measure_maps(answers)
    assert (both.source, here.source, both.pictures) == ("all", "here", 1)
    assert here.iou == 0.5
    assert here.area_error == pytest.approx(0.25, abs=0.02)
    assert 0.85 < here.pixel_auroc < 1.0


def test_pixels_that_nobody_labelled_are_not_held_against_a_map(tmp_path):
    """The quarter that was wrong is not known: the map is right; a mask of unknown pixels alone is none."""
    mask = np.zeros((64, 64), np.uint8)
    mask[:32, :32], mask[:32, 32:] = 255, 127
    predicted = np.array([[0.9, 0.8], [0.1, 0.2]], np.float32)
    for name, values in (("m", mask), ("void", np.full_like(mask, 127))):
        cv2.imwrite(str(tmp_path / f"{name}.png"), values)
    answers = [
        JudgedSample(
            Sample(tmp_path / "m.png", "g", mask=tmp_path / f"{name}.png"),
            Decision(outcome=Outcome.CORRODED),
            1.0,
            predicted,
        )
        for name in ("m", "void")
    ]
    (found,) = measure_maps(answers)
    assert (found.pictures, found.iou) == (1, 1.0)
    assert found.area_error < 0.05
    assert found.pixel_auroc > 0.95
