"""A published day whose files are damaged or gone: publishing it again puts it right."""

from __future__ import annotations

from pathlib import Path

import pytest

from shark_core.config_sections import Release
from shark_core.errors import DataError
from shark_core.publish.catalog import Catalog
from shark_core.publish.fsck import fsck
from shark_core.publish.manifest import Manifest
from shark_core.publish.object_store_local import LocalStore
from shark_core.publish.snapshot_tables import SnapshotTables
from tests.publish.day_tables import FIELD, DayTables
from tests.publish.stored_tables import MIX, changed, make_table, same_tables

DELTAS = Release(max_deltas=2, max_delta_share=1.0)
CHANGES = [(3, 2, True), (5, 0, True), *((row, 5, True) for row in range(9, 13))]
TABLES = [make_table(MIX, 60)]
TABLES.append(changed(TABLES[0], CHANGES))
DAYS = [DayTables.of(f"day{d}", d, t, f"day{d - 1}" if d else None) for d, t in enumerate(TABLES)]


@pytest.fixture
def published(catalog: Catalog) -> list[Manifest]:
    """Two days; the second is stored as changes on the first."""
    return [day.publish(catalog, DELTAS) for day in DAYS]


def paths(catalog: Catalog, manifest: Manifest, part: str) -> list[Path]:
    assert isinstance(catalog.store, LocalStore)
    keys = [catalog.data_key(manifest, file.name) for file in manifest.files if part in file.name]
    return [catalog.store.root / key for key in keys]


def damage(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


@pytest.mark.parametrize("harm", [damage, Path.unlink])
@pytest.mark.parametrize(
    ("day", "part"), [(0, "int8"), (0, "params"), (1, "int8"), (1, "params"), (1, "tombstones")]
)
def test_publishing_again_puts_right_what_is_damaged_or_gone(
    catalog: Catalog, published: list[Manifest], day: int, harm: object, part: str
) -> None:
    before = {path: path.read_bytes() for path in paths(catalog, published[day], "")}
    (harmed,) = paths(catalog, published[day], part)
    harm(harmed)  # type: ignore[operator]
    assert DAYS[day].publish(catalog, DELTAS) == published[day]
    assert {path: path.read_bytes() for path in paths(catalog, published[day], "")} == before
    assert same_tables(SnapshotTables(catalog).read(published[day], FIELD), TABLES[day])
    assert fsck(catalog) == []


def test_a_day_that_has_other_content_now_is_no_repair(
    catalog: Catalog, published: list[Manifest]
) -> None:
    (path,) = paths(catalog, published[0], "int8")
    path.unlink()
    other = DayTables.of("day0", 0, TABLES[1], None)
    with pytest.raises(DataError, match="cannot be made again"):
        other.publish(catalog, DELTAS)
    assert not path.exists()


def test_a_damaged_parent_holds_no_later_day_up(
    catalog: Catalog, caplog: pytest.LogCaptureFixture
) -> None:
    first = DAYS[0].publish(catalog, DELTAS)
    damage(paths(catalog, first, "int8")[0])
    second = DAYS[1].publish(catalog, DELTAS)
    assert second.table(FIELD).base is None
    assert same_tables(SnapshotTables(catalog).read(second, FIELD), TABLES[1])
    assert "its parent is damaged" in caplog.text


def test_of_two_attempts_one_may_be_whole_and_one_changes(
    catalog: Catalog, published: list[Manifest]
) -> None:
    whole = DayTables.of("day1", 1, TABLES[1], "day0")
    others = Catalog(LocalStore(catalog.store.root / "others"), "ctr")  # type: ignore[attr-defined]
    assert published[1].same_content(whole.publish(others, DELTAS))
    assert not published[1].same_content(
        DayTables.of("day1", 1, TABLES[0], "day0").publish(
            Catalog(LocalStore(catalog.store.root / "third"), "ctr"),  # type: ignore[attr-defined]
            DELTAS,
        )
    )
