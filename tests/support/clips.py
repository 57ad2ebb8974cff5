"""Make small videos with ffmpeg in every container that robots and cameras write, whole in different ways."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FRAMES, FPS = 30, 20
SUFFIXES = ("mkv", "mp4", "mov", "ts", "avi", "webm", "flv", "3gp", "vob", "mjpeg", "h264", "h265")
ELEMENTARY = frozenset({"mjpeg", "h264", "h265"})  # hold neither sound nor times
_H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-pix_fmt", "yuv420p")
_CODECS = {
    "avi": ("-c:v", "mpeg4", "-g", "10"),
    "webm": ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-g", "10"),
    "vob": ("-c:v", "mpeg2video", "-g", "10"),
    "mjpeg": ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p"),
    "h265": (
        *("-c:v", "libx265", "-preset", "ultrafast", "-g", "10", "-bf", "0", "-pix_fmt", "yuv420p"),
        *("-x265-params", "log-level=none:pools=1"),
    ),
}
_SOUND = {"avi": "mp2", "vob": "mp2", "webm": "libopus"}
_FORMATS = {"mkv": "matroska", "ts": "mpegts", "h265": "hevc"}
_PICTURE = ("-f", "lavfi", "-i", f"testsrc=size=64x48:rate={FPS}:duration={FRAMES / FPS}")
_LONG_SOUND = ("-f", "lavfi", "-i", "sine=sample_rate=44100:duration=4")
_UNEVEN = ("-vf", "select='lt(n,6)+not(mod(n,7))'", "-fps_mode", "vfr")


def ffmpeg(*arguments: str | Path) -> None:
    """Run ffmpeg, which writes nothing unless it fails."""
    command = ["ffmpeg", "-v", "error", "-y", "-nostdin", "-threads", "1", *map(str, arguments)]
    subprocess.run(command, check=True)


def make_whole_clips(folder: Path) -> dict[str, Path]:
    """Return whole videos by name, ``SUFFIX-VARIANT``; combinations that no muxer holds are left out.

    Variants: plain; second, of ``-f segment``, so that its time begins at 0.5 s; b, with B-frames; sound, 4 s
    of it beside 1.5 s of picture; uneven, with a variable frame rate.
    """
    found = {f"{suffix}-plain": folder / f"plain.{suffix}" for suffix in SUFFIXES}
    outputs: list[str | Path] = []
    for suffix in SUFFIXES:
        codec = _CODECS.get(suffix, _H264)
        variants: dict[str, tuple[str, ...]] = {"plain": ()}
        if suffix not in {"webm", "mjpeg"}:
            variants["b"] = ("-bf", "2")
        if suffix not in ELEMENTARY:
            variants["sound"] = ("-map", "1:a", "-c:a", _SOUND.get(suffix, "aac"))
            variants["uneven"] = _UNEVEN
        for name, options in variants.items():
            found[f"{suffix}-{name}"] = folder / f"{name}.{suffix}"
            rate = ("-r", "25") if suffix == "vob" and name != "uneven" else ()
            outputs += ["-map", "0:v", *codec, *rate, *options, found[f"{suffix}-{name}"]]
    ffmpeg(*_PICTURE, *_LONG_SOUND, *outputs)
    for suffix in SUFFIXES:
        cut = ("-f", "segment", "-segment_time", "0.5", "-segment_format", _FORMATS.get(suffix, suffix))
        ffmpeg("-i", found[f"{suffix}-plain"], "-c", "copy", *cut, folder / f"part%d.{suffix}")
        found[f"{suffix}-second"] = folder / f"part1.{suffix}"
    return found


def make_odd_clips(folder: Path) -> dict[str, Path]:
    """Return whole videos whose time, rate or container is unusual, by name."""
    plain = folder / "odd.mkv"
    ffmpeg(*_PICTURE, *_H264, plain)
    copied: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
        "late.ts": ((), ("-output_ts_offset", "9000")),
        "late.mkv": ((), ("-output_ts_offset", "90")),
        "begins-before-zero.mp4": (("-itsoffset", "-0.3"), ("-copyts", "-avoid_negative_ts", "disabled")),
        "begins-before-zero.mkv": (("-itsoffset", "-0.3"), ("-copyts", "-avoid_negative_ts", "disabled")),
        "from-the-middle.mp4": (("-ss", "0.7"), ()),
        "from-the-middle.mkv": (("-ss", "0.7"), ("-copyts", "-avoid_negative_ts", "disabled")),
        "from-the-middle.ts": (("-ss", "0.7"), ()),
        "fragments.mp4": ((), ("-movflags", "frag_keyframe+empty_moov")),
        "index-first.mp4": ((), ("-movflags", "faststart")),
        "card.m2ts": ((), ("-mpegts_m2ts_mode", "1")),
        "saved-stream.mkv": ((), ("-live", "1")),
    }
    found = {name: folder / name for name in copied}
    for name, (before, behind) in copied.items():
        ffmpeg(*before, "-i", plain, "-c", "copy", *behind, found[name])
    for name, codec in (("matroska", "copy"), ("avi", "mpeg4"), ("flv", "copy"), ("asf", "wmv2")):
        # Into a pipe: no length and no index is written afterwards.
        command = ["ffmpeg", "-v", "error", "-i", str(plain), "-c:v", codec, "-f", name, "pipe:1"]
        found[f"pipe.{name}"] = folder / f"pipe.{name}"
        found[f"pipe.{name}"].write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
    return found


def count_frames(path: Path) -> int:
    """Return how many pictures ffprobe decodes."""
    wanted = ("-select_streams", "v:0", "-count_frames", "-show_entries", "stream=nb_read_frames")
    command = ["ffprobe", "-v", "error", *wanted, "-of", "csv=p=0", str(path)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return int(output.split()[0].strip(","))


def whole_frames_before(path: Path, byte: int) -> int:
    """Return how many pictures lie wholly before a byte, by where ffprobe finds their packets."""
    wanted = ("-select_streams", "v:0", "-show_entries", "packet=pos,size")
    command = ["ffprobe", "-v", "error", *wanted, "-of", "csv=p=0", str(path)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    packets = [tuple(int(number) for number in line.strip(",").split(",")) for line in lines]
    return sum(position + size <= byte for size, position in packets)
