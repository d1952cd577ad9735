from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest

from shark_core.errors import ConfigError, DataError, RetryableError
from shark_core.lake import Lake
from shark_core.publish.lake_store import store_for
from shark_core.publish.object_store_local import LocalStore


def read(store: LocalStore, key: str) -> bytes:
    with store.open(key) as file:
        return file.read()


def test_the_first_to_put_a_key_keeps_it(store: LocalStore) -> None:
    assert store.put_if_absent("a/b.json", b"first") is True
    assert store.put_if_absent("a/b.json", b"second") is False
    assert read(store, "a/b.json") == b"first"


def test_of_many_at_once_one_wins_and_its_content_stays(store: LocalStore) -> None:
    contents = [str(number).encode() * 1000 for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda content: store.put_if_absent("ref/0.json", content), contents))
    assert sum(won) == 1
    assert read(store, "ref/0.json") == contents[won.index(True)]


def test_files_are_streamed_as_they_are(store: LocalStore) -> None:
    content = b"x" * 3_000_000
    assert store.put_file_if_absent("data/table.parquet", BytesIO(content)) is True
    assert (store.size("data/table.parquet"), read(store, "data/table.parquet")) == (
        len(content),
        content,
    )


def test_a_source_that_breaks_leaves_no_object(store: LocalStore) -> None:
    class Broken(BytesIO):
        def read(self, *_: object) -> bytes:
            raise OSError("unplugged")

    with pytest.raises(RetryableError, match="unplugged"):
        store.put_file_if_absent("data/table.parquet", Broken())
    assert not store.exists("data/table.parquet")
    assert [path for path in store.root.rglob("*") if path.is_file()] == []


def test_keys_list_in_ascending_order_below_a_folder_only(store: LocalStore) -> None:
    for key in ("refs/b/2.json", "refs/b/1.json", "refs/bb/0.json", "refs/b/deep/0.json"):
        store.put_if_absent(key, b"")
    assert list(store.list("refs/b")) == ["refs/b/1.json", "refs/b/2.json", "refs/b/deep/0.json"]
    assert list(store.list("nothing")) == []


def test_deleting_twice_is_deleting_once(store: LocalStore) -> None:
    store.put_if_absent("a", b"")
    store.delete("a")
    store.delete("a")
    assert not store.exists("a")


def test_a_missing_object_is_a_data_error(store: LocalStore) -> None:
    with pytest.raises(DataError, match="missing"):
        read(store, "a/b")
    with pytest.raises(DataError, match="missing"):
        store.size("a/b")


def test_storage_trouble_may_be_retried(tmp_path: Path) -> None:
    (tmp_path / "registry").write_text("a file where the folder should be")
    with pytest.raises(RetryableError):
        LocalStore(tmp_path / "registry").put_if_absent("a/b", b"")


@pytest.mark.parametrize(
    "key", ["", "/etc/passwd", "a/../b", "..", "a//b", "a/", ".hidden", "a/.b", "a\\b", "a b", "ä"]
)
def test_keys_that_could_leave_the_store_are_refused(store: LocalStore, key: str) -> None:
    with pytest.raises(ConfigError, match="not a key"):
        store.put_if_absent(key, b"")


def test_a_lake_keeps_its_registry_below_itself(tmp_path: Path) -> None:
    store_for(Lake(str(tmp_path))).put_if_absent("ctr/x.json", b"{}")
    assert (tmp_path / "registry" / "ctr" / "x.json").read_bytes() == b"{}"


def test_a_lake_that_cannot_hold_a_registry_is_refused() -> None:
    with pytest.raises(ConfigError, match="folder as the lake"):
        store_for(Lake("s3://bucket/prefix"))
