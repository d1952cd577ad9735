"""A compressed model on disk, and the model rebuilt from it.

compressed/ds=2022-04-25/
    table=user_id/tier=int8/part-00000.parquet     see `shark_core.publish.table_files`
    table=user_id/tier=fp16/part-00000.parquet
    table_params.safetensors                       <field>.<tier>: what the tier's rows share
    dense.safetensors                              head.*, and constants.<field> of pruned fields
    model.json                                     what the model is made of

The partition's marker describes the tables (`shark_core.publish.stored_table`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Literal

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from shark_core.config import PipelineConfig
from shark_core.config_sections import Section
from shark_core.errors import DataError
from shark_core.lake import Lake, Partition, partition
from shark_core.models.ctr_model import CtrModel, model_from_spec
from shark_core.models.model_spec import ModelSpec
from shark_core.models.table_params_file import load_table_params
from shark_core.publish.stored_table import stored_tables
from shark_core.publish.table_files import read_table
from shark_core.quantization.mixed_precision_table import MixedPrecisionTable
from shark_core.schemas import COMPRESSED

DENSE_FILE, MODEL_FILE = "dense.safetensors", "model.json"


class ModelDescription(Section):
    """model.json."""

    format_version: Literal[1] = 1
    spec: ModelSpec
    pruned: tuple[str, ...]


def rebuild_model(config: PipelineConfig, lake: Lake, day: date) -> CtrModel:
    """The compressed model of a day with the weights that its bytes decode to, on CPU.

    Raises `DataError` where the partition is missing, damaged, or of another config.
    """
    source = partition(COMPRESSED, day)
    description = _description(lake, source)
    if description.spec != ModelSpec.of(config):
        raise _unusable(lake, source, "fields and model as in the config", description.spec)
    model = model_from_spec(description.spec, seed=0, pruned=description.pruned)
    for name, table in _tables(lake, source, model.kept):
        _fill(model.embeddings.weight(name), table.dequantize())
    _load_dense(model, lake, source)
    return model


def _description(lake: Lake, source: Partition) -> ModelDescription:
    try:
        return ModelDescription.model_validate_json(lake.read_file(source, MODEL_FILE))
    except ValidationError as error:
        raise _unusable(lake, source, f"{MODEL_FILE} of format version 1", error) from error


def _tables(
    lake: Lake, source: Partition, kept: list[str]
) -> Iterator[tuple[str, MixedPrecisionTable]]:
    """The tables one after the other, so that one at a time is in memory."""
    tables = {table.field: table for table in stored_tables(lake.marker(source))}
    if [*tables] != kept:
        raise _unusable(lake, source, f"tables of {kept}", f"tables of {[*tables]}")
    where = lake.location(source.path)
    params = load_table_params(lake, source)
    for name, table in tables.items():
        yield (
            name,
            read_table(
                table,
                params.get(name, {}),
                lambda file: lake.read_parquet(lake.file_entry(source, file).path),
                where,
            ),
        )


def _load_dense(model: CtrModel, lake: Lake, source: Partition) -> None:
    try:
        dense = load(lake.read_file(source, DENSE_FILE))
        head = {
            name.removeprefix("head."): t for name, t in dense.items() if name.startswith("head.")
        }
        model.head.load_state_dict(head)
        for name, constant in model.embeddings.constants.items():
            _fill(constant, dense[f"constants.{name}"])
    except (SafetensorError, RuntimeError, KeyError) as error:
        raise _unusable(lake, source, f"{DENSE_FILE} that fits {MODEL_FILE}", error) from error


@torch.no_grad()
def _fill(parameter: Tensor, values: Tensor) -> None:
    parameter.copy_(values)


def _unusable(lake: Lake, source: Partition, expected: object, found: object) -> DataError:
    return DataError(
        "a compressed model cannot be used",
        expected=expected,
        found=found,
        where=lake.location(source.path),
        remedy="run `python -m jobs quantize` for this day again",
    )
