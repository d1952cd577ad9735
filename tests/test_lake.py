"""Where datasets live and which files count; what a reader is told when something is wrong."""

from __future__ import annotations

import json
import pickle
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shark_core.errors import ConfigError, DataError, RetryableError
from shark_core.lake import MARKER_NAME, FileEntry, Lake, Marker, partition
from shark_core.partition_writer import PartitionWriter, RunStamp
from shark_core.schemas import ACCESS_COUNTS, EXAMPLES, PLAN
from tests.lake_places import Place

pytest_plugins = ["tests.lake_fixtures"]

DAY = date(2026, 1, 2)
RUN = RunStamp("confighash", "0.0.0+test")
NAMES = st.text(min_size=1, max_size=20)
ENTRIES = st.builds(
    FileEntry, NAMES, st.integers(0, 2**40), st.integers(0, 2**40), st.text("0123456789abcdef")
)
MARKERS = st.builds(
    Marker,
    dataset=NAMES,
    files=st.lists(ENTRIES, max_size=3, unique_by=lambda entry: entry.path).map(tuple),
    inputs=st.dictionaries(NAMES, NAMES, max_size=3),
    config_hash=NAMES,
    code_version=NAMES,
    facts=st.dictionaries(NAMES, st.integers() | st.floats(allow_nan=False) | NAMES, max_size=3),
)


def write(lake: Lake, *tables: pa.Table) -> Marker:
    with PartitionWriter(lake, partition(EXAMPLES, DAY), RUN) as writer:
        for number, table in enumerate(tables):
            writer.write_table(f"part-{number:05d}.parquet", table)
        return writer.commit(inputs={})


def write_named(lake: Lake, name: str, rows: list[int]) -> Marker:
    with PartitionWriter(lake, partition(EXAMPLES, DAY), RUN) as writer:
        writer.write_table(name, pa.table({"a": rows}))
        return writer.commit(inputs={})


def test_a_location_is_made_of_dataset_and_keys_only() -> None:
    target = partition(ACCESS_COUNTS, DAY, field="user")
    assert target.path == "access_counts/ds=2026-01-02/field=user"


@pytest.mark.parametrize("keys", [{}, {"field": "a", "stage": "b"}, {"stage": "b"}])
def test_keys_that_a_dataset_does_not_have_are_refused(keys: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="access_counts has the keys"):
        partition(ACCESS_COUNTS, DAY, **keys)


@given(MARKERS)
def test_a_marker_comes_back_as_it_was_written(marker: Marker) -> None:
    assert Marker.from_json(marker.to_json()) == marker


@given(MARKERS, st.permutations(range(3)))
def test_a_fingerprint_is_of_content_not_of_the_attempt_or_the_order_of_listing(
    marker: Marker, order: list[int]
) -> None:
    renamed = [FileEntry(f"x{e.path}", e.rows, e.bytes, e.sha256) for e in marker.files]
    files = tuple(renamed[i] for i in order if i < len(renamed))
    other = Marker("other", files, {}, "other", "other", marker.facts)
    assert other.fingerprint == marker.fingerprint


def test_a_fingerprint_changes_when_files_swap_their_content() -> None:
    def fingerprint(*checksums: str) -> str:
        files = tuple(FileEntry(f"part-{i}", 1, 1, sha) for i, sha in enumerate(checksums))
        return Marker("d", files, {}, "c", "v").fingerprint

    assert fingerprint("aa", "bb") != fingerprint("bb", "aa")


def test_a_fingerprint_changes_with_a_files_content_and_with_facts() -> None:
    def fingerprint(sha256: str, count: int) -> str:
        return Marker("d", (FileEntry("p", 1, 1, sha256),), {}, "c", "v", {"n": count}).fingerprint

    assert len({fingerprint("aa", 1), fingerprint("bb", 1), fingerprint("aa", 2)}) == 3


