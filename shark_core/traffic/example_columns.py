"""Does a file of examples fit the config that reads it?"""

from __future__ import annotations

import pyarrow as pa

from shark_core.errors import DataError


def check_columns(found: pa.Schema, expected: pa.Schema, where: str) -> None:
    """Raise `DataError` for the first expected column that is missing or of another type."""
    for column in expected:
        index = found.get_field_index(column.name)
        kind = found.field(index).type if index >= 0 else None
        if kind is None or not is_same_type(kind, column.type):
            raise _misfit(column.name, column.type, kind or "no such column", where)


def check_not_null(table: pa.Table, where: str) -> None:
    """Raise `DataError` for the first column that holds a null: examples have none."""
    for name in table.column_names:
        if nulls := table[name].null_count:
            raise _misfit(name, "no nulls", f"{nulls} null(s)", where)


def is_same_type(found: pa.DataType, expected: pa.DataType) -> bool:
    """Lists are the same whatever their item is called."""
    if pa.types.is_list(expected):
        return pa.types.is_list(found) and found.value_type == expected.value_type
    return bool(found == expected)


def _misfit(column: str, expected: object, found: object, where: str) -> DataError:
    return DataError(
        f"examples column {column!r} does not fit the config",
        expected=expected,
        found=found,
        where=where,
        remedy="run `python -m jobs ingest` for that file's day again with the present config; "
        "`python -m jobs backfill-examples` adds a new field to examples of past days",
    )
