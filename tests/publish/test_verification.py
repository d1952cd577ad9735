from __future__ import annotations

from pathlib import Path

import pytest

from shark_core.errors import DataError, RetryableError
from shark_core.publish.catalog import Catalog
from shark_core.publish.object_store_local import LocalStore
from shark_core.publish.verification import Sample, manifests_read, sampled_fields, verify
from tests.publish.expiring_registry import ExpiringRegistry
from tests.publish.snapshots import CONTENTS, publish
from tests.publish.test_snapshot_diff import snapshot, table
from tests.publish.unreliable_store import UnreliableStore

TABLE = "table=a/tier=int8/part-00000.parquet"
SAMPLE = Sample(table_bytes=1000, rows=10)


def test_a_sound_snapshot_has_no_problems_and_every_byte_is_counted(
    catalog: Catalog, store: LocalStore
) -> None:
    manifest = publish(store, "s0")
    read: list[int] = []
    found = verify(catalog, [manifest], SAMPLE, read.append)
    assert (found.snapshot_id, found.problems) == ("s0", 0)
    assert [file.key for file in found.files] == [
        catalog.data_key(manifest, name) for name in CONTENTS
    ]
    assert sum(read) == sum(map(len, CONTENTS.values()))


@pytest.mark.parametrize("content", [CONTENTS[TABLE][:-1], b"cows" + CONTENTS[TABLE][4:], None])
def test_a_damaged_file_is_told_and_the_others_are_read_all_the_same(
    catalog: Catalog, store: LocalStore, content: bytes | None
) -> None:
    manifest = publish(store, "s0")
    path = Path(store.root / catalog.data_key(manifest, TABLE))
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    found = verify(catalog, [manifest], SAMPLE, lambda _: None)
    problems = {file.key: file.problem for file in found.files if file.problem}
    assert found.problems == len(found.files) - 1 == 1
    ((key, problem),) = problems.items()
    assert key.endswith(TABLE)
    assert "missing" in problem if content is None else "sha256" in problem


def test_a_storage_that_does_not_answer_is_no_damage(catalog: Catalog, store: LocalStore) -> None:
    manifest = publish(store, "s0")

    def fail() -> None:
        raise RetryableError("no answer")

    failing = Catalog(UnreliableStore(store, 1, "before", fail), "ctr")
    with pytest.raises(RetryableError):
        verify(failing, [manifest], SAMPLE, lambda _: None)


def test_files_that_a_snapshot_is_stored_as_changes_on_are_read_too() -> None:
    registry = ExpiringRegistry()
    whole = registry.publish()
    head = registry.publish(base=registry.publish(base=whole))
    manifests = manifests_read(registry.catalog, registry.catalog.snapshot(head))
    assert [manifest.snapshot_id for manifest in manifests] == [head, whole, "s1"]
    found = verify(registry.catalog, manifests, SAMPLE, lambda _: None)
    assert len(found.files) == 3 * len(CONTENTS)


def test_a_snapshot_that_lost_what_it_needs_is_refused() -> None:
    registry = ExpiringRegistry()
    head = registry.catalog.snapshot(registry.publish(base=registry.publish()))
    registry.store.delete("ctr/snapshots/s0.json")
    with pytest.raises(DataError, match=r"(?s)no such snapshot.*s0"):
        manifests_read(registry.catalog, head)


def test_a_table_that_does_not_decode_is_told(catalog: Catalog, store: LocalStore) -> None:
    manifest = publish(store, "s0").model_copy(update={"tables": (table("a", int8=3),)})
    (check,) = verify(catalog, [manifest], SAMPLE, lambda _: None).tables
    assert (check.field, check.rows) == ("a", 0)
    assert check.problem


def test_the_smallest_tables_are_decoded_up_to_so_many_bytes() -> None:
    manifest = snapshot("s0", table("a", int8=100), table("b", int8=10), table("c", int8=20))
    assert sampled_fields(manifest, 8 * 30) == ["b", "c"]
    assert sampled_fields(manifest, 8 * 130) == ["b", "c", "a"]
    assert sampled_fields(manifest, 0) == ["b"]
    assert sampled_fields(snapshot("s1"), 0) == []
