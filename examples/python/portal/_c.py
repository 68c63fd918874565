"""The C library: where it is, its structs, and the functions that this package calls.

Nothing here is for users of the package. A pointer that the library owns is a ``c_void_p``.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
from collections.abc import Callable
from ctypes import POINTER, Structure, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any

# Libraries of this series can stand for each other; the name says which one the structs below belong to.
SERIES = "0.1"


class Buf(Structure):
    _fields_ = [("data", c_void_p), ("len", c_size_t), ("owner", c_void_p)]


class Actor(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("id", c_int64),
        ("kind", c_int32),
        ("reserved", c_int32),
        ("ip", c_char_p),
        ("ip_len", c_size_t),
        ("user_agent", c_char_p),
        ("user_agent_len", c_size_t),
        ("os_user", c_char_p),
        ("os_user_len", c_size_t),
        ("country", c_char_p),
        ("country_len", c_size_t),
    ]


# A host's clock, source of randomness and log.
NOW_MS = ctypes.CFUNCTYPE(c_int64, c_void_p)
RANDOM = ctypes.CFUNCTYPE(c_int32, c_void_p, c_void_p, c_size_t)
RELEASE = ctypes.CFUNCTYPE(None, c_void_p)
LOG = ctypes.CFUNCTYPE(None, c_void_p, c_int32, c_char_p, c_size_t)


class Options(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("flags", c_uint32),
        ("reserved", c_uint32),
        ("host", c_void_p),
        ("now_ms", NOW_MS),
        ("random", RANDOM),
        ("release", RELEASE),
        ("browsers", c_void_p),
        ("log", LOG),
    ]


class KeyringOptions(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("flags", c_uint32),
        ("reserved", c_uint32),
        ("user_id", c_int64),
        ("session_id", c_int64),
        ("secret_key", c_char_p),
        ("host", c_void_p),
        ("random", RANDOM),
        ("release", RELEASE),
    ]


def _load() -> ctypes.CDLL:
    """$PORTAL_LIBRARY, else what the system's loader finds."""
    names = [f"libportal.so.{SERIES}", f"libportal.{SERIES}.dylib"]
    named = os.environ.get("PORTAL_LIBRARY")
    if named:
        names = [named]
    failures = []
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError as failure:
            failures.append(str(failure))
    raise ImportError(
        "libportal is not found; install it, and name its directory in LD_LIBRARY_PATH or the file itself in "
        "PORTAL_LIBRARY: " + "; ".join(failures)
    )


lib = _load()


def whole(name: str, value: int, least: int, most: int) -> int:
    """A whole number that C has room for, or an error that names it: ctypes cuts it down without a word."""
    if not isinstance(value, int):
        raise TypeError(f"{name} is a whole number, not {value!r}")
    if not least <= value <= most:
        raise ValueError(f"{name} is from {least} to {most}, not {value}")
    return value


def _integer(least: int, most: int) -> Callable[..., list[int]]:
    """The numbers of a type of C, given by their names."""
    return lambda **given: [whole(name, value, least, most) for name, value in given.items()]


int32 = _integer(-(2**31), 2**31 - 1)
int64 = _integer(-(2**63), 2**63 - 1)
uint32 = _integer(0, 2**32 - 1)
uint64 = _integer(0, 2**64 - 1)

_TEXT = [c_char_p, c_size_t]
_ACTOR = POINTER(Actor)
_BUF = POINTER(Buf)
_ERROR = POINTER(c_void_p)


def declare(name: str, result: Any, *parameters: Any) -> None:
    """Says what a function takes and answers, without which ctypes cuts pointers to 32 bits."""
    function = getattr(lib, name)
    function.restype = result
    function.argtypes = parameters


declare("portal_buf_dispose", None, _BUF)
declare("portal_error_status", c_int32, c_void_p)
for _name in ("code", "message", "extras"):
    declare(f"portal_error_{_name}", c_char_p, c_void_p)
declare("portal_error_free", None, c_void_p)
declare("portal_status_code", c_char_p, c_int32)
declare("portal_version", c_char_p)
declare("portal_version_number", c_int32)
declare("portal_open", c_int32, *_TEXT, POINTER(Options), POINTER(c_void_p), _ERROR)
declare("portal_close", c_int32, c_void_p, _ERROR)
declare("portal_free", None, c_void_p)
declare("portal_call", c_int32, c_void_p, _ACTOR, *_TEXT, *_TEXT, _BUF, _ERROR)
declare("portal_authenticate", c_int32, c_void_p, *_TEXT, POINTER(c_int64), _ERROR)
declare("portal_connect", c_int32, c_void_p, _ACTOR, POINTER(c_int64), _ERROR)
declare("portal_disconnect", c_int32, c_void_p, c_int64, _ERROR)
declare("portal_tick", c_int32, c_void_p, POINTER(c_int64), _ERROR)
declare("portal_follower_open", c_int32, c_void_p, *_TEXT, c_uint64, POINTER(c_void_p), _ERROR)
declare("portal_follower_next", c_int32, c_void_p, c_uint32, c_uint32, _BUF, _ERROR)
declare("portal_follower_deliver", c_int32, c_void_p, c_uint32, c_uint32, _BUF, _ERROR)
declare("portal_follower_position", c_int32, c_void_p, _BUF, POINTER(c_uint64), _ERROR)
declare("portal_follower_wake", None, c_void_p)
declare("portal_follower_free", None, c_void_p)

_KEYRING_OPTIONS = POINTER(KeyringOptions)
_ID, _NOW, _KEY, _PLACE = c_int64, c_int64, c_char_p, POINTER(c_void_p)
declare("portal_keyring_new", c_int32, _KEYRING_OPTIONS, _PLACE, _ERROR)
declare("portal_keyring_import", c_int32, _KEYRING_OPTIONS, *_TEXT, _KEY, _PLACE, _ERROR)
declare("portal_keyring_export", c_int32, c_void_p, _KEY, _BUF, _ERROR)
declare("portal_keyring_event", c_int32, c_void_p, *_TEXT, *_TEXT, _NOW, _BUF, _ERROR)
declare("portal_keyring_reply", c_int32, c_void_p, _ID, c_int32, *_TEXT, _NOW, _BUF, _ERROR)
declare("portal_keyring_tick", c_int32, c_void_p, _NOW, _BUF, _ERROR)
declare("portal_keyring_decide", c_int32, c_void_p, _ID, _KEY, c_int32, _NOW, _BUF, _ERROR)
declare("portal_keyring_seal", c_int32, c_void_p, _ID, *_TEXT, _BUF, _ERROR)
declare("portal_keyring_open", c_int32, c_void_p, _ID, _ID, _ID, *_TEXT, _BUF, _ERROR)
declare("portal_keyring_disclose", c_int32, c_void_p, _ID, _ID, _ID, *_TEXT, _BUF, _ERROR)
declare("portal_keyring_sessions", c_int32, c_void_p, _ID, _ID, _BUF, _ERROR)
declare("portal_keyring_people", c_int32, c_void_p, _BUF, _ERROR)
declare("portal_keyring_forget_person", c_int32, c_void_p, _ID, _ERROR)
declare("portal_keyring_forget_before", c_int32, c_void_p, _ID, _ID, _ERROR)
declare("portal_keyring_free", None, c_void_p)
