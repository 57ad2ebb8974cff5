"""Label Studio's tasks as they are written."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from converter.data.exchange.exported_picture import ExportedPicture
from converter.data.exchange.label_studio_writer import CONFIG_NAME, TASKS_NAME, LabelStudioWriter
from converter.data.picture_facts import PictureFacts
from tests.support.foreign_sets import rust_mask


def test_each_result_has_a_control_in_the_labelling_interface():
    """Names, choices and sizes agree, and the address survives blanks."""
    writer = LabelStudioWriter()
    columns = {"corroded": "corroded", "material": 'a "strange" & steel', "group": "g:1"}
    writer.add(ExportedPicture("pictures/a b.jpg", (48, 60), PictureFacts(), columns), rust_mask(1))
    files = writer.files("")
    (task,) = files[TASKS_NAME]
    assert task["data"] == {"image": "/data/local-files/?d=pictures/a%20b.jpg", "labels_group": "g:1"}
    config = ET.fromstring(files[CONFIG_NAME])  # noqa: S314  # our own
    values = {control.get("name"): {inner.get("value") for inner in control} for control in config}
    for result in task["annotations"][0]["result"]:
        labels = result["value"].get("choices") or result["value"].get("brushlabels")
        assert set(labels) <= values[result["from_name"]]
        assert (result["original_width"], result["original_height"], result["to_name"]) == (60, 48, "image")
