"""A snapshot for FBGEMM: written without it, read back into its modules.

    fbgemm.json            shapes, tiers, scales (`FbgemmSpec`); see `fbgemm_layout` for the rows
    fbgemm.safetensors     <field>.<tier> uint8 (n, row_bytes), <field>.remap int32 (N,)
    dense.safetensors      head.*, constants.<field>: as the snapshot has them
    model.json             as the snapshot has it

    embeddings = load_fbgemm(Path("out"))
    pooled = embeddings(batch)          field → (B, D)

One table is in memory at a time when it is written: some five times its packed bytes, of which
reading it takes up to three.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from torch import Tensor

from shark_core.errors import DataError
from shark_core.models.table_params_file import FILE_NAME as PARAMS_FILE
from shark_core.models.table_params_file import read_table_params
from shark_core.models.tensor_file_writer import TensorLayout
from shark_core.publish.catalog import Catalog
from shark_core.publish.compressed_model import DENSE_FILE, MODEL_FILE, ModelFiles
from shark_core.publish.export_folder import Export
from shark_core.publish.fbgemm_layout import FbgemmSpec, FbgemmTable, remap, tier_rows
from shark_core.publish.fbgemm_tables import FbgemmField, FbgemmTables
from shark_core.publish.manifest import Manifest
from shark_core.publish.snapshot_model import model_files
from shark_core.publish.snapshot_tables import SnapshotTables
from shark_core.quantization.mixed_precision_table import MixedPrecisionTable

SPEC_FILE, ROWS_FILE = "fbgemm.json", "fbgemm.safetensors"
EXPORT_AGAIN = "run `python -m jobs export --to fbgemm` again"


def fbgemm_export(catalog: Catalog, manifest: Manifest) -> Export:
    """Raises `DataError`, as writing it does, where the snapshot is damaged."""
    files = model_files(catalog, manifest)
    key = catalog.data_key(manifest, PARAMS_FILE)
    params = read_table_params(catalog.read_file(manifest, PARAMS_FILE), key)
    spec = FbgemmSpec(
        model=manifest.model,
        snapshot_id=manifest.snapshot_id,
        tables=tuple(
            FbgemmTable.of(table, params.get(table.field, {})) for table in manifest.tables
        ),
    )
    layouts = {name: layout for table in spec.tables for name, layout in table.layouts.items()}
    return Export(
        manifest=manifest,
        documents={
            SPEC_FILE: spec.model_dump_json(indent=1).encode(),
            DENSE_FILE: files.dense,
            MODEL_FILE: files.model,
        },
        tensors_file=ROWS_FILE,
        layouts=layouts,
        tensors=_tensors(catalog, manifest, spec),
    )


def load_fbgemm(folder: Path) -> FbgemmTables:
    """The modules of an exported folder, on CPU.

    Raises `DataError` where its files are missing or damaged, `ConfigError` without FBGEMM.
    """
    try:
        spec = FbgemmSpec.model_validate_json((folder / SPEC_FILE).read_bytes())
        model, dense = ((folder / name).read_bytes() for name in (MODEL_FILE, DENSE_FILE))
        files = ModelFiles(model, dense, str(folder), EXPORT_AGAIN)
        tensors, description = files.dense_tensors(), files.description()
        constants = {name: tensors[f"constants.{name}"] for name in description.pruned}
        fields = {table.field: _field(folder / ROWS_FILE, table) for table in spec.tables}
    except (ValidationError, SafetensorError, FileNotFoundError, KeyError) as error:
        raise _damaged(folder, f"{SPEC_FILE} and the files that it describes", error) from error
    return FbgemmTables([field.name for field in description.spec.fields], fields, constants)


def _tensors(
    catalog: Catalog, manifest: Manifest, spec: FbgemmSpec
) -> Iterator[tuple[str, Iterable[Tensor]]]:
    for table in spec.tables:
        yield from _of_table(SnapshotTables(catalog).read(manifest, table.field), table)


def _of_table(
    held: MixedPrecisionTable, table: FbgemmTable
) -> Iterator[tuple[str, Iterable[Tensor]]]:
    for tier in table.tiers:
        yield f"{table.field}.{tier.tier}", [tier_rows(held, tier.tier, table.width)]
    yield f"{table.field}.remap", [remap(held, table)]


def _field(path: Path, table: FbgemmTable) -> FbgemmField:
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in table.layouts}
    found = {name: TensorLayout.of(tensor) for name, tensor in tensors.items()}
    if found != table.layouts:
        raise _damaged(path, table.layouts, found)
    *rows, numbers = tensors.values()
    return FbgemmField(table, rows, numbers)


def _damaged(where: Path, expected: object, found: object) -> DataError:
    return DataError(
        "an exported folder cannot be loaded",
        expected=expected,
        found=found,
        where=where,
        remedy=EXPORT_AGAIN,
    )
