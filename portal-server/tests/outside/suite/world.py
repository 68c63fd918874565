"""The server under test, seen from outside: its address, its file, and the command line beside it."""

import asyncio
import json
import os
from pathlib import Path


class CliFailed(Exception):
    """portal-cli ended with another code than 0."""

    def __init__(self, code, error):
        super().__init__(f"portal-cli ended with {code}: {error}")
        self.code = code


class World:
    """What run.sh says of the running server."""

    def __init__(self):
        self.url = os.environ["PORTAL_URL"]
        self.db = Path(os.environ["PORTAL_FILE"])
        self.pid = int(os.environ["PORTAL_PID"])
        self.cli_path = os.environ["PORTAL_CLI"]
        self.node_dir = Path(__file__).parent.parent / "node"

    @property
    def port(self):
        return int(self.url.rsplit(":", 1)[1])

    async def cli(self, *arguments):
        """Runs portal-cli on the running server's file; answers its JSON."""
        process = await asyncio.create_subprocess_exec(
            self.cli_path, "--db", str(self.db), "--json", "--yes", *map(str, arguments),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        if process.returncode != 0:
            raise CliFailed(process.returncode, err.decode())
        return json.loads(out) if out else None

    async def signup_code(self):
        return (await self.cli("signup", "create", "--max-uses", 1))["code"]

    def server_lives(self):
        os.kill(self.pid, 0)


class Cable:
    """A wire to the server that can be pulled out: clients connect to its own port.

    A cut is one that no goodbye gets through: both ends are reset.
    """

    def __init__(self, port):
        self.target = port
        self.plugged = True
        self.writers = set()
        self.server = None

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_):
        self.cut()
        self.server.close()

    @property
    def url(self):
        host, port = self.server.sockets[0].getsockname()
        return f"http://{host}:{port}"

    def cut(self):
        self.plugged = False
        for writer in self.writers:
            writer.transport.abort()

    def mend(self):
        self.plugged = True

    async def _carry(self, reader, writer):
        if not self.plugged:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        pair = {writer, far_writer}
        self.writers |= pair
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
        self.writers -= pair
        for end in pair:
            end.transport.abort()


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.transport.abort()
