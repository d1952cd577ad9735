"""Files that are not those of their description are refused."""

from __future__ import annotations

import pyarrow as pa
import pytest
import torch

from shark_core.errors import DataError
from shark_core.publish.stored_table import StoredTier
from shark_core.publish.table_columns import Part, TableContent, table_content
from shark_core.publish.table_files import tier_metadata, tier_schema
from shark_core.publish.table_reader import read_table, read_tier
from shark_core.quantization.schemes import NO_PARAMS
from tests.publish.stored_tables import MIX, described, make_table, stored_tier

NINE_ROWS = described(make_table([0, 0, 1.0], 9))
THREE_ROWS = StoredTier(
    tier="int8",
    scheme="int8",
    rows=3,
    row_bytes=20,
    param_count=0,
    stored_rows=3,
    file="part.parquet",
)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("field", "item_id"),
        ("tier", "int4"),
        ("scheme", "int2"),
        ("params", "0000803f00000000"),
        ("embedding_dim", "8"),
        ("num_embeddings", "999"),
    ],
)
def test_a_file_that_says_something_else_of_itself_is_refused(key: str, value: str) -> None:
    table = make_table(MIX, 1000)
    tier, params = stored_tier(table, "int2"), table.params["int2"]
    metadata = {**tier_metadata(described(table), tier, params), key: value}
    content = table_content(tier_schema(tier.row_bytes).with_metadata(metadata).empty_table())
    with pytest.raises(DataError, match=rf"(?s)table file is damaged.*found: .*'{key}': '{value}'"):
        read_tier(content, described(table), tier, params, where="part-00000.parquet")


@pytest.mark.parametrize(
    ("row_ids", "width"),
    [
        ([0, 2, 1], 20),
        ([0, 1, 9], 20),
        ([-1, 0, 1], 20),
        ([0, 1, 1], 20),
        ([0, 1, 2], 19),
        ([0, 1], 20),
    ],
)
def test_row_ids_or_widths_that_cannot_be_are_refused(row_ids: list[int], width: int) -> None:
    with pytest.raises(DataError, match="table file is damaged"):
        read_three_rows(table_content(three_rows(row_ids, width)))


@pytest.mark.parametrize("row_ids", [[0, 1], [0, 1, 2, 3]])
def test_row_groups_of_other_rows_than_they_say_are_refused(row_ids: list[int]) -> None:
    rows = three_rows(row_ids, 20)
    content = TableContent(rows.schema, [Part(3, rows.to_batches)])
    with pytest.raises(DataError, match=r"(?s)table file is damaged.*expected: 3 rows"):
        read_three_rows(content)


def three_rows(row_ids: list[int], width: int) -> pa.Table:
    """What `THREE_ROWS` could be read from."""
    schema = tier_schema(width).with_metadata(tier_metadata(NINE_ROWS, THREE_ROWS, NO_PARAMS))
    return pa.table({"row_id": row_ids, "row": [b"x" * width] * len(row_ids)}, schema=schema)


def read_three_rows(content: TableContent) -> None:
    read_tier(content, NINE_ROWS, THREE_ROWS, NO_PARAMS, where="part-00000.parquet")


@pytest.mark.parametrize("change", ["missing", "of another scheme", "of a tier without rows"])
def test_table_params_that_do_not_belong_to_the_tiers_are_refused(change: str) -> None:
    table = make_table([0, 0, 0, 0, 1.0], 9)
    params = {
        "missing": {},
        "of another scheme": {"int2": torch.ones(16)},
        "of a tier without rows": {**table.params, "pruned": torch.ones(16)},
    }[change]
    with pytest.raises(DataError, match=r"(?s)table params of \{'int2': \(2,\)\}.*'user_id'"):
        read_table(described(table), params, lambda _: pytest.fail("read"), where="here")
