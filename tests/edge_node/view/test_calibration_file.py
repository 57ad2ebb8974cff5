"""Calibrations as OpenCV and ROS write them, and what is said of others."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from edge_node.errors import ConfigError
from edge_node.messages.camera_view import Lens
from edge_node.view.calibration_file import read_calibration

MATRIX = np.array([[520.5, 0, 318.25], [0, 521.75, 241.5], [0, 0, 1]])
FIVE = np.array([[-0.31, 0.12, 0.0005, -0.0007, -0.02]])
LENS = Lens(
    model="pinhole",
    width_px=640,
    height_px=480,
    fx_px=520.5,
    fy_px=521.75,
    cx_px=318.25,
    cy_px=241.5,
    coefficients=tuple(FIVE[0]),
)
ROS = """\
image_width: 640
image_height: 480
camera_name: usb_cam   # of the left arm
camera_matrix:
  rows: 3
  cols: 3
  data: [520.5, 0.000000, 318.25, 0.000000, 521.75, 241.5, 0.000000, 0.000000, 1.000000]
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: [-0.31, 0.12, 0.0005, -0.0007, -0.02]
rectification_matrix:
  rows: 3
  cols: 3
  data: [1.000000, 0.000000, 0.000000, 0.000000, 1.000000, 0.000000, 0.000000, 0.000000, 1.000000]
projection_matrix:
  rows: 3
  cols: 4
  data: [480.0, 0.0, 317.0, 0.0, 0.0, 500.0, 243.0, 0.0, 0.0, 0.0, 1.0, 0.0]
"""


def write_storage(path, names=("camera_matrix", "distortion_coefficients"), coefficients=FIVE, **more):
    """Write a calibration with cv2.FileStorage; the suffix says the format."""
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    for key, value in ({"image_width": 640, "image_height": 480} | more).items():
        storage.write(key, value)
    storage.write(names[0], MATRIX)
    storage.write(names[1], coefficients)
    storage.release()
    return path


@pytest.mark.parametrize("suffix", [".yml", ".yaml", ".xml", ".json", ".yml.gz"])
def test_what_opencv_writes_is_read(tmp_path, suffix):
    """YAML, XML and JSON of cv2.FileStorage give the same numbers; a packed file is refused in a sentence."""
    path = write_storage(tmp_path / f"camera{suffix}")
    if suffix.endswith(".gz"):
        with pytest.raises(ConfigError, match=r"camera\.yml\.gz: "):
            read_calibration(path)
    else:
        assert read_calibration(path) == LENS


@pytest.mark.parametrize(
    "names",
    [
        ("Camera_Matrix", "Distortion_Coefficients"),
        ("K", "D"),
        ("mtx", "dist"),
        ("cameraMatrix", "distCoeffs"),
    ],
)
def test_the_names_of_other_programs_are_known(tmp_path, names):
    """OpenCV's own samples and tutorials name them differently from version to version."""
    assert read_calibration(write_storage(tmp_path / "c.yml", names)) == LENS


@pytest.mark.parametrize("count", [4, 5, 8, 12, 14])
def test_every_number_of_coefficients_that_opencv_knows_is_read(tmp_path, count):
    """A pinhole camera with a row or a column of them."""
    coefficients = np.arange(1, count + 1).reshape(-1, 1) / 1000
    lens = read_calibration(write_storage(tmp_path / "c.yml", coefficients=coefficients))
    assert (lens.model, lens.coefficients) == ("pinhole", tuple(coefficients.ravel()))


@pytest.mark.parametrize("more", [{"fisheye_model": 1}, {"distortion_model": "equidistant"}])
def test_a_fisheye_is_one_if_the_file_says_so(tmp_path, more):
    """OpenCV's sample writes a number, ROS a word; without either, four coefficients are a pinhole's."""
    lens = read_calibration(write_storage(tmp_path / "c.yml", coefficients=FIVE[:, :4], **more))
    assert lens.model == "fisheye"
    with pytest.raises(ConfigError, match="5 distortion coefficients, a fisheye camera has 4"):
        read_calibration(write_storage(tmp_path / "c.yml", **more))


@pytest.mark.parametrize("start", ["", "---\n", "%YAML:1.0\n---\n", "# made on Monday\n"])
def test_camera_info_of_ros_is_read(tmp_path, start):
    """With its projection matrix, which says what the corrected picture shows, as in image_proc."""
    path = tmp_path / "usb_cam.yaml"
    path.write_text(start + ROS, encoding="utf-8")
    lens = read_calibration(path)
    assert (lens.model, lens.coefficients, lens.rotation) == ("pinhole", LENS.coefficients, None)
    assert lens.corrected == (480.0, 500.0, 317.0, 243.0)


