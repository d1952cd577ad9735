from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from xxhash import xxh3_128

from shark_core.errors import ConflictError, DataError
from shark_core.publish.catalog import Catalog
from shark_core.publish.object_store_local import LocalStore
from tests.publish.snapshots import (
    CONTENTS,
    draft,
    log_of,
    publish,
    publish_and_promote,
    without_fast_checksums,
)
from tests.publish.stores import keys

TABLE = "table=a/tier=int8/part-00000.parquet"


def promoted(store: LocalStore, *snapshot_ids: str) -> Catalog:
    """`production` moved over these snapshots, in this order."""
    catalog, head = Catalog(store, "ctr"), None
    for number, snapshot_id in enumerate(snapshot_ids):
        publish(store, snapshot_id)
        catalog.promote("production", snapshot_id, f"p{number}", expect=head)
        head = snapshot_id
    return catalog


def test_a_committed_snapshot_reads_back_as_it_was_written(catalog: Catalog) -> None:
    manifest = publish(catalog.store, "s1")
    assert catalog.snapshot("s1") == manifest
    assert {name: catalog.read_file(manifest, name) for name in CONTENTS} == CONTENTS


def test_publishing_twice_stores_one_set_of_files(catalog: Catalog, store: LocalStore) -> None:
    first = publish(store, "s1")
    stored = keys(store, "ctr")
    assert publish(store, "s1") == first
    assert keys(store, "ctr") == stored


def test_of_two_attempts_at_once_the_first_to_commit_is_the_snapshot(store: LocalStore) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: publish(store, "s1"), range(8)))
    assert {manifest.attempt for manifest in found} == {
        Catalog(store, "ctr").snapshot("s1").attempt
    }


def test_a_snapshot_with_a_missing_file_is_not_committed(catalog: Catalog) -> None:
    with pytest.raises(DataError, match="missing"):
        catalog.commit(draft("s1").model_copy(update={"attempt": "a"}))
    assert catalog.find_snapshot("s1") is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        CONTENTS[TABLE][:-1],
        CONTENTS[TABLE] + b"x",
        CONTENTS[TABLE] * (1 << 13),
        b"cows" + CONTENTS[TABLE][4:],
    ],
)
def test_a_damaged_file_is_neither_committed_nor_read(
    catalog: Catalog, store: LocalStore, content: bytes
) -> None:
    manifest = publish(store, "s1")
    (store.root / catalog.data_key(manifest, TABLE)).write_bytes(content)
    with pytest.raises(DataError, match=r"(?s)damaged.*xxh3_128"):
        catalog.read_file(manifest, TABLE)
    with pytest.raises(DataError, match=r"(?s)damaged.*sha256"):
        catalog.read_file(without_fast_checksums(manifest), TABLE)
    with pytest.raises(DataError, match=r"(?s)damaged.*sha256"):
        catalog.commit(manifest)


def test_a_committed_manifest_lists_both_checksums_of_every_file(store: LocalStore) -> None:
    for file in publish(store, "s1").files:
        content = CONTENTS[file.name]
        assert file.sha256 == hashlib.sha256(content).hexdigest()
        assert file.xxh3_128 == xxh3_128(content).hexdigest()


def test_reading_goes_by_the_fast_checksum_and_checking_by_each(
    catalog: Catalog, store: LocalStore
) -> None:
    manifest = publish(store, "s1")
    for checksum, others in {"sha256": "xxh3_128", "xxh3_128": "sha256"}.items():
        wrong = manifest.file(TABLE).model_copy(update={checksum: "0" * 32})
        claimed = manifest.model_copy(update={"files": (wrong,)})
        with pytest.raises(DataError, match=rf"(?s)damaged.*{checksum} 0000.*{others}"):
            catalog.check_file(claimed, wrong)
        read = partial(catalog.read_file, claimed, TABLE)
        if checksum == "sha256":
            assert read() == CONTENTS[TABLE]
        else:
            with pytest.raises(DataError, match="damaged"):
                read()


