"""What stands around a server with browsers: the engine, the server's program, people with sockets, and neko's own pages."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse

ROOT = os.path.realpath(f"{os.path.dirname(__file__)}/../../..")
PROGRAMS = os.environ["PORTAL_PROGRAMS"]
SOCKET = os.environ["ENGINE_SOCKET"]
NETWORK = os.environ["ENGINE_NETWORK"]
TEMP = os.environ["ENGINE_TEMP"]
SUBNET = "10.213.53.0/24"
IMAGES = "firefox=standin:good,chromium=standin:dies,brave=standin:mute,opera=standin:old,vivaldi=nothing:here,microsoft-edge=standin:mum,ungoogled-chromium=standin:rising"

# What flags may still say otherwise.
SETTINGS = {f"PORTAL_BROWSER_{name}": value for name, value in {
    "ENGINE": SOCKET, "IMAGE": IMAGES, "NETWORK": NETWORK, "SUBNET": SUBNET, "MEMORY": "256", "SHM": "16",
    "PIDS": "64", "CPUS": "1", "START_TIMEOUT": "50",
}.items()} | {"PORTAL_BROWSERS": "neko"}


def shell(*words):
    subprocess.run(words, check=True, capture_output=True)


def until(what, condition, within=60):
    """Waits until something holds; answers it."""
    end = time.monotonic() + within
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, f"not within {within} s: {what}"
        time.sleep(0.05)


class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(SOCKET)


def engine(method, path, body=None):
    """Asks the engine as the server does; answers status and JSON."""
    connection = Unix("engine")
    headers = {"Content-Type": "application/json"}
    connection.request(method, path, json.dumps(body) if body is not None else None, headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    try:
        return answer.status, json.loads(text)
    except ValueError:
        return answer.status, text.decode(errors="replace")


def containers(server=None):
    """Every container there is, or those of a server."""
    label = f"portal.server={server}" if server else "portal.server"
    filters = urllib.parse.quote(json.dumps({"label": [label]}))
    return engine("GET", f"/containers/json?all=true&filters={filters}")[1]


def inspect(container):
    return engine("GET", f"/containers/{container}/json")[1]


def run_within(container, script):
    """What a script of bash says within a container."""
    _, made = engine("POST", f"/containers/{container}/exec",
                     {"Cmd": ["bash", "-c", script], "AttachStdout": True, "AttachStderr": True})
    _, said = engine("POST", f"/exec/{made['Id']}/start", {"Detach": False, "Tty": False})
    return said if isinstance(said, str) else json.dumps(said)


def reaches(container, address, port):
    """Whether a container can open a connection."""
    said = run_within(container, f"if timeout 2 bash -c '</dev/tcp/{address}/{port}' 2>/dev/null; then echo y-e-s; else echo n-o; fi")
    assert ("y-e-s" in said) != ("n-o" in said), said
    return "y-e-s" in said


def load_rules(network=NETWORK, subnet=SUBNET):
    told = ["--browser-network", network, "--browser-subnet", subnet]
    rules = subprocess.run([f"{PROGRAMS}/portal-server", "browser-firewall", *told], check=True, capture_output=True).stdout
    subprocess.run(["nft", "-f", "-"], input=rules, check=True)


def drop_rules(network=NETWORK):
    for family in ("inet", "bridge"):
        subprocess.run(["nft", "delete", "table", family, f"portal_browsers_{network}"], stderr=subprocess.DEVNULL)


class Server:
    """The program, on a file of its own that outlives it."""

    def __init__(self, name, *more, user=None):
        """As another user than root where one is named."""
        self.directory = tempfile.mkdtemp(dir=TEMP)
        self.db = f"{self.directory}/portal.db"
        self.log = f"{TEMP}/server-{name}.log"
        self.more, self.user = more, user
        self.program = f"{PROGRAMS}/portal-server"
        if user is not None:
            # Where that user gets at it.
            os.chmod(TEMP, 0o711)
            self.program = shutil.copy(self.program, self.directory)
            shutil.chown(self.directory, user)
        self.process = None
        self.secret = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.end(signal.SIGKILL)
        for container in containers(os.path.realpath(self.db)):
            engine("DELETE", f"/containers/{container['Id']}?force=true&v=true")

    def start(self):
        out = open(f"{self.log}.out", "wb")
        as_user = {"user": self.user, "group": "nogroup", "extra_groups": []} if self.user else {}
        self.process = subprocess.Popen([
            self.program, "--db", self.db, "--listen", "127.0.0.1:0", "--limits", "off", *self.more,
        ], stdout=out, stderr=open(self.log, "ab"), env=os.environ | SETTINGS, **as_user)
        said = until("the server listens", lambda: re.search(r"listens on http://\S+:(\d+)\n", self.said()))
        self.port = int(said.group(1))
        if self.secret is None:
            link = until("its first link", lambda: re.search(r"#signin=(\w+):(\S+)", self.said()))
            self.secret = link.group(1), link.group(2)

    def said(self):
        assert self.process.poll() is None, open(self.log).read()
        return open(f"{self.log}.out").read()

    def end(self, how):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(20)

    def logged(self, words):
        return words in open(self.log).read()

    def has_no_containers(self):
        until("no container is left", lambda: not self.containers())

    def containers(self):
        return containers(os.path.realpath(self.db))

    def files(self):
        """How many file descriptors it has open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def cli(self, *arguments):
        done = subprocess.run([f"{PROGRAMS}/portal-cli", "--db", self.db, "--json", "--yes", *map(str, arguments)],
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def owner(self):
        return Person(self, *self.secret)

    def person(self, name):
        self.cli("user", "create", name)
        return Person(self, name, self.cli("user", "sign-in-code", name)["code"])


class Person:
    """Somebody signed in, with a socket that polls and keeps what it is told."""

    def __init__(self, server, name, secret):
        self.server, self.events, self.sid, self.count, self.id = server, [], None, 0, None
        status, answer = self.ask("POST", "authentication/verify", {"username": name, "secret": secret})
        assert status == 200, answer
        self.token = answer["token"]
        self.id = self.good("GET", "users/me")["id"]

    token = None

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=40)
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        connection.request(method, f"/v1/{path}", json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text) if text else None

    def good(self, method, path, body=None):
        status, answer = self.ask(method, path, body)
        assert status in (200, 204), (method, path, status, answer)
        return answer

    def poll(self, method, body=None, sid=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=40)
        sid = f"&sid={sid}" if sid else ""
        connection.request(method, f"/socket.io/?EIO=4&transport=polling{sid}", body, {"Content-Type": "text/plain"})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def connect(self):
        self.events.clear()
        _, opened = self.poll("GET")
        self.sid = json.loads(opened[1:])["sid"]
        self.poll("POST", "40" + json.dumps({"token": self.token}), self.sid)
        threading.Thread(target=self._listen, args=(self.sid,), daemon=True).start()
        self.told("session:ready")
        return self

    def _listen(self, sid):
        try:
            while self.sid == sid:
                status, text = self.poll("GET", sid=sid)
                if status != 200:
                    assert self.sid != sid or self.server.process.poll() is not None, (status, text)
                    return
                for packet in text.split("\x1e"):
                    if packet == "2":
                        self.poll("POST", "3", sid)
                    elif packet.startswith("42"):
                        self.events.append(json.loads(packet[2:]))
                    elif packet.startswith("43"):
                        number, answer = re.match(r"43(\d+)(.*)", packet, re.S).groups()
                        self.events.append([f"ack:{number}", json.loads(answer)[0]])
        except (OSError, http.client.HTTPException):
            return

    def disconnect(self):
        sid, self.sid = self.sid, None
        self.poll("POST", "1", sid)

    def say(self, name, data):
        self.count += 1
        self.poll("POST", f"42{self.count}" + json.dumps([name, data]), self.sid)
        answer = self.told(f"ack:{self.count}")
        assert answer.get("ok"), (name, answer)

    def told(self, name, matches=lambda data: True, within=60):
        """The first such event, once it is there; it is done with."""
        def there():
            for at, (found, data) in enumerate(list(self.events)):
                if found == name and matches(data):
                    return at + 1
        at = until(f"{name} for {self.id}", there, within)
        return self.events.pop(at - 1)[1]

    # What these suites are about.

    def chat(self, browser=None, chat=None):
        kind = {"chat_type": "OFFICIAL", "name": "Hall", "browser_config": browser or {}, "chat_config": chat or {}}
        return self.good("POST", "portal/chats", kind)["id"]

    def join(self, chat):
        self.say("room:join", {"chat_id": chat})

    def leave(self, chat):
        self.say("room:leave", {"chat_id": chat})

    def start(self, chat):
        self.good("POST", f"portal/chats/{chat}/start")

    def stop(self, chat):
        self.good("POST", f"portal/chats/{chat}/stop")

    def access(self, chat):
        """The own way in, once it is told."""
        return self.told("room:started", lambda data: data["chat_id"] == chat and data["access"])["access"]

    def stopped(self, chat, within=60):
        return self.told("room:stopped", lambda data: data["chat_id"] == chat, within)["reason"]


