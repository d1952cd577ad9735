"""A registry in memory that grows over many days, with what must never leave it told otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shark_core.publish.catalog import Catalog
from shark_core.publish.manifest import Manifest
from shark_core.publish.retention import RetentionPolicy
from shark_core.publish.stored_table import StoredTable, StoredTier
from tests.publish.memory_store import MemoryStore
from tests.publish.snapshots import CONTENTS, draft

ALL_PRUNED = StoredTier(
    tier="pruned", scheme="pruned", rows=1, row_bytes=0, param_count=4, stored_rows=0, file=None
)


def table_on(base: str | None) -> StoredTable:
    """A table without files of its own, as changes on another snapshot's."""
    return StoredTable(
        field="a",
        num_embeddings=1,
        embedding_dim=4,
        pooling="sum",
        tiers=(ALL_PRUNED,),
        base=base,
    )


@dataclass
class ExpiringRegistry:
    """`moves`: (ref, snapshot, when) in the order in which they were made."""

    store: MemoryStore = field(default_factory=MemoryStore)
    ids: list[str] = field(default_factory=list)
    moves: list[tuple[str, str, datetime]] = field(default_factory=list)
    bases: dict[str, str | None] = field(default_factory=dict)

    @property
    def catalog(self) -> Catalog:
        return Catalog(self.store, "ctr", now=self.store.clock)

    @property
    def now(self) -> datetime:
        return self.store.clock.time

    def wait(self, hours: float) -> None:
        self.store.clock.time += timedelta(hours=hours)

    def leave_files(self, snapshot_id: str, attempt: str) -> Manifest:
        manifest = draft(snapshot_id).model_copy(update={"attempt": attempt})
        for name, content in CONTENTS.items():
            self.store.put_if_absent(self.catalog.data_key(manifest, name), content)
        return manifest

    def publish(self, base: str | None = None) -> str:
        snapshot_id = f"s{len(self.ids)}"
        manifest = self.leave_files(snapshot_id, "a")
        tables = (table_on(base),)
        self.catalog.commit(manifest.model_copy(update={"tables": tables}))
        self.ids.append(snapshot_id)
        self.bases[snapshot_id] = base
        return snapshot_id

    def promote(self, ref: str, snapshot_id: str) -> None:
        head = self.catalog.head(ref)
        promotion_id = f"p{len(self.moves)}"
        self.catalog.promote(ref, snapshot_id, promotion_id, head.snapshot_id if head else None)
        number = len([move for move in self.moves if move[0] == ref])
        key = f"ctr/refs/{ref}/{99_999_999 - number:08d}.json"
        self.moves.append((ref, snapshot_id, self.store.modified[key]))

    def must_stay(self, policy: RetentionPolicy, now: datetime) -> set[str]:
        """Counted out move by move: what each ref pointed to, from when until when."""
        named: set[str] = set()
        for ref in {move[0] for move in self.moves}:
            moves = [move for move in self.moves if move[0] == ref]
            ends = [*(at for _, _, at in moves[1:]), now]
            for place, ((_, snapshot_id, _), end) in enumerate(zip(moves, ends, strict=True)):
                if place >= len(moves) - policy.keep_entries or end >= now - policy.keep:
                    named.add(snapshot_id)
        return self.with_bases(named)

    def with_bases(self, snapshot_ids: Iterable[str]) -> set[str]:
        found: set[str] = set()
        for snapshot_id in snapshot_ids:
            base: str | None = snapshot_id
            while base is not None:
                found.add(base)
                base = self.bases[base]
        return found

    def is_readable(self, snapshot_id: str) -> bool:
        manifest = self.catalog.find_snapshot(snapshot_id)
        if manifest is None:
            return False
        contents = {name: self.catalog.read_file(manifest, name) for name in CONTENTS}
        return contents == CONTENTS
