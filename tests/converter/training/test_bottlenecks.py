"""The cache of bottlenecks."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from converter.architectures.backbones import InputRule, load_backbone
from converter.data.dataset import Sample
from converter.training import bottlenecks
from converter.training.augment import INSPECTION, Augmentation
from converter.training.bottlenecks import Variant, compute, make_extractor, read_mask_variant
from edge_node.errors import DatasetError
from edge_node.inference.manifest import Resize

_VARIANTS = [Variant(0), Variant(1, INSPECTION)]


@pytest.fixture(scope="module")
def backbone():
    """A small network; its weights do not matter here."""
    return load_backbone("mobilenet_0.25_128", weights="random", size_px=64)


@pytest.fixture
def samples(tmp_path):
    """Three pictures of different sizes."""
    random = np.random.default_rng(0)
    for index in range(3):
        coarse = random.integers(0, 255, (4, 5 + index, 3), np.uint8)
        cv2.imwrite(str(tmp_path / f"{index}.png"), cv2.resize(coarse, (90, 70)))
    return [Sample(path, path.name) for path in sorted(tmp_path.glob("*.png"))]


def _count(progress):
    return progress.append


def test_activations_are_the_networks_own(samples, backbone):
    """An activation is what the network says of the picture prepared by the node's own rules."""
    by = make_extractor(backbone, pooled=True)
    found = compute(samples, by, [Variant(0)])
    assert found.shape == (1, 3, 256)
    picture = bottlenecks.resize(samples[1].read(), 64, 64, backbone.input.resize)[..., ::-1]
    real = (picture.astype(np.float32) - 127.5) / 127.5
    expected = np.asarray(backbone.model(real[np.newaxis])).mean(axis=(1, 2))[0]
    np.testing.assert_allclose(found[0, 1], expected, atol=2e-3)


def test_a_warm_cache_gives_the_same_without_the_network(samples, backbone, tmp_path):
    """The second run reads every entry, computes nothing, and gives the same numbers."""
    by, cache = make_extractor(backbone), tmp_path / "cache"
    first, second = [], []
    cold = compute(samples, by, _VARIANTS, cache=cache, progress=_count(first))
    warm = compute(samples, by, _VARIANTS, cache=cache, progress=_count(second))
    np.testing.assert_array_equal(cold, warm)
    assert first[0] == 0
    assert second == [6]


def test_no_entry_is_stale(samples, backbone, tmp_path):
    """Another picture under one name, other weights, layer, pooling or augmentation: computed."""
    cache, pooled = tmp_path / "cache", make_extractor(backbone, pooled=True)
    compute(samples, pooled, _VARIANTS, cache=cache)

    def computed(by, variants):
        progress = []
        values = compute(samples, by, variants, cache=cache, progress=_count(progress))
        return values, sum(progress[1:])

    assert computed(pooled, _VARIANTS)[1] == 0
    other_weights = load_backbone("mobilenet_0.25_128", weights="random", size_px=64)
    assert computed(make_extractor(other_weights, pooled=True), _VARIANTS)[1] == 6
    assert computed(make_extractor(backbone), _VARIANTS)[1] == 6
    assert computed(make_extractor(backbone, layer="conv_pw_5_relu", pooled=True), _VARIANTS)[1] == 6
    assert computed(pooled, [Variant(1, Augmentation(rotation_deg=10))])[1] == 3
    assert computed(pooled, [Variant(1, INSPECTION, seed=1)])[1] == 3
    cv2.imwrite(str(samples[0].path), np.zeros((70, 90, 3), np.uint8))
    before = compute(samples[1:], pooled, [Variant(0)], cache=cache)
    after, count = computed(pooled, [Variant(0)])
    assert count == 1
    np.testing.assert_array_equal(after[:, 1:], before)


def test_a_damaged_entry_is_computed_again(samples, backbone, tmp_path):
    """An entry that was cut off by a crash is noticed and replaced."""
    by, cache = make_extractor(backbone, pooled=True), tmp_path / "cache"
    whole = compute(samples, by, [Variant(0)], cache=cache)
    entries = sorted(cache.rglob("*.npy"))
    entries[0].write_bytes(entries[0].read_bytes()[:-7])
    entries[1].write_bytes(b"")
    np.testing.assert_array_equal(compute(samples, by, [Variant(0)], cache=cache), whole)
    assert all(np.load(entry).shape == (256,) for entry in entries)
    assert not list(cache.rglob("*.part"))


def test_a_cache_that_cannot_be_written_is_named(samples, backbone, tmp_path):
    """A file where the folder should be gives one sentence."""
    (tmp_path / "cache").write_text("in the way", encoding="utf-8")
    with pytest.raises(DatasetError, match="cannot keep bottlenecks"):
        compute(samples, make_extractor(backbone, pooled=True), [Variant(0)], cache=tmp_path / "cache")


def test_masks_follow_their_variants(tmp_path):
    """The mask of a variant covers what the same variant of the picture shows."""
    picture = np.zeros((128, 128, 3), np.uint8)
    picture[20:70, 40:110] = 255
    cv2.imwrite(str(tmp_path / "p.png"), picture)
    cv2.imwrite(str(tmp_path / "m.png"), picture[..., 0])
    sample = Sample(tmp_path / "p.png", "g", mask=tmp_path / "m.png")
    geometry = Augmentation(rotation_deg=40, flip_left_right=True, crop_share=0.3)
    rule = InputRule(size_px=256, resize=Resize.AREA, mean=(0.0,) * 3, std=(1.0,) * 3)
    for copy in range(4):
        variant = Variant(copy, geometry)
        mask = read_mask_variant(sample, variant, 8)
        seen = bottlenecks.read_variant(sample, sample.sha256, variant, rule)[..., 0]
        expected = cv2.resize(seen, (8, 8), interpolation=cv2.INTER_AREA) / 255
        np.testing.assert_allclose(mask, expected, atol=0.06)
    assert read_mask_variant(Sample(tmp_path / "p.png", "g"), Variant(0), 8) is None


def test_positions_that_nobody_labelled_are_not_trained(tmp_path):
    """Left half corroded, a quarter not known: negative there, in the picture as it is and in a copy."""
    mask = np.zeros((64, 64), np.uint8)
    mask[:, :32], mask[:32, 32:] = 255, 127
    for name in ("p.png", "m.png"):
        cv2.imwrite(str(tmp_path / name), mask)
    sample = Sample(tmp_path / "p.png", "g", mask=tmp_path / "m.png")
    as_it_is = read_mask_variant(sample, Variant(0), 4)
    np.testing.assert_array_equal(as_it_is, [[1, 1, -1, -1]] * 2 + [[1, 1, 0, 0]] * 2)
    moved = read_mask_variant(sample, Variant(1, INSPECTION), 8)
    assert (moved < 0).any()
    assert ((moved == -1) | ((moved >= 0) & (moved <= 1))).all()
