"""Chats, the matcher's minute of grace by a clock of the program's own, and what goes wrong."""

from __future__ import annotations

import base64
import logging
import threading
from typing import Any

from portal import Actor, Follower, InvalidCall, Portal, PortalError, Position, Refused, StateError, error, version

from .world import OPERATOR, Case, Clock, sign_up


class Chats(Case):
    def test_a_chat_is_made_and_the_log_tells_of_it(self) -> None:
        portal = self.open()
        with portal.follow() as follower:
            start = follower.position
            ada = portal.call(OPERATOR, "user.create", username="ada", role="admin")["user_id"]
            chat = portal.call(Actor.user(ada), "chat.create", chat_type="OFFICIAL", name="Lobby ☕")
            self.assertEqual(chat["owner"], ada)
            self.assertEqual(portal.call(Actor.guest(), "chat.get", chat_id=chat["id"])["name"], "Lobby ☕")
            names = [event.name for event in follower.next()]
            self.assertEqual(names, ["user:created", "room:created"])
            self.assertEqual(follower.next(), [])
        with portal.follow(start) as again:
            self.assertEqual([event.name for event in again.next()], names)

    def test_a_failure_is_raised_by_its_block_and_its_code(self) -> None:
        portal = self.open()
        ada = portal.call(OPERATOR, "user.create", username="ada")["user_id"]
        with self.assertRaises(InvalidCall) as invalid:
            portal.call(OPERATOR, "user.create", username="a")
        self.assertEqual(invalid.exception.extras, {"field": "username"})
        with self.assertRaises(error("ERR_CHAT_NOT_FOUND")) as missing:
            portal.call(Actor.user(ada), "chat.get", chat_id=7)
        self.assertIsInstance(missing.exception, StateError)
        self.assertEqual((missing.exception.status, missing.exception.code), (201, "ERR_CHAT_NOT_FOUND"))
        with self.assertRaises(Refused):
            portal.call(Actor.user(ada), "user.create", username="ben")
        with self.assertRaises(InvalidCall):
            portal.call(Actor.user(ada, country="Netherlands"), "match.status")
        with self.assertRaises(ValueError):
            error("ERR_OF_NOBODY")

    def test_a_portal_that_is_closed_wakes_who_waits(self) -> None:
        portal = self.open()
        follower = portal.follow()
        reader = threading.Thread(target=lambda: list(follower))
        reader.start()
        portal.close()
        reader.join(30)
        self.assertFalse(reader.is_alive())
        portal.close()
        with self.assertRaises(error("ERR_CLOSED")):
            portal.call(OPERATOR, "chat.list")
        follower.close()
        follower.close()
        with self.assertRaises(ValueError):
            follower.next()

    def test_another_log_is_refused(self) -> None:
        with self.assertRaises(error("ERR_EVENTS_PRUNED")):
            self.open().follow(Position("0" * 32, 3))

    def test_tokens_are_drawn_from_the_programs_randomness(self) -> None:
        portal = self.open(random=lambda length: b"\xff" * length)
        ada = portal.call(OPERATOR, "user.create", username="ada")["user_id"]
        token = portal.call(OPERATOR, "session.create", user_id=ada)["token"]
        self.assertEqual(token, base64.urlsafe_b64encode(b"\xff" * 32).decode().rstrip("="))

    def test_the_log_is_told_of_a_file_that_is_made(self) -> None:
        with self.assertLogs("portal", logging.INFO) as told:
            self.open(log=logging.getLogger("portal"))
        self.assertRegex(told.output[0], "^INFO:portal:.")

    def test_a_missing_file_is_not_made(self) -> None:
        with self.assertRaises(PortalError) as missing:
            self.open(existing=True)
        self.assertEqual(missing.exception.code, "ERR_STORAGE_NOT_FOUND")
        self.assertFalse(self.path.exists())

    def test_the_library_says_its_version(self) -> None:
        self.assertRegex(version(), r"^\d+\.\d+\.\d+$")


class Matches(Case):
    def test_who_stays_away_for_a_minute_ends_the_match(self) -> None:
        clock = Clock()
        portal = self.open(presence=True, clock=clock)
        follower = portal.follow()
        ada, ben = (portal.connect(Actor.session(sign_up(portal, name)[1])) for name in ("ada", "ben"))
        portal.call(Actor.connection(ada, country="NL"), "match.enqueue", interests=["tea", "chess"])
        found = portal.call(Actor.connection(ben), "match.enqueue", interests=["tea"])
        self.assertEqual(found["chat"]["peer"]["country_code"], "NL")
        heard(portal, follower, ada)

        portal.disconnect(ben)
        left = heard(portal, follower, ada)["room:peer_left"]
        self.assertEqual(left["grace_until_ms"], clock.now + 60_000)
        clock.sleep(59)
        self.assertNotIn("match:ended", heard(portal, follower, ada))
        clock.sleep(1)
        self.assertEqual(heard(portal, follower, ada)["match:ended"]["reason"], "peer_stayed_away")
        with self.assertRaises(error("ERR_MATCH_NO_ACTIVE_DIRECT")):
            portal.call(Actor.connection(ada), "match.leave")


def heard(portal: Portal, follower: Follower, connection: int) -> dict[str, dict[str, Any]]:
    """Ticks, and answers what the connection is told, by name."""
    portal.tick()
    told: dict[str, dict[str, Any]] = {}
    while deliveries := follower.deliver():
        told |= {each["name"]: each["data"] for each in deliveries if connection in each.get("to", [])}
    return told
