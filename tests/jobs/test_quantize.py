"""quantize, on a checkpoint and tiers that are not of training: shards, tiers, what is refused."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save
from torch import Tensor

from jobs.context import DayContext
from jobs.quantize import quantize
from shark_core.errors import DataError
from shark_core.lake import partition
from shark_core.models import checkpoint_shards
from shark_core.models.checkpoint import WEIGHTS_FILE, load_checkpoint
from shark_core.models.table_params_file import FILE_NAME as PARAMS_FILE
from shark_core.models.table_params_file import load_table_params
from shark_core.publish.catalog import Catalog
from shark_core.publish.compressed_model import rebuild_model
from shark_core.publish.lake_store import store_for
from shark_core.publish.manifest import Manifest
from shark_core.publish.publication import describe_files, publish_snapshot, snapshot_files
from shark_core.publish.snapshot_tables import SnapshotTables
from shark_core.publish.stored_table import stored_tables
from shark_core.quantization.mixed_precision_table import MixedPrecisionTable
from shark_core.quantization.row_tiers import read_row_tiers, write_row_tiers
from shark_core.quantization.tiers import INT2, INT8, PRUNED, TIERS
from shark_core.schemas import CHECKPOINT, COMPRESSED, ROW_TIERS
from tests.example_lake import DAY
from tests.jobs.finetuned_day import DIM, PARAMS, write_finetuned_day
from tests.publish.snapshots import draft

ROWS = 1000
FINETUNED = partition(CHECKPOINT, DAY, stage="finetuned")


def context_of(root: Path, *tiers: int) -> DayContext:
    config = write_finetuned_day(root, ROWS, tiers) if tiers else write_finetuned_day(root, ROWS)
    return DayContext(config, DAY, "test")


def overwrite(context: DayContext, row: int, number: float) -> None:
    """Put a number into a row of the finetuned checkpoint's table."""
    path = Path(context.lake.absolute(context.lake.file_entry(FINETUNED, WEIGHTS_FILE).path))
    whole = np.fromfile(path, dtype=np.uint8)
    whole[-4 * DIM * (ROWS - row) :][:4].view("<f4")[0] = number
    whole.tofile(path)


def finetuned(context: DayContext) -> Tensor:
    return load_checkpoint(context.lake, FINETUNED).embeddings.weight("user").detach()


def rebuilt(context: DayContext) -> Tensor:
    return rebuild_model(context.config, context.lake, DAY).embeddings.weight("user").detach()


def as_one_table(context: DayContext) -> MixedPrecisionTable:
    codes = read_row_tiers(context.lake, context.config, "user", DAY)
    schemes = context.config.tiers.schemes
    return MixedPrecisionTable.from_float(finetuned(context), codes, schemes, PARAMS, "user")


@pytest.fixture(params=[1, 300, 10_000])
def rows_at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(checkpoint_shards, "SHARD_BYTES", request.param * DIM * 4)
    found: int = request.param
    return found


@pytest.mark.usefixtures("rows_at_once")
def test_shards_make_the_table_that_is_made_whole(tmp_path: Path) -> None:
    context = context_of(tmp_path)
    quantize(context)
    assert torch.equal(rebuilt(context), as_one_table(context).dequantize())


def test_a_row_that_would_not_be_what_was_finetuned_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint_shards, "SHARD_BYTES", 100 * DIM * 4)
    context = context_of(tmp_path, INT8)
    overwrite(context, row=777, number=0.123456789)
    with pytest.raises(DataError, match=r"1 of 100 (.|\n)*'user', tier int8, rows 700 to 799"):
        quantize(context)
    assert [found for found in (tmp_path / "compressed").rglob("*") if found.is_file()] == []


def test_a_table_that_is_pruned_whole_has_no_file_and_is_not_lost(tmp_path: Path) -> None:
    context = context_of(tmp_path, PRUNED)
    figures = quantize(context).figures
    (table,) = stored_tables(context.marker(COMPRESSED))
    assert [(tier.tier, tier.rows, tier.file) for tier in table.tiers] == [("pruned", ROWS, None)]
    assert figures["payload_bytes"] == 4 * DIM
    assert torch.equal(rebuilt(context), torch.zeros(ROWS, DIM))


def test_only_params_of_tiers_with_rows_are_stored(tmp_path: Path) -> None:
    context = context_of(tmp_path, INT8, INT2)
    quantize(context)
    found = load_table_params(context.lake, partition(COMPRESSED, DAY))
    assert {field: list(tiers) for field, tiers in found.items()} == {"user": ["int2"]}
    assert torch.equal(found["user"]["int2"], PARAMS["int2"])


def test_what_cannot_be_stored_is_refused_with_its_row_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint_shards, "SHARD_BYTES", 100 * DIM * 4)
    context = context_of(tmp_path, INT8, INT2)
    overwrite(context, row=777, number=np.nan)
    with pytest.raises(DataError, match="field 'user', row 777"):
        quantize(context)
    assert [found for found in (tmp_path / "compressed").rglob("*") if found.is_file()] == []


def test_tiers_that_finetuning_did_not_know_are_refused(tmp_path: Path) -> None:
    context = context_of(tmp_path)
    with context.writer(ROW_TIERS) as writer:
        write_row_tiers(writer, "user", np.full(ROWS, INT2, dtype=np.uint8))
        writer.commit({})
    with pytest.raises(DataError, match="finetuned for other tiers"):
        quantize(context)


def test_table_params_that_are_not_the_files_are_refused(tmp_path: Path) -> None:
    context = context_of(tmp_path, INT2)
    quantize(context)
    path = context.lake.file_entry(partition(COMPRESSED, DAY), PARAMS_FILE).path
    Path(context.lake.absolute(path)).write_bytes(save({"user.int2": torch.tensor([2.0, -3.0])}))
    with pytest.raises(DataError, match=r"(?s)table file is damaged.*'params'"):
        rebuild_model(context.config, context.lake, DAY)


def test_a_snapshot_of_it_holds_rows_of_every_tier(tmp_path: Path) -> None:
    context = context_of(tmp_path)
    quantize(context)
    catalog = Catalog(store_for(context.config), "ctr")
    found = SnapshotTables(catalog).read(published(context, catalog), "user")
    assert torch.equal(found.dequantize(), rebuilt(context))
    assert found.diff(as_one_table(context)).tolist() == []
    assert list(found.schemes) == list(TIERS)


def published(context: DayContext, catalog: Catalog) -> Manifest:
    marker = context.marker(COMPRESSED)
    files = snapshot_files(context.partition(COMPRESSED).path, marker.files)
    content = {"tables": stored_tables(marker), "files": describe_files(files)}
    return publish_snapshot(
        catalog,
        draft("0123").model_copy(update=content),
        lambda name: BytesIO(context.lake.read_bytes(files[name].path)),
    )
