"""What the tests share: a new file, a clock that is told to go on, and people."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from typing import Any

from portal import Actor, Portal

OPERATOR = Actor.operator()


class Clock:
    """The time, which passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000_000

    def __call__(self) -> int:
        return self.now

    def sleep(self, seconds: int) -> None:
        self.now += seconds * 1000


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
