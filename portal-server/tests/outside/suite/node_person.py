"""A person with the stock JavaScript client, in a Node process of their own (node/person.js)."""

import asyncio
import itertools
import json

from .person import CannotOpen, Person, Refused

LINE = 1 << 20


class NodePerson(Person):
    def __init__(self, world, name, url=None):
        super().__init__(world, name, url)
        self.process = None
        self.reading = None
        self.waiting = {}
        self.numbers = itertools.count(1)

    async def start(self):
        self.process = await asyncio.create_subprocess_exec(
            "node", "person.js", cwd=self.world.node_dir, limit=LINE,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )
        self.reading = asyncio.create_task(self._read())
        return self

    async def leave_for_good(self):
        if self.process:
            self.process.stdin.close()
            await self.process.wait()
            await self.reading

    async def _read(self):
        while line := await self.process.stdout.readline():
            said = json.loads(line)
            if "event" in said:
                self.on_event(said["event"], said["data"])
            else:
                self.waiting.pop(said["id"]).set_result(said)
        for unanswered in self.waiting.values():
            unanswered.set_exception(AssertionError(f"{self.name}'s Node process ended"))

    async def do(self, command, **more):
        if self.process is None:
            await self.start()
        number = next(self.numbers)
        answer = self.waiting[number] = asyncio.get_running_loop().create_future()
        line = json.dumps({"id": number, "do": command, **more})
        self.process.stdin.write(line.encode() + b"\n")
        said = await asyncio.wait_for(answer, 20)
        if said.get("refusal"):
            raise Refused(said["refusal"])
        if "error" in said:
            raise CannotOpen(said["error"])
        return said["result"]

    async def request(self, method, path, body=None):
        url = f"{self.world.url}/v1/{path}"
        answer = await self.do("request", method=method, url=url, body=body)
        return answer["status"], answer["body"]

    async def new_session(self, session):
        await self.do("session", session=session)

    async def connect(self, transports=None):
        if self.token:
            await self.do("session", session={"token": self.token})
        ready = await self.do("connect", url=self.url, transports=transports)
        await self.event("session:ready")
        await self.event("rejoined")
        return ready

    async def transport(self):
        return await self.do("transport")

    async def emit(self, event, data):
        arguments = list(data) if isinstance(data, tuple) else [data]
        return await self.do("emit", event=event, data=arguments)

    async def new_keys(self):
        return await self.do("new_keys")

    async def make_room_key(self, chat, epoch):
        return await self.do("make_room_key", chat=chat, epoch=epoch)

    async def wrap(self, chat, epoch, public_key):
        return await self.do("wrap", chat=chat, epoch=epoch, public_key=public_key)

    async def unwrap(self, chat, epoch, blob, sender, check):
        await self.do("unwrap", chat=chat, epoch=epoch, blob=blob, sender=sender, check=check)

    async def seal(self, chat, epoch, text, as_epoch=None):
        return await self.do("seal", chat=chat, epoch=epoch, text=text, as_epoch=as_epoch)

    async def open(self, chat, epoch, content):
        return await self.do("open", chat=chat, epoch=epoch, content=content)
