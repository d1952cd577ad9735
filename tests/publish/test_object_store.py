"""What every object store holds to: run on a folder, on a bucket, and on a bucket of your own.

    SHARK_TEST_S3=s3://bucket/prefix python -m pytest tests/publish/test_object_store.py

with AWS_ variables for it; objects below the prefix are removed at the end.
"""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest

from shark_core.errors import ConfigError, DataError, SharkError
from shark_core.publish.object_store import ObjectStore
from tests.publish.stores import LARGE, Shelf, keys

pytest_plugins = ["tests.lake_fixtures", "tests.publish.store_fixtures"]


@pytest.fixture
def store(shelf: Shelf) -> ObjectStore:
    return shelf.store


def read(store: ObjectStore, key: str) -> bytes:
    with store.open(key) as file:
        return file.read()


def test_the_first_to_put_a_key_keeps_it(store: ObjectStore) -> None:
    assert store.put_if_absent("a/b.json", b"first") is True
    assert store.put_if_absent("a/b.json", b"second") is False
    assert read(store, "a/b.json") == b"first"


def test_of_many_at_once_one_wins_and_its_content_stays(store: ObjectStore) -> None:
    contents = [str(number).encode() * 1000 for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda content: store.put_if_absent("ref/0.json", content), contents))
    assert sum(won) == 1
    assert read(store, "ref/0.json") == contents[won.index(True)]


@pytest.mark.parametrize("size", [0, 1, 3_000_000, LARGE])
def test_files_are_stored_as_they_are(store: ObjectStore, size: int) -> None:
    content = random.Random(size).randbytes(size)
    assert store.put_file_if_absent("data/table.parquet", BytesIO(content)) is True
    assert store.size("data/table.parquet") == size
    assert read(store, "data/table.parquet") == content


@pytest.mark.parametrize("size", [10, LARGE])
def test_the_first_to_put_a_file_keeps_the_key(shelf: Shelf, size: int) -> None:
    store = shelf.store
    assert store.put_file_if_absent("data/part-0", BytesIO(b"a" * size)) is True
    assert store.put_file_if_absent("data/part-0", BytesIO(b"b" * size)) is False
    assert read(store, "data/part-0") == b"a" * size
    assert shelf.leftovers() == []


@pytest.mark.parametrize("size", [10, LARGE])
def test_of_many_files_at_once_one_wins_and_its_content_stays(shelf: Shelf, size: int) -> None:
    contents = [str(number).encode() * size for number in range(4)]

    def put(content: bytes) -> bool:
        return shelf.store.put_file_if_absent("data/part-0", BytesIO(content))

    with ThreadPoolExecutor(4) as pool:
        won = list(pool.map(put, contents))
    assert sum(won) == 1
    assert read(shelf.store, "data/part-0") == contents[won.index(True)]
    assert shelf.leftovers() == []


def test_a_file_is_taken_from_where_it_stands(store: ObjectStore) -> None:
    source = BytesIO(b"header and rows")
    source.seek(11)
    store.put_file_if_absent("rows", source)
    assert read(store, "rows") == b"rows"


@pytest.mark.parametrize("size", [10, LARGE])
def test_a_source_that_breaks_leaves_nothing(shelf: Shelf, size: int) -> None:
    class Broken(BytesIO):
        def read(self, *_: object) -> bytes:
            raise OSError("unplugged")

    with pytest.raises((SharkError, OSError), match="unplugged"):
        shelf.store.put_file_if_absent("data/table.parquet", Broken(b"x" * size))
    assert not shelf.store.exists("data/table.parquet")
    assert shelf.leftovers() == []


def test_a_file_is_read_in_pieces(store: ObjectStore) -> None:
    store.put_if_absent("a", b"0123456789")
    with store.open("a") as file:
        assert [file.read(4), file.read(4), file.read(4), file.read(4)] == [
            b"0123",
            b"4567",
            b"89",
            b"",
        ]


def test_keys_list_in_ascending_order_below_a_folder_only(store: ObjectStore) -> None:
    for key in ("refs/b/2.json", "refs/b/1.json", "refs/bb/0.json", "refs/b/deep/0.json"):
        store.put_if_absent(key, b"")
    assert keys(store, "refs/b") == ["refs/b/1.json", "refs/b/2.json", "refs/b/deep/0.json"]
    assert keys(store, "nothing") == []


def test_more_keys_than_a_page_holds_are_listed(store: ObjectStore) -> None:
    log = [f"log/{number:04d}.json" for number in range(1100)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: store.put_if_absent(key, b""), log))
    assert keys(store, "log") == log
    assert next(iter(store.list("log"))).key == log[0]


def test_a_list_says_how_large_an_object_is_and_since_when(store: ObjectStore) -> None:
    before = datetime.now(UTC) - timedelta(seconds=5)
    store.put_if_absent("a/b", b"12345")
    (found,) = store.list("a")
    assert (found.key, found.bytes) == ("a/b", 5)
    assert before < found.modified < datetime.now(UTC) + timedelta(seconds=5)


def test_what_is_replaced_is_there_whether_something_was_or_not(shelf: Shelf) -> None:
    shelf.store.put_if_absent("ctr/data/s1/a/file", b"damaged")
    for key in ("ctr/data/s1/a/file", "ctr/data/s1/a/gone"):
        shelf.store.replace(key, b"as it was")
        assert read(shelf.store, key) == b"as it was"
    assert shelf.leftovers() == []


def test_what_others_left_beside_the_objects_is_not_listed(shelf: Shelf) -> None:
    shelf.store.put_if_absent("ctr/refs/production/99999999.json", b"{}")
    for stray in (".DS_Store", "a copy.json", "ä"):
        shelf.leave(f"ctr/refs/production/{stray}")
    assert keys(shelf.store, "ctr/refs") == ["ctr/refs/production/99999999.json"]


def test_deleting_twice_is_deleting_once(store: ObjectStore) -> None:
    store.put_if_absent("a", b"")
    store.delete("a")
    store.delete("a")
    assert not store.exists("a")


def test_a_missing_object_is_a_data_error(store: ObjectStore) -> None:
    with pytest.raises(DataError, match="missing"):
        read(store, "a/b")
    with pytest.raises(DataError, match="missing"):
        store.size("a/b")


@pytest.mark.parametrize(
    "key", ["", "/etc/passwd", "a/../b", "..", "a//b", "a/", ".hidden", "a/.b", "a\\b", "a b", "ä"]
)
def test_keys_that_could_leave_the_store_are_refused(store: ObjectStore, key: str) -> None:
    with pytest.raises(ConfigError, match="not a key"):
        store.put_if_absent(key, b"")
