"""libportal from Python: chat in rooms, end-to-end encrypted, in one SQLite file.

>>> from portal import Actor, Portal
>>> with Portal("chat.db") as portal:
...     portal.call(Actor.operator(), "user.create", username="ada")
{'user_id': 1}
"""

from . import _c
from .errors import (
    CryptoError,
    InternalError,
    InvalidCall,
    MatchError,
    PortalError,
    Refused,
    StateError,
    StorageError,
    error,
)
from .keyring import Keyring, Request, Step
from .portal import Actor, Event, Follower, Portal, Position

__all__ = [
    "Actor",
    "CryptoError",
    "Event",
    "Follower",
    "InternalError",
    "InvalidCall",
    "Keyring",
    "MatchError",
    "Portal",
    "PortalError",
    "Position",
    "Refused",
    "Request",
    "StateError",
    "Step",
    "StorageError",
    "error",
    "version",
]


def version() -> str:
    """The version of the library, such as "0.1.0"."""
    answer: bytes = _c.lib.portal_version()
    return answer.decode()
