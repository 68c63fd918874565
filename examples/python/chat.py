"""An encrypted chat of two people, whose clients are one program with the host here.

    python3 chat.py NEW-FILE
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from portal import Actor, Keyring, Portal, Step

OPERATOR = Actor.operator()


class Client:
    """Somebody's device: a connection and a keyring."""

    def __init__(self, portal: Portal, name: str) -> None:
        self.portal = portal
        self.name = name
        user = portal.call(OPERATOR, "user.create", username=name, tier="premium")["user_id"]
        session = portal.call(OPERATOR, "session.create", user_id=user)["session_id"]
        self.connection = portal.connect(Actor.session(session))
        self.keyring = Keyring(user, session)
        self.wake_at_ms: int | None = None
        self.keys: list[dict[str, int]] = []
        self.read: list[str] = []

    def call(self, op: str, /, **params: Any) -> dict[str, Any]:
        return self.portal.call(Actor.connection(self.connection), op, **params)

    def join(self, chat_id: int) -> None:
        self.hear("room.join", self.call("room.join", chat_id=chat_id))

    def say(self, chat_id: int, text: str) -> None:
        self.call("message.send", chat_id=chat_id, content=self.keyring.seal(chat_id, text))

    def hear(self, name: str, data: dict[str, Any]) -> None:
        """Takes in what was delivered to this connection."""
        self.carry_out(self.keyring.event(name, data))
        if name == "message:new" and data["message"]["kind"] == "user":
            message = data["message"]
            text = self.keyring.open(message["chat_id"], message["id"], message["sender"]["id"], message["content"])
            print(f"{self.name} reads: {text}")
            self.read.append(text)

    def carry_out(self, step: Step) -> None:
        """Does what the keyring asks for: all that keys need of a client."""
        rest = step.carry_out(self.keyring, self.call)
        self.wake_at_ms = rest.wake_at_ms
        self.keys += rest.keys
        for alarm in rest.alarms:
            print(f"  ({self.name}'s keyring: {alarm})")


def main(path: str) -> None:
    if os.path.exists(path):
        sys.exit(f"{path} is there already, and ada and ben may be in it: name a new file")
    with Portal(path, presence=True) as portal, portal.follow() as follower:
        ada, ben = Client(portal, "ada"), Client(portal, "ben")

        def turn() -> None:
            """One turn of the event loop: hands out what there is to hear, and does what is due."""
            due = [portal.tick()] + [client.wake_at_ms for client in (ada, ben) if client.wake_at_ms is not None]
            for each in follower.deliver(timeout=min(max(0.0, min(due) / 1000 - time.time()), 60.0)):
                for client in (ada, ben):
                    if client.connection in each.get("to", []):
                        client.hear(each["name"], each["data"])
            for client in (ada, ben):
                if client.wake_at_ms is not None and client.wake_at_ms <= time.time() * 1000:
                    client.carry_out(client.keyring.tick())

        chat_id = ada.call("chat.create", chat_type="PRIVATE", name="The garden")["id"]
        ada.join(chat_id)
        ben.call("invite.resolve", code=ada.call("invite.create", chat_id=chat_id)["code"])
        ben.join(chat_id)
        while not ben.keys:
            turn()
        ada.say(chat_id, "Good morning, Ben")
        while not ben.read:
            turn()
        ben.say(chat_id, "Good morning")
        while len(ada.read) < 2:
            turn()
        ada.keyring.close()
        ben.keyring.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "chat.db")