def test_rows_come_back_in_the_order_of_the_files(lake: Lake) -> None:
    write(lake, pa.table({"a": [1, 2]}), pa.table({"a": [3]}))
    assert lake.read_table(partition(EXAMPLES, DAY)).to_pydict() == {"a": [1, 2, 3]}


def test_partition_keys_in_the_path_do_not_become_columns(lake: Lake) -> None:
    write(lake, pa.table({"a": [1]}))
    assert lake.read_table(partition(EXAMPLES, DAY)).column_names == ["a"]


def test_files_that_the_marker_does_not_list_are_not_read(place: Place, lake: Lake) -> None:
    marker = write(lake, pa.table({"a": [1]}))
    stray = marker.files[0].path.replace("part-00000", "part-00001")
    pq.write_table(pa.table({"a": [99]}), lake.absolute(stray), filesystem=lake.filesystem)
    assert stray in place.files()
    assert lake.read_table(partition(EXAMPLES, DAY)).to_pydict() == {"a": [1]}


def test_a_missing_partition_names_the_job_that_writes_it(lake: Lake) -> None:
    assert lake.find_marker(partition(EXAMPLES, DAY)) is None
    with pytest.raises(DataError, match="python -m jobs ingest"):
        lake.marker(partition(EXAMPLES, DAY))


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"files": []}', '{"files": [{"x": 1}]}', "7"])
def test_a_damaged_marker_is_refused_with_its_location(
    place: Place, lake: Lake, damage: str
) -> None:
    write(lake, pa.table({"a": [1]}))
    place.write(f"{partition(EXAMPLES, DAY).path}/{MARKER_NAME}", damage.encode())
    with pytest.raises(DataError, match=MARKER_NAME) as caught:
        lake.marker(partition(EXAMPLES, DAY))
    assert "python -m jobs ingest" in str(caught.value)


def test_a_corrupt_parquet_file_is_refused_with_its_location(place: Place, lake: Lake) -> None:
    marker = write(lake, pa.table({"a": [1]}))
    place.write(marker.files[0].path, b"PAR1 no longer PAR1")
    with pytest.raises(DataError, match=r"part-00000-[\w-]+\.parquet"):
        lake.read_table(partition(EXAMPLES, DAY))


def test_a_lost_file_is_refused_with_its_location(place: Place, lake: Lake) -> None:
    marker = write(lake, pa.table({"a": [1]}))
    place.remove(marker.files[0].path)
    with pytest.raises(DataError, match=r"part-00000-[\w-]+\.parquet"):
        lake.read_table(partition(EXAMPLES, DAY))


@pytest.mark.parametrize("name", ["part-00000.parquet", "table=user/tier=int8/part-00000.parquet"])
def test_a_file_of_a_partition_that_was_written_anew_is_worth_another_try(
    place: Place, lake: Lake, name: str
) -> None:
    read_before, _ = (write_named(lake, name, rows) for rows in ([1], [2]))
    path = read_before.files[0].path
    assert path not in place.files()
    with pytest.raises(RetryableError, match=r"(?s)written anew.*part-00000-.*run the command"):
        lake.read_parquet(path)
    with pytest.raises(RetryableError, match="written anew"):
        lake.read_bytes(path)


def test_a_file_of_a_partition_that_was_removed_is_not(place: Place, lake: Lake) -> None:
    marker = write(lake, pa.table({"a": [1]}))
    for path in place.files():
        place.remove(path)
    with pytest.raises(DataError, match="a file cannot be read"):
        lake.read_parquet(marker.files[0].path)


def test_storage_that_does_not_answer_is_worth_another_try(lake: Lake) -> None:
    with pytest.raises(RetryableError, match="does not answer"), lake.reading("plan/plan.json"):
        raise TimeoutError("no route to host")


def test_a_named_file_is_found_without_knowing_the_attempt(lake: Lake) -> None:
    target = partition(PLAN, DAY)
    with PartitionWriter(lake, target, RUN) as writer:
        writer.write_bytes("plan.json", json.dumps({"kept": ["a"]}).encode())
        writer.commit(inputs={})
    assert json.loads(lake.read_file(target, "plan.json")) == {"kept": ["a"]}
    with pytest.raises(DataError, match=r"plan has no plan\.yaml"):
        lake.read_file(target, "plan.yaml")


