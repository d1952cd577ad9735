"""The days that fault schedules publish: what each holds, and what a reader must therefore get."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import BinaryIO

from shark_core.config_sections import Release
from shark_core.publish.catalog import CANDIDATE, PRODUCTION, Catalog
from shark_core.publish.manifest import Manifest
from shark_core.publish.publication import publish_snapshot
from shark_core.publish.snapshot_file import SnapshotFile
from shark_core.publish.snapshot_tables import SnapshotTables
from shark_core.quantization.mixed_precision_table import MixedPrecisionTable
from tests.publish.day_tables import FIELD, DayTables
from tests.publish.memory_store import MemoryStore
from tests.publish.promotion_ledger import Ledger, NotedCatalog
from tests.publish.snapshots import CONTENTS, draft
from tests.publish.stored_tables import MIX, changed, make_table, same_tables

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

    def store(self, catalog: Catalog) -> Manifest:
        return publish_snapshot(catalog, self.draft, self.open)

    def is_in(self, catalog: Catalog, manifest: Manifest) -> bool:
        """Whether a reader of the snapshot gets what was published."""
        files = {file.name: catalog.read_file(manifest, file.name) for file in manifest.files}
        return files == self.contents and manifest.same_content(self.draft)

    def publish(self, catalog: Catalog) -> Manifest:
        """What the publish job does with a store."""
        manifest = self.store(catalog)
        catalog.advance(CANDIDATE, manifest, self.promotion_id)
        return manifest

    def release(self, catalog: Catalog) -> None:
        """What the release job does where it promotes by itself."""
        catalog.advance(PRODUCTION, catalog.snapshot(self.snapshot_id), self.promotion_id)


@dataclass(frozen=True)
class TableRun(Run):
    """A day with a table, stored as changes on the day before's where that is published."""

    @cached_property
    def snapshot_id(self) -> str:
        return hashlib.sha256(f"table of day {self.day}".encode()).hexdigest()[:16]

    @cached_property
    def table(self) -> MixedPrecisionTable:
        if self.day == 0:
            return make_table(MIX, rows=40)
        return changed(TableRun(self.day - 1).table, [(self.day, 2, True), (self.day + 9, 5, True)])

    @cached_property
    def tables(self) -> DayTables:
        parent = TableRun(self.day - 1).snapshot_id if self.day else None
        return DayTables.of(self.snapshot_id, self.day, self.table, parent)

    @cached_property
    def contents(self) -> dict[str, bytes]:
        return {name: content for name, (_, content) in self.tables.contents.items()}

    @cached_property
    def draft(self) -> Manifest:
        return self.tables.manifest

    def store(self, catalog: Catalog) -> Manifest:
        return self.tables.publish(catalog, DELTAS)

    def is_in(self, catalog: Catalog, manifest: Manifest) -> bool:
        return same_tables(SnapshotTables(catalog).read(manifest, FIELD), self.table)


DELTAS = Release(max_deltas=2, max_delta_share=1.0)
FILE_RUNS = tuple(Run(day) for day in range(4))
TABLE_RUNS = tuple(TableRun(day) for day in range(4))
RUN_OF = {run.snapshot_id: run for run in (*FILE_RUNS, *TABLE_RUNS)}


def runs_of(seed: int) -> tuple[Run, ...]:
    """Of every sixteenth schedule tables, which take ten times as long to publish and read."""
    return TABLE_RUNS if seed % 16 == 0 else FILE_RUNS


def published(runs: Sequence[Run], ledger: Ledger) -> MemoryStore:
    """A store in which these days went through without a fault."""
    store = MemoryStore()
    catalog = NotedCatalog(store, MODEL, store.clock, ledger)
    for run in runs:
        run.publish(catalog)
        run.release(catalog)
    return store
