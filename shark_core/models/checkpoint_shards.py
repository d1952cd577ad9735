"""A checkpoint's tables as runs of rows, for tables of any size.

    shards("user_id")   Shard(0, rows (n, D))   Shard(n, rows (n, D))   …   SHARD_BYTES at most
    dense()             head.*, and constants.<field> of pruned fields

One shard at a time is in memory; nothing else of a table is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from torch import Tensor

from shark_core.config import PipelineConfig
from shark_core.config_sections import Field
from shark_core.errors import DataError
from shark_core.lake import Lake, Partition
from shark_core.models.checkpoint import WEIGHTS_FILE, load_description
from shark_core.models.model_spec import ModelSpec
from shark_core.models.tensor_file import NUMBER_BYTES, TensorFile, open_tensors

SHARD_BYTES = 32 << 20
SHARD_ROWS = 1 << 20  # at most: a row takes memory, as a row id or so, whatever its dimension
TABLES = "tables."


@dataclass(frozen=True)
class Shard:
    """Rows (n, D) float32 of a table, beginning with row `first_row`."""

    first_row: int
    rows: Tensor

    @property
    def end(self) -> int:
        return self.first_row + len(self.rows)


@dataclass(frozen=True)
class CheckpointShards:
    """`kept` and `pruned` are the fields with a table and those with a constant."""

    spec: ModelSpec
    kept: tuple[Field, ...]
    pruned: tuple[str, ...]
    weights: TensorFile

    def rows_of_a_shard(self, field: Field) -> int:
        """Of every shard but the last, which may have fewer."""
        return min(SHARD_ROWS, max(1, SHARD_BYTES // (NUMBER_BYTES * field.embedding_dim)))

    def shards(self, field: Field) -> Iterator[Shard]:
        """All rows of a table in order. Raises `DataError` where the file ends too early."""
        rows = self.rows_of_a_shard(field)
        for first in range(0, field.num_embeddings, rows):
            stop = min(first + rows, field.num_embeddings)
            yield Shard(first, self.weights.read_rows(_table(field.name), first, stop))

    def dense(self) -> dict[str, Tensor]:
        """Every tensor that is not a table."""
        names = [name for name in self.weights.tensors if not name.startswith(TABLES)]
        return {name: self.weights.read(name) for name in names}


@contextmanager
def open_checkpoint(
    lake: Lake, source: Partition, config: PipelineConfig
) -> Iterator[CheckpointShards]:
    """Raises `DataError` where the checkpoint is missing, damaged, or of another config."""
    spec, pruned = load_description(lake, source, config)
    kept = tuple(field for field in spec.fields if field.name not in pruned)
    with open_tensors(lake, source, WEIGHTS_FILE) as weights:
        expected = {_table(f.name): (f.num_embeddings, f.embedding_dim) for f in kept}
        found = {n: t.shape for n, t in weights.tensors.items() if n.startswith(TABLES)}
        if found != expected:
            raise DataError(
                "a checkpoint does not hold the tables that it describes",
                expected=expected,
                found=found,
                where=lake.location(source.path),
                remedy=f"run `python -m jobs {source.dataset.job}` for this day again",
            )
        yield CheckpointShards(spec, kept, tuple(pruned), weights)


def _table(field: str) -> str:
    return f"{TABLES}{field}.weight"
