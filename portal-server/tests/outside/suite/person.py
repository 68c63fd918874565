"""A person at a client: what everybody does, whatever the client is made of.

A client gives the primitives: `request`, `connect`, `emit`, `transport`, and the cryptography. Here is the
use of them that the documentation of the server describes.
"""

import asyncio
import time

PATIENCE = 8.0


class Refused(Exception):
    """The server said no. `error` is its answer."""

    def __init__(self, error):
        super().__init__(f"refused: {error}")
        self.error = error
        self.code = (error or {}).get("code")


class CannotOpen(Exception):
    """A key or message that does not open with what the person has."""


class Person:
    """Somebody with at most one session and one socket."""

    def __init__(self, world, name, url=None):
        self.world = world
        self.name = name
        self._url = url
        self.user_id = None
        self.session_id = None
        self.token = None
        self.account_key = None
        #: What a proxy in between would add to requests.
        self.headers = {}
        #: Everything the socket said: (name, data, when it came).
        self.heard = []
        self._places = {}
        self._news = asyncio.Event()

    @property
    def url(self):
        """Where the socket goes."""
        return self._url or self.world.url

    # What a client hears.

    def on_event(self, name, data):
        self.heard.append((name, data, time.time()))
        self._news.set()

    async def event(self, name, where=lambda data: True, within=PATIENCE):
        """The next such event after the one of that name that was asked for last."""
        return (await self.event_at(name, where, within))[0]

    async def event_at(self, name, where=lambda data: True, within=PATIENCE):
        """As `event`, with the time when it came."""
        deadline = time.monotonic() + within
        while True:
            self._news.clear()
            for place in range(self._places.get(name, 0), len(self.heard)):
                heard, data, at = self.heard[place]
                if heard == name and where(data):
                    self._places[name] = place + 1
                    return data, at
            try:
                await asyncio.wait_for(self._news.wait(), deadline - time.monotonic())
            except asyncio.TimeoutError:
                names = [heard for heard, _, _ in self.heard[-12:]]
                raise AssertionError(f"{self.name} waited in vain for {name}; last came {names}") from None

    def told(self, name, where=lambda data: True):
        """All such events so far."""
        return [data for heard, data, _ in self.heard if heard == name and where(data)]

    # HTTP.

    async def ask(self, method, path, body=None):
        """The answer's JSON; raises Refused for an error."""
        status, answer = await self.request(method, path, body)
        if "error" in (answer or {}):
            assert status >= 400, (status, answer)
            assert answer["error"]["message"] and answer["error"]["request_id"], answer
            raise Refused({**answer["error"], "status": status})
        assert status == 200, (status, answer)
        return answer

    async def get(self, path):
        return await self.ask("GET", path)

    async def post(self, path, body=None):
        return await self.ask("POST", path, {} if body is None else body)

    async def sign_up(self, code=None):
        code = code or await self.world.signup_code()
        new = await self.post("authentication/register", {"username": self.name, "signup_code": code})
        self.user_id, self.session_id = new["user_id"], new["session_id"]
        self.token, self.account_key = new["token"], new["account_key"]
        await self.new_session(new)
        return self

    async def come_as_stranger(self):
        """As nobody: a name and a session are given."""
        new = await self.post("authentication/stranger")
        self.name, self.user_id, self.session_id = new["username"], new["user_id"], new["session_id"]
        self.token = new["token"]
        await self.new_session(new)
        return self

    async def new_session(self, session):
        """For clients that keep the token elsewhere as well."""

    # Sockets.

    async def say(self, event, data):
        """Emits an event; the acknowledgement's fields, or Refused."""
        answer = await self.emit(event, data)
        if "error" in answer:
            raise Refused(answer["error"])
        assert answer.pop("ok") is True, answer
        return answer

    async def join(self, chat):
        return await self.say("room:join", {"chat_id": chat})

    async def send_content(self, chat, content, **more):
        return await self.say("message:send", {"chat_id": chat, "content": content, **more})

    async def send(self, chat, epoch, text):
        """Seals and sends; the message's id."""
        return (await self.send_content(chat, await self.seal(chat, epoch, text)))["id"]

    def messages(self, chat):
        """(seq, id) of every message that came, in the order it came."""
        told = self.told("message:new", lambda data: data["chat_id"] == chat)
        return [(data["seq"], data["id"]) for data in told if data["message"]["kind"] == "user"]

    def room_events(self, chat, after):
        """(seq, name) of every stored event after a place that all in the room are told."""
        names = {"message:new", "message:deleted", "portal:cleared", "room:updated", "room:epoch_changed"}
        return [
            (data["seq"], name)
            for name, data, _ in self.heard
            if name in names and data["chat_id"] == chat and data["seq"] > after
        ]

    async def read(self, chat, id):
        """Waits for a message and opens it with the key of the epoch it names."""
        def wanted(data):
            return (data["chat_id"], data["id"]) == (chat, id)

        deadline = time.monotonic() + PATIENCE
        while not (found := self.told("message:new", wanted)):
            assert time.monotonic() < deadline, f"{self.name} never got message {id}"
            await asyncio.sleep(0.01)
        message = found[0]["message"]
        return await self.open(chat, message["epoch"], message["content"])

    # Keys.

    async def register_key(self):
        return await self.say("keys:register", {"public_key": await self.new_keys()})

    async def publish(self, chat, epoch, check=True):
        """Makes the epoch's key and wraps it for everybody in the room who has a public key."""
        key_check = await self.make_room_key(chat, epoch)
        return await self.hand_on(chat, epoch, key_check if check else None)

    async def hand_on(self, chat, epoch, key_check=None):
        keys = await self.get(f"portal/chats/{chat}/keys")
        blobs = [
            {
                "session_id": other["session_id"],
                "public_key": other["public_key"],
                "blob": await self.wrap(chat, epoch, other["public_key"]),
            }
            for other in keys["sessions"]
            if other["public_key"] and not other["holds"] and other["session_id"] != self.session_id
        ]
        params = {"chat_id": chat, "epoch": epoch, "blobs": blobs}
        if key_check:
            params["key_check"] = key_check
        return await self.say("keys:publish", params)

    async def take_blob(self, chat, epoch):
        """Opens the key as the event brings it."""
        data = await self.event("portal:key_blob", lambda d: (d["chat_id"], d["epoch"]) == (chat, epoch))
        await self.unwrap(chat, epoch, data["blob"], data["publisher_public_key"], data["key_check"])
        return data

    async def fetch_blob(self, chat):
        """Opens the key as one asks for it; answers its epoch."""
        keys = await self.get(f"portal/chats/{chat}/keys")
        blob = keys["blob"]
        assert blob, f"{self.name} has no blob: {keys}"
        await self.unwrap(chat, keys["epoch"], blob["blob"], blob["publisher_public_key"], keys["key_check"])
        return keys["epoch"]


class refused:
    """`async with refused("ERR_..."):` the body must be refused so; `.error` has the answer."""

    def __init__(self, code, status=None):
        self.code = code
        self.status = status
        self.error = None

    async def __aenter__(self):
        return self

    async def __aexit__(self, kind, raised, _):
        if kind is None:
            raise AssertionError(f"not refused with {self.code}")
        if not isinstance(raised, Refused):
            return False
        self.error = raised.error
        assert raised.code == self.code, f"{raised.error} instead of {self.code}"
        if self.status is not None:
            assert raised.error.get("status") == self.status, raised.error
        return True
