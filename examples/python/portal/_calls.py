"""Calls to C for one handle, and the functions of Python that C calls in them.

C takes no exception, and ctypes would answer anything in place of one. So what such a function raises is kept, and
raised by the call under way once C is done. What a handler of signals raises just before such a function begins is out
of reach: ctypes prints it.
"""

from __future__ import annotations

import ctypes
import logging
import threading
import time
from collections.abc import Callable
from ctypes import byref
from typing import Any

from . import _c
from .errors import check

# Of PORTAL_LOG_...
_LEVELS = {1: logging.ERROR, 2: logging.WARNING, 3: logging.INFO}


class Calls:
    """The calls of one handle. Any thread may make them."""

    def __init__(self) -> None:
        # ctypes keeps no function of Python alive for C; who frees the handle does.
        self._functions: list[object] = []
        # Of each thread's call: C calls back in the thread that called it.
        self._under_way = threading.local()
        self._last_ms: int | None = None

    def run(self, function: Any, *arguments: Any) -> None:
        """Calls a function whose last parameter is an error; raises what it answers, or what was raised in it."""
        self._under_way.raised = None
        failure = ctypes.c_void_p()
        status = function(*arguments, byref(failure))
        try:
            check(status, failure)
        finally:
            if self._under_way.raised is not None:
                raise self._taken()

    def answer(self, function: Any, *arguments: Any) -> bytes:
        """As run, of a function that fills a buffer, and what that holds."""
        buf = _c.Buf()
        try:
            self.run(function, *arguments, byref(buf))
        finally:
            # There is an answer also where a function of Python raised.
            answer = take(buf)
        return answer

    def make(self, free: Callable[[ctypes.c_void_p], None], function: Any, *arguments: Any) -> ctypes.c_void_p:
        """As run, of a function that makes something, which is freed again where a function of Python raised."""
        made = ctypes.c_void_p()
        try:
            self.run(function, *arguments, byref(made))
        except BaseException:
            free(made)
            raise
        return made

    def clock(self, clock: Callable[[], int]) -> Any:
        """A clock as C calls it. Where it fails it stands still, for C knows no clock that fails."""

        def now_ms(_host: int | None) -> int:
            try:
                self._last_ms = _c.whole("what clock answers", clock(), 0, 2**63 - 1)
            except BaseException as raised:
                self._keep(raised)
            return system_ms() if self._last_ms is None else self._last_ms

        return self._for_c(_c.NOW_MS(now_ms))

    def random(self, random: Callable[[int], bytes]) -> Any:
        """A source of randomness as C calls it. Where it fails C is told so, and stores nothing."""

        def fill(_host: int | None, out: int, length: int) -> int:
            try:
                drawn = random(length)
                if not isinstance(drawn, bytes):
                    raise TypeError(f"random answers bytes, not {type(drawn).__name__}")
                if len(drawn) != length:
                    raise ValueError(f"random answers {length} bytes here, not {len(drawn)}")
                ctypes.memmove(out, drawn, length)
            except BaseException as raised:
                self._keep(raised)
                return 1
            return 0

        return self._for_c(_c.RANDOM(fill))

    def log(self, log: logging.Logger) -> Any:
        """A log as C calls it."""

        def tell(_host: int | None, level: int, text: bytes, _length: int) -> None:
            try:
                log.log(_LEVELS[level], "%s", text.decode())
            except BaseException as raised:
                self._keep(raised)

        return self._for_c(_c.LOG(tell))

    def end(self) -> None:
        """Says that C calls nothing any more."""
        self._functions.clear()

    def _for_c(self, function: Any) -> Any:
        self._functions.append(function)
        return function

    def _keep(self, raised: BaseException) -> None:
        # The first tells most. There is no call to raise it where a handle is freed by the garbage collector.
        if getattr(self._under_way, "raised", None) is None:
            self._under_way.raised = raised

    def _taken(self) -> BaseException:
        raised: BaseException = self._under_way.raised
        self._under_way.raised = None
        return raised


def system_ms() -> int:
    """The system's time in UTC milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def take(buf: _c.Buf) -> bytes:
    """What a buffer holds; disposes of it."""
    try:
        return ctypes.string_at(buf.data, buf.len) if buf.data else b""
    finally:
        _c.lib.portal_buf_dispose(byref(buf))
