"""The story of a match: a stranger and somebody with an account, both with python-socketio, find each other by
what they like, talk end-to-end encrypted, lose each other for a moment, and part.

The stranger's wire can be cut.
"""

import time

from .cases import step
from .person import refused
from .python_person import PythonPerson
from .world import Cable

#: How long a chat waits for one who is lost.
GRACE = 60


class Match:
    def __init__(self, world):
        self.world = world
        self.cable = Cable(world.port)
        self.chat = None

    async def begin(self):
        await self.cable.__aenter__()
        self.dora = PythonPerson(self.world, "dora")
        self.stranger = PythonPerson(self.world, "a stranger", self.cable.url)
        self.both = [self.dora, self.stranger]

    async def end(self):
        for person in self.both:
            await person.leave_for_good()
        await self.cable.__aexit__()

    async def tell(self, sender, text, *readers):
        id = await sender.send(self.chat, 1, text)
        for reader in readers:
            assert await reader.read(self.chat, id) == text, reader.name
        return id

    @step("a stranger gets a name and a session, and asks for nothing without a socket")
    async def come(self):
        # What these clients speak; the next match is of it.
        await self.world.cli("config", "set", "direct_e2ee", 2)
        await self.dora.sign_up()
        await self.stranger.come_as_stranger()
        me = await self.stranger.get("users/me")
        assert (me["id"], me["username"]) == (self.stranger.user_id, self.stranger.name), me
        async with refused("ERR_NOT_CONNECTED", 409):
            await self.stranger.post("portal/match", {"interests": ["music"]})
        async with refused("ERR_STRANGER_FORBIDDEN", 403):
            await self.stranger.post("portal/chats", {"chat_type": "PRIVATE", "name": "Mine"})
        for person in self.both:
            await person.connect(["websocket"])
            await person.register_key()

    @step("they ask over HTTP, share one interest of three, and hear of each other by socket")
    async def ask(self):
        self.stranger.headers = {"X-Country": "pt"}
        self.dora.headers = {"X-Country": "XX"}
        async with refused("ERR_MATCH_BAD_INTEREST", 400) as no:
            await self.stranger.post("portal/match", {"interests": ["music", "Tea"]})
        assert no.error["field"] == "interests[1]", no.error
        waits = await self.stranger.post("portal/match", {"interests": ["music", "chess", "hiking"]})
        assert (waits["state"], waits["chat"]) == ("searching", None), waits
        await self.stranger.event("match:queued")
        async with refused("ERR_MATCH_ALREADY_SEARCHING", 409):
            await self.stranger.post("portal/match", {"interests": ["tea"]})
        found = await self.dora.post("portal/match", {"interests": ["chess"]})
        assert found["state"] == "matched", found
        self.chat = found["chat"]["chat_id"]
        for person, peer, country in (
            (self.dora, self.stranger, "PT"),
            (self.stranger, self.dora, None),
        ):
            told = await person.event("match:found")
            assert told["chat_id"] == self.chat and told["interests"] == ["chess"], told
            assert told["peer"] == {"id": peer.user_id, "name": peer.name, "country_code": country}, told
            status = await person.get("portal/match/status")
            assert (status["state"], status["searching"]) == ("matched", False), status
            # Nobody has joined, and they are in.
            opened = await person.event("message:new", lambda data: data["chat_id"] == self.chat)
            assert opened["message"]["code"] == "match_opened", opened

    @step("one wraps the room key for the other, and they talk both ways")
    async def talk(self):
        published = await self.dora.publish(self.chat, 1)
        assert published["first"] is True and published["stored"] == [self.stranger.session_id], published
        await self.stranger.take_blob(self.chat, 1)
        await self.tell(self.dora, "You play chess?", *self.both)
        await self.tell(self.stranger, "Badly, com muito gosto \u2654", *self.both)

    @step("a lost connection is told with a minute's grace; back in the room, nothing was missed")
    async def lose_and_return(self):
        last = max(data["seq"] for _, data, _ in self.stranger.heard if "seq" in data)
        log_id = self.stranger.told("session:ready")[-1]["log_id"]
        self.cable.cut()
        left, at = await self.dora.event_at("room:peer_left")
        await self.stranger.event("disconnect")
        ahead = left["grace_until_ms"] / 1000 - at
        assert left["chat_id"] == self.chat and GRACE - 5 < ahead <= GRACE + 1, (left, ahead)
        missed = await self.tell(self.dora, "Are you there?", self.dora)
        self.cable.mend()
        await self.stranger.connect(["websocket"], after=last, log_id=log_id)
        await self.stranger.join(self.chat)
        returned = await self.dora.event("room:peer_returned")
        assert returned["chat_id"] == self.chat
        assert await self.stranger.read(self.chat, missed) == "Are you there?"
        await self.tell(self.stranger, "Back again.", *self.both)
        [direct] = (await self.dora.get("portal/match/status"))["chats"]
        assert direct["peer_grace_until"] is None, direct
        return f"{ahead:.1f} s of grace"

    @step("one leaves, the other is told at once, and nothing of it is left")
    async def part(self):
        began = time.monotonic()
        left = await self.stranger.post("portal/match/leave")
        assert left["chat_id"] == self.chat
        told = await self.dora.event("room:peer_left")
        assert (told["chat_id"], told["grace_until_ms"]) == (self.chat, 0), told
        assert (await self.dora.event("match:ended"))["reason"] == "peer_left"
        assert (await self.stranger.event("match:ended"))["reason"] == "left"
        took = time.monotonic() - began
        for person in self.both:
            for what in ("history", "keys"):
                async with refused("ERR_CHAT_NOT_FOUND", 404):
                    await person.get(f"portal/chats/{self.chat}/{what}")
            async with refused("ERR_CHAT_NOT_FOUND"):
                await person.join(self.chat)
            assert (await person.get("portal/match/status"))["state"] == "idle"
        async with refused("ERR_MATCH_NO_ACTIVE_DIRECT", 404):
            await self.dora.post("portal/match/leave")
        checked = await self.world.cli("db", "check")
        assert checked["ok"] is True, checked
        return f"told within {took * 1000:.0f} ms"
