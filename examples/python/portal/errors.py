"""What a call that failed raises: :class:`PortalError`, in a class of its block and of its code.

Catch the block (``except Refused``), or one code (``except error("ERR_MUTED")``).
"""

from __future__ import annotations

import ctypes
import json
from functools import cache
from typing import Any

from . import _c


class PortalError(Exception):
    """A call that failed. ``str()`` of it is a sentence for a person; compare ``code``, never that."""

    def __init__(self, status: int, code: str, message: str, extras: dict[str, Any]) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.extras = extras


class InvalidCall(PortalError):
    """The caller's mistake; ``extras["field"]`` names what was wrong."""


class StateError(PortalError):
    """What was asked for is not there, or not so."""


class Refused(PortalError):
    """A rule forbids it."""


class StorageError(PortalError):
    """The file could not be read or written."""


class CryptoError(PortalError):
    """It does not open with that key."""


class MatchError(PortalError):
    """The matcher says no."""


class InternalError(PortalError):
    """A failure inside; nothing was stored."""


_BLOCKS: dict[int, type[PortalError]] = {
    1: InvalidCall,
    2: StateError,
    3: Refused,
    4: StorageError,
    5: CryptoError,
    6: MatchError,
    9: InternalError,
}


@cache
def _codes() -> dict[str, int]:
    """Every code and its status, as the library has them."""
    statuses = {status: _c.lib.portal_status_code(status) for status in range(100, 1000)}
    return {code.decode(): status for status, code in statuses.items() if code is not None}


@cache
def error(code: str) -> type[PortalError]:
    """The class of one code, to be caught: ``except error("ERR_MUTED")``."""
    if code not in _codes():
        raise ValueError(f"there is no {code}")
    block = _BLOCKS.get(_codes()[code] // 100, PortalError)
    return type(code, (block,), {})


def check(status: int, failure: ctypes.c_void_p) -> None:
    """Raises what a call answered, and frees its error."""
    if status == 0:
        return
    try:
        code = _c.lib.portal_error_code(failure).decode()
        message = _c.lib.portal_error_message(failure).decode()
        extras = json.loads(_c.lib.portal_error_extras(failure))
    finally:
        _c.lib.portal_error_free(failure)
    raise error(code)(status, code, message, extras)
