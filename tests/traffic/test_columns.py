from __future__ import annotations

import pyarrow as pa
import pytest

from shark_core.errors import DataError
from shark_core.traffic.columns import check_columns, columns_read

from .day_lake import records, tiny_config

CONFIG = tiny_config()


def schema_with(column: str, kind: pa.DataType) -> pa.Schema:
    schema = records(3).schema
    return schema.set(schema.get_field_index(column), pa.field(column, kind))


def complaint(schema: pa.Schema, **changes: object) -> str:
    with pytest.raises(DataError) as caught:
        check_columns(schema, tiny_config(**changes), "lake/traffic/part-0.parquet")
    assert "lake/traffic/part-0.parquet" in str(caught.value)
    return str(caught.value)


def test_columns_are_read_once_even_if_two_features_share_one() -> None:
    config = tiny_config(dense_features=[{"name": "price"}, {"name": "cost", "column": "price"}])
    assert columns_read(config).count("price") == 1


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("clicked", pa.bool_()),
        ("clicked", pa.float32()),
        ("clicked", pa.decimal128(3, 1)),
        ("served_at", pa.timestamp("ns")),
        ("served_at", pa.timestamp("ms", tz="Asia/Shanghai")),
        ("price", pa.uint8()),
        ("price", pa.dictionary(pa.int8(), pa.float64())),
        ("user", pa.uint64()),
        ("ad", pa.large_string()),
        ("ad", pa.bool_()),
        ("site", pa.dictionary(pa.int32(), pa.string())),
        ("tags", pa.large_list(pa.int16())),
        ("tags", pa.list_(pa.string(), 3)),
        ("tags", pa.list_(pa.dictionary(pa.int8(), pa.string()))),
        ("topics", pa.int64()),
        ("ad", pa.null()),
    ],
    ids=str,
)
def test_columns_that_can_only_mean_one_thing_are_taken(column: str, kind: pa.DataType) -> None:
    schema, other = schema_with(column, kind), "price" if column != "price" else "ad"
    check_columns(schema, CONFIG, "here")
    message = complaint(schema.remove(schema.get_field_index(other)))
    assert (repr(column) in message, repr(other) in message) == (False, True)


@pytest.mark.parametrize(
    ("column", "kind", "expected"),
    [
        ("clicked", pa.string(), "numbers or booleans"),
        ("served_at", pa.int64(), "timestamps"),
        ("served_at", pa.date32(), "timestamps"),
        ("price", pa.string(), "numbers"),
        ("price", pa.list_(pa.float32()), "numbers"),
        ("user", pa.string(), "integers"),
        ("user", pa.list_(pa.int64()), "integers, one a record (pooling is 'none')"),
        ("ad", pa.float64(), "integers, booleans or strings"),
        ("ad", pa.list_(pa.string()), "one a record (pooling is 'none')"),
        ("tags", pa.string(), "lists of integers, booleans or strings"),
        ("tags", pa.list_(pa.float32()), "lists of integers, booleans or strings"),
        ("topics", pa.list_(pa.string()), "strings joined by ','"),
        ("ad", pa.struct([("a", pa.int8())]), "integers, booleans or strings"),
    ],
    ids=str,
)
def test_columns_of_another_type_are_refused(column: str, kind: pa.DataType, expected: str) -> None:
    message = complaint(schema_with(column, kind))
    assert f"column {column!r}" in message
    assert expected in message
    assert f"found {kind}" in message


def test_integer_event_times_need_a_unit() -> None:
    changes = {"event_time": {"column": "served_at", "unit": "ms"}}
    assert "integers (ms since 1970)" in complaint(records(3).schema, **changes)


def test_missing_columns_are_all_named_at_once() -> None:
    message = complaint(records(3).drop_columns(["ad", "price"]).schema)
    assert "in 2 column(s)" in message
    assert message.count("found no such column") == 2


def test_a_name_that_occurs_twice_is_refused() -> None:
    schema = records(3).schema
    assert "2 columns of this name" in complaint(schema.append(pa.field("ad", pa.string())))
