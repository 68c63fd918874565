"""The real server with browsers in a real engine: what people, the operator and a container see. See run.sh."""

import base64
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time

from firewall import (
    where_the_machine_drops_by_itself_the_rules_are_missed_all_the_same,
    with_the_rules_a_browser_reaches_the_internet_and_nothing_else,
    without_the_rules_no_browser_is_run_and_the_log_says_what_to_do,
)
from outside import NETWORK, ROOT, TEMP, Server, Viewer, containers, engine, inspect, load_rules, run_within, shell, until


def a_chat_has_a_browser_from_start_to_stop():
    with Server("whole") as server:
        owner, mira = server.owner().connect(), server.person("mira").connect()
        chat = owner.chat()
        owner.join(chat)
        owner.start(chat)
        viewing = Viewer(owner.access(chat)).look()
        assert server.containers()[0]["Names"] == [f"/portal-{server.containers()[0]['Labels']['portal.run']}"]
        # Whoever joins later has a way of their own.
        mira.join(chat)
        hers = Viewer(mira.access(chat))
        assert hers.credentials != viewing.credentials
        hers.look()
        control_is_where_the_chat_says(owner, mira, chat, viewing, hers)
        clipboard_and_picture(owner, mira, chat, hers)
        # Leaving is out, with what was held.
        mira.leave(chat)
        assert hers.is_cut_off()
        assert not Viewer({"url": hers.url.geturl(), **hers.credentials}).may_sign_in()
        mira.join(chat)
        again = Viewer(mira.access(chat))
        assert again.credentials["password"] != hers.credentials["password"]
        again.look_as_the_built_in_page()
        assert not again.moves()
        owner.good("POST", f"portal/chats/{chat}/kick", {"user_id": mira.id})
        assert again.is_cut_off()
        owner.stop(chat)
        assert owner.stopped(chat) == "asked"
        server.has_no_containers()
        assert viewing.is_cut_off()
        owner.say("room:typing", {"chat_id": chat})


def control_is_where_the_chat_says(owner, mira, chat, owners, miras):
    assert not owners.moves() and not miras.moves()
    owner.good("POST", f"portal/chats/{chat}/control/take")
    until("the owner moves the mouse", owners.moves)
    assert not miras.moves()
    owner.good("POST", f"portal/chats/{chat}/control/grant", {"user_id": mira.id})
    until("she moves the mouse", miras.moves)
    assert not owners.moves()


def clipboard_and_picture(owner, mira, chat, holders):
    text = "a \"text\"\nof ünicode and \\ more"
    owner.good("POST", f"portal/chats/{chat}/clipboard", {"text": text})
    # Control is back where it was.
    assert holders.moves()
    assert owner.good("GET", f"portal/chats/{chat}/clipboard")["text"] == text
    assert holders.moves()
    assert mira.ask("GET", f"portal/chats/{chat}/clipboard")[0] == 403
    picture = mira.good("GET", f"portal/chats/{chat}/screen")
    assert picture["media_type"] == "image/jpeg"
    assert base64.b64decode(picture["image"]).startswith(b"\xff\xd8")


def a_browser_is_as_its_chat_is_set_up():
    with Server("fitted", "--browser-url", "http://127.0.0.1:{port}/b/{port}/") as server:
        owner = server.owner().connect()
        browser = {"start_url": "https://a.example/?q=50%", "kiosk": True, "adblock": False}
        chat = owner.chat(browser, {"inactive_cursors": True})
        owner.join(chat)
        owner.start(chat)
        access = owner.access(chat)
        assert re.fullmatch(r"http://127\.0\.0\.1:(\d+)/b/\1/", access["url"]), access["url"]
        assert Viewer(access).may_sign_in()
        container = server.containers()[0]["Id"]
        told = run_within(container, "echo \"$(</etc/neko/supervisord/firefox.conf)\"")
        assert told.count('NEKO_SESSION_API_TOKEN=""') == 2, told
        assert '-P default --kiosk "https://a.example/?q=50%%"' in told, told
        policies = run_within(container, "echo \"$(</usr/lib/firefox/distribution/policies.json)\"")
        assert '"file:///*"' in policies, policies
        assert "installation_mode" in policies and "uBlock" not in policies, policies
        environment = inspect(container)["Config"]["Env"]
        assert "NEKO_SESSION_INACTIVE_CURSORS=true" in environment
        limits = inspect(container)["HostConfig"]
        assert limits["Memory"] == 256 << 20 and limits["PidsLimit"] == 64, limits
        status = run_within(container, "echo \"$(</proc/self/status)\"")
        assert re.search(r"NoNewPrivs:\s+1", status), status


