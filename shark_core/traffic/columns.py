"""What the columns of traffic may be, and how they are read: as plain numbers, texts and lists.

Traffic comes from anywhere: integers of any width, dictionary-encoded or large strings, naive
timestamps. `check_columns` refuses what cannot be meant before anything is read; the rest is made
plain here, so that nothing further on knows about Arrow's variants.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from shark_core.config import PipelineConfig
from shark_core.config_sections import Field
from shark_core.errors import DataError

Accepts = Callable[[pa.DataType], bool]


@dataclass(frozen=True)
class ColumnRule:
    """A column that the config reads, and what it may hold. Columns of nulls only always fit."""

    column: str
    key: str
    expected: str
    accepts: Accepts


def is_text(kind: pa.DataType) -> bool:
    return types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)


def without_views(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with string views as plain strings: Arrow cannot filter views yet."""
    return batch.cast(
        pa.schema([column.with_type(_viewless(column.type)) for column in batch.schema])
    )


def _viewless(kind: pa.DataType) -> pa.DataType:
    if types.is_string_view(kind):
        return pa.large_string()
    if is_list(kind) and types.is_string_view(kind.value_type):
        return pa.large_list(pa.large_string())
    return kind


def is_list(kind: pa.DataType) -> bool:
    return types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)


def _is_number(kind: pa.DataType) -> bool:
    exact = types.is_integer(kind) or types.is_boolean(kind) or types.is_decimal(kind)
    return exact or types.is_floating(kind)


def _is_value(kind: pa.DataType) -> bool:
    return types.is_integer(kind) or types.is_boolean(kind) or is_text(kind)


def _is_joined(kind: pa.DataType) -> bool:
    return types.is_integer(kind) or is_text(kind)


def _is_list_of(accepts: Accepts) -> Accepts:
    return lambda kind: (
        is_list(kind) and (types.is_null(kind.value_type) or accepts(_decoded(kind.value_type)))
    )


def column_rules(config: PipelineConfig) -> list[ColumnRule]:
    """One rule for everything that the config reads, in the config's order."""
    label, time = config.label, config.event_time
    rules = [ColumnRule(label.column, "label", "numbers or booleans", _is_number)]
    if time.unit == "timestamp":
        rules.append(ColumnRule(time.column, "event_time", "timestamps", types.is_timestamp))
    else:
        expected = f"integers ({time.unit} since 1970)"
        rules.append(ColumnRule(time.column, "event_time", expected, types.is_integer))
    rules += [
        ColumnRule(dense.column, f"dense_features.{dense.name}", "numbers", _is_number)
        for dense in config.dense_features
    ]
    return rules + [_field_rule(field) for field in config.fields]


def _field_rule(field: Field) -> ColumnRule:
    """Floats are never values: 12 and 12.0 would be two texts. Cast them where traffic is made."""
    key = f"fields.{field.name}"
    identity = field.encoding == "identity"
    value: Accepts = types.is_integer if identity else _is_value
    values = "integers" if identity else "integers, booleans or strings"
    if field.separator is not None:
        joined = f"strings joined by {field.separator!r}"
        return ColumnRule(field.column, key, joined, _is_joined)
    if field.multi_valued:
        return ColumnRule(field.column, key, f"lists of {values}", _is_list_of(value))
    return ColumnRule(field.column, key, f"{values}, one a record (pooling is 'none')", value)


def columns_read(config: PipelineConfig) -> list[str]:
    """The names of the columns that the config reads, each once."""
    return list(dict.fromkeys(rule.column for rule in column_rules(config)))


def check_columns(schema: pa.Schema, config: PipelineConfig, where: str) -> None:
    """Raises one `DataError` that lists every column of the file that cannot be meant."""
    problems = [problem for rule in column_rules(config) if (problem := _problem(schema, rule))]
    if problems:
        raise DataError(
            f"traffic does not fit the config in {len(problems)} column(s)\n" + "\n".join(problems),
            where=where,
            remedy="correct the file or the keys named above; cast floats to integers in fields",
        )


def _problem(schema: pa.Schema, rule: ColumnRule) -> str | None:
    indices = schema.get_all_field_indices(rule.column)
    kind = _decoded(schema.field(indices[0]).type) if len(indices) == 1 else None
    if kind is not None and (types.is_null(kind) or rule.accepts(kind)):
        return None
    found = f"{len(indices)} columns of this name" if indices else "no such column"
    return (
        f"  column {rule.column!r} (config key {rule.key}): expected {rule.expected}, "
        f"found {found if kind is None else kind}"
    )


def _decoded(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if types.is_dictionary(kind) else kind


def plain(values: pa.Array) -> pa.Array:
    """Without dictionaries and string views; a column of nulls becomes texts of nulls."""
    if types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if types.is_null(values.type) or types.is_string_view(values.type):
        return values.cast(pa.large_string())
    return values


@dataclass(frozen=True, eq=False)
class FieldValues:
    """A field's values in B records, jagged: record i has the next `lengths[i]` of `values`.

    ["a", "b"]  []  ["c"]   →   values  a b c      lengths  2 0 1
    """

    values: pa.Array  # (N,) plain
    lengths: np.ndarray  # (B,) int64


def field_values(column: pa.Array, field: Field) -> FieldValues:
    """A single-valued field has one value a record, maybe null; a null list is an empty list."""
    if not field.multi_valued:
        return FieldValues(plain(column), np.ones(len(column), dtype=np.int64))
    if types.is_null(column.type):
        column = column.cast(pa.list_(pa.string()))
    if field.separator is not None and not is_list(column.type):
        texts = plain(column).cast(pa.large_string())
        column = pc.split_pattern(texts, pattern=field.separator)
    values, parents = plain(column.flatten()), pc.list_parent_indices(column)
    if field.separator is not None:  # "a,,b" and "" hold no empty value
        some = pc.greater(pc.binary_length(values), 0)
        values, parents = values.filter(some), parents.filter(some)
    lengths = np.bincount(parents.to_numpy().astype(np.int64), minlength=len(column))
    return FieldValues(values, lengths)
