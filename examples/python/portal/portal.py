"""An open database file, who calls, and the log of events."""

from __future__ import annotations

import ctypes
import json
import logging
import os
import weakref
from collections.abc import Callable, Iterator
from ctypes import byref
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from . import _c
from .errors import check, error


@dataclass(frozen=True)
class Actor:
    """On whose behalf a call is made, and from where."""

    kind: int
    id: int = 0
    ip: str = ""
    user_agent: str = ""
    country: str = ""

    @classmethod
    def guest(cls, **where: str) -> Actor:
        """Nobody signed in. ``where`` is ``ip``, ``user_agent`` and ``country``, here and below."""
        return cls(0, 0, **where)

    @classmethod
    def session(cls, session_id: int, **where: str) -> Actor:
        return cls(1, session_id, **where)

    @classmethod
    def connection(cls, connection_id: int, **where: str) -> Actor:
        """A live connection, as :meth:`Portal.connect` answers it."""
        return cls(2, connection_id, **where)

    @classmethod
    def user(cls, user_id: int, **where: str) -> Actor:
        """Somebody whom the program has identified itself."""
        return cls(3, user_id, **where)

    @classmethod
    def operator(cls) -> Actor:
        """The program itself, which passes nearly every rule: never for what a client asks."""
        return cls(4)

    @classmethod
    def bot(cls, bot_id: int, **where: str) -> Actor:
        return cls(5, bot_id, **where)

    def _as_c(self) -> _c.Actor:
        def text(value: str) -> tuple[bytes | None, int]:
            encoded = value.encode()
            return (encoded, len(encoded)) if encoded else (None, 0)

        ip, user_agent, country = text(self.ip), text(self.user_agent), text(self.country)
        size = ctypes.sizeof(_c.Actor)
        return _c.Actor(size, self.id, self.kind, 0, *ip, *user_agent, None, 0, *country)


@dataclass(frozen=True)
class Event:
    """What happened, and as which event of the log. ``at`` is in UTC milliseconds since 1970."""

    seq: int
    at: int
    name: str
    data: dict[str, Any]


@dataclass(frozen=True)
class Position:
    """A place in a log of events, to go on from after a restart."""

    log_id: str
    after: int


class Closing:
    """Closes at the end of a ``with``."""

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


# Of PORTAL_LOG_...
_LEVELS = {1: logging.ERROR, 2: logging.WARNING, 3: logging.INFO}


