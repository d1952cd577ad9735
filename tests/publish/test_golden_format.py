"""Registries of every format version that was ever released stay readable, to the last bit."""

from __future__ import annotations

import re
import shutil
from collections import defaultdict
from pathlib import Path

import duckdb
import numpy as np
import pytest
from safetensors.numpy import load

from shark_core.errors import ConfigError, DataError
from shark_core.publish.catalog import Catalog
from shark_core.publish.manifest import Manifest
from shark_core.publish.object_store_local import LocalStore
from shark_core.publish.snapshot_tables import SnapshotTables
from tests.publish.golden.make_format_1 import main as make_format_1
from tests.publish.independent_reader import IndependentReader

CHECKOUT = Path(__file__).parents[2]
FORMAT_1 = Path(__file__).parent / "golden" / "format-1"
REGISTRY = FORMAT_1 / "registry"
CATALOG = Catalog(LocalStore(REGISTRY), "ctr")
READER = IndependentReader(REGISTRY, "ctr")
LOG = [entry.snapshot_id for entry in CATALOG.history("candidate")][::-1]
FIELDS = ("user_id", "item_id", "brand")
SCHEMES = {"fp32", "fp16", "int8", "int4", "int2", "int4_shared", "int2_shared", "pruned"}

every_table = pytest.mark.parametrize(
    ("snapshot_id", "field"), [(snapshot_id, field) for snapshot_id in LOG for field in FIELDS]
)


def manifests() -> list[Manifest]:
    return [CATALOG.snapshot(snapshot_id) for snapshot_id in LOG]


def golden_values() -> dict[tuple[str, str], np.ndarray]:
    """(snapshot id, field) → float32 (N, D)."""
    rows = defaultdict(list)
    for line in (FORMAT_1 / "values.csv").read_text(encoding="utf-8").splitlines():
        snapshot_id, field, row_id, *values = line.split(",")
        assert int(row_id) == len(rows[snapshot_id, field])
        rows[snapshot_id, field].append(values)
    return {key: np.array(found, dtype=np.float32) for key, found in rows.items()}


def golden_dense() -> dict[str, list[np.float32]]:
    lines = (FORMAT_1 / "dense.csv").read_text(encoding="utf-8").splitlines()
    return {
        name: [np.float32(value) for value in values]
        for name, *values in (line.split(",") for line in lines)
    }


def test_the_golden_registry_has_everything_that_the_format_has() -> None:
    first, second, third = manifests()
    tiers = [tier for m in (first, second, third) for table in m.tables for tier in table.tiers]
    assert {tier.scheme for tier in tiers} == SCHEMES
    assert {tier.tier for tier in first.table("user_id").tiers} == SCHEMES & {t.tier for t in tiers}
    bases = [[m.table(field).base for field in FIELDS] for m in (first, second, third)]
    assert bases == [[None] * 3, [LOG[0], LOG[0], None], [LOG[1]] * 3]
    assert [m.table("user_id").tombstones for m in (first, second, third)] == [0, 2, 1]
    assert second.table("item_id").files == ()  # other table params, the same rows
    assert [m.features for m in (first, second, third)] == [(), *[("table_deltas",)] * 2]
    assert {m.pruned for m in (first, second, third)} == {("country",)}


@every_table
def test_the_catalog_reads_what_was_published(snapshot_id: str, field: str) -> None:
    found = SnapshotTables(CATALOG).read(CATALOG.snapshot(snapshot_id), field).dequantize().numpy()
    expected = golden_values()[snapshot_id, field]
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    assert found.tobytes() == expected.tobytes()


@every_table
def test_a_reader_written_from_the_spec_alone_reads_the_same(snapshot_id: str, field: str) -> None:
    found, expected = READER.table(snapshot_id, field), golden_values()[snapshot_id, field]
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    assert found.tobytes() == expected.tobytes()


def test_the_other_reader_knows_nothing_of_the_code() -> None:
    source = (Path(__file__).parent / "independent_reader.py").read_text(encoding="utf-8")
    imported = re.findall(r"^\s*(?:from|import) (\w+)", source, re.MULTILINE)
    assert not {*imported} & {"shark_core", "jobs", "tests", "torch", "safetensors"}


@pytest.mark.parametrize("snapshot_id", LOG)
def test_the_dense_part_is_what_was_published(snapshot_id: str) -> None:
    manifest = CATALOG.snapshot(snapshot_id)
    ours = load(CATALOG.read_file(manifest, "dense.safetensors"))
    theirs = READER.tensors(READER.manifest(snapshot_id), "dense.safetensors")
    for found in (ours, theirs):
        assert {name: [*values.flatten()] for name, values in found.items()} == golden_dense()


def test_every_file_has_its_checksum_and_none_is_left_over() -> None:
    listed = set()
    for manifest in manifests():
        for file in manifest.files:
            CATALOG.check_file(manifest, file)
            READER.file(READER.manifest(manifest.snapshot_id), file.name)
            listed.add(CATALOG.data_key(manifest, file.name))
    assert {found.key for found in CATALOG.store.list("ctr/data")} == listed


def test_both_readers_agree_on_the_refs() -> None:
    assert CATALOG.refs() == ["candidate", "production"]
    for ref, moves in {"candidate": LOG, "production": [LOG[0], LOG[1], LOG[0]]}.items():
        ours, theirs = [*CATALOG.history(ref)], READER.log(ref)
        assert [entry.snapshot_id for entry in ours] == moves[::-1]
        assert [entry["snapshot_id"] for entry in theirs] == moves[::-1]
        assert [e["promotion_id"] for e in theirs] == [e.promotion_id for e in ours]
    assert READER.head("production") == LOG[0]
    assert READER.log("production")[0]["restores"] == 0


@pytest.mark.parametrize("name", ["table=user_id/tier=int8/part-00000.parquet", "model.json"])
def test_a_changed_byte_is_refused_by_both(name: str, tmp_path: Path) -> None:
    shutil.copytree(REGISTRY, tmp_path / "registry")
    copy = Catalog(LocalStore(tmp_path / "registry"), "ctr")
    manifest = copy.snapshot(LOG[0])
    path = tmp_path / "registry" / copy.data_key(manifest, name)
    content = path.read_bytes()
    path.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])
    with pytest.raises(DataError, match="is damaged"):
        copy.read_file(manifest, name)
    other = IndependentReader(tmp_path / "registry", "ctr")
    with pytest.raises(ValueError, match=re.escape(name)):
        other.file(other.manifest(LOG[0]), name)


def test_golden_files_are_never_made_again() -> None:
    with pytest.raises(ConfigError, match="never made again"):
        make_format_1()


def test_the_query_in_the_readme_gives_what_is_printed_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(CHECKOUT)
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"```sql\n(.*?)```\n\n```\n(.*?)```", readme, re.DOTALL)
    assert found is not None
    query, printed = found.groups()
    assert str(duckdb.sql(query)).split() == printed.split()
