"""Fills a fresh server over HTTP, so that there is something behind the addresses that are made up.

Prints the token of the person whose part is played, or nothing for a guest's.
"""

import re
import sys

import requests


class Server:
    def __init__(self, url):
        self.url = url

    def post(self, path, body, token=None):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = requests.post(f"{self.url}/v1/{path}", json=body, headers=headers, timeout=20)
        if answer.status_code != 200:
            sys.exit(f"{path}: {answer.status_code} {answer.text}")
        return answer.json()


def main():
    url, printed, part = sys.argv[1:]
    server = Server(url)
    with open(printed, encoding="utf-8") as lines:
        name, code = re.search(r"#signin=([^:]+):(\S+)", lines.read()).groups()
    owner = server.post("authentication/verify", {"username": name, "secret": code})["token"]

    def sign_up(name):
        code = server.post("op/signup.create", {}, owner)["code"]
        return server.post("authentication/register", {"username": name, "signup_code": code})

    people = [sign_up(name) for name in ("alice", "bob", "carol")]
    alice = people[0]
    server.post("op/user.set_tier", {"user_id": alice["user_id"], "tier": "lifetime"}, owner)
    for number in range(3):
        chat = {"chat_type": "OFFICIAL", "name": f"Open {number}", "slug": f"open-{number}"}
        server.post("portal/chats", chat, owner)
    secret = server.post("portal/chats", {"chat_type": "PRIVATE", "name": "Closed"}, alice["token"])
    server.post("portal/chats", {"chat_type": "PUBLIC", "name": "Shown", "slug": "shown"}, alice["token"])
    invite = server.post(f"portal/chats/{secret['id']}/invites", {}, alice["token"])
    server.post(f"portal/resolve/{invite['code']}", {}, people[1]["token"])
    server.post("authentication/stranger", {})
    print({"admin": owner, "any": owner, "user": alice["token"], "guest": ""}[part])


main()
