"""A partition is the old one or the new one: crashes, several attempts, what is cleaned up."""

from __future__ import annotations

import hashlib
import resource
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shark_core.errors import RetryableError
from shark_core.lake import MARKER_NAME, Lake, partition
from shark_core.partition_writer import PartitionWriter, RunStamp
from shark_core.schemas import EXAMPLES
from tests.lake_places import Folder, Place

pytest_plugins = ["tests.lake_fixtures"]

TARGET = partition(EXAMPLES, date(2026, 1, 2))
RUN = RunStamp("confighash", "0.0.0+test")


def attempt(lake: Lake) -> PartitionWriter:
    return PartitionWriter(lake, TARGET, RUN)


def write(lake: Lake, value: int) -> None:
    with attempt(lake) as writer:
        writer.write_table("part-00000.parquet", pa.table({"a": [value]}))
        writer.commit(inputs={})


def values(lake: Lake) -> list[int]:
    column: list[int] = lake.read_table(TARGET)["a"].to_pylist()
    return column


def test_before_commit_there_is_nothing_for_readers(lake: Lake) -> None:
    with attempt(lake) as writer:
        writer.write_table("part-00000.parquet", pa.table({"a": [1]}))
        assert lake.find_marker(TARGET) is None
        writer.commit(inputs={})
    assert values(lake) == [1]


def test_before_commit_readers_have_the_old_content(lake: Lake) -> None:
    write(lake, 1)
    with attempt(lake) as writer:
        writer.write_table("part-00000.parquet", pa.table({"a": [2]}))
        assert values(lake) == [1]
        writer.commit(inputs={})
    assert values(lake) == [2]


def test_an_error_before_commit_leaves_the_old_and_removes_the_new(
    place: Place, lake: Lake
) -> None:
    write(lake, 1)
    before = place.files()

    def fail() -> None:
        with attempt(lake) as writer:
            writer.write_table("part-00000.parquet", pa.table({"a": [2]}))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert values(lake) == [1]
    assert place.files() == before


def test_an_error_while_a_file_is_written_removes_the_half_of_it(place: Place, lake: Lake) -> None:
    schema = pa.schema([("a", pa.int64())])

    def batches() -> object:
        yield pa.record_batch({"a": [1]})
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"), attempt(lake) as writer:
        writer.write_batches("part-00000.parquet", schema, batches())  # type: ignore[arg-type]
    assert place.files() == []


def test_files_can_be_open_side_by_side_and_each_batch_is_a_row_group(lake: Lake) -> None:
    schema = pa.schema([("a", pa.int64())])
    with attempt(lake) as writer:
        with (
            writer.open_parquet("part-00000.parquet", schema) as first,
            writer.open_parquet("part-00001.parquet", schema) as second,
        ):
            for value in range(3):
                first.append(pa.record_batch({"a": [value]}))
                second.append(pa.record_batch({"a": [10 * value, value]}))
        marker = writer.commit(inputs={})
    assert values(lake) == [0, 1, 2, 0, 0, 10, 1, 20, 2]
    assert [entry.rows for entry in marker.files] == [3, 6]
    content = pa.BufferReader(lake.read_bytes(marker.files[0].path))
    assert pq.ParquetFile(content).num_row_groups == 3


def test_an_open_file_describes_itself(lake: Lake) -> None:
    with attempt(lake) as writer:
        with writer.open_parquet("part-00000.parquet", pa.schema([("a", pa.int64())])) as file:
            file.describe({"field": "user_id"})
        marker = writer.commit(inputs={})
    content = pa.BufferReader(lake.read_bytes(marker.files[0].path))
    assert pq.read_metadata(content).metadata[b"field"] == b"user_id"


def test_open_files_that_fail_are_gone_and_not_of_the_partition(place: Place, lake: Lake) -> None:
    schema = pa.schema([("a", pa.int64())])

    def fail(writer: PartitionWriter) -> None:
        with (
            writer.open_parquet("part-00000.parquet", schema) as file,
            writer.open_parquet("part-00001.parquet", schema),
        ):
            file.append(pa.record_batch({"a": [1]}))
            raise ZeroDivisionError

    with attempt(lake) as writer:
        with pytest.raises(ZeroDivisionError):
            fail(writer)
        assert place.files() == []
        assert writer.commit(inputs={}).files == ()


def test_a_file_that_fails_is_gone_before_the_attempt_ends(place: Place, lake: Lake) -> None:
    with attempt(lake) as writer:
        whole = writer.files.write_bytes("whole.bin", b"whole")
        with pytest.raises(TypeError):
            writer.write_bytes("half.bin", "no bytes")  # type: ignore[arg-type]
        assert place.files() == [whole.path]


