"""What a browser reaches, with the rules and without: the cases of the firewall. See check.py."""

import contextlib
import os
import re
import socket
import subprocess
import sys

from outside import NETWORK, Server, Viewer, drop_rules, inspect, load_rules, reaches, shell, until

# The host's own and a private one behind it, and one that stands for the internet.
PRIVATE, PUBLIC = "10.77.53.2", "45.45.53.2"


@contextlib.contextmanager
def networks_behind():
    """A network namespace behind the machine, with a private and a public address; something listens on each."""
    shell("ip", "netns", "add", NETWORK)
    try:
        shell("ip", "link", "add", f"{NETWORK}v", "type", "veth", "peer", "name", "far", "netns", NETWORK)
        shell("ip", "addr", "add", "10.77.53.1/24", "dev", f"{NETWORK}v")
        shell("ip", "link", "set", f"{NETWORK}v", "up")
        within = ("ip", "-n", NETWORK)
        for words in (("addr", "add", f"{PRIVATE}/24", "dev", "far"), ("addr", "add", f"{PUBLIC}/32", "dev", "lo"),
                      ("link", "set", "far", "up"), ("link", "set", "lo", "up"),
                      ("route", "add", "default", "via", "10.77.53.1")):
            shell(*within, *words)
        shell("ip", "route", "add", f"{PUBLIC}/32", "via", PRIVATE)
        listening = "import socket, time; s = socket.create_server(('', 7000)); print('ok', flush=True); time.sleep(600)"
        far = subprocess.Popen(["ip", "netns", "exec", NETWORK, sys.executable, "-c", listening], stdout=subprocess.PIPE)
        try:
            assert far.stdout.readline() == b"ok\n"
            yield
        finally:
            far.kill()
            far.wait()
    finally:
        # What is in it goes with it.
        shell("ip", "netns", "delete", NETWORK)
        until("the link is gone", lambda: not os.path.exists(f"/sys/class/net/{NETWORK}v"))


@contextlib.contextmanager
def listening(address):
    """Something on the machine that takes connections; its port."""
    server = socket.create_server((address, 0))
    yield server.getsockname()[1]
    server.close()


@contextlib.contextmanager
def dropping_input():
    """A firewall of the machine's own that drops what it does not know, as many have it."""
    rules = f"""table inet {NETWORK}own {{
        chain input {{
            type filter hook input priority 0; policy accept;
            iifname "{NETWORK}" ct state established,related accept
            iifname "{NETWORK}" drop
        }}
    }}"""
    subprocess.run(["nft", "-f", "-"], input=rules.encode(), check=True)
    try:
        yield
    finally:
        shell("nft", "delete", "table", "inet", f"{NETWORK}own")


def where_the_machine_drops_by_itself_the_rules_are_missed_all_the_same():
    drop_rules()
    with dropping_input(), Server("dropping") as server:
        owner = server.owner().connect()
        chat = owner.chat()
        owner.join(chat)
        owner.start(chat)
        assert owner.stopped(chat) == "misconfigured"
        assert server.logged("rules for browsers are not found"), open(server.log).read()
        server.has_no_containers()
        load_rules()
        owner.start(chat)
        assert Viewer(owner.access(chat)).may_sign_in()
        owner.stop(chat)
        assert owner.stopped(chat) == "asked"
        # Those of another network are beside them, and are none.
        another = f"{NETWORK}x"[:15]
        load_rules(network=another)
        owner.start(chat)
        owner.access(chat)
        owner.stop(chat)
        assert owner.stopped(chat) == "asked"
        drop_rules()
        owner.start(chat)
        assert owner.stopped(chat) == "misconfigured"
        drop_rules(another)


def without_the_rules_no_browser_is_run_and_the_log_says_what_to_do():
    drop_rules()
    with Server("open") as server:
        owner = server.owner().connect()
        chat = owner.chat()
        owner.join(chat)
        owner.start(chat)
        assert owner.stopped(chat) == "misconfigured"
        assert server.logged("portal-server browser-firewall"), open(server.log).read()
        server.has_no_containers()
        owner.say("room:typing", {"chat_id": chat})
    with Server("own", "--browser-firewall", "own") as server:
        owner = server.owner().connect()
        chat = owner.chat()
        owner.join(chat)
        owner.start(chat)
        assert Viewer(owner.access(chat)).may_sign_in()


def with_the_rules_a_browser_reaches_the_internet_and_nothing_else():
    drop_rules()
    with networks_behind(), Server("rules", "--browser-firewall", "own") as server:
        owner = server.owner().connect()
        chats = [owner.chat(), owner.chat()]
        for chat in chats:
            owner.join(chat)
            owner.start(chat)
        ways = [Viewer(owner.access(chat)) for chat in chats]
        one, other = sorted(inspect(found["Id"])["NetworkSettings"]["Networks"][NETWORK]["IPAddress"]
                            for found in server.containers())
        container = next(found["Id"] for found in server.containers()
                         if inspect(found["Id"])["NetworkSettings"]["Networks"][NETWORK]["IPAddress"] == one)
        outward = subprocess.run(["ip", "-4", "-o", "addr", "show", "scope", "global"], capture_output=True, text=True)
        own = [address for address in re.findall(r"inet (\S+)/", outward.stdout)]
        assert "10.213.53.1" in own, own
        with contextlib.ExitStack() as stack:
            ports = {address: stack.enter_context(listening(address)) for address in own}
            # Published by another browser, reached by way of the machine.
            closed = [*ports.items(), (PRIVATE, 7000), (other, 8080)]
            for address, port in closed:
                assert reaches(container, address, port), f"without rules {address} is not reached: nothing is proved"
            assert reaches(container, PUBLIC, 7000)
            load_rules()
            load_rules()
            for address, port in closed:
                assert not reaches(container, address, port), f"{address} is reached"
            assert reaches(container, PUBLIC, 7000), "the internet is not reached"
        assert all(way.may_sign_in() for way in ways), "the pages are not reached"
