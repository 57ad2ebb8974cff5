"""Videos of every container are read whole, and a cut or damaged one is told with what was read."""

import os
import random
import re
import threading

import numpy as np
import pytest

from edge_node.camera.backends.video_file import VideoFile
from edge_node.camera.capture.opening import open_camera
from edge_node.config.sections import CameraConfig
from edge_node.errors import CameraError
from tests.support.clips import (
    FRAMES,
    SUFFIXES,
    count_frames,
    ffmpeg,
    whole_frames_before,
)

CUTS = 10
# Elementary streams announce nothing; FFmpeg completes their last picture.
CANNOT_TELL = frozenset({"h264", "h265"})
# Their index is behind the pictures: cut off, nothing can be decoded.
INDEX_LAST = frozenset({"mp4", "mov", "3gp"})


def read_all(path):
    """Return every picture that the recording gives, and why it says that some are missing."""
    pictures, camera = [], None
    try:
        camera = open_camera(CameraConfig(source=str(path), pace="fast"), stop=threading.Event())
        pictures.extend(frame.pixels for frame in iter(camera.read, None))
    except CameraError as err:
        return pictures, str(err)
    finally:
        if camera is not None:
            camera.close()
    return pictures, None


def test_the_table_has_every_container_in_each_way_that_it_can_be_whole(whole_clips):
    """12 containers; B-frames not in WebM and MJPEG; sound and times not in elementary streams."""
    assert len(whole_clips) == 5 * len(SUFFIXES) - 2 - 2 * 3


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_whole_video_is_read_whole_and_nothing_is_said(whole_clips, suffix):
    """Plain, second segment, B-frames, sound longer than the picture, variable rate: all frames, no alarm."""
    for name, path in whole_clips.items():
        if name.startswith(f"{suffix}-"):
            pictures, told = read_all(path)
            assert (name, len(pictures), told) == (name, count_frames(path), None)


