"""The story: three people talk, end-to-end encrypted, and what happens to them.

alice has python-socketio over WebSocket, bob the JavaScript client over a wire that can be cut, carol
python-socketio over polling alone.
"""

import asyncio
import base64
import json

from .cases import step
from .node_person import NodePerson
from .person import CannotOpen, refused
from .python_person import PythonPerson
from .world import Cable

#: Sent while bob is away and comes back.
STREAM = 60


class Conversation:
    def __init__(self, world):
        self.world = world
        self.cable = Cable(world.port)
        self.chat = None
        self.invite = None
        #: Every ciphertext that the chat ever took.
        self.sent = []

    async def begin(self):
        await self.cable.__aenter__()
        self.alice = PythonPerson(self.world, "alice")
        self.bob = NodePerson(self.world, "bob", self.cable.url)
        self.carol = PythonPerson(self.world, "carol")
        self.people = [self.alice, self.bob, self.carol]

    async def end(self):
        for person in self.people:
            await person.leave_for_good()
        await self.cable.__aexit__()

    async def tell(self, sender, epoch, text, readers):
        """One sends, the others read it."""
        content = await sender.seal(self.chat, epoch, text)
        sent = await sender.send_content(self.chat, content)
        self.sent.append(json.loads(content)["ct"])
        for reader in readers:
            assert await reader.read(self.chat, sent["id"]) == text, reader.name
        return sent["id"]

    @step("a sign-up code from the command line makes one account, over HTTP")
    async def sign_up(self):
        await self.world.cli("config", "set", "sends_per_user", 200)
        await self.world.cli("config", "set", "sends_per_chat", 400)
        async with refused("ERR_SIGNUP_CODE_INVALID", 404):
            await self.alice.sign_up("nobody-gave-this")
        code = await self.world.signup_code()
        await self.alice.sign_up(code)
        async with refused("ERR_SIGNUP_CODE_INVALID", 404):
            await self.bob.sign_up(code)
        await self.bob.sign_up()
        await self.carol.sign_up()
        for person in self.people:
            me = await person.get("users/me")
            assert (me["id"], me["username"]) == (person.user_id, person.name), me

    @step("a private chat needs premium, which the command line gives while the server runs")
    async def make_the_chat(self):
        wish = {"chat_type": "PRIVATE", "name": "Three of us", "e2ee": 2}
        async with refused("ERR_PREMIUM_REQUIRED", 403):
            await self.alice.post("portal/chats", wish)
        await self.world.cli("user", "set-tier", "alice", "premium", "--days", 30)
        chat = await self.alice.post("portal/chats", wish)
        assert (chat["e2ee"], chat["epoch"], chat["slug"]) == (2, 1, None), chat
        self.chat = chat["id"]

    @step("an invite opens the chat to whoever has it, and to nobody else")
    async def invite_them(self):
        made = await self.alice.post(f"portal/chats/{self.chat}/invites", {"max_uses": 3})
        self.invite = made["code"]
        await self.bob.connect()
        await self.carol.connect(["polling"])
        for person in (self.bob, self.carol):
            async with refused("ERR_CHAT_NOT_FOUND", 404):
                await person.get(f"portal/chats/{self.chat}")
            async with refused("ERR_CHAT_NOT_FOUND"):
                await person.join(self.chat)
            async with refused("ERR_INVITE_INVALID", 404):
                await person.post("portal/resolve/aaaaaaaaaaaaaaaa")
            first = await person.post(f"portal/resolve/{self.invite}")
            again = await person.post(f"portal/resolve/{self.invite}")
            assert (first["chat_id"], first["joined"], first["already_member"]) == (self.chat, True, False)
            assert (again["joined"], again["already_member"]) == (False, True)

    @step("they come into the room by WebSocket, by an upgraded connection and by polling")
    async def come_in(self):
        await self.alice.connect(["websocket"])
        for person in self.people:
            joined = await person.join(self.chat)
            assert joined["may_talk"] is True
        transports = [await person.transport() for person in self.people]
        assert transports == ["websocket", "websocket", "polling"], transports
        names = {"alice", "bob", "carol"}
        for person in self.people:
            await person.event(
                "room:members",
                lambda data: {member["username"] for member in data["members"]} == names,
            )

    @step("whoever speaks before there is a key is told so")
    async def too_early(self):
        await self.alice.make_room_key(self.chat, 1)
        envelope = await self.alice.seal(self.chat, 1, "Is anybody there?")
        async with refused("ERR_NO_ROOM_KEY"):
            await self.alice.send_content(self.chat, envelope)
        async with refused("ERR_NO_PUBLIC_KEY"):
            await self.alice.say("keys:publish", {"chat_id": self.chat, "epoch": 1, "blobs": []})

    @step("the first to publish wraps the room key for the others, who open it each in their way")
    async def first_key(self):
        for person in self.people:
            assert (await person.register_key())["status"] == "registered"
        published = await self.alice.publish(self.chat, 1)
        assert published["first"] is True and published["skipped"] == [], published
        assert sorted(published["stored"]) == sorted([self.bob.session_id, self.carol.session_id])
        blob = await self.bob.take_blob(self.chat, 1)
        assert (blob["publisher_user_id"], blob["session_id"]) == (self.alice.user_id, self.bob.session_id)
        assert await self.carol.fetch_blob(self.chat) == 1
        async with refused("ERR_KEY_CONFLICT"):
            params = {"chat_id": self.chat, "epoch": 1, "blobs": []}
            await self.carol.say("keys:publish", {**params, "key_check": base64.b64encode(bytes(16)).decode()})

    @step("everybody reads what everybody writes")
    async def talk(self):
        alice, bob, carol = self.people
        await self.tell(alice, 1, "Hello, both of you.", [alice, bob, carol])
        await self.tell(bob, 1, "Grüße aus Node, 世界 \U0001f44b", [alice, bob, carol])
        await self.tell(carol, 1, "By polling, and it works.", [alice, bob, carol])
        await self.tell(bob, 1, "x" * 3002, [alice, carol])

    @step("history over HTTP opens too, newest first")
    async def read_back(self):
        page = await self.carol.get(f"portal/chats/{self.chat}/history?limit=10")
        spoken = [row for row in page["messages"] if row["kind"] == "user"]
        assert [row["id"] for row in spoken] == sorted((row["id"] for row in spoken), reverse=True)
        texts = [await self.carol.open(self.chat, row["epoch"], row["content"]) for row in spoken]
        assert texts[1:] == ["By polling, and it works.", "Grüße aus Node, 世界 \U0001f44b", "Hello, both of you."]
        assert {row["sender"]["username"] for row in spoken} == {"alice", "bob", "carol"}

    @step("a retry with the same client id is the same message")
    async def retry(self):
        content = await self.bob.seal(self.chat, 1, "Only once, please.")
        self.sent.append(json.loads(content)["ct"])
        first = await self.bob.send_content(self.chat, content, client_id="bob-1")
        again = await self.bob.send_content(self.chat, content, client_id="bob-1")
        assert first["id"] == again["id"]
        await self.alice.read(self.chat, first["id"])
        next_one = await self.tell(self.bob, 1, "And on.", [self.alice])
        ids = [id for _, id in self.alice.messages(self.chat)]
        assert ids.count(first["id"]) == 1 and ids[-1] == next_one

    @step("what is no envelope of this chat is refused, and so is another epoch's")
    async def bad_envelopes(self):
        good = json.loads(await self.alice.seal(self.chat, 1, "Nobody gets this."))

        def envelope(**other):
            return json.dumps({**good, **other}, separators=(",", ":"))

        for bad in (
            "hello", "", "{}", envelope(v=3), envelope(more=1), envelope(ct="AAAA"),
            envelope(ct=good["ct"][:-1]), envelope(ct="A" * 4096),
        ):
            async with refused("ERR_ENVELOPE_INVALID"):
                await self.alice.send_content(self.chat, bad)
        for epoch in (2, 7):
            async with refused("ERR_EPOCH_MISMATCH") as no:
                await self.alice.send_content(self.chat, envelope(epoch=epoch))
            assert no.error["epoch"] == 1

    @step("carol is kicked: she is told, is out, and the epoch moves on")
    async def kick(self):
        async with refused("ERR_FORBIDDEN"):
            await self.bob.say("room:kick", {"chat_id": self.chat, "user_id": self.carol.user_id})
        await self.alice.say("room:kick", {"chat_id": self.chat, "user_id": self.carol.user_id})
        for person in self.people:
            kicked = await person.event("room:kicked")
            assert (kicked["chat_id"], kicked["user_id"]) == (self.chat, self.carol.user_id)
        for person in (self.alice, self.bob):
            moved = await person.event("room:epoch_changed")
            assert (moved["epoch"], moved["reason"]) == (2, "member_removed"), moved
            assert moved["distributor"] == self.alice.session_id
        envelope = await self.carol.seal(self.chat, 1, "Let me in!")
        async with refused("ERR_CHAT_NOT_FOUND"):
            await self.carol.send_content(self.chat, envelope)
        async with refused("ERR_CHAT_NOT_FOUND", 404):
            await self.carol.post(f"portal/chats/{self.chat}/messages", {"content": envelope})
        for path in ("", "/history", "/keys", "/members"):
            async with refused("ERR_CHAT_NOT_FOUND", 404):
                await self.carol.get(f"portal/chats/{self.chat}{path}")
        async with refused("ERR_CHAT_NOT_FOUND"):
            await self.carol.join(self.chat)

    @step("the old epoch is over: its messages are refused, and the new one has no key yet")
    async def between_epochs(self):
        for person in (self.alice, self.bob):
            async with refused("ERR_EPOCH_MISMATCH") as no:
                await person.send(self.chat, 1, "With the old key.")
            assert no.error["epoch"] == 2
            pretending = await person.seal(self.chat, 1, "With the old key.", as_epoch=2)
            async with refused("ERR_NO_ROOM_KEY"):
                await person.send_content(self.chat, pretending)
        async with refused("ERR_EPOCH_MISMATCH") as no:
            await self.alice.say("keys:publish", {"chat_id": self.chat, "epoch": 1, "blobs": []})
        assert no.error["epoch"] == 2
        async with refused("ERR_RATE_LIMITED") as no:
            await self.bob.publish(self.chat, 2)
        assert 0 < no.error["retry_after_ms"] <= 3000, "alice has three seconds to be first"

    @step("a new key goes round, to those who are still there")
    async def second_key(self):
        carols_key = base64.b64encode(bytes(self.carol.secret.public_key)).decode()
        await self.alice.make_room_key(self.chat, 2)
        for_carol = {
            "session_id": self.carol.session_id,
            "public_key": carols_key,
            "blob": await self.alice.wrap(self.chat, 2, carols_key),
        }
        # Existing clients of suite 2 send no key check.
        sent = await self.alice.say("keys:publish", {"chat_id": self.chat, "epoch": 2, "blobs": [for_carol]})
        assert sent["stored"] == [] and sent["skipped"][0]["session_id"] == self.carol.session_id, sent
        assert (await self.alice.hand_on(self.chat, 2))["stored"] == [self.bob.session_id]
        assert (await self.bob.take_blob(self.chat, 2))["key_check"] is None
        await self.tell(self.bob, 2, "Just the two of us.", [self.alice])

    @step("what is said now, the old key does not open, and carol does not even get it")
    async def old_key(self):
        id = await self.tell(self.alice, 2, "Carol cannot read this.", [self.bob])
        told = self.bob.told("message:new", lambda data: data["id"] == id)[0]["message"]
        for person in self.people:
            try:
                opened = await person.open(self.chat, 1, told["content"])
            except CannotOpen:
                continue
            raise AssertionError(f"{person.name} opened it: {opened}")
        # Bob has read it: it went out before this answer to her.
        await self.carol.get("users/me")
        assert not self.carol.told("message:new", lambda data: data["message"]["epoch"] == 2)
        assert not self.carol.told("room:epoch_changed")

    @step("bob's wire is cut while messages flow; he comes back, has missed nothing and heard nothing twice")
    async def cut(self):
        before = self.alice.messages(self.chat)[-1][0]

        async def flow():
            for number in range(STREAM):
                await self.tell(self.alice, 2, f"Message {number} of the stream", [])
                await asyncio.sleep(0.02)

        flowing = asyncio.create_task(flow())
        await asyncio.sleep(0.35)
        self.cable.cut()
        await self.bob.event("disconnect")
        heard_before = len(self.bob.messages(self.chat))
        await asyncio.sleep(0.4)
        await self.world.cli("chat", "update", self.chat, "--name", "While bob is away")
        assert len(self.bob.messages(self.chat)) == heard_before
        self.cable.mend()
        back = await self.bob.event("rejoined")
        assert back == {"rooms": 1}, back
        await flowing
        last = await self.tell(self.alice, 2, "That was the stream.", [self.alice, self.bob])

        heard = self.bob.messages(self.chat)
        assert heard == self.alice.messages(self.chat), "not the same messages in the same order"
        assert [seq for seq, _ in heard] == sorted({seq for seq, _ in heard})
        assert [id for _, id in heard] == sorted({id for _, id in heard}) and heard[-1][1] == last
        assert self.alice.room_events(self.chat, before) == self.bob.room_events(self.chat, before)
        assert heard_before < len(heard) - 5, "nothing was said while he was away"
        renamed = self.bob.told("room:updated")
        assert [data["chat"]["name"] for data in renamed] == ["While bob is away"]
        assert not self.bob.told("resume:failed")
        # Nobody seals the chat's own notices.
        rows = [data["message"] for data in self.bob.told("message:new", lambda data: data["message"]["kind"] == "user")]
        rows = rows[-STREAM - 1:-1]
        for number, row in enumerate(rows):
            text = await self.bob.open(self.chat, 2, row["content"])
            assert text == f"Message {number} of the stream"
        return f"{len(heard) - heard_before} came after the cut"

    @step("he still has his key, and is cut off again at once, twice")
    async def cut_again(self):
        await self.tell(self.bob, 2, "I am back.", [self.alice])
        for time in range(2):
            self.cable.cut()
            await self.bob.event("disconnect")
            await self.tell(self.alice, 2, f"Unheard {time}", [])
            self.cable.mend()
            await self.bob.event("rejoined")
            await self.tell(self.alice, 2, f"Heard {time}", [self.bob])
        assert self.bob.messages(self.chat) == self.alice.messages(self.chat)

    @step("carol comes back by the invite, and whoever is asked wraps the key for her")
    async def come_back(self):
        assert (await self.carol.post(f"portal/resolve/{self.invite}"))["joined"] is True
        await self.carol.join(self.chat)
        wanted = await self.alice.event("portal:key_needed", lambda d: d["session_id"] == self.carol.session_id)
        assert wanted["epoch"] == 2 and wanted["holder_session"] == self.alice.session_id, wanted
        async with refused("ERR_NO_ROOM_KEY"):
            early = await self.carol.seal(self.chat, 1, "Me again.", as_epoch=2)
            await self.carol.send_content(self.chat, early)
        # Alice does not react; the next holder is asked after two seconds.
        wanted = await self.bob.event("portal:key_needed", lambda d: d["session_id"] == self.carol.session_id)
        blob = await self.bob.wrap(self.chat, 2, wanted["public_key"])
        one = {"session_id": self.carol.session_id, "public_key": wanted["public_key"], "blob": blob}
        stored = await self.bob.say("keys:publish", {"chat_id": self.chat, "epoch": 2, "blobs": [one]})
        assert (stored["first"], stored["stored"]) == (False, [self.carol.session_id])
        await self.carol.take_blob(self.chat, 2)
        await self.tell(self.carol, 2, "Thank you, Bob.", [self.alice, self.bob])

    @step("a client that was away over polling resumes with `after`, over the other client's word")
    async def carol_resumes(self):
        last = max(data["seq"] for _, data, _ in self.carol.heard if "seq" in data)
        log_id = self.carol.told("session:ready")[-1]["log_id"]
        before = self.carol.messages(self.chat)
        await self.carol.sio.disconnect()
        for number in range(5):
            await self.tell(self.alice, 2, f"Away {number}", [self.bob])
        await self.carol.connect(["polling"], after=last, log_id=log_id)
        await self.carol.join(self.chat)
        id = await self.tell(self.bob, 2, "Welcome back.", [self.carol])
        heard = self.carol.messages(self.chat)
        assert [heard_id for _, heard_id in heard[len(before):]] == list(range(id - 5, id + 1)), heard[len(before):]

    @step("a wipe leaves the ciphertext neither in the file nor in its log, while the server runs")
    async def wipe(self):
        pieces = list(pieces_of(self.sent))
        found = count_in(files(self.world), pieces)
        assert found > len(pieces) * 0.9, f"only {found} of {len(pieces)} were there before"
        async with refused("ERR_FORBIDDEN", 403):
            await self.bob.post(f"portal/chats/{self.chat}/clear")
        cleared = await self.alice.post(f"portal/chats/{self.chat}/clear")
        assert (cleared["deleted"] >= len(self.sent), cleared["epoch"]) == (True, 3), cleared
        waited = 0.0
        while (left := count_in(files(self.world), pieces)) and waited < 6:
            await asyncio.sleep(0.1)
            waited += 0.1
        assert left == 0, f"{left} of {len(pieces)} are still there"
        for person in self.people:
            await person.event("portal:cleared")
            moved = await person.event("room:epoch_changed", lambda data: data["epoch"] == 3)
            assert moved["reason"] == "cleared"
        page = await self.bob.get(f"portal/chats/{self.chat}/history")
        assert [row["kind"] for row in page["messages"]] == ["system"], page
        return f"gone after {waited:.1f} s, {found} pieces of {len(self.sent)} messages were there"

    @step("no token and no account key was ever in the file")
    async def no_secrets(self):
        secrets = [text.encode() for person in self.people for text in (person.token, person.account_key)]
        assert all(len(secret) > 20 for secret in secrets)
        assert count_in(files(self.world), secrets) == 0

    @step("and they talk on with the next key, made by Node")
    async def third_key(self):
        await asyncio.sleep(3.1)  # alice had her time to be first
        published = await self.bob.publish(self.chat, 3)
        assert published["first"] is True and len(published["stored"]) == 2, published
        await self.alice.take_blob(self.chat, 3)
        await self.carol.take_blob(self.chat, 3)
        await self.tell(self.alice, 3, "A clean slate.", [self.bob, self.carol])
        await self.tell(self.bob, 3, "Good night.", [self.alice, self.carol])


def files(world):
    """The database, its log and whatever else lies beside it, as bytes."""
    return [path.read_bytes() for path in world.db.parent.glob(f"{world.db.name}*")]


def pieces_of(ciphertexts):
    """Short pieces, since SQLite splits long rows over pages."""
    for ct in ciphertexts:
        for start in range(0, len(ct) - 40, 400):
            yield ct[start:start + 40].encode()


def count_in(contents, pieces):
    return sum(any(piece in content for content in contents) for piece in pieces)
