"""Chats, the matcher's minute of grace by a clock of the program's own, and what goes wrong."""

from __future__ import annotations

import base64
import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Any

from portal import Actor, Follower, InvalidCall, Portal, PortalError, Position, Refused, StateError, error, version

from .world import OPERATOR, Case, Clock, fails, sign_up


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

    def test_without_randomness_nothing_is_stored_and_its_failure_is_raised(self) -> None:
        draw: list[Callable[[int], Any]] = [lambda length: bytes(range(1, length + 1))]
        portal = self.open(random=lambda length: draw[0](length))
        ada = portal.call(OPERATOR, "user.create", username="ada")["user_id"]
        good = draw[0]
        cases: list[tuple[Callable[[int], Any], type[BaseException]]] = [
            (lambda _length: fails(KeyError()), KeyError),
            (lambda _length: fails(KeyboardInterrupt()), KeyboardInterrupt),
            (lambda _length: None, TypeError),
            (lambda length: length, TypeError),
            (lambda length: "x" * length, TypeError),
            (lambda _length: b"short", ValueError),
        ]
        for mistaken, raised in cases:
            draw[0] = mistaken
            with self.assertRaises(raised) as failed:
                portal.call(OPERATOR, "session.create", user_id=ada)
            self.assertIsInstance(failed.exception.__context__, error("ERR_INTERNAL"))
            draw[0] = good
            self.assertEqual(portal.call(OPERATOR, "session.list", user_id=ada)["sessions"], [])

    def test_the_log_is_told_of_a_file_that_is_made(self) -> None:
        with self.assertLogs("portal", logging.INFO) as told:
            self.open(log=logging.getLogger("portal"))
        self.assertRegex(told.output[0], "^INFO:portal:.")

    def test_what_a_log_raises_is_raised_by_the_call_under_way(self) -> None:
        def refuse(_record: logging.LogRecord) -> bool:
            raise LookupError("there is no such log")

        log = logging.getLogger("portal.broken")
        log.setLevel(logging.INFO)
        log.addFilter(refuse)
        self.addCleanup(log.removeFilter, refuse)
        with self.assertRaisesRegex(LookupError, "there is no such log"):
            self.open(log=log)
        self.open(existing=True)

    def test_a_number_that_c_has_no_room_for_is_refused_by_name(self) -> None:
        portal = self.open(presence=True)
        follower = portal.follow()
        log_id = follower.position.log_id
        for large in (2**63, 2**64 + 1, -(2**63) - 1):
            for actor in (Actor.session, Actor.connection, Actor.user, Actor.bot):
                with self.assertRaisesRegex(ValueError, f"^id is from -9223372036854775808 .*, not {large}$"):
                    actor(large)
            with self.assertRaisesRegex(ValueError, "^connection_id is from "):
                portal.disconnect(large)
        with self.assertRaisesRegex(ValueError, "^kind is from "):
            Actor(2**32)
        for after in (2**64, -1):
            with self.assertRaisesRegex(ValueError, "^after is from 0 to 18446744073709551615, not "):
                portal.follow(Position(log_id, after))
        for read in (follower.next, follower.deliver):
            for limit in (2**32 + 1, -1):
                with self.assertRaisesRegex(ValueError, "^limit is from 0 to 4294967295, not "):
                    read(limit=limit)
        nobody: Any = "3"
        with self.assertRaisesRegex(TypeError, "^id is a whole number, not '3'$"):
            Actor.user(nobody)

    def test_a_timeout_that_is_no_time_to_wait_is_refused(self) -> None:
        portal = self.open(presence=True)
        follower = portal.follow()
        portal.call(OPERATOR, "user.create", username="ada")
        for read in (follower.next, follower.deliver):
            for timeout in (-1, -0.0001, math.nan, math.inf, -math.inf, 2**32 / 1000, 1e300):
                with self.assertRaisesRegex(ValueError, "^timeout is from 0 to 4294967.295 seconds, not "):
                    read(timeout=timeout)
        # The longest is one: what is there already is waited for no longer.
        self.assertEqual(len(follower.next(timeout=(2**32 - 1) / 1000)), 1)

    def test_who_stops_amid_what_was_read_goes_on_behind_the_event_at_hand(self) -> None:
        portal = self.open()
        follower = portal.follow()
        start = follower.position
        for username in ("ada", "ben"):
            portal.call(OPERATOR, "user.create", username=username)
        events = portal.follow(start).next()
        first = next(iter(follower))
        self.assertEqual(first, events[0])
        again = portal.follow(Position(follower.position.log_id, first.seq))
        self.assertEqual(again.next(), events[1:])

    def test_a_missing_file_is_not_made(self) -> None:
        with self.assertRaises(PortalError) as missing:
            self.open(existing=True)
        self.assertEqual(missing.exception.code, "ERR_STORAGE_NOT_FOUND")
        self.assertFalse(self.path.exists())

    def test_the_library_says_its_version(self) -> None:
        self.assertRegex(version(), r"^\d+\.\d+\.\d+$")


