from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shark_core.interval import Interval
from shark_core.schemas import examples_schema
from shark_core.traffic.encoding import FieldEncoder
from shark_core.traffic.example_batches import example_batch
from shark_core.traffic.quarantine import quarantine_batch
from shark_core.traffic.validation import REASONS, count_reasons, find_reasons
from shark_core.traffic.vocabulary import Vocabulary

from .day_lake import DAY, next_day, records, tiny_config, with_values

CONFIG = tiny_config()
INTERVAL = Interval.of_day(DAY)
NO_WORDS = Vocabulary.of([])
MIDNIGHT = datetime(2026, 1, 2)  # noqa: DTZ001


def batch_of(table: pa.Table) -> pa.RecordBatch:
    return table.combine_chunks().to_batches()[0]


def reasons(table: pa.Table, **changes: Any) -> list[str | None]:
    codes = find_reasons(batch_of(table), tiny_config(**changes), INTERVAL)
    return [REASONS[code - 1] if code else None for code in codes]


def column_reasons(column: str, values: pa.Array, **changes: Any) -> list[str | None]:
    table = records(len(values))
    index = table.schema.get_field_index(column)
    return reasons(table.set_column(index, column, values), **changes)


def examples(table: pa.Table) -> pa.RecordBatch:
    encoders = {
        field.name: FieldEncoder(field, NO_WORDS if field.encoding == "vocabulary" else None)
        for field in CONFIG.fields
    }
    return example_batch(batch_of(table), CONFIG, encoders)


def test_valid_records_have_no_reason() -> None:
    assert reasons(records(100)) == [None] * 100


@pytest.mark.parametrize(
    "values",
    [
        pa.array([0, 1, 2, -1, None], pa.int8()),
        pa.array([0.0, 1.0, 0.5, float("nan"), None]),
        pa.array([Decimal(0), Decimal(1), Decimal(7), Decimal("0.1"), None]),
        pa.array([0, 1, 255, 254, None], pa.uint8()),
        pa.array([0, 1, 2, 3, None]).dictionary_encode(),
    ],
    ids=lambda values: str(values.type),
)
def test_labels_are_0_or_1_whatever_their_type(values: pa.Array) -> None:
    bad = ["label_not_binary"] * 2
    assert column_reasons("clicked", values) == [None, None, *bad, "label_missing"]


def test_boolean_labels_are_labels() -> None:
    values = pa.array([True, False, None])
    assert column_reasons("clicked", values) == [None, None, "label_missing"]
    assert examples(records(2).set_column(0, "clicked", values[:2]))["label"].to_pylist() == [1, 0]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
def test_the_day_is_half_open_in_utc(unit: str, zone: str | None) -> None:
    start = int(INTERVAL.start.timestamp())
    ticks = np.array([start - 1, start, start + 86_399, start + 86_400])
    scale = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    values = pa.array([*(ticks * scale).tolist(), None]).cast(pa.timestamp(unit, tz=zone))
    outside = "event_time_outside_interval"
    expected = [outside, None, None, outside, "event_time_missing"]
    assert column_reasons("served_at", values) == expected


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_integer_event_times_are_in_the_configs_unit(unit: str) -> None:
    scale = {"s": 1, "ms": 10**3, "us": 10**6}[unit]
    values = pa.array([int(INTERVAL.start.timestamp()) * scale, 2**62, -(2**62)])
    outside = ["event_time_outside_interval"] * 2
    changes = {"event_time": {"column": "served_at", "unit": unit}}
    assert column_reasons("served_at", values, **changes) == [None, *outside]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_event_times_are_kept_in_microseconds(unit: str) -> None:
    table = records(24)  # one an hour
    times = table["served_at"].cast(pa.timestamp(unit))
    found = examples(table.set_column(1, "served_at", times))["event_time"]
    assert found.to_pylist() == table["served_at"].to_pylist()


def test_dense_values_are_finite_and_nulls_need_a_fill() -> None:
    values = pa.array([1.0, None, float("nan"), float("-inf"), 1e300])
    bad = ["dense_not_finite"] * 3
    assert column_reasons("price", values) == [None, "dense_missing", *bad]
    assert column_reasons("age", values) == [None, None, *bad]


