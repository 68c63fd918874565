"""What the tests share: a new file, a clock that is told to go on, and people."""

from __future__ import annotations

import tempfile
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any

from portal import Actor, Portal

OPERATOR = Actor.operator()


class Clock:
    """The time, which passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000_000
        self.breaks: Callable[[], Any] | None = None

    def __call__(self) -> int:
        if self.breaks is not None:
            answer: int = self.breaks()
            return answer
        return self.now

    def sleep(self, seconds: int) -> None:
        self.now += seconds * 1000


def fails(raised: BaseException) -> Any:
    """What an expression is that raises."""
    raise raised


class Case(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = Path(directory.name, "chat.db")

    def open(self, **options: Any) -> Portal:
        portal = Portal(self.path, **options)
        self.addCleanup(portal.close)
        return portal


def sign_up(portal: Portal, name: str, **more: str) -> tuple[int, int]:
    """A new person, and a session of theirs."""
    user: int = portal.call(OPERATOR, "user.create", username=name, **more)["user_id"]
    token = portal.call(OPERATOR, "session.create", user_id=user)["token"]
    return user, portal.authenticate(token)
