"""A compressed model on disk, and the model rebuilt from it.

compressed/ds=2022-04-25/
    table=user_id/tier=int8/part-00000.parquet     see `shark_core.publish.table_files`
    table=user_id/tier=fp16/part-00000.parquet
    dense.safetensors                              head.*, and constants.<field> of pruned fields
    model.json                                     what the model is made of
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Literal

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from shark_core.config import PipelineConfig
from shark_core.config_sections import Section
from shark_core.errors import DataError
from shark_core.lake import FileEntry, Lake, Partition, partition
from shark_core.models.checkpoint import named_weights
from shark_core.models.ctr_model import CtrModel, model_from_spec
from shark_core.models.model_spec import ModelSpec
from shark_core.partition_writer import PartitionWriter
from shark_core.publish.table_files import (
    PARQUET_OPTIONS,
    read_tier,
    tier_batches,
    tier_file_name,
    tier_schema,
)
from shark_core.quantization.mixed_precision_table import MixedPrecisionTable
from shark_core.quantization.tiers import TIERS
from shark_core.schemas import COMPRESSED

DENSE_FILE, MODEL_FILE = "dense.safetensors", "model.json"


class ModelDescription(Section):
    """model.json."""

    format_version: Literal[1] = 1
    spec: ModelSpec
    pruned: tuple[str, ...]


def write_table(writer: PartitionWriter, field: str, table: MixedPrecisionTable) -> None:
    """Write one file for each tier that has rows; the caller commits."""
    for tier in table.blocks:
        schema = tier_schema(field, tier, table)
        batches = tier_batches(table, tier, schema)
        writer.write_batches(tier_file_name(field, tier), schema, batches, **PARQUET_OPTIONS)


def write_dense(writer: PartitionWriter, model: CtrModel) -> None:
    """Write everything of the model that is not a table; the caller commits."""
    dense = {
        name: tensor
        for name, tensor in named_weights(model).items()
        if not name.startswith("tables.")
    }
    description = ModelDescription(spec=model.spec, pruned=tuple(model.pruned))
    writer.write_bytes(DENSE_FILE, save(dense))
    writer.write_bytes(MODEL_FILE, description.model_dump_json(indent=1).encode())


def rebuild_model(config: PipelineConfig, lake: Lake, day: date) -> CtrModel:
    """The compressed model of a day with the weights that its bytes decode to, on CPU.

    Raises `DataError` where the partition is missing, damaged, or of another config.
    """
    source = partition(COMPRESSED, day)
    description = _description(lake, source)
    if description.spec != ModelSpec.of(config):
        raise _unusable(lake, source, "fields and model as in the config", description.spec)
    model = model_from_spec(description.spec, seed=0, pruned=description.pruned)
    with torch.no_grad():
        for name in model.kept:
            table = _read_table(config, lake, source, name)
            model.embeddings.weight(name).copy_(table.dequantize())
    _load_dense(model, lake, source)
    return model


def _description(lake: Lake, source: Partition) -> ModelDescription:
    try:
        return ModelDescription.model_validate_json(lake.read_file(source, MODEL_FILE))
    except ValidationError as error:
        raise _unusable(lake, source, f"{MODEL_FILE} of format version 1", error) from error


def _read_table(
    config: PipelineConfig, lake: Lake, source: Partition, name: str
) -> MixedPrecisionTable:
    field = config.field(name)
    blocks = {
        tier: read_tier(
            lake.read_parquet(entry.path),
            tier,
            field.num_embeddings,
            field.embedding_dim,
            where=lake.location(entry.path),
        )
        for tier, entry in _tier_entries(lake, source, name)
    }
    where = f"field {name!r} of {lake.location(source.path)}"
    return MixedPrecisionTable.from_blocks(field.embedding_dim, field.num_embeddings, blocks, where)


def _tier_entries(lake: Lake, source: Partition, name: str) -> Iterator[tuple[str, FileEntry]]:
    for entry in lake.marker(source).files:
        for tier in TIERS:
            if f"/table={name}/tier={tier}/" in entry.path:
                yield tier, entry


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
