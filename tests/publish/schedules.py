"""Random fault schedules of publishing: a seed is a schedule.

    python -m tests.publish.schedules 1234    runs one again, and prints every call that was made

Jobs, people and readers work on one store, their calls interleaved at random; calls fail, lose
their reply, land late, give damaged content, and processes are killed between any two of them.
In some schedules nothing goes wrong, but old snapshots expire while refs move over them.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache, partial
from random import Random
from unittest.mock import patch

from tqdm import tqdm

from shark_core.publish import publication
from shark_core.publish.ref_log import RefLog
from tests.publish.fault_store import Fault, FaultStore, Storm
from tests.publish.memory_store import MemoryStore
from tests.publish.promotion_ledger import Ledger, NotedCatalog
from tests.publish.schedule_checks import (
    check_logs,
    check_orphans,
    check_repeats,
    check_rollbacks,
    check_snapshots,
    violations_of,
)
from tests.publish.scheduled_actors import (
    Actor,
    Job,
    clean_up,
    promote_by_hand,
    publish_and_release,
    publish_only,
    read,
    roll_back,
)
from tests.publish.scheduled_expiry import KEEP_ALL, KEEP_HEADS, grow_old, leave_behind
from tests.publish.scheduled_runs import MODEL, Run, published, runs_of
from tests.publish.turns import Turns

ACTORS = 11  # at most at once: so many threads are needed
EXPIRING_EVERY = 7


@dataclass(frozen=True)
class Outcome:
    seed: int
    calls: int
    faults: Counter[Fault]
    promotions: int
    violations: list[str]
    trace: list[str]

    def report(self) -> str:
        """How to see it again, what was wrong, and every call."""
        command = f"python -m tests.publish.schedules {self.seed}"
        return "\n".join([command, *self.violations, "", *self.trace])


@dataclass(frozen=True)
class SeededTokens:
    """In place of the module `secrets`: names of attempts that a seed repeats."""

    random: Random

    def token_hex(self, count: int) -> str:
        return self.random.randbytes(count).hex()


def repeatable_publishing(random: Random) -> AbstractContextManager[object]:
    """Attempts get seeded names, and no progress is shown."""
    bar = partial(tqdm, disable=True)
    tokens = SeededTokens(random)
    return patch.multiple(publication, secrets=tokens, tqdm=bar, create=True)


@dataclass
class Schedule:
    """What takes part in it is drawn here; `run` has it happen."""

    seed: int
    logs: type[RefLog] = RefLog
    ledger: Ledger = field(default_factory=Ledger)
    days: tuple[Run, ...] = field(init=False)
    random: Random = field(init=False)
    store: MemoryStore = field(init=False)
    storm: Storm = field(init=False)
    expiring: bool = field(init=False)
    turns: Turns = field(init=False)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.days = runs_of(self.seed)
        done = self.random.randrange(len(self.days) - 1)
        self.store, ledger = prepared(self.days, done)
        self.store = self.store.copy()
        self.ledger.requests.update(ledger.requests)
        self.storm = Storm(self.random)
        self.expiring = self.seed % EXPIRING_EVERY == EXPIRING_EVERY - 1
        if self.expiring:
            grow_old(self.store)
            self.storm.rate = 0.0
        self.turns = Turns(self.random, before_step=self.storm.land)

    def run(self, threads: Executor) -> Outcome:
        runs = self._runs()
        actors = [self._actor(name, job) for name, job in self._jobs(*runs).items()]
        before = self._promotions()
        with repeatable_publishing(self.random):
            self.turns.run({actor.name: actor.run for actor in actors}, threads)
            violations = [each for actor in actors for each in actor.violations]
            promotions = self._promotions() - before
            violations += self._check(runs)
        return Outcome(
            self.seed,
            calls=self.turns.calls,
            faults=self.storm.injected,
            promotions=promotions,
            violations=violations,
            trace=self.storm.trace,
        )

    def _runs(self) -> tuple[Run, Run]:
        """Of two days; the first may have been published before."""
        first, second = sorted(self.random.sample(range(len(self.days)), 2))
        return self.days[first], self.days[second]

    def _jobs(self, day: Run, later: Run) -> dict[str, Job]:
        """Two live attempts of one run always; of the others, some."""
        more: dict[str, Job] = {
            "next day": publish_and_release(later),
            "reader": read,
            "reader 2": read,
            "rollback": roll_back,
            "rollback 2": roll_back,
            "expire": clean_up(KEEP_HEADS if self.expiring else KEEP_ALL),
            "expire 2": clean_up(KEEP_HEADS if self.expiring else KEEP_ALL),
            "person": promote_by_hand,
            "person 2": promote_by_hand,
        }
        chosen = {name: job for name, job in more.items() if self.random.random() < 0.7}
        attempt_2 = self.random.choice((publish_only, publish_and_release))
        return {"attempt 1": publish_and_release(day), "attempt 2": attempt_2(day), **chosen}

    def _actor(self, name: str, job: Job) -> Actor:
        store = FaultStore(self.store, name, self.turns, self.storm)
        return Actor(name, job, store, self._catalog(store), self.random)

    def _catalog(self, store: FaultStore | MemoryStore) -> NotedCatalog:
        return NotedCatalog(store, MODEL, self.store.clock, self.ledger, self.logs)

    def _promotions(self) -> int:
        return sum("/refs/" in key for key in self.store.contents)

    def _check(self, runs: Iterable[Run]) -> list[str]:
        """The state as it is, after each run is run again and late writes land, and at the end."""
        catalog = self._catalog(self.store)
        logs = partial(check_logs, catalog, self.ledger)
        snapshots = partial(check_snapshots, catalog, self.store, self.expiring)
        found = violations_of([logs, snapshots, partial(check_repeats, catalog, runs)])
        self.storm.land(sys.maxsize)
        found += violations_of([logs, snapshots, partial(check_orphans, catalog, self.store)])
        if self.expiring:  # what a ref came over may be gone
            return found + violations_of([snapshots, logs])
        return found + violations_of([snapshots, partial(check_rollbacks, catalog), logs])


@cache
def prepared(days: tuple[Run, ...], done: int) -> tuple[MemoryStore, Ledger]:
    """With the first of these days published, and an orphan of the first one."""
    ledger = Ledger()
    with repeatable_publishing(Random(done)):
        store = published(days[:done], ledger)
    leave_behind(store, days[0])
    return store, ledger


def outcomes(seeds: Iterable[int], logs: type[RefLog] = RefLog) -> Iterator[Outcome]:
    with ThreadPoolExecutor(ACTORS) as threads:
        for seed in seeds:
            yield Schedule(seed, logs).run(threads)


def main() -> None:
    parser = argparse.ArgumentParser(description="Run fault schedules again, call by call.")
    parser.add_argument("seeds", nargs="+", type=int, metavar="SEED")
    for outcome in outcomes(parser.parse_args().seeds):
        print(outcome.report())  # noqa: T201


if __name__ == "__main__":
    main()
