"""A store whose calls wait for the actor's turn, and go wrong in the ways that networks know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from io import BytesIO
from random import Random
from typing import BinaryIO, TypeVar

from shark_core.errors import RetryableError
from shark_core.publish.object_store import StoredObject
from tests.publish.memory_store import MemoryStore
from tests.publish.turns import Turns
from tests.publish.unreliable_store import Killed

T = TypeVar("T")
LATEST = 250  # steps until a write whose caller gave up lands


class Fault(StrEnum):
    ERROR = "error before"
    LOST_REPLY = "lost reply"
    TIMEOUT = "timeout, lands later"
    TRUNCATED = "truncated read"
    CORRUPTED = "corrupted read"
    KILLED_BEFORE = "killed before"
    KILLED_AFTER = "killed after"


ANY = (Fault.ERROR, Fault.KILLED_BEFORE, Fault.KILLED_AFTER)
OF_WRITES = (*ANY, Fault.LOST_REPLY, Fault.TIMEOUT)
OF_READS = (*ANY, Fault.TRUNCATED, Fault.CORRUPTED)
NOT_DONE = (Fault.ERROR, Fault.TIMEOUT, Fault.KILLED_BEFORE)
DAMAGES = (Fault.TRUNCATED, Fault.CORRUPTED)
KILLS = (Fault.KILLED_BEFORE, Fault.KILLED_AFTER)
# Times a schedule's rate: few calls are writes, and these are what everything depends on.
FREQUENCY = {OF_WRITES: 5, OF_READS: 2}


@dataclass
class Storm:
    """What goes wrong in a schedule, and what did: `trace` has every call, in order.

    Each schedule has some of the faults, at a rate of its own: with all of them at once, few actors
    would get far.
    """

    random: Random
    rate: float = field(init=False)
    kinds: frozenset[Fault] = field(init=False)
    trace: list[str] = field(default_factory=list)
    injected: Counter[Fault] = field(default_factory=Counter)
    late: list[tuple[int, str, Callable[[], object]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rate = self.random.choice((0.0, 0.01, 0.03, 0.08))
        self.kinds = frozenset(fault for fault in Fault if self.random.random() < 0.6)

    def fault(self, possible: tuple[Fault, ...]) -> Fault | None:
        if self.random.random() >= self.rate * FREQUENCY.get(possible, 1):
            return None
        fault = self.random.choice(possible)
        return fault if fault in self.kinds else None

    def land_later(self, step: int, what: str, write: Callable[[], object]) -> None:
        self.late.append((step + self.random.randrange(1, LATEST), what, write))

    def land(self, step: int) -> None:
        """Let late writes happen that are due at this step."""
        if not self.late:
            return
        due = [write for write in self.late if write[0] <= step]
        self.late = [write for write in self.late if write[0] > step]
        for _, what, write in due:
            self.trace.append(f"{step:>5} {'(late)':<10} {what}: {write()}")

    def damaged(self, content: bytes, fault: Fault | None) -> bytes:
        if fault is Fault.TRUNCATED and content:
            return content[: self.random.randrange(len(content))]
        if fault is Fault.CORRUPTED and content:
            at, flip = self.random.randrange(len(content)), self.random.randrange(1, 256)
            return content[:at] + bytes([content[at] ^ flip]) + content[at + 1 :]
        return content


@dataclass
class FaultStore:
    """One actor's way to the store. `faults` counts those of its own calls."""

    store: MemoryStore
    actor: str
    turns: Turns
    storm: Storm
    faults: int = 0

    def put_if_absent(self, key: str, content: bytes) -> bool:
        put = self.store.put_if_absent
        return self._call("put", key, lambda: put(key, content), OF_WRITES)[0]

    def put_file_if_absent(self, key: str, source: BinaryIO) -> bool:
        return self.put_if_absent(key, source.read())

    def replace(self, key: str, content: bytes) -> None:
        self._call("replace", key, lambda: self.store.replace(key, content), OF_WRITES)

    def open(self, key: str) -> AbstractContextManager[BinaryIO]:
        content, fault = self._call("open", key, lambda: self.store.read(key), OF_READS)
        return BytesIO(self.storm.damaged(content, fault))

    def size(self, key: str) -> int:
        return self._call("size", key, lambda: self.store.size(key), ANY)[0]

    def exists(self, key: str) -> bool:
        return self._call("exists", key, lambda: self.store.exists(key), ANY)[0]

    def list(self, prefix: str) -> Iterator[StoredObject]:
        yield from self._call("list", prefix, lambda: [*self.store.list(prefix)], ANY)[0]

    def delete(self, key: str) -> None:
        self._call("delete", key, lambda: self.store.delete(key), OF_WRITES)

    def _call(
        self, name: str, key: str, work: Callable[[], T], possible: tuple[Fault, ...]
    ) -> tuple[T, Fault | None]:
        self.turns.await_turn(self.actor)
        fault = self.storm.fault(possible)
        what = f"{self.actor:<10} {name} {key}"
        self.storm.trace.append(f"{self.turns.step:>5} {what}{f'  <- {fault}' if fault else ''}")
        if fault is None:
            result = work()
            if result is False:
                self.storm.trace[-1] += ": False"
            return result, None
        self.faults += 1
        self.storm.injected[fault] += 1
        if fault is Fault.TIMEOUT:
            self.storm.land_later(self.turns.step, what, work)
        result = None if fault in NOT_DONE else work()
        if fault in KILLS:
            raise Killed
        if fault not in DAMAGES:
            raise RetryableError("the storage does not answer", found=fault, where=key)
        return result, fault