def test_days_are_listed_in_order(lake: Lake) -> None:
    for text in ("2026-01-10", "2026-01-02", "2025-12-31"):
        day = partition(EXAMPLES, date.fromisoformat(text))
        with PartitionWriter(lake, day, RUN) as writer:
            writer.commit(inputs={})
    assert [str(day) for day in lake.days(EXAMPLES)] == ["2025-12-31", "2026-01-02", "2026-01-10"]


def test_a_lake_without_a_dataset_has_no_days(lake: Lake) -> None:
    assert list(lake.days(EXAMPLES)) == []


def test_a_location_is_what_other_tools_read(place: Place, lake: Lake) -> None:
    marker = write(lake, pa.table({"a": [1]}))
    path = marker.files[0].path
    assert lake.location(path) == f"{lake.root}/{path}"
    assert lake.read_bytes(path) == place.read(path)


def test_permission_that_is_missing_is_for_a_person_to_give(lake: Lake) -> None:
    with pytest.raises(ConfigError, match="refuses the access"), lake.reading("plan/plan.json"):
        raise PermissionError(13, "Permission denied")


@pytest.mark.parametrize(
    ("root", "kept", "plan"),
    [
        ("s3://bucket/models", "s3://bucket/models", "bucket/models/plan"),
        ("s3://bucket/models/", "s3://bucket/models", "bucket/models/plan"),
        ("s3a://bucket/models", "s3://bucket/models", "bucket/models/plan"),
        ("s3://bucket", "s3://bucket", "bucket/plan"),
        ("s3a://bucket/", "s3://bucket", "bucket/plan"),
        ("/data/lake/", "/data/lake", "/data/lake/plan"),
        ("~/lake", "/home/me/lake", "/home/me/lake/plan"),
        ("lake", "lake", str(Path("lake/plan").absolute())),
        ("a:b", "a:b", str(Path("a:b/plan").absolute())),
    ],
)
def test_a_root_has_one_form(
    monkeypatch: pytest.MonkeyPatch, root: str, kept: str, plan: str
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    lake = Lake(root)
    assert (lake.root, lake.absolute("plan")) == (kept, plan)
    assert pickle.loads(pickle.dumps(lake)) == lake  # noqa: S301


@pytest.mark.parametrize(
    "root",
    [
        *("ftp://host/lake", "nonsense://x", "file:///lake", "s3n://bucket", "S3://bucket"),
        *(
            "s3:/bucket",
            "s3://",
            "s3:///prefix",
            "s3a://",
            "s3://b",
            "s3://bu cket",
            "s3://-bucket",
        ),
        *("s3://bucket//x", "s3://bucket/a/../b", "s3://bucket/./a", "s3://bucket/a?region=x"),
        *("", "  ", "~nobody-of-this-name/lake"),
    ],
)
def test_a_root_that_is_neither_folder_nor_bucket_is_a_config_error(root: str) -> None:
    with pytest.raises(ConfigError, match=r"(?s)a folder, or s3://bucket/prefix.*where: +lake"):
        Lake(root)


@pytest.mark.parametrize(
    "root",
    [
        *("s3://key:hidden@bucket/prefix", "s3a://key:hidden@bucket", "s3://key:hid/den@bucket"),
        *(
            "s3://hidden@bucket",
            "s3://key:hidden",
            "ftp://key:hidden@host",
            "s3n://a:hidden@bucket",
        ),
        *("s3:/key:hidden@bucket", "s3://bucket?secret_key=hidden", "s3://bucket/a?k=hidden"),
        *("s3://bucket/a#hidden",),
    ],
)
def test_what_may_be_a_secret_in_a_root_is_refused_and_not_shown(root: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Lake(root)
    assert "hid" not in str(caught.value)