def test_an_id_taken_by_other_content_is_a_conflict(catalog: Catalog, store: LocalStore) -> None:
    manifest = publish(store, "s1")
    with pytest.raises(ConflictError, match="other content"):
        catalog.commit(manifest.model_copy(update={"parent": "s0"}))


def test_a_promotion_moves_the_ref(store: LocalStore) -> None:
    catalog = promoted(store, "s1", "s2")
    assert log_of(catalog, "production") == ["s1", "s2"]
    assert catalog.refs() == ["production"]


def test_the_head_is_the_key_that_lists_first(store: LocalStore) -> None:
    promoted(store, "s1", "s2")
    stored = keys(store, "ctr/refs/production")
    assert stored[0].endswith("/99999998.json")


def test_a_promotion_that_is_repeated_is_done_once(store: LocalStore) -> None:
    catalog = promoted(store, "s1", "s2")
    entry = catalog.promote("production", "s1", "p0", expect="whatever")
    assert (entry.number, log_of(catalog, "production")) == (0, ["s1", "s2"])


def test_a_promotion_with_another_expectation_is_a_conflict(store: LocalStore) -> None:
    catalog = promoted(store, "s1")
    publish(store, "s2")
    with pytest.raises(ConflictError, match="moved by somebody else"):
        catalog.promote("production", "s2", "p9", expect=None)


def test_only_committed_snapshots_can_be_promoted(catalog: Catalog) -> None:
    with pytest.raises(DataError, match="no such snapshot"):
        catalog.promote("production", "s1", "p0", expect=None)


def test_rollbacks_go_further_back_each_time(store: LocalStore) -> None:
    catalog = promoted(store, "s1", "s2", "s3")
    catalog.rollback("production", "s3")
    catalog.rollback("production", "s2")
    assert log_of(catalog, "production") == ["s1", "s2", "s3", "s2", "s1"]
    with pytest.raises(DataError, match="nothing to roll back to"):
        catalog.rollback("production", "s1")


def test_a_rollback_is_refused_where_the_ref_moved(store: LocalStore) -> None:
    catalog = promoted(store, "s1", "s2", "s3")
    with pytest.raises(ConflictError, match="moved by somebody else"):
        catalog.rollback("production", "s2")


def test_a_rollback_after_a_rollback_and_a_release_finds_what_served_well(
    store: LocalStore,
) -> None:
    catalog = promoted(store, "s1", "s2")
    catalog.rollback("production", "s2")
    publish(store, "s3")
    catalog.promote("production", "s3", "p3", expect="s1")
    assert catalog.rollback("production", "s3").snapshot_id == "s1"


def test_a_ref_without_entries_cannot_be_rolled_back(catalog: Catalog) -> None:
    with pytest.raises(DataError, match="points to nothing"):
        catalog.rollback("production", None)


def test_running_an_older_day_again_does_not_take_a_ref_back(store: LocalStore) -> None:
    publish_and_promote(store, "day1", day=1)
    publish_and_promote(store, "day0", day=0)
    assert log_of(Catalog(store, "ctr"), "candidate") == ["day1"]


def test_running_a_day_again_does_not_undo_a_rollback(store: LocalStore) -> None:
    publish_and_promote(store, "day0", day=0)
    publish_and_promote(store, "day1", day=1)
    catalog = Catalog(store, "ctr")
    catalog.rollback("candidate", "day1")
    publish_and_promote(store, "day1", day=1)
    assert log_of(catalog, "candidate") == ["day0", "day1", "day0"]


def test_the_newest_content_of_a_day_becomes_the_candidate(store: LocalStore) -> None:
    publish_and_promote(store, "first", day=1)
    publish_and_promote(store, "again", day=1)
    assert log_of(Catalog(store, "ctr"), "candidate") == ["first", "again"]


def test_a_damaged_log_entry_is_refused_with_its_place(store: LocalStore) -> None:
    catalog = promoted(store, "s1")
    (store.root / "ctr/refs/production/99999999.json").write_text('{"format_version": 2}')
    with pytest.raises(DataError, match=r"production/99999999\.json"):
        catalog.head("production")
