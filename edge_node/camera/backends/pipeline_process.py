"""Run the GStreamer pipeline that standard input describes; its last element writes to standard output.

``gst-launch-1.0`` takes a pipeline only as arguments, which every user of the computer can read in ``ps``; a
pipeline may hold a camera's password. This is a program of its own, started by its path, so that it imports
nothing but the standard library and GStreamer's C library.
"""

from __future__ import annotations

import ctypes as c
import sys

LIBRARY = "libgstreamer-1.0.so.0"
MISSING = "GStreamer is not installed; apt install gstreamer1.0-plugins-base gstreamer1.0-plugins-good"
_STATE_PAUSED, _STATE_PLAYING, _STATE_FAILED = 3, 4, 0
# Types of messages, of GstMessageType in gstmessage.h.
_EOS, _ERROR, _CLOCK_LOST, _LATENCY = 1 << 0, 1 << 1, 1 << 7, 1 << 19
_FOREVER = c.c_uint64(2**64 - 1)


class _Error(c.Structure):
    _fields_ = (("domain", c.c_uint32), ("code", c.c_int), ("message", c.c_char_p))


class _Message(c.Structure):
    """The head of a GstMessage: its GstMiniObject, then its type."""

    _fields_ = (
        ("gtype", c.c_size_t),
        ("counts_and_flags", c.c_int * 3),
        ("functions", c.c_void_p * 3),
        ("n_qdata", c.c_uint),
        ("qdata", c.c_void_p),
        ("type", c.c_int),
    )


def main() -> int:
    """Play the pipeline until it ends or fails; return 0 at its end, 1 if it failed."""
    description = sys.stdin.buffer.read()
    try:
        gst = _load_gstreamer()
    except OSError:
        return _complain(MISSING)
    gst.gst_init(None, None)
    error = c.POINTER(_Error)()
    pipeline = gst.gst_parse_launch(description, c.byref(error))
    if error:
        return _complain(_text(error))
    bus = gst.gst_element_get_bus(pipeline)
    started = gst.gst_element_set_state(pipeline, _STATE_PLAYING) != _STATE_FAILED
    while True:
        wait = _FOREVER if started else c.c_uint64(0)
        message = gst.gst_bus_timed_pop_filtered(bus, wait, _EOS | _ERROR | _CLOCK_LOST | _LATENCY)
        if not message:
            return _complain("the pipeline cannot be started")
        kind = message.contents.type
        if kind == _EOS:
            return 0
        if kind == _ERROR:
            gst.gst_message_parse_error(message, c.byref(error), None)
            return _complain(_text(error))
        if kind == _CLOCK_LOST:  # a new clock is chosen on the way back to playing
            gst.gst_element_set_state(pipeline, _STATE_PAUSED)
            gst.gst_element_set_state(pipeline, _STATE_PLAYING)
        elif kind == _LATENCY:
            gst.gst_bin_recalculate_latency(pipeline)
        gst.gst_mini_object_unref(message)


def _load_gstreamer() -> c.CDLL:
    gst = c.CDLL(LIBRARY)
    gst.gst_parse_launch.restype = c.c_void_p
    gst.gst_parse_launch.argtypes = (c.c_char_p, c.c_void_p)
    gst.gst_element_get_bus.restype = c.c_void_p
    gst.gst_element_get_bus.argtypes = (c.c_void_p,)
    gst.gst_element_set_state.argtypes = (c.c_void_p, c.c_int)
    gst.gst_bin_recalculate_latency.argtypes = (c.c_void_p,)
    gst.gst_bus_timed_pop_filtered.restype = c.POINTER(_Message)
    gst.gst_bus_timed_pop_filtered.argtypes = (c.c_void_p, c.c_uint64, c.c_int)
    gst.gst_message_parse_error.argtypes = (c.POINTER(_Message), c.c_void_p, c.c_void_p)
    gst.gst_mini_object_unref.argtypes = (c.c_void_p,)
    return gst


def _text(error: c._Pointer[_Error]) -> str:
    return (error.contents.message or b"").decode("utf-8", "replace")


def _complain(text: str) -> int:
    print(text, file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main())
