"""Whatever a client gets wrong is answered, or ends that client; never the server."""

import asyncio
import json

import aiohttp

from .node_person import NodePerson
from .person import refused
from .surroundings import TRANSPORTS, Cast


async def wrong_events(world):
    """A wrong event is answered with what is wrong, and the socket goes on"""
    async with Cast(world) as cast:
        for person, transports in [(await cast.person(), each) for each in TRANSPORTS] + [
            (await cast.person(NodePerson), None)
        ]:
            await person.connect(transports)
            for event, data, code, field in (
                ("room:join", {"chat_id": "one"}, "ERR_INVALID", "chat_id"),
                ("room:join", {"chat_id": -1}, "ERR_INVALID", "chat_id"),
                ("room:join", {"chat_id": 1e300}, "ERR_INVALID", "chat_id"),
                ("room:join", {"chat_id": 1, "colour": "red"}, "ERR_INVALID", "colour"),
                ("room:join", {}, "ERR_INVALID", None),
                ("room:join", [1], "ERR_INVALID", None),
                ("room:join", "1", "ERR_INVALID", None),
                ("room:join", {"chat_id": 2**52}, "ERR_CHAT_NOT_FOUND", None),
                ("message:send", {"chat_id": 2**52, "content": "x" * 60_000}, "ERR_CHAT_NOT_FOUND", None),
                ("keys:register", {"public_key": "short"}, "ERR_INVALID", "public_key"),
                ("keys:register", {"public_key": "A" * 43 + "="}, "ERR_INVALID", "public_key"),
                ("room:explode", {}, "ERR_UNKNOWN_OPERATION", None),
                ("housekeeping.tick", {}, "ERR_UNKNOWN_OPERATION", None),
            ):
                async with refused(code) as no:
                    await person.say(event, data)
                assert field is None or no.error["field"] == field, (event, data, no.error)
            assert (await person.register_key())["status"] == "registered"


async def wrong_requests(world):
    """A wrong request is answered with what is wrong"""
    async with Cast(world) as cast:
        person = await cast.person()
        bearer = {"Authorization": f"Bearer {person.token}"}
        sent = {"Content-Type": "application/json"}
        for method, path, headers, body, status, code in (
            ("POST", "/v1/portal/chats", sent, b"{", 400, "ERR_INVALID"),
            ("POST", "/v1/portal/chats", sent, b"[]", 400, "ERR_INVALID"),
            ("POST", "/v1/portal/chats", sent, b'{"name":"\xff"}', 400, "ERR_INVALID"),
            ("POST", "/v1/portal/chats", sent, b"[" * 50_000, 400, "ERR_INVALID"),
            ("POST", "/v1/portal/chats", sent, b'{"chat_type":"SECRET","name":"x"}', 400, "ERR_INVALID"),
            ("POST", "/v1/portal/chats", {"Content-Type": "text/plain"}, b"{}", 415, "ERR_UNSUPPORTED_MEDIA"),
            ("POST", "/v1/portal/chats", sent, b" " * 70_000, 413, "ERR_PAYLOAD_TOO_LARGE"),
            ("GET", "/v1/portal/chats/1/history?limit=many", {}, None, 400, "ERR_INVALID"),
            ("GET", "/v1/portal/directory?colour=red", {}, None, 400, "ERR_INVALID"),
            ("GET", "/v1/nothing/here", {}, None, 404, "ERR_NOT_FOUND"),
            ("DELETE", "/v1/portal/chats", {}, None, 405, "ERR_METHOD_NOT_ALLOWED"),
            ("POST", "/v1/op/config.set", sent, b'{"key":"registration","value":"open"}', 403, "ERR_FORBIDDEN"),
        ):
            request = person.http.request(method, world.url + path, headers={**bearer, **headers}, data=body)
            async with request as answer:
                error = (await answer.json())["error"]
                got = (answer.status, error["code"])
                assert got == (status, code), f"{method} {path} {(body or b'')[:30]}: {got}"
                assert error["message"] and error["request_id"] == answer.headers["x-request-id"]
                for word in ("SELECT", "sqlite", "/tmp", ".rs"):
                    assert word not in error["message"], error


async def wrong_packets(world):
    """What is no packet ends that socket alone"""
    async with Cast(world) as cast:
        bystander = await cast.person()
        await bystander.connect(["websocket"])
        address = f"{world.url}/socket.io/?EIO=4&transport=websocket"
        auth = json.dumps({"token": bystander.token})
        for wrong in (
            "42{", "42[1]", "42[]", "45", "9", "", "é", '42["a",1,2]', '42/admin,["a"]', "4" * 1000,
            '451-["a",{"_placeholder":true,"num":0}]', b"\x00\xff", "42" + "[" * 30_000,
            f'420["room:join",{{"chat_id":"{"x" * 70_000}"}}]',
        ):
            async with bystander.http.ws_connect(address) as socket:
                await begins_with(socket, "0{")
                await socket.send_str(f"40{auth}")
                await begins_with(socket, "40{")
                await (socket.send_bytes if isinstance(wrong, bytes) else socket.send_str)(wrong)
                await until_closed(socket, wrong)
        # An event before the client asked to connect.
        async with bystander.http.ws_connect(address) as socket:
            await begins_with(socket, "0{")
            await socket.send_str('420["room:join",{"chat_id":1}]')
            await until_closed(socket, "an event too early")
        await bystander.register_key()
        assert not bystander.told("disconnect")


async def begins_with(socket, beginning):
    """The next packet that is no ping."""
    while (packet := await socket.receive_str()) == "2":
        pass
    assert packet.startswith(beginning), packet


async def until_closed(socket, what):
    ended = (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.ERROR)
    try:
        while (await asyncio.wait_for(socket.receive(), 5)).type not in ended:
            pass
    except asyncio.TimeoutError:
        raise AssertionError(f"{what[:40]!r} did not end the socket") from None


async def wrong_bytes(world):
    """What is no HTTP is answered with 400 or cut off"""
    for sent in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                 b"POST /v1/portal/chats HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}"):
        reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
        writer.write(sent)
        answer = await asyncio.wait_for(reader.read(), 10)
        assert answer == b"" or answer.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400", b"HTTP/1.1 505")), (sent, answer)
        writer.close()


async def still_there(world):
    """After all this it is the same process, and well"""
    world.server_lives()
    async with aiohttp.ClientSession() as http, http.get(f"{world.url}/health") as answer:
        assert answer.status == 200 and (await answer.json())["status"] == "ok"
    checked = await world.cli("db", "check")
    assert checked["ok"] is True, checked


CASES = (wrong_events, wrong_requests, wrong_packets, wrong_bytes, still_there)
