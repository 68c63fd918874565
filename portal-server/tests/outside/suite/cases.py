"""Cases and their count. A case is a coroutine function with a sentence for a name."""

import asyncio
import time
import traceback

LONGEST = 45


class Tally:
    def __init__(self):
        self.passed = 0
        self.failed = 0

    async def run(self, sentence, work):
        """Runs one case; answers whether it passed."""
        began = time.monotonic()
        try:
            note = await asyncio.wait_for(work, LONGEST)
        except Exception as error:  # whatever it is, it fails this case only
            self.failed += 1
            print(f"FAIL {sentence}: {type(error).__name__}: {error}", flush=True)
            traceback.print_exception(error)
            return False
        self.passed += 1
        took = time.monotonic() - began
        print(f"ok   {sentence} ({took:.1f} s{f'; {note}' if note else ''})", flush=True)
        return True

    def not_reached(self, sentence):
        self.failed += 1
        print(f"FAIL {sentence}: not reached", flush=True)

    async def story(self, steps):
        """Runs steps that rest on each other: after one that fails, the rest is not reached."""
        going_on = True
        for sentence, step in steps:
            if going_on:
                going_on = await self.run(sentence, step())
            else:
                self.not_reached(sentence)


def step(sentence):
    """Marks a method of a story; a class has its steps in the order they are written."""

    def mark(method):
        method.sentence = sentence
        return method

    return mark


def steps_of(story):
    methods = [getattr(story, name) for name in vars(type(story)) if hasattr(getattr(story, name), "sentence")]
    return [(method.sentence, method) for method in methods]
