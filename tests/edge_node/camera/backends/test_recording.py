"""Folders, pictures and videos as cameras."""

import itertools
import subprocess
import threading
import time

import cv2
import numpy as np
import pytest

from edge_node.camera.backends.recording import Recording, iter_video
from edge_node.camera.capture.capture_thread import CameraCondition, CaptureThread
from edge_node.camera.capture.opening import open_camera
from edge_node.camera.latest import LatestFrame
from edge_node.config.sections import CameraConfig
from edge_node.errors import CameraError
from edge_node.view.settings import ViewSettings
from edge_node.view.view import View
from tests.support.encoded_pictures import encoded
from tests.support.mjpeg_server import moving_picture
from tests.support.processes import wait_for
from tests.support.tiff_files import tiff


def write_folder(folder, count):
    """Write ``count`` pictures whose upper left pixel says which one it is."""
    folder.mkdir(exist_ok=True)
    for index in range(count):
        picture = np.full((24, 32, 3), 10 * index, np.uint8)
        cv2.imwrite(str(folder / f"{index:03}.png"), picture)
    return folder


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Return a video of 12 pictures at 25 per second."""
    path = tmp_path_factory.mktemp("clip") / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    for count in range(12):
        writer.write(moving_picture((64, 48), count))
    writer.release()
    return path


def read_all(config):
    """Return every frame of a recording."""
    camera = open_camera(config, stop=threading.Event())
    frames = list(iter(camera.read, None))
    camera.close()
    return frames


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path):
    """Pictures come sorted by name, numbered from 0, and other files are left alone."""
    folder = write_folder(tmp_path / "f", 4)
    (folder / "notes.txt").write_text("not a picture")
    frames = read_all(CameraConfig(source=str(folder), pace="fast"))
    assert [frame.pixels[0, 0, 0] for frame in frames] == [0, 10, 20, 30]
    assert [frame.frame_id for frame in frames] == [0, 1, 2, 3]
    assert {frame.source for frame in frames} == {str(folder)}


def test_a_picture_that_cannot_be_read_is_skipped_and_counted(tmp_path, caplog):
    """One damaged file costs itself, a log line and a count: not the inspection."""
    folder = write_folder(tmp_path / "f", 3)
    (folder / "001.png").write_bytes(b"damaged")
    camera = open_camera(CameraConfig(source=str(folder), pace="fast"), stop=threading.Event())
    assert [frame.pixels[0, 0, 0] for frame in iter(camera.read, None)] == [0, 20]
    assert camera.skipped == 1
    assert "001.png" in caplog.text


def test_a_folder_keeps_its_pace(tmp_path):
    """Six pictures at 50 per second take 100 ms, and none comes before its time."""
    frames = read_all(CameraConfig(source=str(write_folder(tmp_path / "f", 6)), fps=50))
    at_ms = [(frame.captured_at_ns - frames[0].captured_at_ns) / 1e6 for frame in frames]
    assert all(found >= 20 * index - 1 for index, found in enumerate(at_ms))


def test_a_late_reader_gets_no_burst(tmp_path):
    """Pictures that were due while nobody read are not handed out at once afterwards."""
    folder = write_folder(tmp_path / "f", 6)
    camera = open_camera(CameraConfig(source=str(folder), fps=20), stop=threading.Event())
    camera.read()
    time.sleep(0.3)  # six pictures' time
    started = time.monotonic()
    for _ in range(4):
        camera.read()
    assert time.monotonic() - started >= 0.09  # three of the four waited 50 ms, less the timer's grain
    camera.close()


def test_a_moments_delay_loses_no_picture(tmp_path):
    """Whoever takes pictures stops for 0.3 s, and still gets all of them, in about their own time."""
    latest = LatestFrame()
    capture = CaptureThread(CameraConfig(source=str(write_folder(tmp_path / "f", 24)), fps=30), latest)
    capture.start()
    taken = []
    while (found := latest.take(5.0))[0] is not None:
        taken.append(found)
        if len(taken) == 3:
            time.sleep(0.3)
    capture.stop()
    assert [(frame.frame_id, dropped) for frame, dropped in taken] == [(number, 0) for number in range(24)]
    took_s = (taken[-1][0].captured_at_ns - taken[0][0].captured_at_ns) / 1e9
    assert took_s >= 23 / 30 - 0.05  # none came before its time


def test_a_loop_goes_on_counting(tmp_path):
    """With ``loop`` the second pass begins after the last picture, and frame ids never repeat."""
    folder = write_folder(tmp_path / "f", 2)
    camera = open_camera(CameraConfig(source=str(folder), pace="fast", loop=True), stop=threading.Event())
    frames = list(itertools.islice(iter(camera.read, None), 5))
    assert [frame.frame_id for frame in frames] == [0, 1, 2, 3, 4]
    assert [frame.pixels[0, 0, 0] for frame in frames] == [0, 10, 0, 10, 0]


def test_a_loop_of_nothing_readable_ends(tmp_path):
    """A folder of damaged pictures does not spin for ever."""
    (tmp_path / "a.jpg").write_bytes(b"damaged")
    camera = open_camera(CameraConfig(source=str(tmp_path), pace="fast", loop=True), stop=threading.Event())
    with pytest.raises(CameraError, match="not one picture"):
        camera.read()


def test_one_picture_is_a_recording_of_one(tmp_path):
    """A picture as the source gives one frame and ends."""
    path = write_folder(tmp_path / "f", 1) / "000.png"
    assert len(read_all(CameraConfig(source=str(path), pace="fast"))) == 1


def test_a_video_gives_every_picture_at_its_own_pace(clip):
    """Twelve pictures at 25 per second are all read, and take at least 10 intervals (opening takes one)."""
    frames = read_all(CameraConfig(source=str(clip)))
    assert len(frames) == 12
    assert (frames[-1].captured_at_ns - frames[0].captured_at_ns) / 1e6 >= 10 * 40 - 5


def test_iter_video_yields_the_pictures_that_were_written(clip):
    """Pictures come out in their order, near the originals (JPEG inside)."""
    for count, pixels in enumerate(iter_video(clip)):
        assert np.abs(pixels.astype(int) - moving_picture((64, 48), count)).mean() < 12
    assert count == 11


def test_a_stop_ends_the_wait_for_the_next_picture(tmp_path):
    """At one picture in 100 s, a stop is obeyed at once."""
    stop = threading.Event()
    camera = open_camera(CameraConfig(source=str(write_folder(tmp_path / "f", 3)), fps=0.01), stop=stop)
    assert camera.read() is not None
    threading.Timer(0.05, stop.set).start()
    started = time.monotonic()
    assert camera.read() is None
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.mp4", None, "no such file"),
        ("none/", None, "no such file"),
        ("empty", "folder", "no pictures"),
        ("text.mp4", b"no video at all", "no video"),
        ("nothing.mp4", b"", "no video"),
    ],
)
def test_what_is_no_recording_is_refused_in_one_line(tmp_path, name, content, words):
    """A source that is not there, empty or no video is named in one line when it is opened."""
    if content == "folder":
        (tmp_path / name).mkdir()
    elif content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(CameraError, match=words) as caught:
        open_camera(CameraConfig(source=str(tmp_path / name)), stop=threading.Event())
    assert "\n" not in str(caught.value)


def test_fast_pace_drops_nothing_however_slow_the_reader(tmp_path):
    """A reader slower than the disk still gets every picture of a recording at ``pace = "fast"``."""
    latest = LatestFrame()
    config = CameraConfig(source=str(write_folder(tmp_path / "f", 8)), pace="fast")
    capture = CaptureThread(config, latest)
    capture.start()
    taken = []
    while not (latest.closed and len(taken) == 8):
        frame, dropped = latest.take(5.0)
        assert frame is not None
        assert dropped == 0
        taken.append(frame.frame_id)
        time.sleep(0.01)
        if len(taken) == 8:
            wait_for(lambda: latest.closed, what="the slot closing")
    assert taken == list(range(8))
    assert capture.state.condition is CameraCondition.ENDED
    assert capture.frames_captured == 8
    capture.stop()


def test_real_time_pace_drops_for_a_slow_reader_and_counts(tmp_path):
    """At 100 pictures a second a reader that takes one in 50 ms misses some, and knows how many."""
    latest = LatestFrame()
    capture = CaptureThread(CameraConfig(source=str(write_folder(tmp_path / "f", 20)), fps=100), latest)
    capture.start()
    taken = missed = 0
    while True:
        frame, dropped = latest.take(1.0)
        if frame is None:
            break
        taken, missed = taken + 1, missed + dropped
        time.sleep(0.05)
    assert (taken + missed, missed > 0) == (20, True)
    capture.stop()


def test_a_recording_that_is_not_there_is_refused_at_the_start(tmp_path):
    """``start`` says so at once: no daemon waits for a mistyped path."""
    capture = CaptureThread(CameraConfig(source=str(tmp_path / "none")), LatestFrame())
    with pytest.raises(CameraError, match="no such file"):
        capture.start()


def test_a_recording_that_fails_midway_closes_the_slot_and_says_why(tmp_path):
    """A loop whose files were all damaged ends with ``failure`` set, so that the daemon can exit with it."""
    (tmp_path / "a.jpg").write_bytes(b"damaged")
    latest = LatestFrame()
    capture = CaptureThread(CameraConfig(source=str(tmp_path), pace="fast", loop=True), latest)
    capture.start()
    wait_for(lambda: latest.closed, what="the slot closing")
    assert "not one picture" in capture.failure
    assert capture.state.condition is CameraCondition.ENDED
    assert capture.pictures_skipped == 1


def test_a_folder_is_read_below_itself_page_by_page_and_says_what_was_left_out(tmp_path, caplog):
    """Pictures in natural order, pages of a TIFF, and the rest in the log, the state and for ``replay``."""
    levels = [np.full((40, 60, 3), level, np.uint16) for level in (150, 160, 170, 180)]
    folder = tmp_path / "DCIM" / "100MEDIA"
    folder.mkdir(parents=True)
    (folder / "img10.jpg").write_bytes(encoded(levels[3].astype(np.uint8), ".jpg"))
    (folder / "img2.tif").write_bytes(tiff(levels[0] * 257, levels[1] * 16, levels[2] * 257))
    (folder / "img3.heic").write_bytes(b"\0\0\0\x14ftypheic\0\0\0\0mif1" + bytes(40))
    (folder / "a.pdf").write_bytes(b"%PDF-1.7")
    (folder / "a.txt").write_bytes(b"taken by night")
    recording = Recording(CameraConfig(source=str(tmp_path), pace="fast"), stop=threading.Event())
    found = [int(frame.pixels.mean().round()) for frame in iter(recording.read, None)]
    assert found == [150, 170, 180]
    assert recording.skipped == 2
    assert recording.omissions == "2 cannot be read; 1 left out: a.pdf"
    assert [text.removeprefix(f"{folder}/").split(":")[0] for text in recording.omitted] == [
        "img2.tif#2",
        "img3.heic",
        "a.pdf",
    ]
    for text in ("img2.tif#2: 16-bit values", "HEIC is not read", "a.pdf: its content", "1 hidden or accomp"):
        assert text in caplog.text


def first_share(folder, suffix, share):
    """Return the first part of a video of 6 s, which is read without complaint when it is whole."""
    whole, cut = folder / f"whole{suffix}", folder / f"cut{suffix}"
    made = ["-f", "lavfi", "-i", "testsrc=size=160x120:rate=20:duration=6", "-c:v", "mpeg4"]
    command = ["ffmpeg", "-v", "error", *made, "-movflags", "faststart", str(whole)]
    subprocess.run(command, check=True)
    assert len(list(iter_video(whole))) == 120
    content = whole.read_bytes()
    cut.write_bytes(content[: int(len(content) * share)])
    return cut


@pytest.mark.parametrize(("suffix", "of"), [(".mp4", " of 120"), (".mkv", ""), (".avi", " of 120")])
def test_a_video_that_was_cut_in_half_is_read_as_far_as_it_goes_and_says_so(tmp_path, suffix, of):
    """Its pictures come, and then how many they were, of how many where the container lists them."""
    pictures = iter_video(first_share(tmp_path, suffix, 0.5))
    found = []
    with pytest.raises(CameraError, match="cut off") as caught:
        found.extend(picture.shape for picture in pictures)
    assert 20 < len(found) < 100
    assert f" {len(found)}{of} pictures were read" in str(caught.value)


def test_a_recording_that_was_cut_off_ends_with_its_reason(tmp_path, caplog):
    """The capture thread hands over what is there, and its state says what is not."""
    latest = LatestFrame()
    source = str(first_share(tmp_path, ".mp4", 0.5))
    capture = CaptureThread(CameraConfig(source=source, pace="fast"), latest)
    capture.start()
    frames = 0
    while not latest.closed:
        frames += latest.take(0.2)[0] is not None
    capture.stop()
    assert frames > 20
    assert "cut off" in capture.failure
    assert "cut off" in caplog.text


def test_a_loop_goes_on_after_a_recording_that_is_cut_off(tmp_path, caplog):
    """It begins again, tells it once and not in every pass, and nothing has failed."""
    latest = LatestFrame()
    source = str(first_share(tmp_path, ".mp4", 0.3))
    capture = CaptureThread(CameraConfig(source=source, pace="fast", loop=True), latest)
    capture.start()
    passes = len(list(itertools.islice(iter(lambda: latest.take(5.0)[0], None), 150)))
    capture.stop()
    assert (passes, capture.failure, capture.pictures_skipped) == (150, None, 1)
    assert caplog.text.count("cut off") == 1


def test_a_folder_of_recordings_goes_on_to_the_next_file(tmp_path):
    """Behind a video that is cut off come the next video and a picture; the end tells the first."""
    cut = first_share(tmp_path, ".mp4", 0.3).rename(tmp_path / "1.bin")
    (tmp_path / "whole.mp4").rename(tmp_path / "2.mp4")
    cv2.imwrite(str(tmp_path / "3.png"), np.zeros((24, 32, 3), np.uint8))
    frames = []
    camera = open_camera(CameraConfig(source=str(tmp_path), pace="fast"), stop=threading.Event())
    with pytest.raises(CameraError, match=r"1\.bin: cut off.* of 120 pictures were read"):
        frames.extend(iter(camera.read, None))
    assert camera.read() is None
    assert len(frames) > 10 + 120
    assert [frame.pixels.shape[0] for frame in frames[-121:]] == [120] * 120 + [24]
    assert cut.exists()


def test_a_recording_waits_while_no_frames_are_decided(tmp_path):
    """Held, it reads no further picture; let go, it goes on with the next one."""
    latest = LatestFrame()
    config = CameraConfig(source=str(write_folder(tmp_path / "f", 4)), fps=100, loop=True)
    hold = threading.Event()
    capture = CaptureThread(config, latest, is_held=hold.is_set)
    capture.start()
    wait_for(lambda: capture.frames_captured > 3, 5, "frames")
    hold.set()
    time.sleep(0.3)  # one may be on its way
    held = capture.frames_captured
    time.sleep(0.3)
    assert capture.frames_captured == held
    hold.clear()
    wait_for(lambda: capture.frames_captured > held, 5, "frames again")
    capture.stop()


def test_pictures_of_another_size_than_the_view_was_made_for_are_told(tmp_path):
    """The state says both sizes, the frame comes all the same, and the next one that fits is as before."""
    for number, size in enumerate([(48, 64), (24, 32), (48, 64)]):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.zeros((*size, 3), np.uint8))
    mask = np.full((48, 64), 255, np.uint8)
    mask[40:] = 0
    latest, states, views = LatestFrame(), [], []
    capture = CaptureThread(
        CameraConfig(source=str(tmp_path), pace="fast"),
        latest,
        on_state=states.append,
        view=View(ViewSettings(mask=mask)),
    )
    with capture:
        while not latest.closed:
            if latest.take(0.2)[0] is not None:
                views.append(capture.camera_view)
    conditions = [state.condition for state in states]
    streaming, misfit = CameraCondition.STREAMING, CameraCondition.MISFIT
    assert conditions[:3] == [streaming, misfit, streaming]
    assert states[0].text == "pictures are read; 64 x 48 of 64 x 48 pixels are judged, of which 83% count"
    assert states[1].text == (
        "nothing is judged: the camera's picture has 32 x 24 pixels, but the mask has 64 x 48 pixels"
    )
    assert len(views) == 3
    assert views[-1].counted_px == 64 * 40