def whoever_opens_neko_from_within_lets_nobody_in_for_long():
    with Server("opened") as server:
        owner = server.owner().connect()
        chat = owner.chat()
        owner.join(chat)
        owner.start(chat)
        viewing = Viewer(owner.access(chat)).look()
        environment = inspect(server.containers()[0]["Id"])["Config"]["Env"]
        token = next(line.partition("=")[2] for line in environment if line.startswith("NEKO_SESSION_API_TOKEN="))
        within = Viewer({"url": viewing.url.geturl(), "username": "mallory", "password": "p"})
        within.token = token
        made = within.ask("POST", "api/members", {**within.credentials, "profile": {"name": "m", "is_admin": True}})
        assert made[0] == 200, made
        mallory = Viewer({"url": viewing.url.geturl(), **within.credentials}).look()
        # It is asked every 15 seconds who is there.
        mallory.stream.settimeout(60)
        assert mallory.stream.recv(1) == b""
        assert not mallory.may_sign_in()
        viewing.moves()


def a_network_that_is_there_without_names_is_taken():
    # As browsers.md says it for Podman.
    network, subnet = f"{NETWORK}d"[:15], "10.213.54.0/24"
    made = engine("POST", "/v4.0.0/libpod/networks/create", {
        "name": network, "network_interface": network, "dns_enabled": False, "driver": "bridge", "subnets": [{"subnet": subnet}],
    })
    assert made[0] == 200, made
    try:
        load_rules(network, subnet)
        with Server("network", "--browser-network", network, "--browser-subnet", subnet) as server:
            owner = server.owner().connect()
            chat = owner.chat()
            owner.join(chat)
            owner.start(chat)
            assert Viewer(owner.access(chat)).may_sign_in()
            container = server.containers()[0]["Id"]
            resolvers = run_within(container, "echo \"$(</etc/resolv.conf)\"")
            assert "9.9.9.9" in resolvers and "10.213.54.1" not in resolvers, resolvers
    finally:
        engine("DELETE", f"/networks/{network}")


def a_browser_whose_process_is_killed_has_died_and_can_be_had_again():
    with Server("killed") as server:
        owner = server.owner().connect()
        chat = owner.chat()
        owner.join(chat)
        owner.start(chat)
        owner.access(chat)
        found = server.containers()[0]["Id"]
        os.kill(inspect(found)["State"]["Pid"], signal.SIGKILL)
        # It is asked every 15 seconds what runs.
        assert owner.stopped(chat, within=90) == "died"
        server.has_no_containers()
        # From the command line, which asks the server by way of the file.
        server.cli("browser", "start", chat)
        assert Viewer(owner.access(chat)).may_sign_in()
        server.cli("browser", "stop", chat)
        assert owner.stopped(chat) == "asked"


