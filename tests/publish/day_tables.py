"""Drafts of snapshots with a table in it, as a day's compressed partition would give them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.torch import save

from shark_core.config_sections import Release
from shark_core.models.table_params_file import FILE_NAME as PARAMS_FILE
from shark_core.publish.catalog import Catalog
from shark_core.publish.manifest import Manifest
from shark_core.publish.publication import publish_snapshot
from shark_core.publish.snapshot_file import SnapshotFile
from shark_core.publish.table_files import PARQUET_OPTIONS, tier_batch, tier_metadata, tier_schema
from shark_core.quantization.mixed_precision_table import MixedPrecisionTable
from shark_core.quantization.schemes import NO_PARAMS
from tests.publish.snapshots import draft
from tests.publish.stored_tables import described

FIELD = "user_id"


@dataclass(frozen=True)
class DayTables:
    """The files of a draft by name, each with its rows and content."""

    manifest: Manifest
    contents: Mapping[str, tuple[int, bytes]]

    @classmethod
    def of(
        cls, snapshot_id: str, day: int, table: MixedPrecisionTable, parent: str | None
    ) -> DayTables:
        """One table, of the field `user_id`."""
        stored = described(table)
        contents = {PARAMS_FILE: (0, save({f"{FIELD}.{t}": p for t, p in table.params.items()}))}
        for tier in stored.tiers:
            if tier.file is not None:
                params = table.params.get(tier.tier, NO_PARAMS)
                content = _parquet(table, tier.tier, tier_metadata(stored, tier, params))
                contents[tier.file] = (tier.rows, content)
        files = tuple(_described(name, *contents[name]) for name in sorted(contents))
        update = {"tables": (stored,), "files": files, "parent": parent}
        return cls(draft(snapshot_id, day).model_copy(update=update), contents)

    def publish(self, catalog: Catalog, policy: Release) -> Manifest:
        return publish_snapshot(catalog, self.manifest, self.open, policy)

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        yield io.BytesIO(self.contents[name][1])


def _described(name: str, rows: int, content: bytes) -> SnapshotFile:
    digest = hashlib.sha256(content).hexdigest()
    return SnapshotFile(name=name, rows=rows, bytes=len(content), sha256=digest)


def _parquet(table: MixedPrecisionTable, tier: str, metadata: dict[str, str]) -> bytes:
    batch: pa.RecordBatch = tier_batch(table.tier_block(tier))
    sink = io.BytesIO()
    schema = tier_schema(table.blocks[tier].shape[1])
    with pq.ParquetWriter(sink, schema, **PARQUET_OPTIONS) as writer:
        writer.add_key_value_metadata(metadata)
        writer.write_batch(batch)
    return sink.getvalue()
