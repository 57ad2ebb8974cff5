"""Thresholds of maps: fitted where masks show a better one than one half, left alone elsewhere."""

from __future__ import annotations

import csv

import cv2
import msgspec
import numpy as np
import pytest
import tensorflow as tf

from converter.evaluation.map_threshold import MapCounts, fit_threshold
from edge_node.inference.bundle import load_bundle
from edge_node.inference.engine import Engine
from edge_node.inspection.corrosion_map import estimate_area
from tests.support import small_graphs
from tests.support.subcommands import convert

PICTURES, INTERVALS = 20, 482
GROUPS = [f"plate-{at // 2}" for at in range(PICTURES)]


def counts(corroded_from: int, sound_from: int) -> MapCounts:
    """Pixels of every picture: 100 corroded ones from one interval on, 100 sound ones from another on."""
    corroded, sound = (np.zeros((PICTURES, INTERVALS), np.int64) for _ in range(2))
    corroded[:, corroded_from : corroded_from + 10] = 10
    sound[:, sound_from : sound_from + 10] = 10
    return MapCounts(corroded, sound)


def test_a_map_that_calls_all_corroded_gets_the_threshold_that_parts_it():
    """Sound pixels at log odds 3, corroded ones at 6: at one half half of all is wrong, between none is."""
    fit = fit_threshold(counts(corroded_from=360, sound_from=300), GROUPS)
    assert fit is not None
    assert 1 / (1 + np.exp(-3.4)) < fit.threshold < 1 / (1 + np.exp(-6.0))
    assert fit.iou == (pytest.approx(0.5), pytest.approx(1.0))
    assert fit.area_error == (pytest.approx(0.5), pytest.approx(0.0))


def test_a_map_that_is_right_at_one_half_is_left_alone():
    """A head that learned from positions needs no other threshold, and none is written."""
    assert fit_threshold(counts(corroded_from=300, sound_from=180), GROUPS) is None


@pytest.mark.parametrize("part", ["corroded", "sound"])
def test_masks_of_one_kind_fit_nothing(part):
    """Where all is corroded, or nothing, any threshold at the end would look best."""
    empty = np.zeros((PICTURES, INTERVALS), np.int64)
    made = counts(360, 300)
    kept = MapCounts(empty, made.uncorroded) if part == "corroded" else MapCounts(made.corroded, empty)
    assert fit_threshold(kept, GROUPS) is None


def test_too_few_specimens_fit_nothing():
    """Twenty pictures of two plates say nothing of a third."""
    assert fit_threshold(counts(360, 300), [f"plate-{at % 2}" for at in range(PICTURES)]) is None


@pytest.fixture(scope="module")
def masked(tmp_path_factory):
    """Pictures whose left or right half is bright, and masks that call the bright half corroded."""
    folder, rng = tmp_path_factory.mktemp("masked"), np.random.default_rng(8)
    side = small_graphs.SIZE_PX
    rows = []
    for at in range(24):
        pixels = rng.integers(30, 34, (side, side, 3), dtype=np.uint8)
        mask = np.zeros((side, side), np.uint8)
        half = slice(0, side // 2) if at % 2 else slice(side // 2, side)
        pixels[:, half] = rng.integers(200, 204, (side, side // 2, 3), dtype=np.uint8)
        mask[:, half] = 255
        cv2.imwrite(str(folder / f"{at}.png"), pixels)
        cv2.imwrite(str(folder / f"{at}_mask.png"), mask)
        rows.append([f"{at}.png", f"plate-{at // 3}", "steel", at % 2, "", "", f"{at}_mask.png"])
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["file", "group", "material", "corroded", "severity", "form", "mask"])
        table.writerows(rows)
    return folder


@pytest.fixture
def all_corroded(tmp_path):
    """A graph that calls all corroded: log odds of 10 where a surface is dark, of 23 where bright."""
    with tf.Graph().as_default() as graph:
        pictures = tf.compat.v1.placeholder(
            tf.float32, (1, small_graphs.SIZE_PX, small_graphs.SIZE_PX, 3), name="input"
        )
        features = tf.nn.avg_pool2d(pictures, 4, 4, "VALID")
        bottleneck = tf.reduce_mean(features, (1, 2))
        weights = tf.constant([[10 / 3, 0.0]] * 3, name="final_training_ops/weights")
        logits = tf.add(tf.matmul(bottleneck, weights), tf.constant([17.5, 0.0]), name="logits")
        tf.nn.softmax(logits, name="final_result")
    return small_graphs.write_graph(tmp_path / "graph", graph.as_graph_def())


@pytest.mark.slow
def test_convert_fits_the_map_to_the_masks(all_corroded, masked, tmp_path):
    """``--evaluate`` with masks: the map calls half of each picture corroded, which is right, and not all."""
    scaling = ("--input-mean", "127.5", "--input-std", "127.5")
    done = convert(all_corroded, *scaling, "--evaluate", masked, "--out", tmp_path / "bundle")
    assert done.returncode == 0, done.stderr
    assert "threshold of the map" in done.stdout
    assert "IoU" in done.stdout
    bundle = load_bundle(tmp_path / "bundle")
    (stage,) = bundle.manifest.cascade.stages
    assert 0.6 < stage.map_threshold < 0.8  # log odds of 10 to 23, by the temperature of 20
    logits = Engine(bundle).judge(cv2.imread(str(masked / "1.png"))).maps[stage.name]
    unfitted = msgspec.structs.replace(stage, map_threshold=0.5)
    assert estimate_area(logits, unfitted) == pytest.approx(1.0)
    assert estimate_area(logits, stage) == pytest.approx(0.5, abs=0.1)
