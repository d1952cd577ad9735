"""Registries of every format version that was ever released stay readable, to the last bit."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from safetensors.numpy import load

from shark_core.errors import ConfigError, DataError
from shark_core.publish.snapshot_tables import SnapshotTables
from tests.publish.golden.make_fast_checksums import main as make_fast_checksums
from tests.publish.golden.make_format_1 import main as make_format_1
from tests.publish.golden_registries import GOLDEN, Golden, damaged

CHECKOUT = Path(__file__).parents[2]
FIELDS = ("user_id", "item_id", "brand")
USER_INT8 = "table=user_id/tier=int8/part-00000.parquet"
SCHEMES = {"fp32", "fp16", "int8", "int4", "int2", "int4_shared", "int2_shared", "pruned"}


every_golden = pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: golden.folder.name)
every_snapshot = pytest.mark.parametrize(
    ("golden", "snapshot_id"), [(golden, each) for golden in GOLDEN for each in golden.log]
)
every_field = pytest.mark.parametrize("field", FIELDS)


@every_golden
def test_the_golden_registries_have_everything_that_the_format_has(golden: Golden) -> None:
    first, second, third = golden.manifests()
    tiers = [tier for m in (first, second, third) for table in m.tables for tier in table.tiers]
    assert {tier.scheme for tier in tiers} == SCHEMES
    assert {tier.tier for tier in first.table("user_id").tiers} == SCHEMES & {t.tier for t in tiers}
    bases = [[m.table(field).base for field in FIELDS] for m in (first, second, third)]
    log = golden.log
    assert bases == [[None] * 3, [log[0], log[0], None], [log[1]] * 3]
    assert [m.table("user_id").tombstones for m in (first, second, third)] == [0, 2, 1]
    assert second.table("item_id").files == ()  # other table params, the same rows
    flags = golden.features
    assert [m.features for m in (first, second, third)] == [flags, *[(*flags, "table_deltas")] * 2]
    assert {m.pruned for m in (first, second, third)} == {("country",)}


@every_golden
def test_a_manifest_that_is_read_and_written_again_is_the_same_to_the_last_byte(
    golden: Golden,
) -> None:
    for manifest in golden.manifests():
        key = golden.catalog.manifest_key(manifest.snapshot_id)
        assert manifest.to_bytes() == (golden.folder / "registry" / key).read_bytes()


@every_snapshot
@every_field
def test_the_catalog_reads_what_was_published(golden: Golden, snapshot_id: str, field: str) -> None:
    catalog = golden.catalog
    found = SnapshotTables(catalog).read(catalog.snapshot(snapshot_id), field).dequantize().numpy()
    expected = golden.values()[snapshot_id, field]
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    assert found.tobytes() == expected.tobytes()


@every_snapshot
@every_field
def test_a_reader_written_from_the_spec_alone_reads_the_same(
    golden: Golden, snapshot_id: str, field: str
) -> None:
    found = golden.reader.table(snapshot_id, field)
    expected = golden.values()[snapshot_id, field]
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    assert found.tobytes() == expected.tobytes()


def test_the_other_reader_knows_nothing_of_the_code() -> None:
    source = (Path(__file__).parent / "independent_reader.py").read_text(encoding="utf-8")
    imported = re.findall(r"^\s*(?:from|import) (\w+)", source, re.MULTILINE)
    assert not {*imported} & {"shark_core", "jobs", "tests", "torch", "safetensors"}


@every_snapshot
def test_the_dense_part_is_what_was_published(golden: Golden, snapshot_id: str) -> None:
    manifest = golden.catalog.snapshot(snapshot_id)
    ours = load(golden.catalog.read_file(manifest, "dense.safetensors"))
    reader = golden.reader
    theirs = reader.tensors(reader.manifest(snapshot_id), "dense.safetensors")
    for found in (ours, theirs):
        assert {name: [*values.flatten()] for name, values in found.items()} == golden.dense()


@every_golden
def test_every_file_has_its_checksums_and_none_is_left_over(golden: Golden) -> None:
    listed, catalog, reader = set(), golden.catalog, golden.reader
    for manifest in golden.manifests():
        for file in manifest.files:
            assert (catalog.check_file(manifest, file) == file) == bool(golden.features)
            reader.file(reader.manifest(manifest.snapshot_id), file.name)
            listed.add(catalog.data_key(manifest, file.name))
    assert {found.key for found in catalog.store.list("ctr/data")} == listed


@every_golden
def test_both_readers_agree_on_the_refs(golden: Golden) -> None:
    catalog, reader, log = golden.catalog, golden.reader, golden.log
    assert catalog.refs() == ["candidate", "production"]
    for ref, moves in {"candidate": log, "production": [log[0], log[1], log[0]]}.items():
        ours, theirs = [*catalog.history(ref)], reader.log(ref)
        assert [entry.snapshot_id for entry in ours] == moves[::-1]
        assert [entry["snapshot_id"] for entry in theirs] == moves[::-1]
        assert [e["promotion_id"] for e in theirs] == [e.promotion_id for e in ours]
    assert reader.head("production") == log[0]
    assert reader.log("production")[0]["restores"] == 0


@every_golden
@pytest.mark.parametrize("name", [USER_INT8, "model.json"])
def test_a_changed_byte_is_refused_by_both(golden: Golden, name: str, tmp_path: Path) -> None:
    copy = damaged(golden, name, tmp_path)
    manifest = copy.manifests()[0]
    with pytest.raises(DataError, match="is damaged"):
        copy.catalog.read_file(manifest, name)
    with pytest.raises(DataError, match="is damaged"):
        copy.catalog.check_file(manifest, manifest.file(name))
    with pytest.raises(ValueError, match=re.escape(name)):
        copy.reader.file(copy.reader.manifest(manifest.snapshot_id), name)


@every_golden
def test_a_changed_byte_in_a_table_or_below_it_is_refused(golden: Golden, tmp_path: Path) -> None:
    copy = damaged(golden, USER_INT8, tmp_path)
    for manifest in copy.manifests():
        with pytest.raises(DataError, match="a file of a snapshot is damaged"):
            SnapshotTables(copy.catalog).read(manifest, "user_id")


@pytest.mark.parametrize("make", [make_format_1, make_fast_checksums])
def test_golden_files_are_never_made_again(make: Callable[[], None]) -> None:
    with pytest.raises(ConfigError, match="never made again"):
        make()


def test_the_query_in_the_readme_gives_what_is_printed_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(CHECKOUT)
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"```sql\n(.*?)```\n\n```\n(.*?)```", readme, re.DOTALL)
    assert found is not None
    query, printed = found.groups()
    assert str(duckdb.sql(query)).split() == printed.split()
