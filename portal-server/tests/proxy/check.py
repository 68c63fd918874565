"""What people and machines see of portal-server through nginx. Standard library only; run by run.sh."""

import base64
import http.client
import json
import os
import signal
import socket
import ssl
import struct
import sys

PLAIN, TLS, DIRECT = (int(os.environ[name]) for name in ("PROXY_PLAIN", "PROXY_TLS", "PORTAL_PORT"))
ORIGIN = f"https://localhost:{TLS}"
CONTEXT = ssl.create_default_context(cafile=os.environ["PROXY_CERTIFICATE"])
PATIENCE = 60
POLLING = "/socket.io/?EIO=4&transport=polling"
JSON = {"Content-Type": "application/json"}


def secret(text):
    """Takes note of what no log may tell."""
    with open(os.environ["PORTAL_SECRETS"], "a", encoding="utf-8") as secrets:
        secrets.write(text + "\n")
    return text


def connect(port, client):
    """A connection from an address of this machine's own network, which stands for a client's."""
    stream = socket.create_connection(("127.0.0.1", port), PATIENCE, (client, 0))
    return CONTEXT.wrap_socket(stream, server_hostname="localhost") if port == TLS else stream


class Client:
    """Somebody at an address; through the proxy unless told otherwise."""

    def __init__(self, address, port=TLS):
        self.address, self.port = address, port

    def ask(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection("localhost", self.port)
        connection.sock = connect(self.port, self.address)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None and not isinstance(body, str):
            body, headers = json.dumps(body), JSON | headers
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        answer.text = answer.read().decode()
        connection.close()
        return answer

    def fails_to_sign_in(self, **headers):
        wrong = {"username": "nobody", "secret": "wrong-secret"}
        return self.ask("POST", "/v1/authentication/verify", wrong, **headers).status

    def raw(self, text):
        """Sends this as it is; answers all that comes back."""
        stream = connect(self.port, self.address)
        stream.sendall(text.encode())
        read = b""
        try:
            while part := stream.recv(65536):
                read += part
        except ConnectionResetError:
            pass
        stream.close()
        return read.decode()


class WebSocket:
    """As much of RFC 6455 as Socket.IO's texts need."""

    def __init__(self, client, **headers):
        self.stream, self.read = connect(client.port, client.address), b""
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1", f"Host: localhost:{TLS}", "Upgrade: websocket",
            "Connection: Upgrade", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}",
        ] + [f"{name}: {value}" for name, value in headers.items()]
        self.stream.sendall("\r\n".join(lines + ["", ""]).encode())
        while b"\r\n\r\n" not in self.read:
            self.read += self.stream.recv(1) or sys.exit(f"no upgrade: {self.read}")
        self.status, self.read = int(self.read.split()[1]), b""
        assert self.status == 101, self.status

    def take(self, count):
        while len(self.read) < count:
            part = self.stream.recv(65536)
            if not part:
                raise EOFError
            self.read += part
        taken, self.read = self.read[:count], self.read[count:]
        return taken

    def text(self):
        """The next text."""
        while True:
            opcode, length = self.take(2)
            if length == 126:
                (length,) = struct.unpack(">H", self.take(2))
            payload = self.take(length)
            if opcode & 15 == 8:
                raise EOFError
            if opcode & 15 == 1:
                return payload.decode()

    def until(self, start):
        while True:
            text = self.text()
            if text == "2":
                self.say("3")
            if text.startswith(start):
                return text

    def say(self, text):
        data, mask = text.encode(), os.urandom(4)
        assert len(data) < 126
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
        self.stream.sendall(bytes([0x81, 0x80 | len(data)]) + mask + masked)