def a_server_that_is_killed_finds_its_browsers_again_and_clears_away_the_rest():
    with Server("restarted") as server, Server("neighbour") as neighbour:
        theirs = neighbour.owner().connect()
        their_chat = theirs.chat()
        theirs.join(their_chat)
        theirs.start(their_chat)
        their_way = Viewer(theirs.access(their_chat)).look()
        owner = server.owner().connect()
        kept, lost = owner.chat(), owner.chat()
        for chat in (kept, lost):
            owner.join(chat)
            owner.start(chat)
        before = {owner.access(kept)["url"]: kept}
        owner.access(lost)
        of_kept = next(found for found in server.containers() if found["Labels"]["portal.chat"] == str(kept))
        of_lost = next(found for found in server.containers() if found["Labels"]["portal.chat"] == str(lost))
        server.end(signal.SIGKILL)
        server.cli("chat", "destroy", lost)
        server.start()
        until("the orphan goes", lambda: of_lost["Id"] not in [found["Id"] for found in server.containers()])
        owner.connect()
        owner.join(kept)
        access = owner.access(kept)
        assert access["url"] in before
        assert Viewer(access).may_sign_in()
        assert [found["Id"] for found in server.containers()] == [of_kept["Id"]]
        # Another server's on the same engine is none of its business.
        assert [found["Labels"]["portal.chat"] for found in neighbour.containers()] == [str(their_chat)]
        their_way.stream.settimeout(0.2)
        try:
            assert their_way.stream.recv(1) != b"", "the neighbour's viewer is cut off"
        except TimeoutError:
            pass
        # Stopped in order, browsers stay too, and a new start finds them.
        server.end(signal.SIGTERM)
        assert inspect(of_kept["Id"])["State"]["Running"]
        server.start()
        owner.connect()
        owner.join(kept)
        assert Viewer(owner.access(kept)).may_sign_in()
        owner.stop(kept)
        assert owner.stopped(kept) == "asked"
        server.has_no_containers()


def what_cannot_be_run_says_why_and_the_chat_goes_on():
    # Nothing is to start here, so that it does not matter how fast the machine is.
    with Server("late", "--browser-start-timeout", "3") as server:
        owner = server.owner().connect()
        chat = owner.chat({"browser": "brave"})
        owner.join(chat)
        owner.start(chat)
        assert owner.stopped(chat) == "unreachable"
        assert server.logged("was not there within 3 s"), open(server.log).read()
        server.has_no_containers()
    with Server("refused", "--browser-limit", "1") as server:
        owner = server.owner().connect()
        for browser, reason, words in (
            ("chromium", "failed", "ended with 3 at its start"),
            ("opera", "misconfigured", "does not speak neko's API"),
            ("vivaldi", "misconfigured", "docker pull nothing:here"),
            ("ungoogled-chromium", "misconfigured", "every member can make themself an admin"),
            # Where it cannot be checked what it reaches, none is run either.
            ("microsoft-edge", "misconfigured", "cannot be checked, so none is run"),
        ):
            chat = owner.chat({"browser": browser})
            owner.join(chat)
            owner.start(chat)
            assert owner.stopped(chat) == reason, browser
            assert server.logged(words), (browser, open(server.log).read())
            server.has_no_containers()
        first, second = owner.chat(), owner.chat()
        for chat in (first, second):
            owner.join(chat)
        owner.start(first)
        owner.access(first)
        owner.start(second)
        assert owner.stopped(second) == "full"
        # One that hangs: what is asked of it fails in time, and stopping it works.
        container = server.containers()[0]["Id"]
        assert engine("POST", f"/containers/{container}/kill?signal=SIGUSR1")[0] == 204
        began = time.monotonic()
        status, answer = owner.ask("GET", f"portal/chats/{first}/clipboard")
        assert answer["error"]["code"] == "ERR_BROWSER_UNAVAILABLE", answer
        assert time.monotonic() - began < 15
        owner.say("room:typing", {"chat_id": first})
        owner.stop(first)
        assert owner.stopped(first) == "asked"
        server.has_no_containers()


def an_engine_that_is_not_there_is_named():
    with Server("engineless", "--browser-engine", "/nowhere/engine.sock") as server:
        owner = server.owner().connect()
        chat = owner.chat()
        owner.join(chat)
        owner.start(chat)
        assert owner.stopped(chat) == "unreachable"
        assert server.logged("there is no container engine at /nowhere/engine.sock")


