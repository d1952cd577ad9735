"""Tables read back from their files, every row checked against what the description says."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pyarrow as pa
import torch
from torch import Tensor

from shark_core.errors import DataError
from shark_core.publish.stored_table import StoredTable, StoredTier, tombstone_file_name
from shark_core.publish.table_columns import TableColumns, TableContent, read_columns
from shark_core.publish.table_delta import TableDelta, composed
from shark_core.publish.table_files import (
    TOMBSTONE_SCHEMA,
    table_metadata,
    tier_metadata,
    tier_schema,
)
from shark_core.quantization.mixed_precision_table import FALLBACK, MixedPrecisionTable
from shark_core.quantization.schemes import NO_PARAMS
from shark_core.quantization.tier_block import TierBlock
from shark_core.quantization.tiers import rows_by_tier

ReadFile = Callable[[str], TableContent]  # by the file's name


def read_table(
    table: StoredTable, params: Mapping[str, Tensor], read_file: ReadFile, where: str
) -> MixedPrecisionTable:
    """Put a table that is stored whole together from its description, its table params by tier, and
    its files.

    Raises `DataError` where they do not belong together.
    """
    _require_params(table, params, where)
    return MixedPrecisionTable.from_blocks(
        table.embedding_dim,
        table.num_embeddings,
        _blocks(table, params, read_file, where),
        params.get(FALLBACK),
        f"field {table.field!r} of {where}",
    )


def read_changed_table(
    before: MixedPrecisionTable,
    table: StoredTable,
    params: Mapping[str, Tensor],
    read_file: ReadFile,
    where: str,
) -> MixedPrecisionTable:
    """As `read_table` for one that is stored as changes on `before`, the table of its `base`."""
    _require_params(table, params, where)
    tombstones = torch.empty(0, dtype=torch.int64)
    if table.tombstones:
        name = tombstone_file_name(table.field)
        tombstones = _tombstones(read_file(name), table, f"{where}/{name}")
    delta = TableDelta(_blocks(table, params, read_file, where), tombstones)
    place = f"field {table.field!r} of {where}"
    found = composed(before, delta, table.schemes, params, place)
    expected = {tier.tier: tier.rows for tier in table.tiers}
    rows = {t: count for t, count in rows_by_tier(found.tier_codes.numpy()).items() if count}
    if rows != expected:
        raise _damaged(place, f"rows by tier {expected}", f"{rows} on top of {table.base}")
    return found


def _blocks(
    table: StoredTable, params: Mapping[str, Tensor], read_file: ReadFile, where: str
) -> dict[str, TierBlock]:
    return {
        tier.tier: read_tier(
            read_file(tier.file),
            table,
            tier,
            params.get(tier.tier, NO_PARAMS),
            f"{where}/{tier.file}",
        )
        for tier in table.tiers
        if tier.file is not None
    }


def read_tier(
    content: TableContent, table: StoredTable, tier: StoredTier, params: Tensor, where: str
) -> TierBlock:
    """The rows of a tier's file, checked. Raises `DataError` where it is another file."""
    _require_schema(content, tier_schema(tier.row_bytes), where)
    _require_metadata(content, tier_metadata(table, tier, params), where)
    _require_rows(content, tier.stored_rows, where)
    columns = read_columns(content, tier.row_bytes)
    row_ids, packed = _row_ids(columns, table, where), torch.from_numpy(columns.packed)
    return TierBlock(row_ids, packed, tier.scheme, params)


def _tombstones(content: TableContent, table: StoredTable, where: str) -> Tensor:
    _require_schema(content, TOMBSTONE_SCHEMA, where)
    _require_metadata(content, table_metadata(table), where)
    _require_rows(content, table.tombstones, where)
    return _row_ids(read_columns(content, row_bytes=0), table, where)


def _require_schema(content: TableContent, schema: pa.Schema, where: str) -> None:
    if not content.schema.equals(schema):
        columns = ", ".join(f"{column.name} {column.type}" for column in schema)
        raise _damaged(where, columns, content.schema)


def _require_metadata(content: TableContent, expected: Mapping[str, str], where: str) -> None:
    metadata = content.schema.metadata or {}
    found = {key.decode(): value.decode() for key, value in metadata.items()}
    if found != expected:
        raise _damaged(where, f"a file of {expected}", f"one of {found}")


def _require_rows(content: TableContent, rows: int, where: str) -> None:
    if content.rows != rows:
        raise _damaged(where, f"{rows} rows", f"{content.rows} rows")


def _row_ids(columns: TableColumns, table: StoredTable, where: str) -> Tensor:
    if not columns.complete:
        raise _damaged(where, f"{len(columns.row_ids)} rows", "others than its row groups say")
    lowest, highest = columns.extent
    if not columns.ascending or lowest < 0 or highest >= table.num_embeddings:
        raise _damaged(where, f"ascending row ids in [0, {table.num_embeddings})", "other row ids")
    return torch.from_numpy(columns.row_ids)


def _require_params(table: StoredTable, params: Mapping[str, Tensor], where: str) -> None:
    expected = {tier.tier: (tier.param_count,) for tier in table.tiers if tier.param_count}
    found = {tier: tuple(numbers.shape) for tier, numbers in params.items()}
    if found != expected:
        raise _damaged(f"field {table.field!r} of {where}", f"table params of {expected}", found)


def _damaged(where: str, expected: object, found: object) -> DataError:
    return DataError(
        "a table file is damaged",
        expected=expected,
        found=found,
        where=where,
        remedy="run `python -m jobs quantize` for this day again",
    )