def test_a_fill_stands_for_null() -> None:
    assert examples(with_values(records(2), "age", {1: None}))["dense_age"][1].as_py() == -1.0


def test_the_signed_logarithm_is_symmetric() -> None:
    config = tiny_config(
        dense_features=[{"name": "price", "transform": "signed_log1p"}],
        fields=[{"name": "user", "encoding": "identity", "num_embeddings": 50}],
    )
    table = with_values(records(3), "price", {0: 0.0, 1: 9.0, 2: -9.0})
    encoders = {"user": FieldEncoder(config.fields[0])}
    found = example_batch(batch_of(table), config, encoders)["dense_price"].to_numpy()
    assert found == pytest.approx([0.0, np.log(10), -np.log(10)])


def test_identity_values_are_inside_the_table() -> None:
    bad = "id_out_of_range"
    values = pa.array([0, 49, 50, -1, None])
    assert column_reasons("user", values) == [None, None, bad, bad, "id_missing"]
    assert column_reasons("user", pa.array([2**64 - 1], pa.uint64())) == [bad]


def test_one_bad_value_of_a_list_refuses_the_record() -> None:
    fields = [{"name": "tags", "encoding": "identity", "num_embeddings": 5, "pooling": "sum"}]
    values = pa.array([[1, 4], [1, 5], None, [], [1, None]])
    expected = [None, "id_out_of_range", None, None, "id_missing"]
    assert column_reasons("tags", values, fields=fields) == expected


def test_identity_values_in_joined_texts_are_integers() -> None:
    field = {"name": "tags", "encoding": "identity", "num_embeddings": 5}
    fields = [{**field, "pooling": "sum", "separator": ","}]
    values = pa.array(["1,4", "1,x", "1,7", "", "1," + "9" * 30])
    bad = ["id_not_integer", "id_out_of_range", None, "id_not_integer"]
    assert column_reasons("tags", values, fields=fields) == [None, *bad]


def test_the_first_reason_in_the_fixed_order_wins() -> None:
    table = with_values(records(2), "user", {0: 99, 1: 99})
    table = with_values(table, "price", {0: None, 1: None})
    table = with_values(table, "clicked", {0: None})
    assert reasons(table) == ["label_missing", "dense_missing"]


CORRUPTIONS = st.dictionaries(
    st.integers(0, 19),
    st.sampled_from(
        [
            ("clicked", None),
            ("clicked", 3),
            ("served_at", None),
            ("served_at", MIDNIGHT),
            ("price", None),
            ("price", float("nan")),
            ("price", float("inf")),
            ("age", None),
            ("user", None),
            ("user", -5),
            ("user", 1000),
            ("ad", None),
            ("tags", None),
            ("topics", None),
        ]
    ),
)


@given(CORRUPTIONS)
def test_every_record_is_an_example_or_in_quarantine(
    corruptions: dict[int, tuple[str, Any]],
) -> None:
    table = records(20)
    for row, (column, value) in corruptions.items():
        table = with_values(table, column, {row: value})
    batch = batch_of(table)
    codes = find_reasons(batch, CONFIG, INTERVAL)
    good = examples(pa.Table.from_batches([batch.filter(pa.array(codes == 0))]))
    bad = quarantine_batch(batch, codes, "traffic/part.parquet", first_row=100)
    assert good.num_rows + bad.num_rows == 20
    assert sum(count_reasons(codes).values()) == bad.num_rows
    harmless = {"age", "ad", "tags", "topics"}
    refused = {row for row, (column, _) in corruptions.items() if column not in harmless}
    assert {row - 100 for row in bad["source_row"].to_pylist()} == refused


def test_examples_follow_their_schema() -> None:
    found = examples(records(50))
    found.validate(full=True)
    assert found.schema == examples_schema(CONFIG)
    assert sum(column.null_count for column in found.columns) == 0


def test_another_days_records_are_all_outside() -> None:
    assert set(reasons(records(5, day=next_day(DAY)))) == {"event_time_outside_interval"}