def an_engine_that_this_user_may_not_use_is_named():
    with Server("unprivileged", user="nobody") as server:
        owner = server.owner().connect()
        chat = owner.chat()
        owner.join(chat)
        owner.start(chat)
        assert owner.stopped(chat) == "unreachable"
        assert server.logged("may not be used by this user"), open(server.log).read()


def a_port_that_somebody_has_is_passed_by():
    # Below those that the system gives to who connects somewhere: of these it might have given one just now.
    with Server("ports", "--browser-ports", "22300-22301", "--browser-limit", "1") as server:
        with socket.create_server(("127.0.0.1", 22300)):
            owner = server.owner().connect()
            chat = owner.chat()
            owner.join(chat)
            owner.start(chat)
            assert owner.access(chat)["url"] == "http://127.0.0.1:22301/"


def certificate():
    shell("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
          "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", f"{TEMP}/key.pem", "-out", f"{TEMP}/cert.pem")


@contextlib.contextmanager
def proxy(port, *command):
    process = subprocess.Popen(command, env=os.environ | {"HOME": TEMP}, stderr=open(f"{TEMP}/proxy.log", "ab"))
    try:
        until(f"{command[0]} listens", lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)
        yield
    finally:
        process.terminate()
        process.wait()


def nginx(port):
    """nginx with the file of the documentation, on a port of loopback."""
    certificate()
    with open(f"{ROOT}/docs/running/nginx-browsers.conf") as file:
        text = file.read()
    for old, new in (("/etc/letsencrypt/live/browsers.example/fullchain.pem", f"{TEMP}/cert.pem"),
                     ("/etc/letsencrypt/live/browsers.example/privkey.pem", f"{TEMP}/key.pem"),
                     ("/var/log/nginx", TEMP), ("    listen [::]:443 ssl;\n", ""),
                     ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"), ("server_name browsers.example", "server_name localhost")):
        assert old in text, old
        text = text.replace(old, new)
    with open(f"{TEMP}/nginx.conf", "w") as file:
        file.write(f"user root; worker_processes 1; daemon off; pid {TEMP}/nginx.pid; events {{}} http {{\n{text}\n}}\n")
    return proxy(port, "nginx", "-e", f"{TEMP}/nginx.log", "-c", f"{TEMP}/nginx.conf", "-p", TEMP)


def caddy(port):
    """Caddy with the lines of the documentation, likewise."""
    certificate()
    with open(f"{ROOT}/docs/browsers.md") as file:
        lines = re.search(r"for Caddy:\n\n((?:    .*\n)+)", file.read()).group(1)
    old = "browsers.example {\n"
    assert old in lines, lines
    lines = lines.replace(old, f"https://localhost:{port} {{\n bind 127.0.0.1\n tls {TEMP}/cert.pem {TEMP}/key.pem\n")
    with open(f"{TEMP}/Caddyfile", "w") as file:
        file.write(f"{{\n admin off\n auto_https disable_redirects\n}}\n{lines}")
    return proxy(port, "caddy", "run", "--adapter", "caddyfile", "--config", f"{TEMP}/Caddyfile")


def behind_nginx_a_page_is_reached_by_its_path_and_nothing_else_is():
    reached_by_its_path_alone(nginx)


def behind_caddy_too():
    reached_by_its_path_alone(caddy)


def reached_by_its_path_alone(behind):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with behind(port), Server("proxied", "--browser-url", f"https://localhost:{port}/{{port}}/") as server:
        owner = server.owner().connect()
        chat = owner.chat()
        owner.join(chat)
        owner.start(chat)
        access = owner.access(chat)
        path = access["url"].removeprefix(f"https://localhost:{port}")
        assert re.fullmatch(r"/520(0[0-9]|1[0-5])/", path), path

        def ask(method, path, body=None, headers={}):
            tls = ssl.create_default_context(cafile=f"{TEMP}/cert.pem")
            connection = http.client.HTTPSConnection("localhost", port, context=tls, timeout=10)
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            return connection.getresponse()

        page = ask("GET", f"{path}?usr=u1&pwd=x")
        assert page.status == 200 and "chat.example" in page.headers["Content-Security-Policy"]
        assert page.headers["Referrer-Policy"] == "no-referrer"
        credentials = {"username": access["username"], "password": access["password"]}
        answer = ask("POST", f"{path}api/login", credentials)
        assert answer.status == 200
        token = json.loads(answer.read())["token"]
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
        assert ask("GET", f"{path}api/ws?token={token}", None, upgrade).status == 101
        # What members of an older neko make themselves admins with.
        for other in ("api/profile", "api/batch", "api/batch/", "api//profile", "x/../api/%70rofile"):
            assert ask("POST", path + other, {}, {"Authorization": f"Bearer {token}"}).status == 403, other
        for other in ("/", "/52016/", f"/{server.port}/", "/api/login", f"{path}../{server.port}/health"):
            assert ask("GET", other).status in (400, 404), other


def fifty_starts_and_stops_leave_nothing():
    with Server("fifty") as server:
        owner = server.owner().connect()
        chats = [owner.chat(), owner.chat()]
        for chat in chats:
            owner.join(chat)

        def once(chat):
            owner.start(chat)
            viewer = Viewer(owner.access(chat))
            owner.stop(chat)
            assert owner.stopped(chat) == "asked"
            return viewer

        # What a first time makes, such as the network, is no leak.
        once(chats[0])
        server.has_no_containers()
        before = counts(server)
        for number in range(25):
            for chat in chats:
                owner.start(chat)
            for chat in chats:
                owner.access(chat)
            for chat in chats:
                owner.stop(chat)
            for chat in chats:
                assert owner.stopped(chat) == "asked", number
        server.has_no_containers()
        until("all ports are free", lambda: all(map(is_free, range(52000, 52016))))
        # A few threads and readers of the file come and go with the work; what leaks does so fifty times.
        after = counts(server)
        assert after["links"] == before["links"] and after["networks"] == before["networks"], (before, after)
        assert after["files"] < before["files"] + 20 and after["threads"] < before["threads"] + 10, (before, after)


def is_free(port):
    """Whether a port can be had; whoever held it for the engine may go a moment after the container."""
    try:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_INET, kind) as taken:
                taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                taken.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


