"""A client's keys: it is told what happens, and answers what to ask for.

A client's whole loop is :meth:`Keyring.event` for each event, and :meth:`Step.carry_out` for what comes of it.
"""

from __future__ import annotations

import ctypes
import json
import weakref
from base64 import b64decode
from collections.abc import Callable, Mapping
from ctypes import byref
from dataclasses import dataclass
from typing import Any, Self

from . import _c
from ._calls import Calls, system_ms
from .errors import PortalError
from .portal import Closing

# Runs an operation by its name, with its parameters by theirs, for the session that a keyring belongs to.
Call = Callable[..., Mapping[str, Any]]


@dataclass(frozen=True)
class Request:
    """An operation to call, whose answer goes to :meth:`Keyring.reply`."""

    id: int
    op: str
    params: dict[str, Any]


@dataclass(frozen=True)
class Step:
    """What a keyring wants done. ``alarms`` are for a person to see; ``keys`` are those that came."""

    requests: list[Request]
    alarms: list[dict[str, Any]]
    keys: list[dict[str, int]]
    wake_at_ms: int | None

    def carry_out(self, keyring: Keyring, call: Call, now_ms: int | None = None) -> Step:
        """Calls what is asked for, and what is asked for then, until nothing is; the rest of it all as one step."""
        alarms, keys, last = list(self.alarms), list(self.keys), self
        requests = list(self.requests)
        while requests:
            request = requests.pop(0)
            answer: Mapping[str, Any] | PortalError
            try:
                answer = call(request.op, **request.params)
            except PortalError as refusal:
                answer = refusal
            last = keyring.reply(request.id, answer, now_ms)
            requests += last.requests
            alarms += last.alarms
            keys += last.keys
        return Step([], alarms, keys, last.wake_at_ms)


