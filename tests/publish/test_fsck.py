from __future__ import annotations

from collections.abc import Callable

import pytest

from shark_core.publish.catalog import Catalog
from shark_core.publish.fsck import fsck
from tests.publish.expiring_registry import ExpiringRegistry

MANIFEST = "ctr/snapshots/s1.json"
LOG = "ctr/refs/production"
TABLE = "ctr/data/s0/a/table=a/tier=int8/part-00000.parquet"


@pytest.fixture
def registry() -> ExpiringRegistry:
    """`production` moved over three snapshots; the second is stored as changes on the first."""
    registry = ExpiringRegistry()
    whole = registry.publish()
    for snapshot_id in (whole, registry.publish(base=whole), registry.publish()):
        registry.promote("production", snapshot_id)
    return registry


def findings(catalog: Catalog) -> dict[str, tuple[str, bool]]:
    return {found.key: (found.what, found.broken) for found in fsck(catalog)}


def test_a_registry_as_it_should_be_has_no_findings(registry: ExpiringRegistry) -> None:
    assert fsck(registry.catalog) == []
    assert fsck(ExpiringRegistry().catalog) == []


def cut(registry: ExpiringRegistry, key: str) -> None:
    registry.store.contents[key] = registry.store.contents[key][:-5]


def remove(registry: ExpiringRegistry, key: str) -> None:
    registry.store.delete(key)


def of_another_version(registry: ExpiringRegistry, key: str) -> None:
    registry.store.contents[key] = b'{"format_version": 99}'


def of_another_snapshot(registry: ExpiringRegistry, key: str) -> None:
    registry.store.contents[key] = registry.store.contents["ctr/snapshots/s0.json"]


@pytest.mark.parametrize(
    ("damage", "key", "found_at", "what"),
    [
        (cut, MANIFEST, MANIFEST, "a manifest is damaged"),
        (of_another_version, MANIFEST, MANIFEST, "does not know: format_version 99"),
        (of_another_snapshot, MANIFEST, MANIFEST, "another snapshot: snapshot s0 of ctr"),
        (cut, f"{LOG}/99999998.json", f"{LOG}/99999998.json", "log is damaged"),
        (of_another_version, f"{LOG}/99999999.json", f"{LOG}/99999999.json", "or newer than this"),
        (remove, f"{LOG}/99999998.json", LOG, "1 entries are missing, such as number 1"),
        (remove, "ctr/snapshots/s2.json", LOG, "points to s2, which is no snapshot"),
        (remove, "ctr/snapshots/s0.json", MANIFEST, "needs snapshot s0, which is gone"),
        (remove, TABLE, TABLE, "a file of a snapshot is missing"),
        (cut, TABLE, TABLE, "has 391 bytes, its manifest says 396"),
    ],
)
def test_each_damage_is_found_at_its_key(
    registry: ExpiringRegistry,
    damage: Callable[[ExpiringRegistry, str], None],
    key: str,
    found_at: str,
    what: str,
) -> None:
    damage(registry, key)
    found = findings(registry.catalog)
    assert what in found[found_at][0]
    assert found[found_at][1]
    assert len([key for key, (_, broken) in found.items() if broken]) == 1


def test_one_damage_does_not_hide_another(registry: ExpiringRegistry) -> None:
    for snapshot_id in registry.ids:
        cut(registry, f"ctr/snapshots/{snapshot_id}.json")
    for number in (7, 8, 9):
        cut(registry, f"{LOG}/9999999{number}.json")
    assert len(fsck(registry.catalog)) == 6


def test_orphaned_data_is_reported_last_with_its_bytes(registry: ExpiringRegistry) -> None:
    registry.leave_files("s9", "killed")
    registry.leave_files("s0", "second")
    remove(registry, TABLE)
    broken, *orphans = fsck(registry.catalog)
    assert broken.key == TABLE
    assert [(each.key, each.bytes, each.broken) for each in orphans] == [
        ("ctr/data/s0/second", 646, False),
        ("ctr/data/s9/killed", 646, False),
    ]


def test_data_whose_manifest_cannot_be_read_is_not_called_orphaned(
    registry: ExpiringRegistry,
) -> None:
    cut(registry, MANIFEST)
    assert [*findings(registry.catalog)] == [MANIFEST]


def test_old_entries_may_name_snapshots_that_have_expired(registry: ExpiringRegistry) -> None:
    remove(registry, MANIFEST)
    for key in [key for key in registry.store.contents if key.startswith("ctr/data/s1/")]:
        remove(registry, key)
    assert fsck(registry.catalog) == []