class Viewer:
    """Somebody at a browser's own page, with what they were given."""

    def __init__(self, access):
        self.url = urllib.parse.urlsplit(access["url"])
        self.credentials = {"username": access["username"], "password": access["password"]}
        self.stream, self.token = None, None

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=10)
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        connection.request(method, self.url.path + path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, text

    def may_sign_in(self):
        return Viewer.ask(self, "POST", "api/login", self.credentials)[0] == 200

    def look(self):
        """Signs in and opens the stream of events."""
        status, text = self.ask("POST", "api/login", self.credentials)
        assert status == 200, text
        self.token = json.loads(text)["token"]
        self.stream = socket.create_connection((self.url.hostname, self.url.port), 10)
        self.stream.sendall(f"GET {self.url.path}api/ws?token={self.token} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert b" 101 " in self.stream.recv(4096)
        return self

    def look_as_the_built_in_page(self):
        """Opens the stream of the page that comes with neko, which signs in by it."""
        self.stream = socket.create_connection((self.url.hostname, self.url.port), 10)
        query = urllib.parse.urlencode(self.credentials)
        self.stream.sendall(f"GET {self.url.path}ws?{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert b" 101 " in self.stream.recv(4096)
        return self

    def moves(self):
        """Whether moving the mouse does something."""
        self.stream.sendall(b"control/move\n")
        return self.stream.recv(64) == b"moved\n"

    def is_cut_off(self):
        self.stream.settimeout(20)
        try:
            return self.stream.recv(1) == b""
        except ConnectionError:
            return True
