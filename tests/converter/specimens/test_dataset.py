"""Rendered specimens: same seed same bytes, truth as drawn, corrosion that only grows, complete data sets."""

import csv
import functools
import itertools

import cv2
import numpy as np
import pytest

from converter.specimens.corrosion import find_kinetics
from converter.specimens.dataset import LABEL_COLUMNS, render, render_other, render_plate, write_dataset
from converter.specimens.not_metal import Other, OtherSpec
from converter.specimens.spec import Finish, Light, Material, Specimen, SpecimenSpec
from edge_node.errors import DatasetError

SIZE = (160, 120)


def spec(material=Material.STEEL, finish=Finish.BRUSHED, hours=0.0, **changes):
    """Return a spec of clean brushed steel, but for what is named."""
    return SpecimenSpec(material=material, finish=finish, corrosion_hours=hours, **changes)


def rows_of(labels):
    """Return the rows of a labels.csv by column."""
    with labels.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Return a folder with six specimens, four pictures each."""
    out = tmp_path_factory.mktemp("specimens") / "out"
    write_dataset(out, 24, seed=5, size=SIZE)
    return out


@pytest.mark.parametrize("material", Material)
def test_same_spec_same_bytes(material):
    """Two renders of one spec agree in every byte of picture and mask."""
    first, second = (render(spec(material, Finish.SCRATCHED, 80.0, seed=3), *SIZE) for _ in range(2))
    assert first.pixels.tobytes() == second.pixels.tobytes()
    assert first.mask.tobytes() == second.mask.tobytes()


def test_shapes_and_types():
    """A picture is uint8 BGR of the size asked for, and its mask holds 0 and 255 alone."""
    specimen = render(spec(hours=60.0), 200, 120)
    assert specimen.pixels.shape == (120, 200, 3)
    assert specimen.pixels.dtype == np.uint8
    assert specimen.mask.shape == (120, 200)
    assert set(np.unique(specimen.mask)) == {0, 255}


def test_another_seed_is_another_specimen():
    """The seed decides where a specimen corrodes."""
    first, second = (render(spec(hours=40.0, seed=seed), *SIZE).mask for seed in (1, 2))
    assert np.mean(first != second) > 0.1


def test_light_leaves_the_truth_alone():
    """The same view under every light shows different pixels and the same mask."""
    specimens = [render(spec(hours=40.0, light=light, seed=7), *SIZE) for light in Light]
    assert all(np.array_equal(specimens[0].mask, specimen.mask) for specimen in specimens)
    for one, other in itertools.pairwise(specimens):
        assert not np.array_equal(one.pixels, other.pixels)


@pytest.mark.parametrize(("material", "finish"), list(itertools.product(Material, Finish)))
def test_clean_is_clean(material, finish):
    """At 0 hours no metal, finish or stain puts a single pixel into the mask."""
    specimen = render(spec(material, finish, seed=11), *SIZE)
    assert specimen.area_fraction == 0.0
    assert (specimen.corroded, specimen.severity, specimen.form) == (False, "none", "none")


@pytest.mark.parametrize(
    ("material", "finish"), list(itertools.product(Material, (Finish.ROLLED, Finish.PAINTED)))
)
def test_corrosion_only_grows(material, finish):
    """What is corroded at one hour is corroded at every later hour, and there is more of it in the end."""
    masks = [
        render(spec(material, finish, hours, seed=4), *SIZE).mask
        for hours in (5.0, 20.0, 80.0, 300.0, 1200.0)
    ]
    for earlier, later in itertools.pairwise(masks):
        assert not np.any((earlier == 255) & (later == 0))
    assert np.mean(masks[-1] == 255) > np.mean(masks[0] == 255) + 0.1


@pytest.mark.parametrize("hours", [20.0, 60.0, 150.0])
def test_area_follows_the_growth_law(hours):
    """The covered share of a whole steel plate is Avrami's, within 4 points for the frayed edges."""
    plate = render_plate(spec(hours=hours, seed=9), (240, 320), 1.0)
    wanted = find_kinetics(Material.STEEL, Finish.BRUSHED).fraction(hours)
    assert float(np.mean(plate.coverage >= 0.5)) == pytest.approx(wanted, abs=0.04)