def test_a_folder_that_takes_no_more_bytes_is_worth_another_try(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with attempt(folder.lake) as writer:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        try:
            with pytest.raises(RetryableError, match=r"(?s)File too large.*where: .*plan-"):
                writer.write_bytes("plan.bin", bytes(200_000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert folder.files() == []


def test_an_error_is_told_though_its_files_cannot_be_removed(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        tries.append(1)
        raise RetryableError("away")

    tries: list[int] = []
    with ExitStack() as stack:
        caught = stack.enter_context(pytest.raises(ZeroDivisionError))
        writers = [stack.enter_context(attempt(lake)) for _ in range(3)]
        writers[0].write_bytes("plan.json", b"{}")
        monkeypatch.setattr(PartitionWriter, "_present", refuse)
        raise ZeroDivisionError
    assert any("left, unread, to the next" in note for note in caught.value.__notes__)
    assert len(tries) == 1  # a thousand writers do not wait a thousand times


def test_what_a_killed_attempt_left_is_gone_after_the_next(place: Place, lake: Lake) -> None:
    write(lake, 1)
    killed = attempt(lake)
    killed.write_table("part-00000.parquet", pa.table({"a": [2]}))
    assert values(lake) == [1]
    write(lake, 3)
    assert values(lake) == [3]
    assert len(place.files()) == 2  # one part, one marker


def test_a_crash_after_the_marker_leaves_the_new_content(
    place: Place, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(lake, 1)
    with monkeypatch.context() as patch:
        patch.setattr(PartitionWriter, "_remove_unlisted", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            write(lake, 2)
    assert values(lake) == [2]
    write(lake, 2)
    assert len(place.files()) == 2


def test_of_two_attempts_at_once_the_last_to_commit_wins_whole(lake: Lake) -> None:
    with attempt(lake) as first, attempt(lake) as second:
        first.write_table("part-00000.parquet", pa.table({"a": [1]}))
        second.write_table("part-00000.parquet", pa.table({"a": [2]}))
        second.commit(inputs={})
        assert values(lake) == [2]
        with pytest.raises(RetryableError, match="only once at a time"):
            first.commit(inputs={})
    assert values(lake) == [2]


def test_commit_refuses_files_of_another_size_than_written(place: Place, lake: Lake) -> None:
    with attempt(lake) as writer:
        written = writer.files.write_bytes("plan.json", b"0123456789")
        writer.add([written])
        place.write(written.path, b"0")
        with pytest.raises(RetryableError, match="another size"):
            writer.commit(inputs={})
    assert lake.find_marker(TARGET) is None


def test_a_task_that_runs_twice_does_not_touch_what_its_first_run_wrote(lake: Lake) -> None:
    def half() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"a": [1]})
        raise OSError("the executor is gone")

    with attempt(lake) as writer:
        writer.add([writer.files.write_table("part-00000.parquet", pa.table({"a": [1, 2]}))])
        with pytest.raises(OSError, match="gone"):
            writer.files.write_batches("part-00000.parquet", pa.schema([("a", "int64")]), half())
        writer.commit(inputs={})
    assert values(lake) == [1, 2]


def test_writing_the_same_again_gives_the_same_fingerprint_in_other_files(lake: Lake) -> None:
    write(lake, 1)
    first = lake.marker(TARGET)
    write(lake, 1)
    second = lake.marker(TARGET)
    assert first.fingerprint == second.fingerprint
    assert first.files[0].path != second.files[0].path


def test_the_marker_records_who_wrote_what_from_what(lake: Lake) -> None:
    with attempt(lake) as writer:
        writer.write_table("part-00000.parquet", pa.table({"a": [1, 2, 3]}))
        writer.commit(inputs={"traffic": "abc"}, facts={"records": 3})
    marker = lake.marker(TARGET)
    assert (marker.dataset, marker.rows) == ("examples", 3)
    assert (marker.config_hash, marker.code_version) == ("confighash", "0.0.0+test")
    assert (marker.inputs, marker.facts) == ({"traffic": "abc"}, {"records": 3})


def test_files_that_tasks_wrote_are_taken_over(lake: Lake) -> None:
    with attempt(lake) as writer:
        written = [
            writer.files.write_table(f"part-{task:05d}.parquet", pa.table({"a": [task]}))
            for task in (1, 0)
        ]
        writer.add(written)
        writer.commit(inputs={})
    assert values(lake) == [0, 1]


def test_nothing_but_the_listed_files_and_the_marker_remains(place: Place, lake: Lake) -> None:
    write(lake, 1)
    place.write(f"{TARGET.path}/sub/stray.parquet", b"x")
    write(lake, 2)
    listed = [entry.path for entry in lake.marker(TARGET).files]
    assert place.files() == sorted([*listed, f"{TARGET.path}/{MARKER_NAME}"])


@settings(max_examples=30, deadline=None)
@given(contents=st.lists(st.binary(max_size=200), min_size=1, max_size=4))
def test_size_and_checksum_are_those_of_the_content(
    tmp_path_factory: pytest.TempPathFactory, contents: list[bytes]
) -> None:
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    with attempt(lake) as writer:
        for number, content in enumerate(contents):
            writer.write_bytes(f"part-{number}.bin", content)
        marker = writer.commit(inputs={})
    for entry, content in zip(marker.files, contents, strict=True):
        assert (entry.bytes, entry.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        assert lake.read_bytes(entry.path) == content
