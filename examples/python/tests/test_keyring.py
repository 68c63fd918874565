"""A conversation that nobody but those who are in it can read, also after somebody was put out of it."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from portal import Actor, Keyring, Portal, PortalError, Step, error

from .world import OPERATOR, Case, Clock, sign_up

KEY = bytes(range(32))


class Client:
    """Somebody's device: a connection, a keyring, and what they read."""

    def __init__(self, portal: Portal, clock: Clock, name: str, **options: Any) -> None:
        self.portal, self.clock = portal, clock
        self.user, session = sign_up(portal, name, tier="premium")
        self.connection = portal.connect(Actor.session(session))
        self.keyring = Keyring(self.user, session, **options)
        self.read: list[str] = []
        self.alarms: list[dict[str, Any]] = []
        self.wake_at_ms: int | None = None

    def call(self, op: str, /, **params: Any) -> dict[str, Any]:
        return self.portal.call(Actor.connection(self.connection), op, **params)

    def carry_out(self, step: Step) -> None:
        rest = step.carry_out(self.keyring, self.call, self.clock.now)
        self.alarms += rest.alarms
        self.wake_at_ms = rest.wake_at_ms

    def join(self, chat_id: int) -> None:
        self.hear("room.join", self.call("room.join", chat_id=chat_id))

    def hear(self, name: str, data: dict[str, Any]) -> None:
        self.carry_out(self.keyring.event(name, data, self.clock.now))
        if name == "message:new" and data["message"]["kind"] == "user":
            self.read.append(opened(self.keyring, data["message"]))

    def say(self, chat_id: int, text: str) -> None:
        self.call("message.send", chat_id=chat_id, content=self.keyring.seal(chat_id, text))


def opened(keyring: Keyring, message: dict[str, Any]) -> str:
    """What a message says, or why it does not."""
    try:
        return keyring.open(message["chat_id"], message["id"], message["sender"]["id"], message["content"])
    except PortalError as failure:
        return failure.code


