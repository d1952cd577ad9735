"""The days that fault schedules publish: what each holds, and what a reader must therefore get."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import BinaryIO

from shark_core.publish.catalog import CANDIDATE, PRODUCTION, Catalog
from shark_core.publish.manifest import Manifest, SnapshotFile
from shark_core.publish.publication import publish_snapshot
from tests.publish.memory_store import MemoryStore
from tests.publish.promotion_ledger import Ledger, NotedCatalog
from tests.publish.snapshots import CONTENTS, draft

MODEL = "ctr"
REFS = (CANDIDATE, PRODUCTION)


@dataclass(frozen=True)
class Run:
    """One day's publish and release. Every day's files have other bytes."""

    day: int

    @cached_property
    def snapshot_id(self) -> str:
        return hashlib.sha256(f"day {self.day}".encode()).hexdigest()[:16]

    @property
    def promotion_id(self) -> str:
        return f"{MODEL}-{self.day}-{self.snapshot_id}"

    @cached_property
    def contents(self) -> dict[str, bytes]:
        return {name: f"{self.snapshot_id} {name} ".encode() * 5 for name in CONTENTS}

    @cached_property
    def draft(self) -> Manifest:
        files = tuple(
            SnapshotFile(
                name=name, rows=0, bytes=len(content), sha256=hashlib.sha256(content).hexdigest()
            )
            for name, content in self.contents.items()
        )
        return draft(self.snapshot_id, self.day).model_copy(update={"files": files})

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        yield BytesIO(self.contents[name])

    def publish(self, catalog: Catalog) -> Manifest:
        """What the publish job does with a store."""
        manifest = publish_snapshot(catalog, self.draft, self.open)
        catalog.advance(CANDIDATE, manifest, self.promotion_id)
        return manifest

    def release(self, catalog: Catalog) -> None:
        """What the release job does where it promotes by itself."""
        catalog.advance(PRODUCTION, catalog.snapshot(self.snapshot_id), self.promotion_id)


RUNS = tuple(Run(day) for day in range(4))
RUN_OF = {run.snapshot_id: run for run in RUNS}


def published(days: int, ledger: Ledger) -> MemoryStore:
    """A store in which the first days went through without a fault."""
    store = MemoryStore()
    catalog = NotedCatalog(store, MODEL, store.clock, ledger)
    for run in RUNS[:days]:
        run.publish(catalog)
        run.release(catalog)
    return store
