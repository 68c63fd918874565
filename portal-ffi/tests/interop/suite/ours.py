"""The encryption of libportal, as a program in C calls it. Only what this suite needs; `examples/python` has a whole binding."""

import ctypes
import os
from ctypes import POINTER, byref, c_char_p, c_int32, c_int64, c_size_t, c_uint8, c_uint32, c_void_p, create_string_buffer

from .theirs import Refused

LIBRARY = ctypes.CDLL(os.environ["PORTAL_LIBRARY"])
ERR_DECRYPT = "ERR_DECRYPT"


class RoomKey(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t),
        ("suite", c_int32),
        ("reserved", c_uint32),
        ("chat_id", c_int64),
        ("epoch", c_int64),
        ("key", c_uint8 * 32),
    ]


def room(suite, chat_id, epoch, key=bytes(32)):
    return RoomKey(ctypes.sizeof(RoomKey), suite, 0, chat_id, epoch, (c_uint8 * 32)(*key))


for name in ("portal_error_code", "portal_error_message"):
    getattr(LIBRARY, name).restype = c_char_p
    getattr(LIBRARY, name).argtypes = [c_void_p]
LIBRARY.portal_error_free.restype = None
LIBRARY.portal_error_free.argtypes = [c_void_p]

TEXT = [c_char_p, c_size_t]
OUT = [c_char_p, c_size_t, POINTER(c_size_t)]
ROOM = [POINTER(RoomKey)]
NUMBER = [c_int64]
RANDOM = [c_void_p]
for name, parameters in {
    "key_pair": [*RANDOM, *TEXT, *TEXT],
    "public_key": [*TEXT, *TEXT],
    "room_key": [*RANDOM, *ROOM],
    "key_check": [*ROOM, *TEXT],
    "fingerprint": [*TEXT, *TEXT, *OUT],
    "seal": [*ROOM, *NUMBER, *TEXT, *RANDOM, *OUT],
    "open": [*ROOM, *NUMBER, *TEXT, *OUT],
    "disclose": [*ROOM, *NUMBER, *TEXT, *OUT],
    "verify": [*NUMBER, *NUMBER, *NUMBER, *TEXT, *TEXT, *OUT],
    "wrap": [*ROOM, *NUMBER, *TEXT, *TEXT, *RANDOM, *OUT],
    "unwrap": [*TEXT, *NUMBER, *TEXT, *TEXT, *TEXT, *ROOM],
    "encode": [*TEXT, *OUT],
    "decode": [*TEXT, *OUT],
}.items():
    function = getattr(LIBRARY, f"portal_e2ee_{name}")
    function.restype = c_int32
    function.argtypes = [*parameters, POINTER(c_void_p)]


def call(name, *arguments):
    error = c_void_p()
    if getattr(LIBRARY, f"portal_e2ee_{name}")(*arguments, byref(error)) == 0:
        return
    code, message = LIBRARY.portal_error_code(error).decode(), LIBRARY.portal_error_message(error).decode()
    LIBRARY.portal_error_free(error)
    if code == ERR_DECRYPT:
        raise Refused(message)
    raise AssertionError(f"portal_e2ee_{name}: {code}: {message}")


def given(data):
    return data, len(data)


def fixed(name, length, *arguments):
    out = create_string_buffer(length)
    call(name, *arguments, out, length)
    return out.raw


def text(name, *arguments):
    out, length = create_string_buffer(b"x" * 4096, 4097), c_size_t()
    try:
        call(name, *arguments, out, len(out), byref(length))
    except Refused:
        assert length.value == 0 and not any(out.raw), f"{name} left something of what it refused"
        raise
    assert out.raw[length.value :] == bytes(len(out) - length.value)
    return out.raw[: length.value].decode()


def key_pair():
    secret, public = create_string_buffer(32), create_string_buffer(32)
    call("key_pair", None, secret, 32, public, 32)
    return secret.raw, public.raw


def public_key(secret):
    return fixed("public_key", 32, *given(secret))


def room_key(suite, chat_id, epoch):
    made = room(suite, chat_id, epoch)
    call("room_key", None, byref(made))
    return bytes(made.key)


def key_check(suite, chat_id, epoch, key):
    return fixed("key_check", 16, byref(room(suite, chat_id, epoch, key)))


def fingerprint(one, other):
    return text("fingerprint", *given(one), *given(other))


def seal(suite, chat_id, epoch, key, sender_id, plaintext):
    return text("seal", byref(room(suite, chat_id, epoch, key)), sender_id, *given(plaintext.encode()), None)


def open_(suite, chat_id, epoch, key, sender_id, envelope):
    return text("open", byref(room(suite, chat_id, epoch, key)), sender_id, *given(envelope.encode()))


def disclose(chat_id, epoch, key, sender_id, envelope):
    return text("disclose", byref(room(3, chat_id, epoch, key)), sender_id, *given(envelope.encode()))


def verify(chat_id, epoch, sender_id, envelope, disclosure):
    return text("verify", chat_id, epoch, sender_id, *given(envelope.encode()), *given(disclosure.encode()))


def wrap(suite, chat_id, epoch, key, user_id, recipient, secret):
    return text("wrap", byref(room(suite, chat_id, epoch, key)), user_id, *given(recipient), *given(secret), None)


def unwrap(suite, chat_id, epoch, blob, user_id, secret, sender, check):
    into = room(suite, chat_id, epoch)
    try:
        call(
            "unwrap", *given(blob.encode()), user_id, *given(secret), *given(sender), *given(check), byref(into)
        )
    except Refused:
        assert not any(into.key), "unwrap left a key that it refused"
        raise
    return bytes(into.key)


def encode(data):
    return text("encode", *given(data))


def decode(written):
    out, length = create_string_buffer(max(len(written), 1)), c_size_t()
    call("decode", *given(written.encode()), out, len(out), byref(length))
    return out.raw[: length.value]
