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
from ._calls import Calls, take
from .errors import error

# What C can count in milliseconds.
_LONGEST_TIMEOUT = (2**32 - 1) / 1000


@dataclass(frozen=True)
class Actor:
    """On whose behalf a call is made, and from where."""

    kind: int
    id: int = 0
    ip: str = ""
    user_agent: str = ""
    country: str = ""

    def __post_init__(self) -> None:
        _c.int32(kind=self.kind)
        _c.int64(id=self.id)

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


class Portal(Closing):
    """An open database file. Any thread may call any method.

    ``clock`` answers UTC milliseconds since 1970; ``random`` answers as many bytes as it is asked for that nobody can
    predict. Without them the system's are taken. ``log`` is told what an operator would want to know and no answer
    tells. None of them may call this package.

    What one of them raises is raised by the call under way in that thread, once it is over. Without randomness nothing
    was stored. A ``clock`` that raises, or answers no whole number from 0 on, stands still meanwhile: at its last good
    answer, or the system's time before there is one. What the call did by that time is done, and its reply is lost. So
    it is with ``log``.
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
        self._calls = Calls()
        if clock is not None:
            options.now_ms = self._calls.clock(clock)
        if random is not None:
            options.random = self._calls.random(random)
        if log is not None:
            options.log = self._calls.log(log)
        name = os.fsencode(path)
        self._handle = self._calls.make(_c.lib.portal_free, _c.lib.portal_open, name, len(name), byref(options))
        weakref.finalize(self, _free, self._handle, self._calls)

    def close(self) -> None:
        """Ends the work, from any thread, and returns once the file is closed. Repeatable."""
        self._calls.run(_c.lib.portal_close, self._handle)

    def call(self, actor: Actor, op: str, /, **params: Any) -> dict[str, Any]:
        """Runs an operation by its name, with its parameters by theirs, and answers its reply."""
        who, name, given = actor._as_c(), op.encode(), json.dumps(params).encode()
        reply: dict[str, Any] = json.loads(
            self._calls.answer(_c.lib.portal_call, self._handle, byref(who), name, len(name), given, len(given))
        )
        return reply

    def authenticate(self, token: str) -> int:
        """The live session of a token."""
        session, given = ctypes.c_int64(), token.encode()
        self._calls.run(_c.lib.portal_authenticate, self._handle, given, len(given), byref(session))
        return session.value

    def connect(self, actor: Actor) -> int:
        """Notes a live connection of a session or a guest; needs ``presence``."""
        who, connection = actor._as_c(), ctypes.c_int64()
        self._calls.run(_c.lib.portal_connect, self._handle, byref(who), byref(connection))
        return connection.value

    def disconnect(self, connection_id: int) -> None:
        """Forgets a live connection. Repeatable."""
        self._calls.run(_c.lib.portal_disconnect, self._handle, *_c.int64(connection_id=connection_id))

    def tick(self) -> int:
        """Does what is due by the clock, and answers when it next wants to be called."""
        next_ms = ctypes.c_int64()
        self._calls.run(_c.lib.portal_tick, self._handle, byref(next_ms))
        return next_ms.value

    def follow(self, position: Position | None = None) -> Follower:
        """Follows the log of events from a position, or from its present end."""
        return Follower(self, position)


class Follower(Closing):
    """Reads the log of events, or what of it is to be written to which connection."""

    def __init__(self, portal: Portal, position: Position | None = None) -> None:
        log_id, after = (position.log_id.encode(), position.after) if position else (b"", 0)
        free, place = _c.lib.portal_follower_free, (log_id, len(log_id), *_c.uint64(after=after))
        self._follower = portal._calls.make(free, _c.lib.portal_follower_open, portal._handle, *place)
        self._portal = portal
        self._free = weakref.finalize(self, free, self._follower)

    def close(self) -> None:
        """Gives the follower back, while no other thread uses it. Repeatable."""
        self._free()

    def next(self, limit: int = 100, timeout: float = 0) -> list[Event]:
        """The next events; waits so many seconds for the first, 49 days at most."""
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
        """The place it has read to; waits while another thread reads. Iteration reads ahead: behind an event that it
        gives is ``Position(follower.position.log_id, event.seq)``."""
        log_id, after = _c.Buf(), ctypes.c_uint64()
        self._portal._calls.run(_c.lib.portal_follower_position, self._open(), byref(log_id), byref(after))
        return Position(take(log_id).decode(), after.value)

    def wake(self) -> None:
        """Ends a wait, from another thread."""
        _c.lib.portal_follower_wake(self._open())

    def _read(self, function: Any, limit: int, timeout: float) -> list[dict[str, Any]]:
        # NaN is within no bounds.
        if not 0 <= timeout <= _LONGEST_TIMEOUT:
            raise ValueError(f"timeout is from 0 to {_LONGEST_TIMEOUT} seconds, not {timeout}")
        bounds = (*_c.uint32(limit=limit), round(timeout * 1000))
        documents: list[dict[str, Any]] = json.loads(self._portal._calls.answer(function, self._open(), *bounds))
        return documents

    def _open(self) -> ctypes.c_void_p:
        if not self._free.alive:
            raise ValueError("this follower is closed")
        return self._follower


def _free(handle: ctypes.c_void_p, calls: Calls) -> None:
    _c.lib.portal_free(handle)
    calls.end()
