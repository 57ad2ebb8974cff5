"""Division by specimen."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.data.dataset import Sample
from converter.data.splits import split, split_by_group, split_by_picture, with_groups
from edge_node.errors import DatasetError


def _samples(groups):
    return [Sample(Path(f"{i}.jpg"), group, source=f"s{i % 3}") for i, group in enumerate(groups)]


_GROUPS = st.lists(st.sampled_from([f"specimen {i}" for i in range(40)]), min_size=30, max_size=80)


@given(groups=_GROUPS, seed=st.integers(0, 5))
def test_no_group_is_in_two_sets(groups, seed):
    """Whatever the groups, none is split, and every picture is in exactly one set."""
    parts = split(_samples(groups), test_percent=20, validation_percent=20, seed=seed)
    sets = [{sample.group for sample in part} for part in (parts.training, parts.validation, parts.test)]
    assert not (sets[0] & sets[1])
    assert not (sets[0] & sets[2])
    assert not (sets[1] & sets[2])
    assert len(parts.training) + len(parts.validation) + len(parts.test) == len(groups)


@given(groups=_GROUPS, added=_GROUPS)
def test_added_pictures_move_no_others(groups, added):
    """A picture stays in its set and fold when others are added."""
    few, many = _samples(groups), _samples([*groups, *(f"new {group}" for group in added)])
    few_parts = split(few, test_percent=20, validation_percent=20)
    many_parts = split(many, test_percent=20, validation_percent=20)
    assert {s.path for s in few_parts.test} <= {s.path for s in many_parts.test}
    assert {s.path for s in few_parts.training} <= {s.path for s in many_parts.training}
    np.testing.assert_array_equal(split_by_group(few, 5), split_by_group(many, 5)[: len(few)])


def test_shares_are_those_asked_for():
    """Over many groups the sets have the shares that were asked for, and another seed divides otherwise."""
    samples = _samples([f"g{i}" for i in range(4000)])
    parts = split(samples, test_percent=10, validation_percent=20)
    assert len(parts.test) == pytest.approx(400, abs=70)
    assert len(parts.validation) == pytest.approx(800, abs=90)
    assert split(samples, test_percent=10, validation_percent=20, seed=1).test != parts.test


def test_a_source_is_left_out_with_all_its_groups():
    """Leaving a source out takes its groups' pictures from other sources along."""
    samples = _samples(["a", "b", "c", "a", "b", "d"])
    samples[3] = Sample(Path("3.jpg"), "a", source="s1")  # group a is in s0 and s1 then
    parts = split(samples, test_percent=0, validation_percent=0, leave_out=["s1"])
    assert {sample.path.name for sample in parts.test} == {"0.jpg", "1.jpg", "3.jpg", "4.jpg"}
    with pytest.raises(DatasetError, match="--leave-out elsewhere: no such source; known are s0, s1, s2"):
        split(samples, test_percent=0, validation_percent=0, leave_out=["elsewhere"])


def test_one_group_cannot_be_divided():
    """When no group is left for training, the message says what to do."""
    with pytest.raises(DatasetError, match="2 pictures in 1 groups leave none to train on"):
        split(_samples(["a", "a"]), test_percent=100, validation_percent=0)


def test_random_folds_do_split_groups():
    """The flattering division is by picture: one group is in several folds, unlike in the honest one."""
    samples = _samples(["a"] * 50)
    assert len(set(split_by_picture(samples, 5))) > 1
    assert len(set(split_by_group(samples, 5))) == 1


def test_random_folds_do_not_depend_on_where_the_pictures_lie():
    """The same data set in another place is divided alike."""
    here = [Sample(Path("/here/set") / f"{number}.jpg", "a") for number in range(50)]
    there = [Sample(Path("there/set") / f"{number}.jpg", "a") for number in range(50)]
    assert split_by_picture(here, 5).tolist() == split_by_picture(there, 5).tolist()


def test_near_duplicates_become_one_group(tmp_path):
    """A picture compressed and shrunk again joins its original; other pictures stay alone."""
    rng = np.random.default_rng(0)
    for name in ("a", "b", "c"):
        coarse = rng.integers(0, 255, (8, 8, 3), np.uint8)
        picture = cv2.resize(coarse, (160, 160), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(tmp_path / f"{name}.png"), picture)
    again = cv2.resize(cv2.imread(str(tmp_path / "a.png")), (120, 120), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(tmp_path / "again.jpg"), again, [cv2.IMWRITE_JPEG_QUALITY, 60])
    paths = sorted(tmp_path.iterdir())
    grouped = {s.path.name: s.group for s in with_groups([Sample(path, "") for path in paths])}
    assert grouped["a.png"] == grouped["again.jpg"]
    assert len(set(grouped.values())) == 3
    assert all(group.startswith("view:") for group in grouped.values())
    kept = with_groups([Sample(tmp_path / "b.png", "mine")])
    assert kept[0].group == "mine"
