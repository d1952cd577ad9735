"""Days published as changes: what a reader gets is what the day was, as long as all is there."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shark_core.config_sections import Release
from shark_core.errors import DataError
from shark_core.publish.catalog import Catalog
from shark_core.publish.manifest import Manifest
from shark_core.publish.object_store_local import LocalStore
from shark_core.publish.snapshot_tables import SnapshotTables
from shark_core.quantization.mixed_precision_table import MixedPrecisionTable
from tests.publish.day_tables import FIELD, DayTables
from tests.publish.stored_tables import MIX, changed, make_table, same_tables
from tests.publish.test_table_delta import Rows

ROWS = 60
FEW = [(3, 2, True), (4, 5, False), (5, 0, True)]
DELTAS = Release(max_deltas=3, max_delta_share=1.0)


def publish_days(
    catalog: Catalog, tables: list[MixedPrecisionTable], policy: Release
) -> list[Manifest]:
    found: list[Manifest] = []
    for day, table in enumerate(tables):
        parent = found[-1].snapshot_id if found else None
        found.append(DayTables.of(f"day{day}", day, table, parent).publish(catalog, policy))
    return found


def days_of(count: int, seed: int = 5) -> list[MixedPrecisionTable]:
    tables = [make_table(MIX, ROWS, seed)]
    for day in range(1, count):
        tables.append(changed(tables[-1], [(row + day, code, moved) for row, code, moved in FEW]))
    return tables


def bases(manifests: list[Manifest]) -> list[str | None]:
    return [manifest.table(FIELD).base for manifest in manifests]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(days=st.lists(Rows, min_size=1, max_size=6), deltas=st.integers(0, 4))
def test_every_day_reads_as_if_it_had_been_published_whole(
    tmp_path: Path, days: list[list[tuple[int, int, bool]]], deltas: int
) -> None:
    tables = [make_table(MIX, ROWS)]
    for rows in days:
        tables.append(changed(tables[-1], rows))
    catalog = Catalog(LocalStore(tmp_path / str(len(list(tmp_path.iterdir())))), "ctr")
    policy = Release(max_deltas=deltas, max_delta_share=1.0)
    manifests = publish_days(catalog, tables, policy)
    for manifest, table in zip(manifests, tables, strict=True):
        assert same_tables(SnapshotTables(catalog).read(manifest, FIELD), table)
        assert len(SnapshotTables(catalog).lineage(manifest, FIELD)) <= deltas + 1


def test_a_whole_table_follows_after_as_many_changes_as_the_policy_says(catalog: Catalog) -> None:
    manifests = publish_days(catalog, days_of(6), DELTAS)
    assert bases(manifests) == [None, "day0", "day1", "day2", None, "day4"]


def test_changes_take_fewer_bytes(catalog: Catalog) -> None:
    tables = [make_table(MIX, 20_000)]
    tables.append(changed(tables[0], FEW))
    whole, changes = publish_days(catalog, tables, DELTAS)
    size = {m.snapshot_id: sum(file.bytes for file in m.files) for m in (whole, changes)}
    assert size["day1"] < size["day0"] / 20


def test_a_table_that_changed_too_much_is_published_whole(catalog: Catalog) -> None:
    manifests = publish_days(catalog, days_of(2), Release(max_deltas=3, max_delta_share=0.01))
    assert bases(manifests) == [None, None]


def test_another_shape_is_published_whole(catalog: Catalog) -> None:
    manifests = publish_days(catalog, [make_table(MIX, 60), make_table(MIX, 61)], DELTAS)
    assert bases(manifests) == [None, None]


def test_without_the_parent_a_table_is_published_whole(catalog: Catalog) -> None:
    found = DayTables.of("day1", 1, make_table(MIX, ROWS), "expired").publish(catalog, DELTAS)
    assert bases([found]) == [None]


def test_two_attempts_write_the_same_changes(catalog: Catalog, tmp_path: Path) -> None:
    tables = days_of(2)
    others = Catalog(LocalStore(tmp_path / "others"), "ctr")
    first, second = (publish_days(each, tables, DELTAS)[1] for each in (catalog, others))
    assert first.same_content(second)


def test_a_base_that_is_gone_is_refused_with_its_id(catalog: Catalog) -> None:
    _, changes = publish_days(catalog, days_of(2), DELTAS)
    catalog.store.delete("ctr/snapshots/day0.json")
    with pytest.raises(DataError, match=r"no such snapshot(.|\n)*day0"):
        SnapshotTables(catalog).read(changes, FIELD)


def test_changes_on_another_table_are_refused(catalog: Catalog) -> None:
    tables = days_of(3)
    _, _, changes = publish_days(catalog, tables, DELTAS)
    jumped = changes.table(FIELD).model_copy(update={"base": "day0"})
    elsewhere = changes.model_copy(update={"tables": (jumped,)})
    with pytest.raises(DataError, match="table file is damaged"):
        SnapshotTables(catalog).read(elsewhere, FIELD)


def test_a_source_that_changed_since_it_was_described_is_refused(catalog: Catalog) -> None:
    tables = days_of(2)
    publish_days(catalog, tables[:1], DELTAS)
    day = DayTables.of("day1", 1, tables[1], "day0")
    name = next(name for name in day.contents if "int8" in name)
    broken = DayTables(day.manifest, {**day.contents, name: (1, b"something else")})
    with pytest.raises(DataError, match="is damaged"):
        broken.publish(catalog, DELTAS)
    assert catalog.find_snapshot("day1") is None


def test_weights_of_a_composed_table_are_those_of_the_day(catalog: Catalog) -> None:
    tables = days_of(4)
    manifests = publish_days(catalog, tables, DELTAS)
    assert torch.equal(
        SnapshotTables(catalog).read(manifests[3], FIELD).dequantize(), tables[3].dequantize()
    )
