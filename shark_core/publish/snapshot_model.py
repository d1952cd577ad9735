"""The model of a snapshot, as it serves: every byte checked, tables dequantized."""

from __future__ import annotations

from collections.abc import Iterator

from shark_core.models.ctr_model import CtrModel
from shark_core.publish.catalog import Catalog
from shark_core.publish.compressed_model import DENSE_FILE, MODEL_FILE, ModelFiles
from shark_core.publish.manifest import Manifest
from shark_core.publish.snapshot_tables import SnapshotTables
from shark_core.quantization.mixed_precision_table import MixedPrecisionTable


def load_snapshot_model(catalog: Catalog, manifest: Manifest) -> CtrModel:
    """The snapshot's model on CPU. Raises `DataError` where a file is missing or damaged."""
    return model_files(catalog, manifest).build(_tables(catalog, manifest))


def model_files(catalog: Catalog, manifest: Manifest) -> ModelFiles:
    """What a snapshot holds beside its tables.

    Raises `DataError` where it is damaged, or describes other tables than the manifest.
    """
    files = ModelFiles(
        model=catalog.read_file(manifest, MODEL_FILE),
        dense=catalog.read_file(manifest, DENSE_FILE),
        where=f"snapshot {manifest.snapshot_id} of {manifest.model}",
        remedy="name another snapshot, or run `python -m jobs publish` for that day again",
    )
    kept, tables = files.description().kept, [table.field for table in manifest.tables]
    if tables != kept:
        raise files.unusable(f"tables of {kept}", f"tables of {tables}")
    return files


def _tables(catalog: Catalog, manifest: Manifest) -> Iterator[tuple[str, MixedPrecisionTable]]:
    """One after the other, so that one at a time is in memory."""
    for table in manifest.tables:
        yield table.field, SnapshotTables(catalog).read(manifest, table.field)
