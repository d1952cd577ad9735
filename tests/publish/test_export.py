"""Snapshots as torch and FBGEMM have them: the same model, whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from shark_core.config_sections import Release
from shark_core.errors import ConfigError, DataError
from shark_core.models.batch import Batch, FieldRows
from shark_core.models.checkpoint import named_weights, state_names
from shark_core.models.ctr_model import CtrModel, model_from_spec
from shark_core.publish.catalog import Catalog
from shark_core.publish.compressed_model import DENSE_FILE, MODEL_FILE, ModelDescription
from shark_core.publish.export_fbgemm import ROWS_FILE, SPEC_FILE, fbgemm_export, load_fbgemm
from shark_core.publish.export_folder import Export
from shark_core.publish.export_torch import WEIGHTS_FILE, torch_export
from shark_core.publish.manifest import Manifest
from shark_core.publish.object_store_local import LocalStore
from shark_core.publish.snapshot_model import load_snapshot_model
from shark_core.quantization.mixed_precision_table import ROWS_AT_ONCE
from tests.publish.day_tables import FIELD
from tests.publish.stored_tables import MIX, changed, make_table
from tests.publish.whole_models import PRUNED, model_of, publish_model

ROWS = 300
EXPORTS = pytest.mark.parametrize("export", [torch_export, fbgemm_export])


@pytest.fixture
def model() -> CtrModel:
    return model_of(make_table(MIX, ROWS), "none")


@pytest.fixture
def manifest(catalog: Catalog, model: CtrModel) -> Manifest:
    return publish_model(catalog, make_table(MIX, ROWS), model)


def batch_of(rows: int, examples: int = 64) -> Batch:
    generator = torch.Generator().manual_seed(1)
    values = torch.randint(0, rows, (examples,), generator=generator)
    ids = {FIELD: FieldRows(values, torch.arange(examples + 1))}
    return Batch(torch.zeros(examples), torch.zeros(examples, 0), ids)


def reloaded(folder: Path) -> CtrModel:
    """From the torch export alone."""
    description = ModelDescription.model_validate_json((folder / MODEL_FILE).read_bytes())
    model = model_from_spec(description.spec, seed=9, pruned=description.pruned)
    model.load_state_dict(state_names(load_file(folder / WEIGHTS_FILE)))
    return model


def assert_same_weights(found: CtrModel, expected: CtrModel) -> None:
    weights, wanted = named_weights(found), named_weights(expected)
    assert weights.keys() == wanted.keys()
    assert [name for name in wanted if not torch.equal(weights[name], wanted[name])] == []


def test_a_snapshots_model_is_what_was_published(
    catalog: Catalog, manifest: Manifest, model: CtrModel
) -> None:
    assert_same_weights(load_snapshot_model(catalog, manifest), model)


def test_the_torch_export_is_a_state_dict_of_the_same_model(
    catalog: Catalog, manifest: Manifest, model: CtrModel, tmp_path: Path
) -> None:
    written: list[int] = []
    export = torch_export(catalog, manifest)
    export.write(tmp_path / "out", written.append)
    assert sum(written) == export.nbytes
    assert {path.name for path in (tmp_path / "out").iterdir()} == {WEIGHTS_FILE, MODEL_FILE}
    assert_same_weights(reloaded(tmp_path / "out"), model)
    with safe_open(tmp_path / "out" / WEIGHTS_FILE, framework="pt") as file:
        assert file.metadata() == {"model": "ctr", "snapshot": "whole", "day": "2022-04-25"}


def test_tables_of_many_rows_are_written_a_run_at_a_time(catalog: Catalog, tmp_path: Path) -> None:
    table = make_table(MIX, ROWS_AT_ONCE + 7)
    model = model_of(table, "none")
    parts: list[int] = []
    torch_export(catalog, publish_model(catalog, table, model)).write(tmp_path / "o", parts.append)
    assert max(parts) == ROWS_AT_ONCE * 4 * table.embedding_dim
    assert_same_weights(reloaded(tmp_path / "o"), model)


def test_fbgemm_serves_the_same_logits(
    catalog: Catalog, manifest: Manifest, model: CtrModel, tmp_path: Path
) -> None:
    fbgemm_export(catalog, manifest).write(tmp_path / "out")
    embeddings, batch = load_fbgemm(tmp_path / "out"), batch_of(ROWS)
    expected, found = model.embeddings(batch), embeddings(batch)
    assert [*found] == [*expected] == [FIELD, PRUNED]
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert torch.equal(model.head(found, batch.dense), model(batch))


@EXPORTS
def test_a_snapshot_of_changes_is_exported_as_the_whole_that_it_is(
    catalog: Catalog, manifest: Manifest, tmp_path: Path, export: object
) -> None:
    later = changed(make_table(MIX, ROWS), [(3, 2, True), (4, 5, False), (5, 0, True)])
    model, deltas = model_of(later, "none"), Release(max_deltas=3, max_delta_share=1.0)
    second = publish_model(catalog, later, model, "later", manifest.snapshot_id, deltas)
    assert second.table(FIELD).base == manifest.snapshot_id
    export(catalog, second).write(tmp_path / "out")  # type: ignore[operator]
    if export is torch_export:
        assert_same_weights(reloaded(tmp_path / "out"), model)
        return
    batch = batch_of(ROWS)
    found = load_fbgemm(tmp_path / "out")(batch)
    assert torch.equal(found[FIELD], model.embeddings(batch)[FIELD])


@EXPORTS
@pytest.mark.parametrize("kind", ["folder", "file"])
def test_nothing_is_overwritten(
    catalog: Catalog, manifest: Manifest, tmp_path: Path, export: object, kind: str
) -> None:
    taken = tmp_path / "out"
    if kind == "folder":
        taken.mkdir()
    (taken / "notes" if kind == "folder" else taken).write_text("mine")
    with pytest.raises(ConfigError, match="does not overwrite"):
        export(catalog, manifest).write(taken)  # type: ignore[operator]


def test_an_empty_folder_is_filled(catalog: Catalog, manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    torch_export(catalog, manifest).write(tmp_path / "out")
    assert (tmp_path / "out" / WEIGHTS_FILE).is_file()


@EXPORTS
def test_a_damaged_snapshot_leaves_no_folder(
    catalog: Catalog, store: LocalStore, manifest: Manifest, tmp_path: Path, export: object
) -> None:
    path = store.root / catalog.data_key(manifest, f"table={FIELD}/tier=fp16/part-00000.parquet")
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    made: Export = export(catalog, manifest)  # type: ignore[operator]
    with pytest.raises(DataError, match="damaged"):
        made.write(tmp_path / "work" / "out")
    assert [*(tmp_path / "work").iterdir()] == []


@pytest.mark.parametrize("name", [SPEC_FILE, ROWS_FILE, MODEL_FILE, DENSE_FILE])
@pytest.mark.parametrize("change", ["gone", "cut"])
def test_a_damaged_fbgemm_folder_is_refused(
    catalog: Catalog, manifest: Manifest, tmp_path: Path, name: str, change: str
) -> None:
    fbgemm_export(catalog, manifest).write(tmp_path / "out")
    path = tmp_path / "out" / name
    path.unlink() if change == "gone" else path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(DataError, match="python -m jobs export --to fbgemm"):
        load_fbgemm(tmp_path / "out")


def test_rows_of_another_spec_are_refused(
    catalog: Catalog, manifest: Manifest, tmp_path: Path
) -> None:
    fbgemm_export(catalog, manifest).write(tmp_path / "out")
    path = tmp_path / "out" / ROWS_FILE
    tensors = load_file(path)
    tensors[f"{FIELD}.remap"] = tensors[f"{FIELD}.remap"][:-1].clone()
    path.unlink()
    save_file(tensors, path)
    with pytest.raises(DataError, match="cannot be loaded"):
        load_fbgemm(tmp_path / "out")