def test_a_whole_video_of_unusual_time_or_container_is_read_whole(odd_clips):
    """Late or negative beginnings, cuts by copying, fragments, pipes: all frames, and nothing is said."""
    for name, path in odd_clips.items():
        pictures, told = read_all(path)
        assert (name, len(pictures), told) == (name, count_frames(path), None)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_video_that_was_cut_at_any_byte_is_read_so_far_and_told(whole_clips, suffix, tmp_path):
    """Ten random cuts each: the pictures before the cut come unchanged, then the sentence that it is cut off.

    Of transport and program streams and elementary streams the last picture may be completed by FFmpeg.
    """
    content = whole_clips[f"{suffix}-plain"].read_bytes()
    originals, _ = read_all(whole_clips[f"{suffix}-plain"])
    found = 0
    numbers = random.Random(suffix)  # noqa: S311  # the same in every run
    for cut in sorted(numbers.randrange(len(content) // 4, len(content)) for _ in range(CUTS)):
        path = tmp_path / f"cut.{suffix}"
        path.write_bytes(content[:cut])
        pictures, told = read_all(path)
        assert suffix in CANNOT_TELL or "cut off" in told, cut
        assert told is None or not pictures or re.search(rf" {len(pictures)}( of \d+)? pictures", told), cut
        assert all(np.array_equal(*pair) for pair in zip(pictures[:-1], originals, strict=False)), cut
        found += len(pictures)
    assert (found > 0) is (suffix not in INDEX_LAST)


@pytest.mark.parametrize("name", ["mkv-plain", "webm-sound", "flv-plain", "avi-plain", "index-first.mp4"])
def test_no_whole_picture_before_the_cut_is_lost_and_no_half_one_comes(
    whole_clips, odd_clips, name, tmp_path
):
    """Exactly the pictures whose bytes lie before the cut are read."""
    original = (whole_clips | odd_clips)[name]
    content = original.read_bytes()
    originals, _ = read_all(original)
    for share in (0.4, 0.63, 0.9):
        path = tmp_path / "cut"
        path.write_bytes(content[: int(len(content) * share)])
        pictures, told = read_all(path)
        assert "cut off" in told
        assert len(pictures) == whole_frames_before(original, path.stat().st_size)
        assert all(np.array_equal(*pair) for pair in zip(pictures, originals, strict=False))


@pytest.mark.parametrize("name", ["avi-plain", "index-first.mp4", "mkv-plain"])
def test_pictures_behind_a_damaged_place_are_read_and_the_damage_is_told(
    whole_clips, odd_clips, name, tmp_path
):
    """A failed read is one picture, not the end: what is intact behind it comes, and the loss is counted."""
    original = (whole_clips | odd_clips)[name]
    content = bytearray(original.read_bytes())
    start = len(content) * 2 // 5
    content[start : start + len(content) // 5] = bytes(len(content) // 5)
    (tmp_path / "damaged").write_bytes(content)
    pictures, told = read_all(tmp_path / "damaged")
    originals, _ = read_all(original)
    assert np.array_equal(pictures[-1], originals[-1])
    assert re.search(
        rf"damaged.*(cannot be decoded|structure breaks).*{len(pictures)}( of 30)? pictures", told
    )
    assert 15 < len(pictures) < FRAMES


def test_zeros_at_the_end_are_told(whole_clips, odd_clips, tmp_path):
    """When the power fails, a file system leaves the length of a file and zeros for what was not written."""
    for name in ("mkv-plain", "ts-plain", "flv-plain", "h264-plain", "index-first.mp4"):
        content = (whole_clips | odd_clips)[name].read_bytes()
        kept = len(content) * 3 // 5
        (tmp_path / "zeros").write_bytes(content[:kept] + bytes(len(content) - kept))
        pictures, told = read_all(tmp_path / "zeros")
        assert "on it holds only zeros" in told, name
        assert len(pictures) >= FRAMES // 3


def test_silence_at_the_end_is_no_missing_end(tmp_path):
    """Sound without compression that is silent is zeros, too; every listed picture was read."""
    path = tmp_path / "silence.mov"
    silence = ("-f", "lavfi", "-i", "anullsrc=sample_rate=44100", "-t", "1")
    picture = ("-f", "lavfi", "-i", "testsrc=size=64x48:rate=20:duration=0.5")
    ffmpeg(*picture, *silence, "-c:v", "mjpeg", "-c:a", "pcm_s16le", "-movflags", "faststart", path)
    assert path.read_bytes().endswith(bytes(4000))
    pictures, told = read_all(path)
    assert (len(pictures), told) == (10, None)


def test_a_codec_that_cannot_be_decoded_is_named(tmp_path):
    """OpenCV's FFmpeg has no decoder for every codec; the sentence names the one that is needed."""
    path = tmp_path / "av1.mp4"
    picture = ("-f", "lavfi", "-i", "testsrc=size=64x48:rate=20:duration=0.1")
    ffmpeg(*picture, "-c:v", "libaom-av1", "-cpu-used", "8", path)
    pictures, told = read_all(path)
    assert len(pictures) == 2 or "codec AV01: no video that OpenCV can decode" in told


def test_a_long_pause_between_two_pictures_is_neither_the_end_nor_damage(tmp_path):
    """A time lapse with sound: thousands of packets of sound lie between two pictures."""
    path = tmp_path / "lapse.mkv"
    picture = ("-f", "lavfi", "-i", "testsrc=size=64x48:rate=1/150:duration=300")
    sound = ("-f", "lavfi", "-i", "anullsrc=sample_rate=44100", "-t", "300")
    ffmpeg(*picture, *sound, "-c:v", "mpeg4", "-c:a", "aac", path)
    pictures, told = read_all(path)
    assert (len(pictures), told) == (2, None)


@pytest.mark.parametrize("is_finished", [True, False])
def test_a_video_that_grows_while_it_is_read_is_judged_by_its_end(odd_clips, tmp_path, is_finished):
    """Cut off when it was opened and complete when it was read, it is whole; still growing, it is told."""
    content = odd_clips["pipe.matroska"].read_bytes()
    path = tmp_path / "growing.mkv"
    path.write_bytes(content[: len(content) // 2])
    video = VideoFile(path)
    pictures, count = iter(video), 1
    next(pictures)
    path.write_bytes(content)
    if is_finished:
        os.utime(path, (0, 0))
        assert count + len(list(pictures)) == FRAMES
        return
    with pytest.raises(CameraError, match=f"still being written: it grew .* {FRAMES} pictures were read"):
        list(pictures)
    video.close()


def test_a_video_that_is_deleted_while_it_is_read_is_told(odd_clips, tmp_path):
    """A recorder that makes room removes its oldest file: a sentence, no traceback."""
    path = tmp_path / "oldest.mp4"
    path.write_bytes(odd_clips["index-first.mp4"].read_bytes())
    pictures = iter(VideoFile(path))
    next(pictures)
    path.unlink()
    with pytest.raises(CameraError, match=r"oldest\.mp4: No such file"):
        list(pictures)


def test_a_rotated_video_comes_upright(odd_clips, tmp_path):
    """The turn that a telephone writes beside the pictures is applied."""
    path = tmp_path / "rotated.mp4"
    ffmpeg("-i", odd_clips["index-first.mp4"], "-c", "copy", "-metadata:s:v", "rotate=90", path)
    pictures, told = read_all(path)
    assert (pictures[0].shape, told) == ((64, 48, 3), None)


@pytest.mark.parametrize("name", ["film", "film.jpg", "FILM.MKV", "film.txt"])
@pytest.mark.parametrize("suffix", ["mp4", "mjpeg", "h264"])
def test_a_name_says_nothing(whole_clips, suffix, name, tmp_path):
    """Without suffix, with a wrong one, in upper case: a video is read as one."""
    path = tmp_path / name
    path.write_bytes(whole_clips[f"{suffix}-plain"].read_bytes())
    pictures, told = read_all(path)
    assert (len(pictures), told) == (FRAMES, None)


def test_an_animation_without_delays_is_not_read_in_part_in_silence(tmp_path):
    """FFmpeg gives one picture of such a GIF, and nothing fails; with delays all are read."""
    whole, hasty = tmp_path / "whole.gif", tmp_path / "hasty.gif"
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=0.5", str(whole))
    extensions = rb"!\xf9\x04.{4}\0|!\xff\x0bNETSCAPE2\.0\x03\x01..\0"
    plain = re.sub(extensions, b"", whole.read_bytes(), flags=re.DOTALL)
    hasty.write_bytes(plain.replace(b"GIF89a", b"GIF87a"))
    pictures, why = read_all(whole)
    assert (len(pictures), why) == (5, None)
    pictures, why = read_all(hasty)
    assert len(pictures) < 5
    assert f"{len(pictures)} of 5 pictures were read" in why


@pytest.mark.parametrize(("factor", "is_read"), [(257, True), (16, False)])
def test_a_video_of_sixteen_bits_is_scaled_by_them_or_refused(tmp_path, factor, is_read):
    """A camera's 12 bits in a video of 16 would be judged as a dark picture, and called clean metal."""
    values = np.random.default_rng(2).integers(0, 256, (3, 48, 64, 3)) * factor
    (tmp_path / "raw").write_bytes(values.astype("<u2").tobytes())
    shape = ("-f", "rawvideo", "-pix_fmt", "rgb48le", "-s", "64x48", "-r", "5")
    ffmpeg(*shape, "-i", tmp_path / "raw", "-c:v", "ffv1", "-pix_fmt", "gbrp16le", tmp_path / "deep.mkv")
    pictures, told = read_all(tmp_path / "deep.mkv")
    assert len(pictures) == (3 if is_read else 0)
    assert told is None if is_read else "16-bit values" in told


def test_a_time_lapse_in_a_transport_stream_is_read_whole(tmp_path):
    """The size of a picture is known only with the next one, which comes after 8 seconds of sound."""
    picture = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=1/8:duration=24")
    sound = ("-f", "lavfi", "-i", "sine=duration=24:sample_rate=8000")
    ffmpeg(*picture, *sound, "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", tmp_path / "lapse.ts")
    pictures, told = read_all(tmp_path / "lapse.ts")
    assert (len(pictures), told) == (3, None)
