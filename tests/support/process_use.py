"""Tells which tests start processes, open connections or run threads, from the names that they use."""

from __future__ import annotations

import inspect
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_STARTING_MODULES = {
    *("http.client", "multiprocessing", "socket", "subprocess", "threading"),
    *("tests.support.browser", "tests.support.collector", "tests.support.control_room"),
    *("tests.support.mjpeg_server", "tests.support.pdf_text", "tests.support.pipeline_server"),
    *("tests.support.processes", "tests.support.proxy", "tests.support.robot_loop"),
    *("tests.support.rtsp_server", "tests.support.tcp_server"),
}
_HARMLESS = {"wait_for", "moving_picture"}


def starts_processes(*functions: Any) -> bool:
    """Whether one of these functions, or a function or class of its module that it names, starts any."""
    pending, seen = list(functions), set()
    while pending:
        function = inspect.unwrap(pending.pop())
        if not isinstance(function, FunctionType) or function in seen:
            continue
        seen.add(function)
        for name in _names(function.__code__):
            part = function.__globals__.get(name)
            if _starts(name, part):
                return True
            if getattr(part, "__module__", None) == function.__module__:
                pending.extend(vars(part).values() if isinstance(part, type) else [part])
    return False


def _starts(name: str, part: object) -> bool:
    home = part.__name__ if inspect.ismodule(part) else getattr(part, "__module__", None)
    return home in _STARTING_MODULES and name not in _HARMLESS


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
