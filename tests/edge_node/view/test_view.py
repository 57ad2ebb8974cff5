"""The view of a configuration: its files, the sizes it fits, and what is refused before anything starts."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_node.config.camera_section import CameraConfig
from edge_node.errors import ConfigError
from edge_node.messages.camera_view import Crop
from edge_node.view.settings import ViewSettings
from edge_node.view.view import View, ViewMisfitError, load_view


def write_mask(path, masked_share=0.1, size=(640, 480)):
    """Write a mask whose lower part is black."""
    mask = np.full((size[1], size[0]), 255, np.uint8)
    mask[round(size[1] * (1 - masked_share)) :] = 0
    path.write_bytes(cv2.imencode(".png", mask)[1].tobytes())
    return str(path)


def write_lens(path, size=(640, 480), coefficients=(-0.3, 0.1, 0.0, 0.0, 0.0)):
    """Write a calibration for pictures of a size."""
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    storage.write("image_width", size[0])
    storage.write("image_height", size[1])
    storage.write("camera_matrix", np.array([[500.0, 0, size[0] / 2], [0, 500.0, size[1] / 2], [0, 0, 1]]))
    storage.write("distortion_coefficients", np.array(coefficients))
    storage.release()
    return str(path)


def test_without_keys_there_is_no_view():
    """The camera's picture is judged as it is; a turn by 0 and no flip are none."""
    assert load_view(CameraConfig()) is None
    assert load_view(CameraConfig(rotate=180, flip="both")) is None
    assert load_view(CameraConfig(rotate=90)) is not None


def test_the_numbers_say_what_is_in_force(tmp_path):
    """Size of the camera's picture and of the view, and how many of its pixels count."""
    crop = Crop(left_px=0, top_px=100, width_px=480, height_px=400, of_px=(480, 640))
    config = CameraConfig(rotate=90, crop=crop, mask=write_mask(tmp_path / "m.png", 0.25))
    numbers = load_view(config).framing(640, 480).numbers
    sizes = (numbers.camera_width_px, numbers.camera_height_px, numbers.width_px, numbers.height_px)
    assert sizes == (640, 480, 480, 400)
    assert numbers.counted_px == 360 * 400  # the lower quarter is at the left after a clockwise turn
    assert (numbers.rotate_deg, numbers.crop, numbers.has_mask) == (90, crop, True)


def test_other_sizes_than_those_of_crop_and_mask_are_misfits(tmp_path):
    """A crop or a mask made for another picture would show another place: nothing is judged then."""
    crop = Crop(left_px=0, top_px=0, width_px=100, height_px=100, of_px=(480, 640))
    view = load_view(CameraConfig(rotate=270, crop=crop, mask=write_mask(tmp_path / "m.png")))
    assert view.misfit(640, 480) == ""
    assert view.misfit(1280, 960) == (
        "the camera's picture has 1280 x 960 pixels, but the mask has 640 x 480 pixels;"
        " crop.of_px is a picture of 640 x 480 pixels, before turning"
    )
    with pytest.raises(ViewMisfitError, match="1280 x 960"):
        view.framing(1280, 960)


def test_a_calibration_fits_every_size_of_its_shape(tmp_path):
    """Scaled, up to a rounded pixel; another shape is another part of the sensor."""
    view = load_view(CameraConfig(undistort=write_lens(tmp_path / "c.yml")))
    assert [view.misfit(*size) for size in ((640, 480), (1280, 960), (333, 250))] == ["", "", ""]
    assert "calibrated on pictures of 640 x 480 pixels, which have another shape" in view.misfit(1280, 720)


def test_files_that_cannot_be_used_are_named_all_at_once(tmp_path):
    """Each with its key."""
    with pytest.raises(ConfigError) as refused:
        load_view(CameraConfig(mask=str(tmp_path / "m.png"), undistort=str(tmp_path / "c.yml")))
    lines = str(refused.value).splitlines()
    assert [line.split(": ")[0] for line in lines] == ["[camera] mask", "[camera] undistort"]
    assert refused.value.exit_code == 78


def test_settings_that_contradict_each_other_are_refused(tmp_path):
    """A mask of one size and a crop of another can never both fit."""
    crop = Crop(left_px=0, top_px=0, width_px=100, height_px=100, of_px=(1280, 720))
    with pytest.raises(ConfigError, match=r"the mask is of a picture of 640 x 480 pixels, but crop\.of_px"):
        load_view(CameraConfig(crop=crop, mask=write_mask(tmp_path / "m.png")))
    config = CameraConfig(
        mask=write_mask(tmp_path / "m.png"), undistort=write_lens(tmp_path / "c.yml", (1280, 720))
    )
    with pytest.raises(ConfigError, match="undistort was calibrated on pictures of 1280 x 720"):
        load_view(config)


@pytest.mark.parametrize(
    ("masked", "said"), [(1.0, "only 0.0% of the view"), (0.96, "only 4.0% of the view")]
)
def test_a_view_of_which_nearly_nothing_counts_is_refused(tmp_path, masked, said):
    """With its share: the models would judge grey."""
    with pytest.raises(ConfigError, match=said):
        load_view(CameraConfig(mask=write_mask(tmp_path / "m.png", masked)))
    assert load_view(CameraConfig(mask=write_mask(tmp_path / "m.png", 0.9)))


def test_a_crop_of_the_masked_part_alone_is_refused(tmp_path):
    """The share is one of the view, not of the camera's picture."""
    crop = Crop(left_px=0, top_px=400, width_px=640, height_px=80, of_px=(640, 480))
    with pytest.raises(ConfigError, match=r"only 0\.0% of the view counts"):
        load_view(CameraConfig(crop=crop, mask=write_mask(tmp_path / "m.png", 0.2)))


def test_framings_are_kept_for_few_sizes():
    """A folder of pictures of all sizes does not fill the memory."""
    view = View(ViewSettings(90))
    first = view.framing(64, 48)
    assert view.framing(64, 48) is first
    for width in range(100, 110):
        view.framing(width, 48)
    assert view.framing(64, 48) is not first


def test_a_lens_that_shows_nearly_nothing_is_refused(tmp_path):
    """Its coefficients are of another lens; that shows before any picture, whatever size it was made for."""
    load_view(CameraConfig(undistort=write_lens(tmp_path / "c.yml", (4000, 3000))))
    path = write_lens(tmp_path / "c.yml", (640, 480), (-90.0, 0.0, 0.0, 0.0))
    with pytest.raises(ConfigError, match="of the view counts"):
        load_view(CameraConfig(undistort=path))