class Conversations(Case):
    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()
        self.portal = self.open(presence=True, clock=self.clock)
        self.follower = self.portal.follow()
        self.clients: list[Client] = []

    def client(self, name: str, **options: Any) -> Client:
        client = Client(self.portal, self.clock, name, **options)
        self.addCleanup(client.keyring.close)
        self.clients.append(client)
        return client

    def settle(self) -> None:
        """Everything that is to be heard is heard, and no time is waited for."""
        for _ in range(100):
            self.portal.tick()
            deliveries = self.follower.deliver()
            for each in deliveries:
                for client in self.clients:
                    if client.connection in each.get("to", []):
                        client.hear(each["name"], each["data"])
            waiting = [client for client in self.clients if client.wake_at_ms is not None]
            if not deliveries and not waiting:
                return
            if not deliveries:
                first = min(waiting, key=lambda client: client.wake_at_ms or 0)
                self.clock.now = max(self.clock.now, first.wake_at_ms or 0)
                first.carry_out(first.keyring.tick(self.clock.now))
        self.fail("there is no end of it")

    def room(self, owner: Client, *guests: Client) -> int:
        chat_id: int = owner.call("chat.create", chat_type="PRIVATE", name="The garden")["id"]
        owner.join(chat_id)
        for guest in guests:
            code = owner.call("invite.create", chat_id=chat_id)["code"]
            guest.call("invite.resolve", code=code)
            guest.join(chat_id)
        self.settle()
        return chat_id

    def said(self, chat_id: int) -> list[dict[str, Any]]:
        """What people said in a chat, newest first, as the file has it."""
        history = self.portal.call(OPERATOR, "message.history", chat_id=chat_id)["messages"]
        return [message for message in history if message["kind"] == "user"]

    def test_who_was_put_out_opens_nothing_new(self) -> None:
        ada, ben, cyd = (self.client(name) for name in ("ada", "ben", "cyd"))
        chat_id = self.room(ada, ben, cyd)
        ada.say(chat_id, "Hello, you two ☕")
        self.settle()
        kept = cyd.keyring.export(KEY)

        ada.call("mod.kick", chat_id=chat_id, user_id=cyd.user)
        self.settle()
        ben.say(chat_id, "Where were we?")
        self.settle()
        self.assertEqual(ada.read, ["Hello, you two ☕", "Where were we?"])
        self.assertEqual(ben.read, ada.read)
        self.assertEqual(cyd.read, ["Hello, you two ☕"])

        # Also not with the file in her hands and a copy of the keys she had.
        with Keyring.imported(kept, KEY, cyd.user, 7) as copy:
            read = [opened(copy, message) for message in self.said(chat_id)]
        self.assertEqual(read, ["ERR_NO_ROOM_KEY", "Hello, you two ☕"])
        with self.assertRaises(error("ERR_DECRYPT")):
            Keyring.imported(kept, b"\x01" * 32, cyd.user, 7)

    def test_two_people_compare_the_same_digits(self) -> None:
        ada, ben = self.client("ada"), self.client("ben")
        chat_id = self.room(ada, ben)
        self.assertEqual([alarm["kind"] for alarm in ada.alarms], ["key_new"])
        [for_ben] = [one for one in ada.keyring.sessions(chat_id, 1) if one["user_id"] == ben.user]
        [seen] = ben.keyring.people()
        self.assertEqual(seen["fingerprint"], for_ben["fingerprint"])

    def test_what_comes_by_a_key_that_is_asked_about_is_read_after_the_answer(self) -> None:
        ada, ben = self.client("ada", ask_new=True), self.client("ben")
        chat_id = self.room(ada, ben)
        # Nobody answers for ada, so that ben makes a key himself; she takes none from him either.
        ben.say(chat_id, "Hello?")
        self.settle()
        self.assertEqual(ada.read, ["ERR_NO_ROOM_KEY"])
        [alarm] = ada.alarms
        self.assertEqual((alarm["kind"], alarm["user_id"], alarm["accepted"]), ("key_new", ben.user, False))
        ada.carry_out(ada.keyring.decide(ben.user, alarm["public_key"], True, self.clock.now))
        self.settle()
        self.assertEqual([opened(ada.keyring, message) for message in self.said(chat_id)], ["Hello?"])

    def test_a_message_is_reported_with_proof_of_what_it_says(self) -> None:
        ada, ben = self.client("ada"), self.client("ben")
        chat_id = self.room(ada, ben)
        ben.say(chat_id, "Something unkind")
        self.settle()
        [message] = self.said(chat_id)
        proof = ada.keyring.disclose(chat_id, message["id"], ben.user, message["content"])
        made = ada.call("report.create", chat_id=chat_id, message_id=message["id"], reason="Unkind", disclosure=proof)
        report = self.portal.call(OPERATOR, "report.get", report_id=made["report_id"])
        self.assertEqual((report["plaintext"], report["verified"]), ("Something unkind", True))

    def test_who_is_forgotten_counts_as_new(self) -> None:
        ada, ben = self.client("ada"), self.client("ben")
        self.room(ada, ben)
        self.assertEqual([one["user_id"] for one in ada.keyring.people()], [ben.user])
        ada.keyring.forget_person(ben.user)
        self.assertEqual(ada.keyring.people(), [])

    def test_keys_of_messages_that_are_gone_are_forgotten(self) -> None:
        ada, ben = self.client("ada"), self.client("ben")
        chat_id = self.room(ada, ben)
        ada.say(chat_id, "Hello")
        ada.call("mod.kick", chat_id=chat_id, user_id=ben.user)
        self.settle()
        ada.say(chat_id, "Peace")
        ada.keyring.forget_before(chat_id, 1)
        self.assertEqual([opened(ada.keyring, message) for message in self.said(chat_id)], ["Peace", "Hello"])
        # The present epoch's stays, whatever is said to be gone.
        ada.keyring.forget_before(chat_id, 9)
        self.assertEqual(
            [opened(ada.keyring, message) for message in self.said(chat_id)], ["Peace", "ERR_NO_ROOM_KEY"]
        )

    def test_without_randomness_there_is_no_key_and_its_failure_is_raised(self) -> None:
        def nothing(_length: int) -> bytes:
            raise LookupError("there is no randomness")

        with self.assertRaisesRegex(LookupError, "there is no randomness"):
            Keyring(1, 1, random=nothing)

    def test_a_number_that_c_has_no_room_for_is_refused_by_name(self) -> None:
        keyring = Keyring(1, 7)
        self.addCleanup(keyring.close)
        sealed = keyring.export(KEY)
        public_key = b64encode(KEY).decode()
        large = 2**64 + 1
        perhaps: Any = 2**32
        for name, refused in (
            ("user_id", lambda: Keyring(large, 1)),
            ("session_id", lambda: Keyring(1, large)),
            ("user_id", lambda: Keyring.imported(sealed, KEY, large, 7)),
            ("session_id", lambda: Keyring.imported(sealed, KEY, 1, large)),
            ("now_ms", lambda: keyring.event("disconnected", {}, large)),
            ("request_id", lambda: keyring.reply(large, {})),
            ("status", lambda: keyring.reply(1, PortalError(2**32, "", "", {}))),
            ("now_ms", lambda: keyring.reply(1, {}, large)),
            ("now_ms", lambda: keyring.tick(large)),
            ("user_id", lambda: keyring.decide(large, public_key, True)),
            ("accept", lambda: keyring.decide(1, public_key, perhaps)),
            ("now_ms", lambda: keyring.decide(1, public_key, True, large)),
            ("chat_id", lambda: keyring.seal(large, "")),
            ("chat_id", lambda: keyring.open(large, 1, 1, "")),
            ("message_id", lambda: keyring.open(1, large, 1, "")),
            ("sender_id", lambda: keyring.open(1, 1, large, "")),
            ("chat_id", lambda: keyring.disclose(large, 1, 1, "")),
            ("message_id", lambda: keyring.disclose(1, large, 1, "")),
            ("sender_id", lambda: keyring.disclose(1, 1, large, "")),
            ("chat_id", lambda: keyring.sessions(large, 1)),
            ("epoch", lambda: keyring.sessions(1, large)),
            ("user_id", lambda: keyring.forget_person(large)),
            ("chat_id", lambda: keyring.forget_before(large, 1)),
            ("epoch", lambda: keyring.forget_before(1, large)),
        ):
            with self.subTest(name), self.assertRaisesRegex(ValueError, f"^{name} is from "):
                refused()

    def test_a_keyring_that_is_closed_says_so(self) -> None:
        keyring = Keyring(1, 1, secret_key=KEY)
        keyring.close()
        keyring.close()
        with self.assertRaises(ValueError):
            keyring.tick()
        with self.assertRaises(ValueError):
            keyring.forget_person(1)
        with self.assertRaises(ValueError):
            Keyring(1, 1, secret_key=b"short")
        with self.assertRaises(error("ERR_INVALID")) as invalid:
            Keyring(0, 1)
        self.assertEqual(invalid.exception.extras, {"field": "options.user_id"})