def test_hours_invert_the_growth_law():
    """Asking for the hours of a share and for the share of those hours comes back to the share."""
    kinetics = find_kinetics(Material.GALVANIZED, Finish.ROLLED)
    assert kinetics.fraction(kinetics.hours(0.3)) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("material", "corroded_px", "expected"),
    [
        (Material.STEEL, 4, (False, "none", "none")),  # 0.04 %: Ri 0
        (Material.STEEL, 5, (True, "mid", "uniform")),  # 0.05 %: Ri 1 begins
        (Material.STEEL, 3999, (True, "mid", "uniform")),
        (Material.STEEL, 4000, (True, "late", "uniform")),  # 40 %: Ri 5 begins
        (Material.GALVANIZED, 4000, (True, "late", "uniform")),
        (Material.ALUMINIUM, 999, (True, "mid", "pitting")),
        (Material.ALUMINIUM, 1000, (True, "late", "pitting")),
    ],
)
def test_truth_is_the_mask(material, corroded_px, expected):
    """Condition, severity and form follow from the mask and the metal alone."""
    mask = np.zeros((100, 100), dtype=np.uint8)
    mask.ravel()[:corroded_px] = 255
    specimen = Specimen(spec(material), np.zeros((100, 100, 3), dtype=np.uint8), mask)
    assert specimen.area_fraction == corroded_px / 10_000
    assert (specimen.corroded, specimen.severity, specimen.form) == expected


def test_rust_is_redder_than_its_steel():
    """Inside the mask of rusted steel red exceeds blue by far more than outside it."""
    specimen = render(spec(finish=Finish.ROLLED, hours=50.0, light=Light.CLOUD, seed=2), 320, 240)
    redness = specimen.pixels[:, :, 2].astype(int) - specimen.pixels[:, :, 0]
    assert redness[specimen.mask == 255].mean() > redness[specimen.mask == 0].mean() + 40


def test_pits_are_darker_and_bloom_is_no_rust():
    """Corroded aluminium holds darker points than its clean self and stays colourless."""
    clean, pitted = (
        render(spec(Material.ALUMINIUM, Finish.ROLLED, hours, light=Light.CLOUD, seed=6), 320, 240)
        for hours in (0.0, 600.0)
    )
    assert np.percentile(pitted.pixels, 2) < np.percentile(clean.pixels, 2) - 20
    tint = pitted.pixels[:, :, 2].astype(int) - pitted.pixels[:, :, 0]
    assert abs(tint[pitted.mask == 255].mean() - tint[pitted.mask == 0].mean()) < 15


@pytest.mark.parametrize("changes", [{"hours": -1.0}, {"hours": float("nan")}, {"hours": 1e5}, {"seed": -1}])
def test_spec_refuses_the_impossible(changes):
    """Negative or endless hours and negative seeds are refused where the spec is made."""
    with pytest.raises(ValueError, match="expected"):
        spec(**changes)


@pytest.mark.parametrize("size", [(63, 120), (160, 5000)])
def test_render_refuses_sizes_it_cannot_draw(size):
    """A picture too small for its texture or too large for memory is refused with the allowed range."""
    with pytest.raises(ValueError, match="sides of 64 to 4096 px"):
        render(spec(), *size)


def test_labels_are_complete(dataset):
    """Every row has every column filled, and its picture and mask are there at the size asked for."""
    rows = rows_of(dataset / "labels.csv")
    assert len(rows) == 24
    assert tuple(rows[0]) == LABEL_COLUMNS
    for row in rows:
        assert all(row.values())
        assert cv2.imread(str(dataset / row["file"])).shape == (SIZE[1], SIZE[0], 3)
        mask = cv2.imread(str(dataset / row["mask"]), cv2.IMREAD_UNCHANGED)
        assert mask.shape == (SIZE[1], SIZE[0])
        assert bool(mask.any()) == (row["corroded"] == "1") == (row["severity"] != "none")
        assert float(row["area_fraction"]) == pytest.approx((mask > 0).mean(), abs=1e-4)
    assert len({row["file"] for row in rows}) == 24


