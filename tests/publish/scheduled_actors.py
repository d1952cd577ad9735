"""Who works on a registry at the same time: jobs, people, readers. Who fails is run again."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from shark_core.errors import ConflictError, DataError, SharkError
from shark_core.publish.catalog import Catalog
from shark_core.publish.manifest import Manifest
from shark_core.publish.ref_log import RefEntry
from shark_core.publish.retention import RetentionPolicy
from tests.publish.fault_store import FaultStore
from tests.publish.promotion_ledger import NotedCatalog
from tests.publish.scheduled_expiry import clean
from tests.publish.scheduled_runs import REFS, RUN_OF, Run
from tests.publish.unreliable_store import Killed

STARTS = 4  # of one actor, at most
READS = 5
LOOKS = 100  # longer than anybody stalls

Job = Callable[["Actor"], None]


@dataclass
class Actor:
    """`random` is the schedule's, drawn from only while it is this actor's turn."""

    name: str
    job: Job
    store: FaultStore
    catalog: NotedCatalog
    random: Random
    violations: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Until the job succeeds, or was started often enough."""
        for _ in range(STARTS):
            self.store.faults, moves = 0, self._moves()
            expired = self.store.store.expired
            try:
                self.job(self)
            except Killed:
                self._note("is killed")
            except SharkError as error:
                self._note(f"fails: {error.summary}")
                if not self._is_explained(error, moves, expired):
                    self.accuse(f"{type(error).__name__} out of nothing: {error}")
            except Exception:
                self.accuse(f"no clear error: {traceback.format_exc()}")
            else:
                return

    def accuse(self, what: str) -> None:
        self.violations.append(f"{self.name}, step {self.store.turns.step}: {what}")

    def _is_explained(self, error: SharkError, moves: int, expired: int) -> bool:
        """By a fault of its own calls, by somebody who moved a ref or had snapshots expire, or by a
        short log. Jobs decide again by themselves: to them nobody says that a ref was moved.
        """
        if self.store.faults:
            return True
        by_hand = self.name.startswith(("person", "rollback"))
        if isinstance(error, ConflictError):
            moved = "moved by somebody else" in error.summary and self._moves() > moves
            return by_hand and moved
        expired_since = self.store.store.expired > (0 if by_hand else expired)
        if expired_since and _is_of_what_expired(error):
            return True
        nothing_before = ("nothing to roll back to", "points to nothing")
        return isinstance(error, DataError) and any(part in str(error) for part in nothing_before)

    def _moves(self) -> int:
        return sum("/refs/" in key for key in self.store.store.contents)

    def _note(self, what: str) -> None:
        self.store.storm.trace.append(f"{self.store.turns.step:>5} {self.name:<10} {what}")


def _is_of_what_expired(error: SharkError) -> bool:
    expired = ("has expired", "expired while", "no such snapshot", "is missing")
    return any(part in error.summary for part in expired)


def publish_and_release(run: Run) -> Job:
    def job(actor: Actor) -> None:
        run.publish(actor.catalog)
        run.release(actor.catalog)

    return job


def publish_only(run: Run) -> Job:
    def job(actor: Actor) -> None:
        run.publish(actor.catalog)

    return job


def promote_by_hand(actor: Actor) -> None:
    """`release promote` of a snapshot that there is, as a person calls it."""
    committed = [snapshot_id for snapshot_id, _ in actor.catalog.manifests()]
    if not committed:
        return
    snapshot_id, ref = actor.random.choice(committed), actor.random.choice(REFS)
    head = actor.catalog.head(ref)
    number, found = (head.number + 1, head.snapshot_id) if head else (0, None)
    if found != snapshot_id:
        promotion_id = f"manual-{number}-{snapshot_id}"
        actor.catalog.promote(ref, snapshot_id, promotion_id, expect=found)


def roll_back(actor: Actor) -> None:
    """`release rollback`, as a person calls it."""
    ref = actor.random.choice(REFS)
    head = actor.catalog.head(ref)
    actor.catalog.rollback(ref, head.snapshot_id if head else None)


def clean_up(policy: RetentionPolicy) -> Job:
    """`snapshots expire`."""

    def job(actor: Actor) -> None:
        clean(actor.catalog, actor.catalog.now(), policy)

    return job


def read(actor: Actor) -> None:
    for _ in range(READS):
        read_ref(actor, actor.catalog, actor.random.choice(REFS))


def _served(catalog: Catalog, ref: str) -> tuple[RefEntry | None, Manifest | None]:
    """By the rule of docs/format.md: where there is no manifest, the ref is read again."""
    for _ in range(LOOKS):
        head = catalog.head(ref)
        manifest = catalog.find_snapshot(head.snapshot_id) if head else None
        if head is None or manifest is not None:
            return head, manifest
    return head, catalog.snapshot(head.snapshot_id)


def read_ref(actor: Actor, catalog: Catalog, ref: str) -> None:
    """All of what a ref points to, compared with what was published."""
    if actor.random.random() < 0.3:
        numbers = [entry.number for entry in catalog.history(ref)]
        if numbers != [*range(len(numbers))][::-1]:
            actor.accuse(f"the log of {ref} has the numbers {numbers}")
    head, manifest = _served(catalog, ref)
    if head is None or manifest is None:
        return
    actor.catalog.ledger.answers.append(head)
    if not RUN_OF[head.snapshot_id].is_in(catalog, manifest):
        actor.accuse(f"{ref} gave other content than was published as {head.snapshot_id}")
