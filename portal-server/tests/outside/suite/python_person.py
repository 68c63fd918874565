"""A person with python-socketio, aiohttp and PyNaCl."""

import base64
import hashlib
import hmac
import json
import struct

import aiohttp
import socketio
from nacl.exceptions import CryptoError
from nacl.public import Box, PrivateKey, PublicKey
from nacl.secret import SecretBox
from nacl.utils import random

from .person import CannotOpen, Person, Refused


def b64(data):
    return base64.b64encode(data).decode()


def key_check(key, chat, epoch):
    """HKDF-SHA256 of the room key with an empty salt; 16 bytes are one block of it."""
    info = b"portal/2 check" + struct.pack(">QQ", chat, epoch)
    prk = hmac.new(bytes(32), key, hashlib.sha256).digest()
    return b64(hmac.new(prk, info + b"\x01", hashlib.sha256).digest()[:16])


class PythonPerson(Person):
    def __init__(self, world, name, url=None):
        super().__init__(world, name, url)
        self.secret = PrivateKey.generate()
        self.room_keys = {}
        self.sio = None
        self.refusal = None
        self.http = aiohttp.ClientSession()

    async def leave_for_good(self):
        if self.sio:
            await self.sio.disconnect()
        await self.http.close()

    async def request(self, method, path, body=None):
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= self.headers
        async with self.http.request(method, f"{self.world.url}/v1/{path}", json=body, headers=headers) as answer:
            return answer.status, await answer.json()

    # The socket.

    async def connect(self, transports=None, **more):
        """Answers `session:ready`; raises Refused with what the server said."""
        auth = {"token": self.token} if self.token else {}
        self.sio = socketio.AsyncClient(reconnection=False)
        self.sio.on("*", lambda name, data: self.on_event(name, data))
        self.sio.on("connect_error", self._on_refusal)
        self.sio.on("disconnect", lambda reason=None: self.on_event("disconnect", {"reason": reason}))
        try:
            await self.sio.connect(self.url, auth={**auth, **more}, transports=transports, wait_timeout=5)
        except socketio.exceptions.ConnectionError as error:
            told = self.refusal.get("data") if isinstance(self.refusal, dict) else None
            raise Refused(told or {"message": str(error)}) from None
        return await self.event("session:ready")

    def _on_refusal(self, data):
        self.refusal = data

    async def transport(self):
        return self.sio.transport()

    async def emit(self, event, data):
        return await self.sio.call(event, data, timeout=10)

    # Cryptography.

    async def new_keys(self):
        self.secret = PrivateKey.generate()
        return b64(bytes(self.secret.public_key))

    def room_key(self, chat, epoch):
        try:
            return self.room_keys[chat, epoch]
        except KeyError:
            raise CannotOpen(f"no key of epoch {epoch}") from None

    async def make_room_key(self, chat, epoch):
        key = self.room_keys[chat, epoch] = random(SecretBox.KEY_SIZE)
        return key_check(key, chat, epoch)

    async def wrap(self, chat, epoch, public_key):
        box = Box(self.secret, PublicKey(base64.b64decode(public_key)))
        return b64(box.encrypt(self.room_key(chat, epoch)))

    async def unwrap(self, chat, epoch, blob, sender, check):
        try:
            key = Box(self.secret, PublicKey(base64.b64decode(sender))).decrypt(base64.b64decode(blob))
        except CryptoError as error:
            raise CannotOpen(str(error)) from None
        if check and check != key_check(key, chat, epoch):
            raise CannotOpen("the key check is another's")
        self.room_keys[chat, epoch] = key

    async def seal(self, chat, epoch, text, as_epoch=None):
        ct = b64(SecretBox(self.room_key(chat, epoch)).encrypt(text.encode()))
        return json.dumps({"v": 2, "epoch": as_epoch or epoch, "ct": ct}, separators=(",", ":"))

    async def open(self, chat, epoch, content):
        ct = base64.b64decode(json.loads(content)["ct"])
        try:
            return SecretBox(self.room_key(chat, epoch)).decrypt(ct).decode()
        except CryptoError as error:
            raise CannotOpen(str(error)) from None