class Keyring(Closing):
    """The keys of one session. Calls from several threads follow each other.

    ``secret_key`` is that session's, 32 bytes; without it a new one is made. The first key that is seen of somebody is
    accepted, another asked about: ``ask_new`` and ``accept_changed`` turn that over. ``random`` is as for a ``Portal``.
    Times are UTC milliseconds since 1970; the system's clock where they are left out.
    """

    def __init__(
        self,
        user_id: int,
        session_id: int,
        *,
        secret_key: bytes | None = None,
        ask_new: bool = False,
        accept_changed: bool = False,
        random: Callable[[int], bytes] | None = None,
    ) -> None:
        calls = Calls()
        options = _options(calls, user_id, session_id, secret_key, ask_new, accept_changed, random)
        self._own(calls.make(_c.lib.portal_keyring_free, _c.lib.portal_keyring_new, byref(options)), calls)

    @classmethod
    def imported(
        cls,
        sealed: str,
        key: bytes,
        user_id: int,
        session_id: int,
        *,
        ask_new: bool = False,
        accept_changed: bool = False,
        random: Callable[[int], bytes] | None = None,
    ) -> Self:
        """What :meth:`export` has sealed under a key."""
        calls = Calls()
        options = _options(calls, user_id, session_id, None, ask_new, accept_changed, random)
        given = (byref(options), *_text(sealed), _key(key))
        made = cls.__new__(cls)
        made._own(calls.make(_c.lib.portal_keyring_free, _c.lib.portal_keyring_import, *given), calls)
        return made

    def _own(self, keyring: ctypes.c_void_p, calls: Calls) -> None:
        self._keyring = keyring
        self._calls = calls
        self._free = weakref.finalize(self, _free, keyring, calls)

    def close(self) -> None:
        """Wipes the keys, while no other thread uses them. Repeatable."""
        self._free()

    def event(self, name: str, data: Mapping[str, Any], now_ms: int | None = None) -> Step:
        """Takes in an event as it was delivered. Tell it of ``room.join`` likewise, with that operation's reply, of
        ``room.leave`` with the ``chat_id``, and of ``disconnected`` with nothing."""
        return self._step("event", *_text(name), *_text(json.dumps(data)), *_now(now_ms))

    def reply(self, request_id: int, answer: Mapping[str, Any] | PortalError, now_ms: int | None = None) -> Step:
        """Takes in what came of a request: its reply, or how it was refused."""
        status, document = (answer.status, answer.extras) if isinstance(answer, PortalError) else (0, answer)
        which = (*_c.int64(request_id=request_id), *_c.int32(status=status))
        return self._step("reply", *which, *_text(json.dumps(document)), *_now(now_ms))

    def tick(self, now_ms: int | None = None) -> Step:
        """Does what is due; to be called at a step's ``wake_at_ms``."""
        return self._step("tick", *_now(now_ms))

    def decide(self, user_id: int, public_key: str, accept: bool, now_ms: int | None = None) -> Step:
        """Says whether a key that an alarm has named is to be trusted."""
        whose = (*_c.int64(user_id=user_id), _key(b64decode(public_key)))
        return self._step("decide", *whose, *_c.int32(accept=int(accept)), *_now(now_ms))

    def seal(self, chat_id: int, text: str) -> str:
        """The content of ``message.send``."""
        return self._answer("seal", *_c.int64(chat_id=chat_id), *_text(text)).decode()

    def open(self, chat_id: int, message_id: int, sender_id: int, envelope: str) -> str:
        """What a message says. ``ERR_NO_ROOM_KEY``: its key may come yet; ``ERR_DECRYPT``: it does not open."""
        which = _c.int64(chat_id=chat_id, message_id=message_id, sender_id=sender_id)
        return self._answer("open", *which, *_text(envelope)).decode()

    def disclose(self, chat_id: int, message_id: int, sender_id: int, envelope: str) -> str:
        """The key of one message, the ``disclosure`` of ``report.create``."""
        which = _c.int64(chat_id=chat_id, message_id=message_id, sender_id=sender_id)
        return self._answer("disclose", *which, *_text(envelope)).decode()

    def sessions(self, chat_id: int, epoch: int) -> list[dict[str, Any]]:
        """For whom this keyring has wrapped the key of an epoch, with the fingerprints to compare."""
        sessions: list[dict[str, Any]] = json.loads(
            self._answer("sessions", *_c.int64(chat_id=chat_id, epoch=epoch))
        )
        return sessions

    def people(self) -> list[dict[str, Any]]:
        """Every key that was seen of others, and whether it is trusted."""
        people: list[dict[str, Any]] = json.loads(self._answer("people"))
        return people

    def forget_person(self, user_id: int) -> None:
        """Forgets every key of somebody: what comes next of them counts as new."""
        self._run("forget_person", *_c.int64(user_id=user_id))

    def forget_before(self, chat_id: int, epoch: int) -> None:
        """Forgets the keys of a chat's epochs before this one, whose messages are gone. The present epoch's stays."""
        self._run("forget_before", *_c.int64(chat_id=chat_id, epoch=epoch))

    def export(self, key: bytes) -> str:
        """Everything it knows, sealed under a key of 32 bytes."""
        return self._answer("export", _key(key)).decode()

    def _step(self, name: str, *arguments: Any) -> Step:
        step = json.loads(self._answer(name, *arguments))
        return Step([Request(**each) for each in step["requests"]], step["alarms"], step["keys"], step["wake_at_ms"])

    def _answer(self, name: str, *arguments: Any) -> bytes:
        return self._calls.answer(getattr(_c.lib, f"portal_keyring_{name}"), self._open(), *arguments)

    def _run(self, name: str, *arguments: Any) -> None:
        self._calls.run(getattr(_c.lib, f"portal_keyring_{name}"), self._open(), *arguments)

    def _open(self) -> ctypes.c_void_p:
        if not self._free.alive:
            raise ValueError("this keyring is closed")
        return self._keyring


def _options(
    calls: Calls,
    user_id: int,
    session_id: int,
    secret_key: bytes | None,
    ask_new: bool,
    accept_changed: bool,
    random: Callable[[int], bytes] | None,
) -> _c.KeyringOptions:
    """The options as C takes them."""
    options = _c.KeyringOptions(size=ctypes.sizeof(_c.KeyringOptions))
    options.user_id, options.session_id = _c.int64(user_id=user_id, session_id=session_id)
    options.flags = 1 * ask_new + 2 * accept_changed
    if secret_key is not None:
        options.secret_key = _key(secret_key)
    if random is not None:
        options.random = calls.random(random)
    return options


def _key(key: bytes) -> bytes:
    if len(key) != 32:
        raise ValueError("a key has 32 bytes")
    return key


def _text(text: str) -> tuple[bytes, int]:
    encoded = text.encode()
    return encoded, len(encoded)


def _now(now_ms: int | None) -> list[int]:
    return _c.int64(now_ms=system_ms() if now_ms is None else now_ms)


def _free(keyring: ctypes.c_void_p, calls: Calls) -> None:
    _c.lib.portal_keyring_free(keyring)
    calls.end()
