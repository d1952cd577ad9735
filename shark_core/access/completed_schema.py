"""The columns of a past day's examples once they are completed, and what the config misses in them.

config        label  event_time  dense_price  field_user  field_city  field_ad
the day's     label  event_time  dense_price  field_user              field_ad   field_old
completed     label  event_time  dense_price  field_user  field_city  field_ad   field_old
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from shark_core.config import PipelineConfig
from shark_core.config_sections import Field
from shark_core.schemas import examples_schema, field_column
from shark_core.traffic.example_columns import is_same_type


def completed_schema(
    present: pa.Schema, config: PipelineConfig, added: Sequence[Field]
) -> pa.Schema:
    """What the day has and `added`, in the config's order; what the config does not have, last."""
    wanted = examples_schema(config)
    new = {field_column(field.name) for field in added}
    columns = {column.name: column.remove_metadata() for column in present}
    columns |= {name: wanted.field(name) for name in new}
    ordered = dict.fromkeys([*wanted.names, *present.names])
    return pa.schema([columns[name] for name in ordered if name in columns])


@dataclass(frozen=True)
class Shortfall:
    """What a config reads that examples do not have: names of `fields` that they lack, which a
    backfill could add, and of `others`, columns that they lack or that mean something else.
    """

    fields: tuple[str, ...]
    others: tuple[str, ...]


def shortfall(
    found: pa.Schema, config: PipelineConfig, row_assignments: Mapping[str, str]
) -> Shortfall:
    """`row_assignments`: of the fields in the examples, as their marker tells them."""
    lacking = tuple(
        field.name for field in config.fields if field_column(field.name) not in found.names
    )
    absent = {field_column(name) for name in lacking}
    others = [
        column.name
        for column in examples_schema(config)
        if column.name not in absent and not _has(found, column)
    ]
    others += [
        field_column(field.name)
        for field in config.fields
        if row_assignments.get(field.name, field.row_assignment) != field.row_assignment
    ]
    return Shortfall(lacking, tuple(dict.fromkeys(others)))


def _has(found: pa.Schema, column: pa.Field) -> bool:
    return column.name in found.names and is_same_type(found.field(column.name).type, column.type)