def counts(server):
    return {
        "files": server.files(),
        "threads": len(os.listdir(f"/proc/{server.process.pid}/task")),
        "links": len([name for name in os.listdir("/sys/class/net") if name.startswith("veth")]),
        "networks": len(engine("GET", "/networks")[1]),
    }


CASES = [
    without_the_rules_no_browser_is_run_and_the_log_says_what_to_do,
    where_the_machine_drops_by_itself_the_rules_are_missed_all_the_same,
    with_the_rules_a_browser_reaches_the_internet_and_nothing_else,
    a_chat_has_a_browser_from_start_to_stop,
    a_browser_is_as_its_chat_is_set_up,
    whoever_opens_neko_from_within_lets_nobody_in_for_long,
    a_network_that_is_there_without_names_is_taken,
    a_browser_whose_process_is_killed_has_died_and_can_be_had_again,
    a_server_that_is_killed_finds_its_browsers_again_and_clears_away_the_rest,
    what_cannot_be_run_says_why_and_the_chat_goes_on,
    an_engine_that_is_not_there_is_named,
    an_engine_that_this_user_may_not_use_is_named,
    a_port_that_somebody_has_is_passed_by,
    behind_nginx_a_page_is_reached_by_its_path_and_nothing_else_is,
    behind_caddy_too,
    fifty_starts_and_stops_leave_nothing,
]

wanted = sys.argv[1:]
for case in CASES:
    name = case.__name__
    if wanted and not any(word in name for word in wanted):
        continue
    # Each by itself works too: all but the first want the rules.
    if case is not CASES[0]:
        load_rules()
    began = time.monotonic()
    case()
    print(f"ok {name.replace('_', ' ')} ({time.monotonic() - began:.1f} s)", flush=True)
    assert not containers(), f"{name} leaves containers"
