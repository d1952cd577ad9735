from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark import SparkContext
from pyspark.sql import SparkSession

from shark_core.config_sections import Field
from shark_core.errors import DataError
from shark_core.schemas import VOCABULARY_SCHEMA
from shark_core.traffic.encoding import FieldEncoder
from shark_core.traffic.vocabulary import Vocabulary

from .day_lake import tiny_config

CONFIG = tiny_config()
WITH_SPARK = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def hash_field(num_embeddings: int = 101, **options: object) -> Field:
    return Field(
        name="ad", encoding="hash", num_embeddings=num_embeddings, embedding_dim=4, **options
    )


def rows(field: Field, values: pa.Array, vocabulary: Vocabulary | None = None) -> list[object]:
    return FieldEncoder(field, vocabulary).encode(values).to_pylist()


def spark_rows(spark: SparkContext, values: pa.Array, n: int) -> list[int]:
    """Rows by Spark's own expression, in the order of `values`."""
    frame = SparkSession(spark).createDataFrame(pa.table({"v": values})).coalesce(1)
    row = f"if(v is null, 0L, pmod(xxhash64(cast(v as string)), {n} - 1) + 1) as row"
    return frame.selectExpr(row).toArrow()["row"].to_pylist()


@pytest.mark.spark
@WITH_SPARK
@given(
    values=st.lists(st.none() | st.text(max_size=80), min_size=1, max_size=200),
    n=st.sampled_from([2, 101, 2**28 - 1]),
)
def test_hash_rows_of_texts_equal_sparks(spark: SparkContext, values: list, n: int) -> None:
    texts = pa.array(values, pa.string())
    assert rows(hash_field(n), texts) == spark_rows(spark, texts, n)


@pytest.mark.spark
@WITH_SPARK
@given(values=st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=200))
def test_hash_rows_of_integers_equal_sparks(spark: SparkContext, values: list) -> None:
    integers = pa.array(values, pa.int64())
    assert rows(hash_field(1009), integers) == spark_rows(spark, integers, 1009)


@pytest.mark.spark
def test_hash_rows_of_booleans_equal_sparks(spark: SparkContext) -> None:
    values = pa.array([True, False, None])
    assert rows(hash_field(1009), values) == spark_rows(spark, values, 1009)


def test_hash_rows_never_change() -> None:
    values = pa.array(["", "cat", "猫", "a" * 40, None])
    assert rows(hash_field(1_000_003), values) == [729_829, 321_229, 756_216, 763_678, 0]


@given(st.lists(st.text(), min_size=1), st.integers(2, 2**28 - 1))
def test_row_0_is_left_to_missing_values(values: list[str], n: int) -> None:
    found = FieldEncoder(hash_field(n)).encode(pa.array(values)).to_numpy()
    assert found.min() >= 1
    assert found.max() < n


@pytest.mark.parametrize(
    "kind",
    [pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())],
    ids=str,
)
def test_texts_of_every_arrow_type_have_the_same_rows(kind: pa.DataType) -> None:
    values = pa.array(["a", "b", None, "a"])
    assert rows(hash_field(), values.cast(kind)) == rows(hash_field(), values)


@pytest.mark.parametrize(
    "kind",
    [pa.int8(), pa.uint32(), pa.uint64(), pa.string(), pa.dictionary(pa.int32(), pa.int16())],
)
def test_integers_of_every_arrow_type_have_the_same_rows(kind: pa.DataType) -> None:
    values = pa.array([1, 12, None, 0])
    encoded = pa.array(values.to_pylist(), pa.int16()).dictionary_encode()
    same = encoded if pa.types.is_dictionary(kind) else values.cast(kind)
    assert rows(hash_field(), same) == rows(hash_field(), values)


def test_a_column_of_nulls_only_is_missing_everywhere() -> None:
    assert rows(hash_field(), pa.nulls(3)) == [0, 0, 0]
    assert rows(hash_field(pooling="sum"), pa.nulls(2)) == [[], []]


def test_lists_keep_every_occurrence_and_null_lists_are_empty() -> None:
    values = pa.array([["skipped"], ["a", "b", "a"], None, [], ["a", None]]).slice(1)
    a, b = rows(hash_field(), pa.array(["a", "b"]))
    assert rows(hash_field(pooling="mean"), values) == [[a, b, a], [], [], [a, 0]]


@pytest.mark.parametrize("size_type", [pa.large_list(pa.string()), pa.list_(pa.string(), 2)])
def test_lists_of_every_arrow_type_have_the_same_rows(size_type: pa.DataType) -> None:
    values = pa.array([["a", "b"], ["c", "a"]])
    field = hash_field(pooling="sum")
    assert rows(field, values.cast(size_type)) == rows(field, values)


def test_a_separator_splits_texts_and_drops_empty_pieces() -> None:
    a, b = rows(hash_field(), pa.array(["a", "b"]))
    field = hash_field(pooling="sum", separator=",")
    assert rows(field, pa.array(["a,b", ",a,,", "", None])) == [[a, b], [a], [], []]


def test_a_separator_takes_integers_as_lists_of_one() -> None:
    field = hash_field(pooling="sum", separator=",")
    assert rows(field, pa.array([12, None])) == rows(field, pa.array(["12", None]))


def test_identity_values_are_the_rows() -> None:
    assert rows(CONFIG.field("user"), pa.array([0, 49], pa.uint8())) == [0, 49]


@pytest.mark.parametrize("values", [[50], [-1], [None], [2**63]])
def test_identity_refuses_values_outside_the_table(values: list) -> None:
    kind = pa.uint64() if values == [2**63] else pa.int64()
    with pytest.raises(DataError, match="integers from 0 to 49"):
        rows(CONFIG.field("user"), pa.array(values, kind))


def test_vocabulary_values_have_their_rows_and_all_others_row_0() -> None:
    entries = pa.table({"value": ["12", "true"], "row_id": [1, 2]}, schema=VOCABULARY_SCHEMA)
    vocabulary = Vocabulary.of([entries])
    assert rows(CONFIG.field("site"), pa.array([12, 13, None]), vocabulary) == [1, 0, 0]
    assert rows(CONFIG.field("site"), pa.array([True, False]), vocabulary) == [2, 0]


def test_a_vocabulary_field_without_a_vocabulary_is_no_encoder() -> None:
    with pytest.raises(ValueError, match="site"):
        FieldEncoder(CONFIG.field("site"))


def test_row_ids_are_int32_as_the_examples_schema_says() -> None:
    assert FieldEncoder(hash_field()).encode(pa.array(["a"])).type == pa.int32()
    lists = FieldEncoder(hash_field(pooling="sum")).encode(pa.array([["a"]]))
    assert lists.type.value_type == pa.int32()
    assert np.array_equal(lists.offsets.to_numpy(), [0, 1])
