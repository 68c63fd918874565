"""A server that is killed, comes back and is stopped in order: what its clients see of that."""

import asyncio
import os
import re
import signal
import tempfile
import time
from pathlib import Path

import aiohttp

from .node_person import NodePerson
from .python_person import PythonPerson
from .world import Cable, World


class OwnServer(World):
    """A server of this case's own, on a file that outlives it."""

    def __init__(self, directory):
        super().__init__()
        self.db = Path(directory) / "portal.db"
        self.process = None

    async def start(self):
        self.process = await asyncio.create_subprocess_exec(
            os.environ["PORTAL_SERVER"], "--db", str(self.db), "--listen", "127.0.0.1:0", "--limits", "off",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )
        line = (await asyncio.wait_for(self.process.stdout.readline(), 10)).decode()
        self.url = re.fullmatch(r"portal-server listens on (http://\S+)\n", line).group(1)
        self.pid = self.process.pid

    async def end(self, how):
        if self.process.returncode is None:
            self.process.send_signal(how)
        return await asyncio.wait_for(self.process.wait(), 15)


async def killed_and_stopped(_):
    """A server killed in mid-stream comes back with all it acknowledged; one that is stopped says goodbye"""
    with tempfile.TemporaryDirectory() as directory:
        server = OwnServer(directory)
        await server.start()
        async with Cable(server.port) as cable:
            alice, bob = PythonPerson(server, "alice"), NodePerson(server, "bob", cable.url)
            try:
                chat = await begin(server, alice, bob)
                note = await killed_in_the_stream(server, cable, alice, bob, chat)
                await stopped(server, alice, bob)
            finally:
                await bob.leave_for_good()
                await alice.leave_for_good()
                await server.end(signal.SIGKILL)
    return note


async def begin(server, alice, bob):
    for person in (alice, bob):
        await person.sign_up()
    await server.cli("user", "set-tier", "alice", "premium", "--days", 1)
    await server.cli("config", "set", "sends_per_user", 1000)
    await server.cli("config", "set", "sends_per_chat", 1000)
    chat = (await alice.post("portal/chats", {"chat_type": "PRIVATE", "name": "Us", "e2ee": 2}))["id"]
    code = (await alice.post(f"portal/chats/{chat}/invites"))["code"]
    await bob.post(f"portal/resolve/{code}")
    for person in (alice, bob):
        await person.connect()
        await person.join(chat)
        await person.register_key()
    await alice.publish(chat, 1)
    await bob.take_blob(chat, 1)
    return chat


async def killed_in_the_stream(server, cable, alice, bob, chat):
    path = f"portal/chats/{chat}/messages"
    answered = []
    killing = asyncio.get_running_loop().call_later(0.4, server.process.kill)
    for number in range(10_000):
        content = await alice.seal(chat, 1, f"Number {number}")
        message = {"content": content, "client_id": f"number-{number}"}
        try:
            answered.append((await alice.post(path, message))["id"])
        except aiohttp.ClientError:
            break
        await asyncio.sleep(0.002)
    killing.cancel()
    assert await server.process.wait() == -signal.SIGKILL
    await alice.event("disconnect")
    await bob.event("disconnect")

    # It comes back at another address; bob's client finds it by itself.
    await server.start()
    cable.target = server.port
    await bob.event("rejoined")
    last = max(data["seq"] for _, data, _ in alice.heard if "seq" in data)
    log_id = alice.told("session:ready")[-1]["log_id"]
    await alice.connect(after=last, log_id=log_id)
    await alice.join(chat)

    # Whether the unanswered one was stored, nobody knows; sent again, it is there once.
    answered.append((await alice.post(path, message))["id"])
    answered.append(await bob.send(chat, 1, f"Number {number + 1}"))
    for person in (alice, bob):
        for place, id in enumerate(answered):
            assert await person.read(chat, id) == f"Number {place}", (person.name, place)
        assert [id for _, id in person.messages(chat)] == answered, person.name
        assert not person.told("resume:failed")
    page = await bob.get(f"portal/chats/{chat}/history?limit=100")
    rows = [row["id"] for row in page["messages"] if row["kind"] == "user"]
    assert rows == answered[::-1][:len(rows)]
    assert (await server.cli("db", "check"))["ok"] is True
    return f"{len(answered) - 2} messages were answered before"


async def stopped(server, alice, bob):
    began = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    for person in (alice, bob):
        assert (await person.event("server:closing"))["reason"] == "stopping"
        await person.event("disconnect")
    assert await asyncio.wait_for(server.process.wait(), 10) == 0
    assert time.monotonic() - began < 10


CASES = (killed_and_stopped,)
