"""Runs every case against the server that run.sh has started."""

import asyncio
import sys

from . import mistakes, restarts, surroundings
from .cases import Tally, steps_of
from .conversation import Conversation
from .match import Match
from .world import World

#: Names of cases, to run no others.
ONLY = sys.argv[1:]


async def main():
    world = World()
    tally = Tally()
    for title, name, kind in (("a conversation", "conversation", Conversation), ("a match", "match", Match)):
        print(f"-- {title}", flush=True)
        if not ONLY or name in ONLY:
            story = kind(world)
            await story.begin()
            await tally.story(steps_of(story))
            await story.end()
    for title, module in (("around it", surroundings), ("a server that ends", restarts), ("mistakes", mistakes)):
        print(f"-- {title}", flush=True)
        for case in module.CASES:
            if not ONLY or case.__name__ in ONLY:
                await tally.run(case.__doc__, case(world))
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 0 if tally.passed and not tally.failed else 1


sys.exit(asyncio.run(main()))