def test_groups_are_specimens(dataset):
    """Four pictures share a group, a metal and a finish; half of them are clean."""
    rows = rows_of(dataset / "labels.csv")
    groups = [list(group) for _, group in itertools.groupby(rows, key=lambda row: row["group"])]
    assert [len(group) for group in groups] == [4] * 6
    for group in groups:
        assert len({(row["material"], row["finish"]) for row in group}) == 1
        assert [row["corroded"] for row in group] == ["0", "0", "1", "1"]
    assert {row["material"] for row in rows} == {material.value for material in Material}


def test_dataset_repeats(dataset, tmp_path):
    """The same seed writes the same bytes again, file by file."""
    write_dataset(tmp_path, 24, seed=5, size=SIZE)
    written = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.*"))
    assert written == sorted(path.relative_to(dataset) for path in dataset.rglob("*.*"))
    assert all((tmp_path / path).read_bytes() == (dataset / path).read_bytes() for path in written)


def test_last_specimen_may_be_cut_short(tmp_path):
    """A count that is no multiple of four gives exactly that many pictures."""
    assert len(rows_of(write_dataset(tmp_path, 5, size=(64, 64)))) == 5


def test_other_things_have_a_kind_and_nothing_of_metal(tmp_path):
    """Two pictures of each subject, kinds in turn, no material, condition or mask; the metal stays."""
    rows = rows_of(write_dataset(tmp_path / "both", 4, seed=5, size=(96, 72), other=28))
    others = [row for row in rows if row["metal"] == "other"]
    assert [row["finish"] for row in others[::2]] == [*(kind.value for kind in Other), "concrete"]
    assert all(one["group"] == two["group"] for one, two in zip(others[::2], others[1::2], strict=True))
    assert {row[column] for row in others for column in ("material", "corroded", "severity", "mask")} == {""}
    assert {row["metal"] for row in rows[:4]} == {"metal"}
    alone = rows_of(write_dataset(tmp_path / "alone", 4, seed=5, size=(96, 72)))
    assert alone == rows[:4]
    pictures = [cv2.imread(str(tmp_path / "both" / row["file"])) for row in others]
    assert all(picture.shape == (72, 96, 3) and picture.std() > 4 for picture in pictures)
    means = [picture.mean(axis=(0, 1)) for picture in pictures]
    assert len({tuple(mean.round(1)) for mean in means}) == len(others)


@pytest.mark.parametrize("kind", list(Other))
def test_every_other_thing_repeats(kind):
    """Equal specs give equal bytes; another seed gives another subject; another view moves it."""
    spec_of = functools.partial(OtherSpec, kind)
    first = render_other(spec_of(seed=3), 96, 72)
    np.testing.assert_array_equal(first, render_other(spec_of(seed=3), 96, 72))
    assert (first != render_other(spec_of(seed=4), 96, 72)).mean() > 0.5
    assert (first != render_other(spec_of(seed=3, view=1), 96, 72)).mean() > 0.3


def test_occupied_folder_is_refused(tmp_path):
    """A folder that is not empty is refused untouched, and written into with force."""
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(DatasetError, match="folder is not empty; name another, or add --force"):
        write_dataset(tmp_path, 1, size=(64, 64))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    write_dataset(tmp_path, 1, size=(64, 64), force=True)
    assert (tmp_path / "mine.txt").read_text() == "keep"
    assert (tmp_path / "labels.csv").is_file()


def test_file_in_the_way_is_refused(tmp_path):
    """An output path that is a file is refused, even with force."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(DatasetError, match="is a file, expected a folder"):
        write_dataset(blocked, 1, force=True)
