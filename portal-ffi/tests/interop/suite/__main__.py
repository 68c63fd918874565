"""Rounds of random cases: each side makes, the other opens; and what is changed or is somebody else's, both refuse."""

import random
import sys
import time

from . import ours, theirs
from .theirs import Refused

LONGEST = {2: 3002, 3: 2943}
LAST = 2**53 - 1
SIDES = (("libportal", ours), ("Python", theirs))


class Case:
    """One chat, epoch and two people, drawn from the seed."""

    def __init__(self, draw, suite):
        self.draw, self.suite = draw, suite
        self.chat_id, self.epoch, self.sender_id, self.user_id = (self.number() for _ in range(4))
        self.room = (suite, self.chat_id, self.epoch)

    def number(self):
        return self.draw.choice((1, 2, LAST, self.draw.randint(1, 1000), self.draw.randint(1, LAST)))

    def another(self, number):
        return number + 1 if number < LAST else number - 1

    def text(self):
        kind = self.draw.randrange(4)
        if kind == 0:
            return "x" * self.draw.choice((0, 1, 63, 64, 127, 128, LONGEST[self.suite]))
        # Zeros and what looks like padding among them.
        letters = "a\0\x80é✓𝄞\n" if kind == 1 else [chr(self.draw.randrange(0xD800)) for _ in range(20)]
        text = "".join(self.draw.choices(letters, k=self.draw.randrange(700)))
        return text

    def changed(self, data, after=0):
        """The same base64 but for one bit."""
        data = bytearray(theirs.decode(data))
        data[self.draw.randrange(after, len(data))] ^= 1 << self.draw.randrange(8)
        return theirs.encode(bytes(data))

    def changed_message(self, envelope, after=0):
        head, ct = envelope.removesuffix('"}').split('"ct":"')
        return f'{head}"ct":"{self.changed(ct, after)}"}}'


def same(what, one, other):
    assert one == other, f"{what}: {one!r} is not {other!r}"


def refused(what, open_, *arguments):
    try:
        opened = open_(*arguments)
    except Refused:
        return
    raise AssertionError(f"{what} was opened: {opened!r}")


def keys(case):
    for (_, makes), (_, reads) in (SIDES, SIDES[::-1]):
        secret, public = makes.key_pair()
        same("public key", reads.public_key(secret), public)
        key, other = case.draw.randbytes(32), makes.key_pair()[1]
        same("key check", makes.key_check(*case.room, key), reads.key_check(*case.room, key))
        same("fingerprint", makes.fingerprint(public, other), reads.fingerprint(other, public))
        data = case.draw.randbytes(case.draw.randrange(100))
        same("base64", makes.encode(data), reads.encode(data))
        same("base64", reads.decode(makes.encode(data)), data)


def blobs(case):
    suite, chat_id, epoch = case.room
    for (maker, makes), (reader, reads) in (SIDES, SIDES[::-1]):
        sender, recipient, stranger = makes.key_pair(), reads.key_pair(), theirs.key_pair()
        key = ours.room_key(*case.room)
        check = makes.key_check(*case.room, key)
        blob = makes.wrap(*case.room, key, case.user_id, recipient[1], sender[0])
        what = f"a blob of {maker} for {reader}"
        same(what, reads.unwrap(*case.room, blob, case.user_id, recipient[0], sender[1], check), key)

        refuses = lambda why, *given: refused(f"{what}, {why},", reads.unwrap, *given)
        mine = (case.user_id, recipient[0], sender[1], check)
        refuses("changed", *case.room, case.changed(blob), *mine)
        refuses("cut short", *case.room, theirs.encode(theirs.decode(blob)[:-1]), *mine)
        refuses("for another session", *case.room, blob, case.user_id, stranger[0], sender[1], check)
        refuses("from another session", *case.room, blob, case.user_id, recipient[0], stranger[1], check)
        refuses("with another check", *case.room, blob, *mine[:3], case.draw.randbytes(16))
        later, elsewhere = case.another(epoch), case.another(chat_id)
        for why, room in (("at another epoch", (suite, chat_id, later)), ("in another chat", (suite, elsewhere, epoch))):
            refuses(why, *room, blob, *mine)
            if suite == 3:
                # By itself, also where the check would be right.
                refuses(why, *room, blob, *mine[:3], makes.key_check(*room, key))
        if suite == 3:
            refuses("for another user", *case.room, blob, case.another(case.user_id), *mine[1:])


def messages(case):
    suite, chat_id, epoch = case.room
    for (maker, makes), (reader, reads) in (SIDES, SIDES[::-1]):
        key, text = ours.room_key(*case.room), case.text()
        envelope = makes.seal(*case.room, key, case.sender_id, text)
        what = f"a message of {maker} to {reader}"
        same(what, reads.open_(*case.room, key, case.sender_id, envelope), text)

        refuses = lambda why, *given: refused(f"{what}, {why},", reads.open_, *given)
        refuses("changed", *case.room, key, case.sender_id, case.changed_message(envelope))
        refuses("under another key", *case.room, case.draw.randbytes(32), case.sender_id, envelope)
        later = case.another(epoch)
        refuses("at another epoch", suite, chat_id, later, key, case.sender_id, envelope)
        moved = envelope.replace(f'"epoch":{epoch},', f'"epoch":{later},')
        if suite == 2:
            # What suite 2 leaves open: the epoch is compared, the sender is the server's word.
            same(what, reads.open_(suite, chat_id, later, key, case.another(case.sender_id), moved), text)
            continue
        refuses("moved to another epoch", suite, chat_id, later, key, case.sender_id, moved)
        refuses("in another chat", suite, case.another(chat_id), epoch, key, case.sender_id, envelope)
        refuses("from another sender", *case.room, key, case.another(case.sender_id), envelope)
        reports(case, makes, reads, key, envelope, text, what)


def reports(case, makes, reads, key, envelope, text, what):
    row = (case.chat_id, case.epoch, case.sender_id)
    disclosure = makes.disclose(case.chat_id, case.epoch, key, case.sender_id, envelope)
    same(what, reads.disclose(case.chat_id, case.epoch, key, case.sender_id, envelope), disclosure)
    same(what, reads.verify(*row, envelope, disclosure), text)
    refuses = lambda why, *given: refused(f"a report of {what}, {why},", reads.verify, *given)
    refuses("with another key", *row, envelope, case.changed(disclosure))
    # The salt made the key, and with the key at hand nobody asks for it.
    refuses("changed", *row, case.changed_message(envelope, after=16), disclosure)
    refuses("of the next message", *row, makes.seal(*case.room, key, case.sender_id, text), disclosure)
    refuses("of another sender", *row[:2], case.another(case.sender_id), envelope, disclosure)
    refuses("of another chat", case.another(case.chat_id), *row[1:], envelope, disclosure)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(2**32)
    print(f"{rounds} rounds, seed {seed}", flush=True)
    draw, began = random.Random(seed), time.monotonic()
    for at in range(rounds):
        for suite in (2, 3):
            case = Case(draw, suite)
            for part in (keys, blobs, messages):
                try:
                    part(case)
                except BaseException:
                    print(f"round {at}, suite {suite}, {part.__name__}: {vars(case)}", file=sys.stderr)
                    raise
    print(f"keys, blobs, messages and reports agree, both ways; {time.monotonic() - began:.1f} s")


main()
