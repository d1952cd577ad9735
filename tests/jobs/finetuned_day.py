"""A finetuned checkpoint and row tiers of any size, written without a model in memory.

    python -m tests.jobs.finetuned_day SMALL LARGE {quantize,load}

does so under a limit on its address space: what it has after quantizing the small lake, one shard,
and 512 MiB.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

import numpy as np
import torch

from jobs.context import DayContext
from jobs.quantize import quantize
from shark_core.config import PipelineConfig
from shark_core.lake import FileEntry, Lake, partition
from shark_core.models.checkpoint import (
    FORMAT_VERSION,
    WEIGHTS_FILE,
    load_checkpoint,
    named_weights,
)
from shark_core.models.checkpoint_shards import SHARD_BYTES
from shark_core.models.ctr_model import build_model
from shark_core.models.model_spec import ModelSpec
from shark_core.models.table_params_file import write_table_params
from shark_core.partition_writer import PartitionWriter
from shark_core.quantization.mixed_precision_table import MixedPrecisionTable
from shark_core.quantization.row_tiers import write_row_tiers
from shark_core.quantization.tiers import TIERS
from shark_core.schemas import CHECKPOINT, ROW_TIERS
from tests.example_lake import DAY, STAMP, tiny_config

DIM = 16
ROOM = 512 << 20
BLOCK_ROWS = 1 << 18
TABLE = "tables.user.weight"
PARAMS = {"int2": torch.tensor([1.0, -1.5]), "pruned": torch.zeros(DIM)}


def config_of(root: Path, rows: int) -> PipelineConfig:
    fields = [{"name": "user", "encoding": "hash", "num_embeddings": rows}]
    return tiny_config(root, fields=fields, embedding_dim=DIM)


def write_finetuned_day(
    root: Path, rows: int, tiers: tuple[int, ...] = tuple(range(len(TIERS)))
) -> PipelineConfig:
    """One table of `rows` × 16 numbers, its rows in the tiers of these codes at random, and on
    their grids.
    """
    config = config_of(root, rows)
    description = {
        "format_version": FORMAT_VERSION,
        "spec": ModelSpec.of(config).model_dump(mode="json"),
        "pruned": [],
    }
    codes = np.random.default_rng(0).choice(np.array(tiers, dtype=np.uint8), rows)
    with PartitionWriter(Lake(config.lake), partition(ROW_TIERS, DAY), STAMP) as writer:
        write_row_tiers(writer, "user", codes)
        assigned = writer.commit({})
    target = partition(CHECKPOINT, DAY, stage="finetuned")
    with PartitionWriter(Lake(config.lake), target, STAMP) as writer:
        writer.add([_write_weights(writer, config, codes)])
        writer.write_bytes("checkpoint.json", json.dumps(description).encode())
        write_table_params(writer, {"user": PARAMS})
        writer.commit({"row_tiers": assigned.fingerprint})
    return config


def _write_weights(writer: PartitionWriter, config: PipelineConfig, codes: np.ndarray) -> FileEntry:
    """A safetensors file whose table is the same block of rows again and again, each time on the
    grids of other tiers.
    """
    rows = len(codes)
    head = named_weights(build_model(config_of(Path(config.lake), rows=2)))
    del head[TABLE]
    shapes = {name: list(tensor.shape) for name, tensor in head.items()} | {TABLE: [rows, DIM]}
    header, end = {}, 0
    for name, shape in shapes.items():
        begin, end = end, end + 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
    content = json.dumps(header).encode()
    block = torch.from_numpy(np.random.default_rng(1).normal(size=(BLOCK_ROWS, DIM))).float()
    path = writer.files.new_path(WEIGHTS_FILE)
    target = Path(writer.lake.absolute(path))
    target.parent.mkdir(parents=True)
    with target.open("wb") as file:
        file.write(len(content).to_bytes(8, "little") + content)
        for tensor in head.values():
            file.write(tensor.numpy().tobytes())
        for start in range(0, rows, BLOCK_ROWS):
            of_block = codes[start : start + BLOCK_ROWS]
            file.write(_on_grids(block[: len(of_block)], of_block, config).numpy().tobytes())
    return FileEntry(path, 0, target.stat().st_size, "")


def _on_grids(rows: torch.Tensor, codes: np.ndarray, config: PipelineConfig) -> torch.Tensor:
    schemes = config.tiers.schemes
    return MixedPrecisionTable.from_float(rows, codes, schemes, PARAMS, "user").dequantize()


def address_space() -> int:
    """Bytes that this process has mapped."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


def main(small: str, large: str, rows: str, work: str) -> None:
    quantize(DayContext(config_of(Path(small), BLOCK_ROWS), DAY, "small"))
    limit = address_space() + SHARD_BYTES + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    context = DayContext(config_of(Path(large), int(rows)), DAY, "large")
    if work == "load":
        load_checkpoint(context.lake, context.partition(CHECKPOINT, stage="finetuned"))
    else:
        sys.stdout.write(json.dumps(quantize(context).figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