class Clocks(Case):
    def test_what_a_clock_raises_is_raised_by_the_call_under_way_which_is_done(self) -> None:
        clock = Clock()
        portal = self.open(clock=clock)
        follower = portal.follow()
        portal.tick()
        cases: list[tuple[Callable[[], Any], type[BaseException]]] = [
            (lambda: fails(KeyError()), KeyError),
            (lambda: fails(KeyboardInterrupt()), KeyboardInterrupt),
            (lambda: -1, ValueError),
            (lambda: 2**63, ValueError),
            (lambda: 1.8e12, TypeError),
            (lambda: None, TypeError),
        ]
        for number, (breaks, raised) in enumerate(cases):
            clock.breaks = breaks
            with self.assertRaises(raised):
                portal.call(OPERATOR, "user.create", username=f"user{number}")
            clock.breaks = None
            [event] = follower.next()
            # It stood still.
            self.assertEqual((event.name, event.at), ("user:created", clock.now))
            clock.sleep(1)
            portal.tick()

    def test_before_a_clock_has_answered_the_systems_time_stands_in(self) -> None:
        clock = Clock()
        portal = self.open(clock=clock)
        follower = portal.follow()
        clock.breaks = lambda: fails(KeyError())
        before = time.time_ns() // 1_000_000
        with self.assertRaises(KeyError):
            portal.call(OPERATOR, "user.create", username="ada")
        [event] = follower.next()
        self.assertTrue(before <= event.at <= time.time_ns() // 1_000_000)

    def test_a_refusal_is_told_beside_what_the_clock_raised(self) -> None:
        clock = Clock()
        portal = self.open(clock=clock)
        portal.call(OPERATOR, "user.create", username="ada")
        clock.breaks = lambda: fails(KeyError())
        with self.assertRaises(KeyError) as failed:
            portal.call(OPERATOR, "user.create", username="ada")
        self.assertIsInstance(failed.exception.__context__, error("ERR_USERNAME_TAKEN"))

    def test_what_was_opened_by_a_clock_that_raises_is_closed_again(self) -> None:
        clock = Clock()
        clock.breaks = lambda: fails(KeyError())
        with self.assertRaises(KeyError) as failed:
            self.open(presence=True, clock=clock)
        # Although the failure, which knows of the portal, is still at hand.
        self.open(presence=True)
        del failed

    def test_a_failure_stays_with_the_thread_whose_call_it_was(self) -> None:
        main = threading.current_thread()
        clock = Clock()
        portal = self.open(clock=clock)
        clock.breaks = lambda: clock.now if threading.current_thread() is main else fails(KeyError())
        raised: list[BaseException] = []

        def call() -> None:
            try:
                portal.call(OPERATOR, "user.create", username="ada")
            except KeyError as failure:
                raised.append(failure)

        other = threading.Thread(target=call)
        other.start()
        other.join()
        self.assertEqual(len(raised), 1)
        portal.call(OPERATOR, "user.create", username="ben")


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
