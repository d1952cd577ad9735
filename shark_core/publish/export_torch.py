"""A snapshot as plain tensors: what it serves in fp32, named as in checkpoints.

    model.safetensors     tables.<field>.weight (N, D), constants.<field> (D,), head.*
    model.json            what the model is made of, and which fields are pruned

    weights = safetensors.torch.load_file("out/model.safetensors")
    bag = torch.nn.EmbeddingBag.from_pretrained(weights["tables.user_id.weight"], mode="sum")
    model.load_state_dict(shark_core.models.checkpoint.state_names(weights))

One packed table and 65,536 dequantized rows are in memory at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import torch
from torch import Tensor

from shark_core.models.tensor_file_writer import TensorLayout
from shark_core.publish.catalog import Catalog
from shark_core.publish.compressed_model import MODEL_FILE
from shark_core.publish.export_folder import Export
from shark_core.publish.manifest import Manifest
from shark_core.publish.snapshot_model import model_files
from shark_core.publish.snapshot_tables import SnapshotTables
from shark_core.quantization.mixed_precision_table import ROWS_AT_ONCE, MixedPrecisionTable

WEIGHTS_FILE = "model.safetensors"


def torch_export(catalog: Catalog, manifest: Manifest) -> Export:
    """Raises `DataError`, as writing it does, where the snapshot is damaged."""
    files = model_files(catalog, manifest)
    dense = files.dense_tensors()
    tables = {
        _weight(table.field): TensorLayout(
            torch.float32, (table.num_embeddings, table.embedding_dim)
        )
        for table in manifest.tables
    }
    return Export(
        manifest=manifest,
        documents={MODEL_FILE: files.model},
        tensors_file=WEIGHTS_FILE,
        layouts=tables | {name: TensorLayout.of(tensor) for name, tensor in dense.items()},
        tensors=_tensors(catalog, manifest, dense),
    )


def _tensors(
    catalog: Catalog, manifest: Manifest, dense: Mapping[str, Tensor]
) -> Iterator[tuple[str, Iterable[Tensor]]]:
    for table in manifest.tables:
        yield (
            _weight(table.field),
            _dequantized(SnapshotTables(catalog).read(manifest, table.field)),
        )
    for name, tensor in dense.items():
        yield name, [tensor]


def _dequantized(table: MixedPrecisionTable) -> Iterator[Tensor]:
    for start in range(0, table.num_embeddings, ROWS_AT_ONCE):
        stop = min(start + ROWS_AT_ONCE, table.num_embeddings)
        yield table.dequantize(torch.arange(start, stop))


def _weight(field: str) -> str:
    return f"tables.{field}.weight"
