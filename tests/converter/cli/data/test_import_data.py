"""``converter data import``: asked first, imported then, exported and imported again: equal."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from converter.cli.data import actions
from converter.data.dataset import load_dataset
from converter.data.picture_facts import turn_to_shown
from edge_node.errors import DatasetError
from tests.support.foreign_sets import (
    HEIGHT_PX,
    WIDTH_PX,
    coco,
    picture,
    runs_of,
    rust_mask,
    with_orientation,
    write_coco_set,
    write_json,
    write_label_studio_set,
    write_pictures,
    write_yolo_set,
)
from tests.support.subcommands import run


def _import(data, out, *more):
    """Import as a person does who answers what is asked."""
    with pytest.raises(DatasetError, match="check it, then run again with --map"):
        run(actions, "import", data, out)
    asked = out.with_name(f"{out.name}-categories.toml")
    text = asked.read_text(encoding="utf-8").replace(
        'without_corrosion = "?"', 'without_corrosion = "uncorroded"'
    )
    asked.write_text(text, encoding="utf-8")
    return run(actions, "import", data, out, "--map", asked, "--source", "a yard", "--licence", "CC0", *more)


def _content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*.*")
        if path.is_file()
    }


@pytest.mark.parametrize("write", [write_coco_set, write_yolo_set, write_label_studio_set])
def test_thirty_pictures_come_back_equal_from_both_tools(tmp_path, capsys, write):
    """Imported, exported to COCO and Label Studio, imported again: each byte of pictures, masks, labels."""
    assert _import(write(tmp_path / "theirs"), tmp_path / "ours") == 0
    assert "30 pictures" in capsys.readouterr().out
    wanted = _content(tmp_path / "ours")
    del wanted["import.json"]
    assert sum(name.startswith("masks/") for name in wanted) == 20
    for tool in ("coco", "label-studio"):
        out = tmp_path / tool
        assert run(actions, "export", tmp_path / "ours", out, "--to", tool) == 0
        assert run(actions, "import", out, tmp_path / f"{tool}-again", "--map", out / "categories.toml") == 0
        again = _content(tmp_path / f"{tool}-again")
        del again["import.json"]
        assert again == wanted


def test_masks_of_coco_are_the_masks_that_were_drawn(tmp_path):
    """Pixel by pixel, holes and parts included; pictures without one are uncorroded as the person said."""
    _import(write_coco_set(tmp_path / "theirs", 6), tmp_path / "ours")
    samples = {sample.path.name: sample for sample in load_dataset(tmp_path / "ours")}
    for number in range(6):
        sample, mask = samples[f"p{number:02d}.png"], rust_mask(number)
        assert sample.labels["corroded"] == ("corroded" if mask.any() else "uncorroded")
        assert (sample.mask is not None) == mask.any()
        if mask.any():
            np.testing.assert_array_equal(sample.read_mask(mask.shape) == 255, mask)
        assert (sample.licence, sample.source) == ("CC BY 4.0", "a yard")


def test_a_legend_of_colours_is_asked_for(tmp_path):
    """Nobody can tell from a mask picture which of its values corrodes: every value is a question."""
    for name in write_pictures(tmp_path / "set" / "images", 2):
        (tmp_path / "set" / "masks").mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / "set" / "masks" / name), rust_mask(1).astype(np.uint8) * 255)
    out = tmp_path / "out"
    with pytest.raises(DatasetError, match=r'2 "[?]" in it are left to you'):
        run(actions, "import", tmp_path / "set", out)
    asked = tmp_path / "out-categories.toml"
    with pytest.raises(DatasetError, match="category '0' is still"):
        run(actions, "import", tmp_path / "set", out, "--map", asked, "--licence", "CC0", "--source", "me")
    lines = ('without_corrosion = "nothing"', "[categories]", '0 = "nothing"', "255 = { corroded = true }")
    asked.write_text("\n".join(lines), encoding="utf-8")
    assert (
        run(actions, "import", tmp_path / "set", out, "--map", asked, "--licence", "CC0", "--source", "me")
        == 0
    )
    for sample in load_dataset(out):
        np.testing.assert_array_equal(sample.read_mask((HEIGHT_PX, WIDTH_PX)) == 255, rust_mask(1))


@pytest.mark.parametrize("orientation", [3, 6, 7])
def test_pictures_turned_by_exif_come_back_equal(tmp_path, orientation):
    """COCO tells positions of stored pixels, Label Studio of shown ones; masks stay on their pictures."""
    content = with_orientation(cv2.imencode(".jpg", picture(1))[1].tobytes(), orientation)
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.jpg").write_bytes(content)
    annotations = [{"image_id": 1, "segmentation": runs_of(rust_mask(1))}]
    write_json(tmp_path / "set" / "a.json", coco(["a.jpg"], annotations))
    _import(tmp_path / "set", tmp_path / "ours")
    (sample,) = load_dataset(tmp_path / "ours")
    wanted = sample.read_mask(sample.read().shape)
    np.testing.assert_array_equal(wanted == 255, turn_to_shown(rust_mask(1), orientation))
    for tool in ("coco", "label-studio"):
        out, again = tmp_path / tool, tmp_path / f"{tool}-again"
        run(actions, "export", tmp_path / "ours", out, "--to", tool)
        run(actions, "import", out, again, "--map", out / "categories.toml")
        (returned,) = load_dataset(again)
        np.testing.assert_array_equal(returned.read_mask(wanted.shape), wanted)


def test_a_proposal_is_not_written_over(tmp_path):
    """What a person has filled in is kept; the sentence says how to use it."""
    write_coco_set(tmp_path / "theirs", 2)
    with pytest.raises(DatasetError):
        run(actions, "import", tmp_path / "theirs", tmp_path / "ours")
    asked = tmp_path / "ours-categories.toml"
    asked.write_text("mine", encoding="utf-8")
    with pytest.raises(DatasetError, match="is there already; check it and run again with --map"):
        run(actions, "import", tmp_path / "theirs", tmp_path / "ours")
    assert asked.read_text(encoding="utf-8") == "mine"


def test_the_folder_of_the_shell_can_be_filled(tmp_path, monkeypatch):
    """An empty folder that is named by a dot: the proposal lies beside it, the data set in it."""
    write_coco_set(tmp_path / "theirs", 2)
    (tmp_path / "ours").mkdir()
    monkeypatch.chdir(tmp_path / "ours")
    with pytest.raises(DatasetError, match=r"ours-categories\.toml"):
        run(actions, "import", "../theirs", ".")
    asked = tmp_path / "ours-categories.toml"
    asked.write_text(asked.read_text(encoding="utf-8").replace('"?"', '"uncorroded"'), encoding="utf-8")
    assert run(actions, "import", "../theirs", ".", "--map", asked) == 0
    assert len(load_dataset(tmp_path / "ours")) == 2


def test_boxes_are_called_labels(tmp_path, capsys):
    """They give no mask, and the output says so."""
    names = write_pictures(tmp_path / "set", 2)
    annotations = [{"image_id": 1, "bbox": [1, 1, 40, 40]}, {"image_id": 2, "bbox": [1, 1, 40, 40]}]
    write_json(tmp_path / "set" / "a.json", coco(names, annotations))
    _import(tmp_path / "set", tmp_path / "labels")
    assert "2 boxes taken as labels of their pictures; a box is no mask" in capsys.readouterr().out
    assert [sample.mask for sample in load_dataset(tmp_path / "labels")] == [None, None]
    _import(tmp_path / "set", tmp_path / "crops", "--boxes", "crops")
    assert "2 boxes cut out as 2 pictures" in capsys.readouterr().out
