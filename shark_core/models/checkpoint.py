"""A model on disk, without pickle.

checkpoint/ds=2022-04-25/stage=baseline/
    weights.safetensors     tables.<field>.weight, constants.<field>, head.*
    row_sums.safetensors    <field>: row-wise Adagrad's accumulators (baseline only)
    checkpoint.json         what the model is made of, which fields are pruned, seed, metrics
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from shark_core.config import PipelineConfig
from shark_core.errors import DataError
from shark_core.lake import Lake, Partition
from shark_core.models.ctr_model import CtrModel, model_from_spec
from shark_core.models.model_spec import ModelSpec
from shark_core.partition_writer import PartitionWriter

FORMAT_VERSION = 1
WEIGHTS_FILE = "weights.safetensors"
EMBEDDINGS = "embeddings."


def write_checkpoint(
    writer: PartitionWriter,
    model: CtrModel,
    config: PipelineConfig,
    metrics: Mapping[str, Any],
    row_sums: Mapping[str, Tensor] | None = None,
) -> None:
    """Write the files; the caller commits. The same weights give the same bytes."""
    document = {
        "format_version": FORMAT_VERSION,
        "spec": model.spec.model_dump(mode="json"),
        "pruned": model.pruned,
        "config_hash": config.config_hash,
        "seed": config.training.seed,
        "metrics": dict(metrics),
    }
    writer.write_bytes(WEIGHTS_FILE, save(named_weights(model)))
    if row_sums is not None:
        writer.write_bytes("row_sums.safetensors", save(_on_cpu(row_sums)))
    writer.write_bytes("checkpoint.json", json.dumps(document, indent=1, sort_keys=True).encode())


def load_checkpoint(
    lake: Lake, source: Partition, config: PipelineConfig | None = None
) -> CtrModel:
    """The model exactly as it was written, on CPU.

    Raises `DataError` where the checkpoint is missing or damaged, or, given a config, where the
    model was made by another one.
    """
    spec, pruned = load_description(lake, source, config)
    model = model_from_spec(spec, seed=0, pruned=pruned)
    weights = _read_tensors(lake, source, WEIGHTS_FILE)
    try:
        model.load_state_dict(state_names(weights))
    except RuntimeError as error:
        raise _damaged(lake, source, "tensors that fit checkpoint.json", error) from error
    return model


def load_description(
    lake: Lake, source: Partition, config: PipelineConfig | None = None
) -> tuple[ModelSpec, list[str]]:
    """What the model is made of, and its pruned fields. Raises `DataError` as `load_checkpoint`."""
    spec, pruned = _read_description(lake, source)
    if config is not None and spec != ModelSpec.of(config):
        raise _damaged(lake, source, "fields, dense features and model as in the config", spec)
    return spec, pruned


def load_row_sums(lake: Lake, source: Partition) -> dict[str, Tensor]:
    """Row-wise Adagrad's accumulators `(num_embeddings,)` by field. Raises `DataError`."""
    return _read_tensors(lake, source, "row_sums.safetensors")


def named_weights(model: CtrModel) -> dict[str, Tensor]:
    """All weights on CPU: `tables.<field>.weight`, `constants.<field>`, `head.*`."""
    state = model.state_dict()
    return _on_cpu({name.removeprefix(EMBEDDINGS): tensor for name, tensor in state.items()})


def state_names(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inverse of `named_weights`: a state_dict of the model."""
    return {
        name if name.startswith("head.") else EMBEDDINGS + name: tensor
        for name, tensor in weights.items()
    }


def _on_cpu(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _read_description(lake: Lake, source: Partition) -> tuple[ModelSpec, list[str]]:
    text = lake.read_file(source, "checkpoint.json")
    try:
        document = json.loads(text)
        if document["format_version"] != FORMAT_VERSION:
            found = f"format_version {document['format_version']}"
            raise _damaged(lake, source, f"format_version {FORMAT_VERSION}", found)
        return ModelSpec.model_validate(document["spec"]), list(document["pruned"])
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise _damaged(lake, source, "format_version, spec, pruned", error) from error


def _read_tensors(lake: Lake, source: Partition, name: str) -> dict[str, Tensor]:
    content = lake.read_file(source, name)
    try:
        return load(content)
    except SafetensorError as error:
        raise _damaged(lake, source, f"{name} in the safetensors format", error) from error


def _damaged(lake: Lake, source: Partition, expected: str, found: object) -> DataError:
    return DataError(
        "a checkpoint cannot be used",
        expected=expected,
        found=found,
        where=lake.location(source.path),
        remedy=f"run `python -m jobs {source.dataset.job}` for this day again",
    )