class Portal(Closing):
    """An open database file. Any thread may call any method.

    ``clock`` answers UTC milliseconds since 1970; ``random`` answers as many bytes as it is asked for that nobody can
    predict. Without them the system's are taken. ``log`` is told what an operator would want to know and no answer
    tells. None of them may call this package, nor raise.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        presence: bool = False,
        existing: bool = False,
        normal_durability: bool = False,
        clock: Callable[[], int] | None = None,
        random: Callable[[int], bytes] | None = None,
        log: logging.Logger | None = None,
    ) -> None:
        options = _c.Options(size=ctypes.sizeof(_c.Options))
        options.flags = 1 * existing + 2 * normal_durability + 4 * presence
        # ctypes keeps no function of Python alive for C; who frees the handle does.
        kept: list[object] = []
        if clock is not None:
            options.now_ms = _c.NOW_MS(lambda _host: clock())
            kept.append(options.now_ms)
        if random is not None:
            options.random = _c.RANDOM(filling(random))
            kept.append(options.random)
        if log is not None:
            options.log = _c.LOG(lambda _host, level, text, _len: log.log(_LEVELS[level], "%s", text.decode()))
            kept.append(options.log)
        name = os.fsencode(path)
        handle, failure = ctypes.c_void_p(), ctypes.c_void_p()
        check(_c.lib.portal_open(name, len(name), byref(options), byref(handle), byref(failure)), failure)
        self._handle = handle
        weakref.finalize(self, _free, handle, kept)

    def close(self) -> None:
        """Ends the work, from any thread, and returns once the file is closed. Repeatable."""
        failure = ctypes.c_void_p()
        check(_c.lib.portal_close(self._handle, byref(failure)), failure)

    def call(self, actor: Actor, op: str, /, **params: Any) -> dict[str, Any]:
        """Runs an operation by its name, with its parameters by theirs, and answers its reply."""
        who, name, given = actor._as_c(), op.encode(), json.dumps(params).encode()
        buf, failure = _c.Buf(), ctypes.c_void_p()
        status = _c.lib.portal_call(
            self._handle, byref(who), name, len(name), given, len(given), byref(buf), byref(failure)
        )
        check(status, failure)
        reply: dict[str, Any] = json.loads(take(buf))
        return reply

    def authenticate(self, token: str) -> int:
        """The live session of a token."""
        session, failure, given = ctypes.c_int64(), ctypes.c_void_p(), token.encode()
        check(
            _c.lib.portal_authenticate(self._handle, given, len(given), byref(session), byref(failure)), failure
        )
        return session.value

    def connect(self, actor: Actor) -> int:
        """Notes a live connection of a session or a guest; needs ``presence``."""
        who, connection, failure = actor._as_c(), ctypes.c_int64(), ctypes.c_void_p()
        check(_c.lib.portal_connect(self._handle, byref(who), byref(connection), byref(failure)), failure)
        return connection.value

    def disconnect(self, connection_id: int) -> None:
        """Forgets a live connection. Repeatable."""
        failure = ctypes.c_void_p()
        check(_c.lib.portal_disconnect(self._handle, connection_id, byref(failure)), failure)

    def tick(self) -> int:
        """Does what is due by the clock, and answers when it next wants to be called."""
        next_ms, failure = ctypes.c_int64(), ctypes.c_void_p()
        check(_c.lib.portal_tick(self._handle, byref(next_ms), byref(failure)), failure)
        return next_ms.value

    def follow(self, position: Position | None = None) -> Follower:
        """Follows the log of events from a position, or from its present end."""
        return Follower(self, position)


class Follower(Closing):
    """Reads the log of events, or what of it is to be written to which connection."""

    def __init__(self, portal: Portal, position: Position | None = None) -> None:
        log_id, after = (position.log_id.encode(), position.after) if position else (b"", 0)
        follower, failure = ctypes.c_void_p(), ctypes.c_void_p()
        status = _c.lib.portal_follower_open(
            portal._handle, log_id, len(log_id), after, byref(follower), byref(failure)
        )
        check(status, failure)
        self._follower = follower
        self._portal = portal
        self._free = weakref.finalize(self, _c.lib.portal_follower_free, follower)

    def close(self) -> None:
        """Gives the follower back, while no other thread uses it. Repeatable."""
        self._free()

    def next(self, limit: int = 100, timeout: float = 0) -> list[Event]:
        """The next events; waits so many seconds for the first."""
        return [Event(**event) for event in self._read(_c.lib.portal_follower_next, limit, timeout)]

    def deliver(self, limit: int = 100, timeout: float = 0) -> list[dict[str, Any]]:
        """What is to be written: ``{"to": [connections], "name": ..., "data": ...}``; needs ``presence``."""
        return self._read(_c.lib.portal_follower_deliver, limit, timeout)

    def __iter__(self) -> Iterator[Event]:
        """Every event from here on, until the portal is closed."""
        try:
            while True:
                yield from self.next(timeout=1)  # So that Ctrl-C is heard.
        except error("ERR_CLOSED"):
            return

    @property
    def position(self) -> Position:
        """The place it has read to."""
        buf, after, failure = _c.Buf(), ctypes.c_uint64(), ctypes.c_void_p()
        status = _c.lib.portal_follower_position(self._open(), byref(buf), byref(after), byref(failure))
        check(status, failure)
        return Position(take(buf).decode(), after.value)

    def wake(self) -> None:
        """Ends a wait, from another thread."""
        _c.lib.portal_follower_wake(self._open())

    def _read(self, function: Any, limit: int, timeout: float) -> list[dict[str, Any]]:
        buf, failure = _c.Buf(), ctypes.c_void_p()
        check(function(self._open(), limit, round(timeout * 1000), byref(buf), byref(failure)), failure)
        documents: list[dict[str, Any]] = json.loads(take(buf))
        return documents

    def _open(self) -> ctypes.c_void_p:
        if not self._free.alive:
            raise ValueError("this follower is closed")
        return self._follower


def take(buf: _c.Buf) -> bytes:
    """What a buffer holds; disposes of it."""
    try:
        return ctypes.string_at(buf.data, buf.len) if buf.data else b""
    finally:
        _c.lib.portal_buf_dispose(byref(buf))


def filling(random: Callable[[int], bytes]) -> Callable[[int, int, int], int]:
    """A source of randomness as C calls it. What fails is answered with 1: then nothing is stored."""

    def fill(_host: int, out: int, length: int) -> int:
        try:
            drawn = random(length)
        except Exception:
            return 1
        if len(drawn) != length:
            return 1
        ctypes.memmove(out, drawn, length)
        return 0

    return fill


def _free(handle: ctypes.c_void_p, kept: list[object]) -> None:
    _c.lib.portal_free(handle)
    kept.clear()