def signed_in(client):
    """The owner's cookie, by the one code; made once."""
    if not hasattr(signed_in, "cookie"):
        right = {"username": "owner", "secret": secret(os.environ["PORTAL_CODE"])}
        answer = client.ask("POST", "/v1/authentication/verify", right, Origin=ORIGIN)
        assert answer.status == 200, answer.text
        secret(json.loads(answer.text)["token"])
        signed_in.header = answer.headers["Set-Cookie"]
        signed_in.cookie = signed_in.header.split(";")[0]
    return signed_in.cookie


def the_page_comes_over_https_only():
    client = Client("127.0.0.2")
    page = client.ask("GET", "/")
    assert page.status == 200 and "<title>Portal</title>" in page.text
    assert "max-age" in page.headers["Strict-Transport-Security"]
    plain = Client("127.0.0.2", PLAIN).ask("GET", "/v1/portal/status?x=1")
    assert (plain.status, plain.headers["Location"]) == (301, f"{ORIGIN}/v1/portal/status?x=1")


def a_cookie_is_secure_and_counts_from_our_own_pages_only():
    client = Client("127.0.0.3")
    cookie = signed_in(client)
    for part in ("Secure", "HttpOnly", "SameSite=Lax"):
        assert part in signed_in.header, signed_in.header
    assert json.loads(client.ask("GET", "/v1/users/me", Cookie=cookie).text)["role"] == "owner"
    new = {"chat_type": "OFFICIAL", "name": "Hall", "e2ee": 3, "slug": "hall"}
    for headers, status in (
        ({"Origin": ORIGIN}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": f"http://localhost:{TLS}"}, 403),
        ({}, 403),
    ):
        answer = client.ask("POST", "/v1/portal/chats", new, Cookie=cookie, **headers)
        assert answer.status == status, (headers, answer.text)


def a_websocket_goes_through_both_ways():
    client = Client("127.0.0.4")
    with_cookie = WebSocket(client, Cookie=signed_in(client), Origin=ORIGIN)
    with_cookie.until("0{")
    with_cookie.say("40")
    assert '"user_id":' in with_cookie.until('42["session:ready"')
    with_cookie.say('421["room:join",{"chat_id":999999}]')
    assert "ERR_CHAT_NOT_FOUND" in with_cookie.until("431")
    # Another site's page may open a socket, but nobody's.
    guest = WebSocket(client, Cookie=signed_in(client), Origin="https://evil.example")
    guest.until("0{")
    guest.say("40")
    assert '"user_id":null' in guest.until('42["session:ready"')


def polling_goes_through_too():
    client = Client("127.0.0.5")
    own = {"Cookie": signed_in(client), "Origin": ORIGIN}
    opened = json.loads(client.ask("GET", POLLING, **own).text[1:])
    path = f"{POLLING}&sid={secret(opened['sid'])}"
    # A socket id is no use without what opened it.
    assert client.ask("POST", path, "40", Origin=ORIGIN).status == 400
    assert client.ask("POST", path, "40", **own).status == 200
    read = ""
    while "session:ready" not in read:
        read += client.ask("GET", path, **own).text
    assert '"user_id":null' not in read


def limits_count_each_client_for_itself():
    one, other = Client("127.0.0.6"), Client("127.0.0.7")
    assert [one.fails_to_sign_in() for _ in range(6)] == [401] * 5 + [429]
    assert other.fails_to_sign_in() == 401


def what_a_client_writes_of_its_address_is_not_believed():
    liar = Client("127.0.0.8")
    tried = [liar.fails_to_sign_in(X_Forwarded_For=f"203.0.113.{number}") for number in range(6)]
    assert tried == [401] * 5 + [429], tried
    # The last entry it is: what stands before it is the client's own word.
    proxy = Client("127.0.0.1", DIRECT)
    last = "198.51.100.1"
    tried = [proxy.fails_to_sign_in(X_Forwarded_For=f"203.0.113.{number}, {last}") for number in range(6)]
    assert tried == [401] * 5 + [429], tried
    assert proxy.fails_to_sign_in(X_Forwarded_For=f"{last}, 198.51.100.2") == 401


def the_proxy_is_no_single_client_to_the_count_of_connections():
    sockets = [WebSocket(Client(f"127.0.1.{number}")) for number in range(1, 231)]
    sockets[-1].until("0{")
    assert Client("127.0.0.9").ask("GET", "/health").status == 200
    for one in sockets:
        one.stream.close()


def numbers_are_not_for_those_outside():
    outside, inside = Client("127.0.0.10"), Client("127.0.0.1", DIRECT)
    assert outside.ask("GET", "/metrics").status == 403
    assert json.loads(outside.ask("GET", "/health").text) == {"status": "ok"}
    assert "portal_connections" in inside.ask("GET", "/metrics").text
    assert "tick_age_seconds" in inside.ask("GET", "/health").text


def a_body_that_is_too_long_is_refused():
    client = Client("127.0.0.11")
    assert client.ask("POST", "/v1/users/me/update", {"username": "a" * 65536}).status == 413


def a_body_in_pieces_arrives_whole():
    client = Client("127.0.0.12")
    body = json.dumps({"username": "nobody", "secret": "wrong-secret"})
    answers = client.raw(
        f"POST /v1/authentication/verify HTTP/1.1\r\nHost: localhost:{TLS}\r\nTransfer-Encoding: chunked\r\n"
        f"Content-Type: application/json\r\nConnection: close\r\n\r\n{len(body):x}\r\n{body}\r\n0\r\n\r\n"
    )
    assert answers.startswith("HTTP/1.1 401") and "ERR_LOGIN_INVALID" in answers, answers


def a_request_hidden_in_another_is_not_read():
    hidden = "GET /v1/portal/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    post = "POST /v1/users/me/update HTTP/1.1\r\n"
    for head in (
        f"{post}Host: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        f"{post}Host: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        f"{post}Host: localhost\r\nContent-Length: 2\r\nContent-Length: 0\r\n\r\n{{}}",
        "GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: b\rX-B: c\0\r\n\r\n",
    ):
        for port in (TLS, DIRECT):
            answers = Client("127.0.0.13", port).raw(head + hidden)
            assert answers.startswith("HTTP/1.1 400") and answers.count("HTTP/1.1 ") == 1, (port, head, answers)


def an_invite_is_not_written_down_by_anybody():
    client = Client("127.0.0.14")
    code = secret("an-invite-that-nobody-logs")
    answer = client.ask("POST", f"/v1/portal/resolve/{code}", Cookie=signed_in(client), Origin=ORIGIN)
    assert "ERR_INVITE" in answer.text, answer.text


def stopping_reaches_those_behind_the_proxy():
    client = Client("127.0.0.15")
    guest = WebSocket(client)
    guest.until("0{")
    guest.say("40")
    guest.until('42["session:ready"')
    os.kill(int(os.environ["PORTAL_PID"]), signal.SIGTERM)
    assert "stopping" in guest.until('42["server:closing"')
    try:
        while True:
            guest.text()
    except (EOFError, ConnectionError):
        pass
    code = secret("an-invite-that-comes-too-late")
    assert client.ask("POST", f"/v1/portal/resolve/{code}").status == 502


CASES = [
    the_page_comes_over_https_only,
    a_cookie_is_secure_and_counts_from_our_own_pages_only,
    a_websocket_goes_through_both_ways,
    polling_goes_through_too,
    limits_count_each_client_for_itself,
    what_a_client_writes_of_its_address_is_not_believed,
    the_proxy_is_no_single_client_to_the_count_of_connections,
    numbers_are_not_for_those_outside,
    a_body_that_is_too_long_is_refused,
    a_body_in_pieces_arrives_whole,
    a_request_hidden_in_another_is_not_read,
    an_invite_is_not_written_down_by_anybody,
    stopping_reaches_those_behind_the_proxy,
]

for case in CASES:
    case()
    print("ok", case.__name__.replace("_", " "), flush=True)
