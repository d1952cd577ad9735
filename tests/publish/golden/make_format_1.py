"""Made once, by hand, with the release that wrote format version 1; committed, and never again:

    python -m tests.publish.golden.make_format_1

    format-1/registry/ctr/…     three snapshots, `candidate` with three entries, `production` with
                                two and a rollback
    format-1/values.csv         what each row of each table decodes to, from the tables in memory
    format-1/dense.csv          what the dense part holds

A later format gets a folder of its own; this one stays readable for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor

from shark_core.config_sections import DenseFeature, Model, Release
from shark_core.errors import ConfigError
from shark_core.interval import Interval
from shark_core.lake import Lake, Marker, partition
from shark_core.models.model_spec import ModelSpec
from shark_core.partition_writer import PartitionWriter, RunStamp
from shark_core.publish.catalog import CANDIDATE, PRODUCTION, Catalog
from shark_core.publish.compressed_writer import open_table, write_shared
from shark_core.publish.manifest import Manifest, snapshot_id
from shark_core.publish.object_store_local import LocalStore
from shark_core.publish.publication import describe_files, publish_snapshot, snapshot_files
from shark_core.publish.stored_table import FACT, StoredTable, stored_tables
from shark_core.quantization.tier_block import RowStorage
from shark_core.quantization.tiers import rows_by_tier
from shark_core.schemas import COMPRESSED
from tests.publish.golden.three_days import PRUNED_FIELD, DayTable, three_days

TARGET = Path(__file__).parent / "format-1"
FIRST_DAY = date(2026, 1, 1)
STAMP = RunStamp(config_hash="5eed5eed5eed5eed", code_version="0.1.0+format-1")
POLICY = Release(max_deltas=2, max_delta_share=1.0)


def main(target: Path = TARGET) -> None:
    """Raises `ConfigError` where the golden files are there."""
    if target.exists():
        raise ConfigError(
            "golden files are never made again",
            expected="nothing yet",
            found="a folder",
            where=target,
            remedy="keep it; a new format version gets a script and a folder of its own",
        )
    store = LocalStore(target / "registry")
    times = iter(datetime(2026, 1, 2, hour, tzinfo=UTC) for hour in range(24))
    catalog, days = Catalog(store, "ctr", lambda: next(times)), three_days()
    with TemporaryDirectory() as folder:
        published = list(_publish_days(catalog, Lake(folder), days))
    _move_refs(catalog, published)
    _write_values(target / "values.csv", published, days)
    dense = ([name, *map(_exact, t.flatten().numpy())] for name, t in _dense().items())
    _write_lines(target / "dense.csv", dense)


def _publish_days(
    catalog: Catalog, lake: Lake, days: Iterable[tuple[DayTable, ...]]
) -> Iterator[Manifest]:
    parent: str | None = None
    for number, tables in enumerate(days):
        day = FIRST_DAY + timedelta(days=number)
        marker = _write_compressed(lake, day, tables)
        files = snapshot_files(partition(COMPRESSED, day).path, marker.files)
        draft = _draft(day, parent, marker).model_copy(update={"files": describe_files(files)})
        paths = {name: Path(lake.absolute(entry.path)) for name, entry in files.items()}
        manifest = publish_snapshot(catalog, draft, lambda n, p=paths: p[n].open("rb"), POLICY)
        parent = manifest.snapshot_id
        yield manifest


def _write_compressed(lake: Lake, day: date, tables: Iterable[DayTable]) -> Marker:
    """As the job quantize writes a day."""
    stored, shared = [], {}
    with PartitionWriter(lake, partition(COMPRESSED, day), STAMP) as writer:
        for table in tables:
            field = table.field
            described = StoredTable.of(field, rows_by_tier(table.codes), table.schemes)
            storage = RowStorage(field.name, table.schemes, table.params)
            used = storage.of_tiers([t.tier for t in described.tiers], field.embedding_dim)
            with open_table(writer, described, used.params) as files:
                files.append(used.quantize(table.weight, torch.from_numpy(table.codes)))
            stored.append(described.model_dump(mode="json"))
            shared[field.name] = used.params
        fields = (*(table.field for table in tables), PRUNED_FIELD)
        features = (DenseFeature(name="age", fill=0.0),)
        spec = ModelSpec(model=Model(hidden_units=(2,)), fields=fields, dense_features=features)
        write_shared(writer, spec, [PRUNED_FIELD.name], _dense(), shared)
        return writer.commit({}, {FACT: stored})


def _dense() -> dict[str, Tensor]:
    return {
        "head.linear.weight": torch.tensor([[0.1, -0.2, 0.3], [1e-8, 2.0, -3.5]]),
        "head.linear.bias": torch.tensor([0.7, -0.7]),
        f"constants.{PRUNED_FIELD.name}": torch.tensor([0.0625, -1.1]),
    }


def _draft(day: date, parent: str | None, compressed: Marker) -> Manifest:
    interval, inputs = Interval.of_day(day), {"compressed": compressed.fingerprint}
    return Manifest(
        snapshot_id=snapshot_id("ctr", interval, STAMP.config_hash, STAMP.code_version, inputs),
        model="ctr",
        start=interval.start,
        end=interval.end,
        parent=parent,
        attempt="",
        code_version=STAMP.code_version,
        config_hash=STAMP.config_hash,
        inputs=inputs,
        config={"name": "ctr"},
        tables=stored_tables(compressed),
        pruned=(PRUNED_FIELD.name,),
        files=(),
        metrics={"baseline_auc": 0.75, "compressed_auc": 0.7499},
        gates={"auc_drop": True, "size": False},
    )


def _move_refs(catalog: Catalog, published: list[Manifest]) -> None:
    for manifest in published:
        catalog.advance(CANDIDATE, manifest, f"ctr-{manifest.start:%Y-%m-%d}")
    first, second, _ = (manifest.snapshot_id for manifest in published)
    catalog.promote(PRODUCTION, first, "by-hand-1", expect=None)
    catalog.promote(PRODUCTION, second, "by-hand-2", expect=first)
    catalog.rollback(PRODUCTION, expect=second)


def _write_values(
    path: Path, published: Iterable[Manifest], days: Iterable[tuple[DayTable, ...]]
) -> None:
    _write_lines(
        path,
        (
            [manifest.snapshot_id, table.field.name, str(row_id), *map(_exact, values)]
            for manifest, tables in zip(published, days, strict=True)
            for table in tables
            for row_id, values in enumerate(table.quantized().dequantize().numpy())
        ),
    )


def _exact(value: np.float32) -> str:
    """The shortest decimal that is this float32 and no other."""
    if np.float32(str(value)).tobytes() != value.tobytes():
        raise ValueError(f"{value!r} has another value as text")
    return str(value)


def _write_lines(path: Path, lines: Iterable[list[str]]) -> None:
    path.write_text("".join(f"{','.join(line)}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
