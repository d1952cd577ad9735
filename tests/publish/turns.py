"""Actors that take turns: each in a thread of its own, one running at a time, seeded who is next.

An actor runs up to its next call to the storage, then gives the turn away. All draw from one random
number generator, but only the one whose turn it is does: a seed gives one order of calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, wait
from dataclasses import dataclass, field
from random import Random
from threading import Lock

SLOWEST = 0.05  # an actor's chance to be next, beside 1 of the fastest
STALL_CHANCE, LONGEST_STALL = 0.05, 100  # steps: enough for others to end and start again


@dataclass
class Turns:
    """`before_step` is called with the number of each step, whoever's it is.

    Some actors are slow throughout, and any may stall for long: orders in which each comes about as
    often as the others leave races unseen that need one to wait while two others finish.
    """

    random: Random
    before_step: Callable[[int], None]
    step: int = 0
    calls: int = 0
    _batons: dict[str, Lock] = field(default_factory=dict)
    _speeds: dict[str, float] = field(default_factory=dict)
    _asleep_until: dict[str, int] = field(default_factory=dict)

    def run(self, actors: Mapping[str, Callable[[], None]], threads: Executor) -> None:
        """Ends when all actors have. Needs a thread for each."""
        for name in actors:
            self._batons[name] = Lock()
            self._batons[name].acquire()
            self._speeds[name] = SLOWEST ** self.random.random()
            self._asleep_until[name] = self.random.randrange(LONGEST_STALL)
        ends = [threads.submit(self._act, name, work) for name, work in actors.items()]
        self._batons[self._next()].release()
        wait(ends)
        for end in ends:
            end.result()

    def await_turn(self, name: str) -> None:
        """Give the turn away; returns when it is this actor's again."""
        if self.random.random() < STALL_CHANCE:
            self._asleep_until[name] = self.step + self.random.randrange(LONGEST_STALL)
        chosen = self._next()
        if chosen != name:
            self._batons[chosen].release()
            self._batons[name].acquire()
        self.step += 1
        self.calls += 1
        self.before_step(self.step)

    def _act(self, name: str, work: Callable[[], None]) -> None:
        self._batons[name].acquire()
        try:
            work()
        finally:
            del self._speeds[name]
            if self._speeds:
                self._batons[self._next()].release()

    def _next(self) -> str:
        while True:
            awake = [name for name in self._speeds if self._asleep_until[name] <= self.step]
            if awake:
                break
            self.step = min(self._asleep_until[name] for name in self._speeds)
        if len(awake) == 1:
            return awake[0]
        speeds = [self._speeds[name] for name in awake]
        return self.random.choices(awake, speeds)[0]
