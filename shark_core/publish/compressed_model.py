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

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
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
from shark_core.publish.stored_table import StoredTable, stored_tables
from shark_core.publish.table_columns import table_content
from shark_core.publish.table_reader import read_table
from shark_core.quantization.mixed_precision_table import MixedPrecisionTable
from shark_core.schemas import COMPRESSED

DENSE_FILE, MODEL_FILE = "dense.safetensors", "model.json"


class ModelDescription(Section):
    """model.json."""

    format_version: Literal[1] = 1
    spec: ModelSpec
    pruned: tuple[str, ...]

    @property
    def kept(self) -> list[str]:
        """The fields that have a table, in the config's order."""
        return [field.name for field in self.spec.fields if field.name not in self.pruned]


@dataclass(frozen=True)
class ModelFiles:
    """The two files beside the tables; `where` and `remedy` are for messages.

    Methods raise `DataError` where a file is damaged or they do not fit together.
    """

    model: bytes
    dense: bytes
    where: str
    remedy: str

    def description(self) -> ModelDescription:
        try:
            return ModelDescription.model_validate_json(self.model)
        except ValidationError as error:
            raise self.unusable(f"{MODEL_FILE} of format version 1", error) from error

    def build(self, tables: Iterable[tuple[str, MixedPrecisionTable]]) -> CtrModel:
        """The model on CPU with the weights that its bytes decode to.

        `tables` by field; each may be made as it is taken, so that one at a time is in memory.
        """
        description = self.description()
        model = model_from_spec(description.spec, seed=0, pruned=description.pruned)
        for name, table in tables:
            _fill(model.embeddings.weight(name), table.dequantize())
        self._load_dense(model)
        return model

    def dense_tensors(self) -> dict[str, Tensor]:
        """`head.*`, and `constants.<field>` of pruned fields."""
        try:
            return load(self.dense)
        except SafetensorError as error:
            raise self.unusable(f"{DENSE_FILE} in the safetensors format", error) from error

    def unusable(self, expected: object, found: object) -> DataError:
        return DataError(
            "a compressed model cannot be used",
            expected=expected,
            found=found,
            where=self.where,
            remedy=self.remedy,
        )

    def _load_dense(self, model: CtrModel) -> None:
        dense = self.dense_tensors()
        try:
            model.head.load_state_dict(_head(dense))
            for name, constant in model.embeddings.constants.items():
                _fill(constant, dense[f"constants.{name}"])
        except (RuntimeError, KeyError) as error:
            raise self.unusable(f"{DENSE_FILE} that fits {MODEL_FILE}", error) from error


def rebuild_model(config: PipelineConfig, lake: Lake, day: date) -> CtrModel:
    """The compressed model of a day with the weights that its bytes decode to, on CPU.

    Raises `DataError` where the partition is missing, damaged, or of another config.
    """
    source = partition(COMPRESSED, day)
    files = ModelFiles(
        model=lake.read_file(source, MODEL_FILE),
        dense=lake.read_file(source, DENSE_FILE),
        where=lake.location(source.path),
        remedy="run `python -m jobs quantize` for this day again",
    )
    description = files.description()
    if description.spec != ModelSpec.of(config):
        raise files.unusable("fields and model as in the config", description.spec)
    tables = {table.field: table for table in stored_tables(lake.marker(source))}
    if [*tables] != description.kept:
        raise files.unusable(f"tables of {description.kept}", f"tables of {[*tables]}")
    return files.build(_tables(lake, source, tables))


def _tables(
    lake: Lake, source: Partition, tables: Mapping[str, StoredTable]
) -> Iterator[tuple[str, MixedPrecisionTable]]:
    where = lake.location(source.path)
    params = load_table_params(lake, source)
    for name, table in tables.items():
        yield (
            name,
            read_table(
                table,
                params.get(name, {}),
                lambda file: table_content(lake.read_parquet(lake.file_entry(source, file).path)),
                where,
            ),
        )


def _head(dense: Mapping[str, Tensor]) -> dict[str, Tensor]:
    prefix = "head."
    return {n.removeprefix(prefix): t for n, t in dense.items() if n.startswith(prefix)}


@torch.no_grad()
def _fill(parameter: Tensor, values: Tensor) -> None:
    parameter.copy_(values)