def test_lists_that_a_program_wrapped_are_read(tmp_path):
    """Writers of YAML break long lists where a line is full, also with the line ends of Windows."""
    path = tmp_path / "usb_cam.yaml"
    wrapped = ROS.replace("318.25, ", "318.25,\r\n    ").replace("[-0.31, 0.12,", "[\n    -0.31,\n    0.12, ")
    path.write_text(wrapped, encoding="utf-8")
    lens = read_calibration(path)
    assert (lens.cx_px, lens.cy_px, lens.coefficients) == (318.25, 241.5, LENS.coefficients)


def test_a_message_of_ros_is_read(tmp_path):
    """As `ros2 topic echo` prints it: short names, lists with dashes, and the end of the message."""
    lists = {"d": FIVE[0], "k": MATRIX.ravel(), "r": np.eye(3).ravel(), "p": np.zeros(12)}
    lines = ["header:", "  frame_id: camera", "height: 480", "width: 640", "distortion_model: plumb_bob"]
    for name, numbers in lists.items():
        lines += [f"{name}:", *(f"- {number}" for number in numbers)]
    path = tmp_path / "camera_info.yaml"
    path.write_text("\n".join([*lines, "binning_x: 0", "---", "header:", ""]), encoding="utf-8")
    assert read_calibration(path) == LENS


def test_a_calibration_of_kalibr_is_read(tmp_path):
    """It nests one camera, writes four numbers for the matrix and a pair for the size."""
    path = tmp_path / "camchain.yaml"
    text = (
        "cam0:\n  camera_model: pinhole\n  distortion_model: equidistant\n"
        "  distortion_coeffs: [-0.01, 0.02, -0.01, 0.003]\n"
        "  intrinsics: [520.5, 521.75, 318.25, 241.5]\n  resolution: [640, 480]\n"
    )
    path.write_text(text + text.replace("cam0", "cam1"), encoding="utf-8")
    with pytest.raises(ConfigError, match="several cameras"):
        read_calibration(path)
    path.write_text(text + "  T_cam_imu:\n  - [0.0, 1.0]\n  - [1.0, 0.0]\n  timeshift_cam_imu: 0.01\n")
    lens = read_calibration(path)
    assert (lens.model, lens.fx_px, lens.fy_px, lens.cx_px, lens.cy_px) == (
        *("fisheye", 520.5, 521.75, 318.25, 241.5),
    )


def test_plain_json_is_read(tmp_path):
    """As a script writes it with json.dump: lists in lists, and the size as a pair."""
    path = tmp_path / "c.json"
    path.write_text(json.dumps({"mtx": MATRIX.tolist(), "dist": FIVE.tolist(), "image_size": [640, 480]}))
    assert read_calibration(path) == LENS


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("hello", "calibration"),
        ("{", "no JSON"),
        ("<opencv_storage><camera_matrix>", "no XML"),
        ("<html></html>", "calibration|no XML"),
        (ROS.replace("image_width: 640\n", ""), "add image_width and image_height"),
        (ROS.replace("camera_matrix", "other"), "no camera_matrix"),
        (ROS.replace("distortion_coefficients", "other"), "no distortion_coefficients"),
        (ROS.replace("plumb_bob", "magic"), "distortion_model 'magic' is not known"),
        (ROS.replace("-0.02]", "-0.02, 1]"), "6 distortion coefficients, a pinhole camera has 4 or 5 or 8"),
        (ROS.replace("[520.5,", "[-520.5,"), "above 0"),
        (ROS.replace("318.25", "900.0"), "belong to different pictures"),
        (ROS.replace("-0.31", "many"), "wanted numbers"),
        (ROS.replace("-0.31", ".nan"), "wanted numbers"),
        (ROS.replace("317.0", ".nan"), "projection_matrix: wanted numbers"),
        (ROS.replace("[1.000000", "[.inf"), "rectification_matrix: wanted numbers"),
        (ROS.replace("[1.000000", "[2.5"), "rectification_matrix is no rotation"),
        (ROS.replace("[520.5, 0.000000", "[520.5, 9.1"), "camera_matrix is none: wanted fx 0 cx"),
        (
            ROS.replace("520.5", "0.81").replace("521.75", "1.08"),
            "focal lengths 0.81 and 1.08 for pictures of",
        ),
        (
            '{"K": [[9, 0, 4], [0, 9, 4], [0, 0, 1]], "D": [0, 0, 0, 0], "image_shape": [9, 9]}',
            "add image_width",
        ),
    ],
)
def test_what_is_no_calibration_is_refused_in_a_sentence(tmp_path, text, said, capfd):
    """It names the file and what is missing; OpenCV's own complaints are not printed."""
    path = tmp_path / "c.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=said) as refused:
        read_calibration(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert "\n" not in str(refused.value)
    assert capfd.readouterr() == ("", "")


def test_a_stereo_calibration_is_told_apart(tmp_path):
    """It has two cameras, and says nothing of which is this robot's."""
    path = write_storage(tmp_path / "c.yml", ("M1", "D1"))
    with pytest.raises(ConfigError, match="stereo"):
        read_calibration(path)
