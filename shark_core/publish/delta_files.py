"""A table as the changes since the parent snapshot, where that saves bytes.

parent's table ─┐
day's table ────┴→ delta ─→ few bytes, few deltas below it? ─→ files of the changes
                                                   no ─→ None: publish it whole
"""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
from torch import Tensor

from shark_core.config_sections import Release
from shark_core.errors import DataError
from shark_core.publish.catalog import Catalog
from shark_core.publish.manifest import Manifest
from shark_core.publish.snapshot_tables import SnapshotTables
from shark_core.publish.stored_table import StoredTable, tombstone_file_name
from shark_core.publish.table_delta import TableDelta, delta_between
from shark_core.publish.table_files import (
    PARQUET_OPTIONS,
    TOMBSTONE_OPTIONS,
    TOMBSTONE_SCHEMA,
    table_metadata,
    tier_batch,
    tier_metadata,
    tier_schema,
    tombstone_batch,
)
from shark_core.publish.table_reader import ReadFile, read_table
from shark_core.quantization.mixed_precision_table import MixedPrecisionTable
from shark_core.quantization.schemes import NO_PARAMS

log = logging.getLogger("shark")

ROWS_OF_A_GROUP = 1 << 20


@dataclass(frozen=True)
class DeltaTable:
    """A table described as changes, and the content of its files by name: rows, bytes."""

    table: StoredTable
    files: Mapping[str, tuple[int, bytes]]


@dataclass(frozen=True)
class DeltaMaker:
    """Builds on `parent`, a committed snapshot of `catalog`."""

    catalog: Catalog
    parent: Manifest
    policy: Release

    def delta_of(
        self, table: StoredTable, params: Mapping[str, Tensor], read_file: ReadFile, where: str
    ) -> DeltaTable | None:
        """`table` as changes; None where it must or should be published whole.

        Both tables are in memory meanwhile. Raises `DataError` where `table` cannot be read; a
        parent that cannot holds nothing up.
        """
        try:
            before = self._before(table)
        except DataError as error:
            log.warning(
                "field %r is published whole: its parent is damaged: %s", table.field, error
            )
            return None
        if before is None:
            return None
        after = read_table(table, params, read_file, where)
        delta = delta_between(before, after)
        most = self.policy.max_delta_share * sum(block.nbytes for block in after.blocks.values())
        if delta is None or delta.packed_bytes > most:
            return None
        rows = {tier: len(block.row_ids) for tier, block in delta.blocks.items()}
        described = table.as_delta(self.parent.snapshot_id, rows, len(delta.tombstones))
        return DeltaTable(described, delta_files(described, delta, params))

    def _before(self, table: StoredTable) -> MixedPrecisionTable | None:
        """The parent's table, read only where the descriptions say that it can be built upon."""
        before = next((t for t in self.parent.tables if t.field == table.field), None)
        if before is None or not _alike(before, table):
            return None
        tables = SnapshotTables(self.catalog)
        if len(tables.lineage(self.parent, table.field)) > self.policy.max_deltas:
            return None
        return tables.read(self.parent, table.field)


def _alike(before: StoredTable, after: StoredTable) -> bool:
    shapes = [(table.num_embeddings, table.embedding_dim) for table in (before, after)]
    in_both = before.schemes.keys() & after.schemes.keys()
    return shapes[0] == shapes[1] and all(
        before.schemes[tier] == after.schemes[tier] for tier in in_both
    )


def delta_files(
    table: StoredTable, delta: TableDelta, params: Mapping[str, Tensor]
) -> dict[str, tuple[int, bytes]]:
    """Name → rows and content of the files of a table that is described as `delta`."""
    files = {}
    for tier in table.tiers:
        if tier.file is not None:
            metadata = tier_metadata(table, tier, params.get(tier.tier, NO_PARAMS))
            batch = tier_batch(delta.blocks[tier.tier])
            content = _parquet(batch, tier_schema(tier.row_bytes), metadata, PARQUET_OPTIONS)
            files[tier.file] = (batch.num_rows, content)
    if table.tombstones:
        batch, metadata = tombstone_batch(delta.tombstones), table_metadata(table)
        content = _parquet(batch, TOMBSTONE_SCHEMA, metadata, TOMBSTONE_OPTIONS)
        files[tombstone_file_name(table.field)] = (batch.num_rows, content)
    return files


def _parquet(
    rows: pa.RecordBatch, schema: pa.Schema, metadata: dict[str, str], options: dict[str, object]
) -> bytes:
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, schema, **options) as writer:
        writer.add_key_value_metadata(metadata)
        writer.write_batch(rows, row_group_size=ROWS_OF_A_GROUP)
    return sink.getvalue()
