from __future__ import annotations

import pyarrow as pa
import pytest

from shark_core.access.completed_schema import Shortfall, completed_schema, shortfall
from shark_core.schemas import examples_schema, field_column
from tests.traffic.day_lake import document, tiny_config

CONFIG = tiny_config()
SCHEMA = examples_schema(CONFIG)
ASSIGNMENTS = {field.name: field.row_assignment for field in CONFIG.fields}


def without(*names: str) -> pa.Schema:
    return pa.schema([column for column in SCHEMA if column.name not in names])


def test_added_columns_lie_where_the_config_has_them() -> None:
    added = [CONFIG.field(name) for name in ("tags", "user")]
    completed = completed_schema(without("field_user", "field_tags"), CONFIG, added)
    assert completed.equals(SCHEMA)


def test_what_the_config_no_longer_has_stays_and_comes_last() -> None:
    old = pa.field("field_old", pa.int32(), nullable=False)
    present = without("field_ad").insert(0, old)
    completed = completed_schema(present, CONFIG, [CONFIG.field("ad")])
    assert completed.equals(SCHEMA.append(old))


def test_what_was_not_asked_for_is_not_added() -> None:
    present = without("field_user", "field_ad")
    assert completed_schema(present, CONFIG, []).equals(present)


def test_examples_of_the_config_are_short_of_nothing() -> None:
    assert shortfall(SCHEMA, CONFIG, ASSIGNMENTS) == Shortfall((), ())
    assert shortfall(SCHEMA, CONFIG, {}) == Shortfall((), ())


def test_fields_that_lack_are_named_apart_from_other_columns() -> None:
    found = without("field_ad", "field_tags", "dense_age")
    assert shortfall(found, CONFIG, {}) == Shortfall(("ad", "tags"), ("dense_age",))


def test_a_column_of_another_type_is_none_of_the_configs() -> None:
    index = SCHEMA.get_field_index("field_ad")
    found = SCHEMA.set(index, pa.field("field_ad", pa.list_(pa.int32()), nullable=False))
    assert shortfall(found, CONFIG, ASSIGNMENTS) == Shortfall((), ("field_ad",))


@pytest.mark.parametrize("name", ["ad", "tags"])
def test_rows_of_another_table_are_none_of_the_configs(name: str) -> None:
    fields = [
        {**field, "num_embeddings": 77} if field["name"] == name else field
        for field in document()["fields"]
    ]
    config = tiny_config(fields=fields)
    assert shortfall(SCHEMA, config, ASSIGNMENTS) == Shortfall((), (field_column(name),))
