"""A partition is the old one or the new one: crashes, several attempts, what is cleaned up."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shark_core.errors import RetryableError
from shark_core.lake import MARKER_NAME, Lake, partition
from shark_core.partition_writer import PartitionWriter, RunStamp
from shark_core.schemas import EXAMPLES

TARGET = partition(EXAMPLES, date(2026, 1, 2))
RUN = RunStamp("confighash", "0.0.0+test")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def attempt(lake: Lake) -> PartitionWriter:
    return PartitionWriter(lake, TARGET, RUN)


def write(lake: Lake, value: int) -> None:
    with attempt(lake) as writer:
        writer.write_table("part-00000.parquet", pa.table({"a": [value]}))
        writer.commit(inputs={})


def values(lake: Lake) -> list[int]:
    column: list[int] = lake.read_table(TARGET)["a"].to_pylist()
    return column


def files(lake: Lake) -> list[Path]:
    return sorted(path for path in Path(lake.absolute(TARGET.path)).rglob("*") if path.is_file())


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


def test_an_error_before_commit_leaves_the_old_and_removes_the_new(lake: Lake) -> None:
    write(lake, 1)
    before = files(lake)

    def fail() -> None:
        with attempt(lake) as writer:
            writer.write_table("part-00000.parquet", pa.table({"a": [2]}))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert values(lake) == [1]
    assert files(lake) == before


def test_an_error_while_a_file_is_written_removes_the_half_of_it(lake: Lake) -> None:
    schema = pa.schema([("a", pa.int64())])

    def batches() -> object:
        yield pa.record_batch({"a": [1]})
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"), attempt(lake) as writer:
        writer.write_batches("part-00000.parquet", schema, batches())  # type: ignore[arg-type]
    assert files(lake) == []


def test_what_a_killed_attempt_left_is_gone_after_the_next(lake: Lake) -> None:
    write(lake, 1)
    killed = attempt(lake)
    killed.write_table("part-00000.parquet", pa.table({"a": [2]}))
    assert values(lake) == [1]
    write(lake, 3)
    assert values(lake) == [3]
    assert len(files(lake)) == 2  # one part, one marker


def test_a_crash_after_the_marker_leaves_the_new_content(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(lake, 1)
    with monkeypatch.context() as patch:
        patch.setattr(PartitionWriter, "_remove_unlisted", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            write(lake, 2)
    assert values(lake) == [2]
    write(lake, 2)
    assert len(files(lake)) == 2


def test_of_two_attempts_at_once_the_last_to_commit_wins_whole(lake: Lake) -> None:
    with attempt(lake) as first, attempt(lake) as second:
        first.write_table("part-00000.parquet", pa.table({"a": [1]}))
        second.write_table("part-00000.parquet", pa.table({"a": [2]}))
        second.commit(inputs={})
        assert values(lake) == [2]
        with pytest.raises(RetryableError, match="only once at a time"):
            first.commit(inputs={})
    assert values(lake) == [2]


def test_commit_refuses_files_of_another_size_than_written(lake: Lake) -> None:
    with attempt(lake) as writer:
        writer.write_bytes("plan.json", b"0123456789")
        Path(lake.absolute(writer.files.path("plan.json"))).write_bytes(b"0")
        with pytest.raises(RetryableError, match="another size"):
            writer.commit(inputs={})
    assert lake.find_marker(TARGET) is None


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


def test_nothing_but_the_listed_files_and_the_marker_remains(lake: Lake) -> None:
    write(lake, 1)
    stray = Path(lake.absolute(TARGET.path)) / "sub" / "stray.parquet"
    stray.parent.mkdir()
    stray.write_bytes(b"x")
    write(lake, 2)
    assert not stray.exists()
    assert {path.name for path in files(lake)} >= {MARKER_NAME}


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
