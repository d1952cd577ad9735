from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shark_core.errors import DataError, RetryableError
from shark_core.lake import Lake
from shark_core.schemas import TRAFFIC
from shark_core.traffic.columns import columns_read
from shark_core.traffic.traffic_files import (
    Split,
    TrafficFile,
    fingerprint,
    inspect_file,
    plan_splits,
    read_split,
    traffic_bytes,
    traffic_paths,
)

from .day_lake import DAY, commit, context_of, records, tiny_config, write_traffic

CONFIG = tiny_config()


@given(st.lists(st.lists(st.integers(0, 50), max_size=6), max_size=4), st.integers(1, 60))
def test_splits_hold_every_row_group_once_and_in_order(groups: list, split_rows: int) -> None:
    files = [TrafficFile(f"f{i}", tuple(rows), "") for i, rows in enumerate(groups)]
    splits = plan_splits(files, split_rows)
    assert [split.number for split in splits] == list(range(len(splits)))
    for file in files:
        own = [split for split in splits if split.path == file.path]
        covered = [group for split in own for group in split.row_groups]
        assert covered == sorted(covered)
        assert sum(file.row_groups[group] for group in covered) == sum(file.row_groups)
        for split in own:
            assert split.first_row == sum(file.row_groups[: split.row_groups[0]])
            rows = [file.row_groups[group] for group in split.row_groups]
            assert split.rows == sum(rows)
            assert sum(rows) <= split_rows or sum(rows[:-1]) == 0 or len(rows) == 1


def test_a_split_gives_its_rows_with_their_positions(tmp_path: Path) -> None:
    table = records(100)
    write_traffic(tmp_path, table, row_group_size=30)
    lake = Lake(str(tmp_path))
    files = [inspect_file(lake, CONFIG, path) for path in traffic_paths(lake, DAY)]
    assert files[0].row_groups == (30, 30, 30, 10)
    columns = columns_read(CONFIG)
    for split in plan_splits(files, split_rows=60):
        for first, batch in read_split(lake, split, columns):
            expected = table.select(columns).slice(first, batch.num_rows)
            assert pa.Table.from_batches([batch]).equals(expected)


def test_a_column_name_may_hold_a_dot(tmp_path: Path) -> None:
    config = tiny_config(dense_features=[{"name": "price", "column": "item.price"}])
    table = records(10).rename_columns({"price": "item.price"})
    write_traffic(tmp_path, table)
    lake = Lake(str(tmp_path))
    split = plan_splits([inspect_file(lake, config, traffic_paths(lake, DAY)[0])])[0]
    (_, batch), *_ = read_split(lake, split, ["item.price"])
    assert batch.column(0).equals(table["item.price"].chunk(0))


def test_without_a_marker_all_parquet_files_are_traffic(tmp_path: Path) -> None:
    for name in ["b.parquet", "a.parquet", "hour=01/c.parquet", "_tmp/x.parquet", ".y.parquet"]:
        write_traffic(tmp_path, records(2), name=name)
    (tmp_path / f"traffic/ds={DAY}/_SUCCESS").touch()
    names = [path.split("/", 2)[2] for path in traffic_paths(Lake(str(tmp_path)), DAY)]
    assert names == ["a.parquet", "b.parquet", "hour=01/c.parquet"]


def test_with_a_marker_only_its_files_are_traffic(tmp_path: Path) -> None:
    marker = commit(context_of(tmp_path), TRAFFIC, records(3))
    write_traffic(tmp_path, records(2), name="left-over.parquet")
    assert traffic_paths(Lake(str(tmp_path)), DAY) == [marker.files[0].path]
    assert traffic_bytes(Lake(str(tmp_path)), DAY) == marker.bytes


def test_bytes_are_those_of_the_files_that_are_traffic(tmp_path: Path) -> None:
    names = ["a.parquet", "hour=01/b.parquet", "_tmp/x.parquet"]
    first, second, _ = [write_traffic(tmp_path, records(9), name=name) for name in names]
    expected = first.stat().st_size + second.stat().st_size
    assert traffic_bytes(Lake(str(tmp_path)), DAY) == expected
    assert traffic_bytes(Lake(str(tmp_path / "elsewhere")), DAY) == 0


def test_a_day_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no traffic"):
        traffic_paths(Lake(str(tmp_path)), DAY)


@pytest.mark.parametrize("keep", [0, 3, 0.5, 0.99])
def test_a_cut_off_file_is_refused_by_name(tmp_path: Path, keep: float) -> None:
    path = write_traffic(tmp_path, records(100))
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if keep < 1 else int(keep)])
    with pytest.raises(DataError, match=r"part-0\.parquet"):
        inspect_file(Lake(str(tmp_path)), CONFIG, f"traffic/ds={DAY}/part-0.parquet")


@pytest.mark.parametrize("compression", ["snappy", "zstd", "none"])
def test_damaged_pages_are_bad_data_and_not_trouble_of_the_storage(
    tmp_path: Path, compression: str
) -> None:
    options = {"compression": compression, "write_page_checksum": True}
    path = write_traffic(tmp_path, records(1000), **options)
    content = bytearray(path.read_bytes())
    content[200:400] = bytes(200)
    path.write_bytes(bytes(content))
    lake = Lake(str(tmp_path))
    file = inspect_file(lake, CONFIG, f"traffic/ds={DAY}/part-0.parquet")
    with pytest.raises(DataError, match=r"(?s)damaged.*part-0\.parquet"):
        list(read_split(lake, plan_splits([file])[0], columns_read(CONFIG)))


def test_what_cannot_be_read_at_all_is_trouble_to_try_again(tmp_path: Path) -> None:
    (tmp_path / "folder.parquet").mkdir()
    with pytest.raises(RetryableError, match=r"folder\.parquet"):
        inspect_file(Lake(str(tmp_path)), CONFIG, "folder.parquet")


def test_a_file_that_is_gone_is_bad_data(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.parquet"):
        inspect_file(Lake(str(tmp_path)), CONFIG, "gone.parquet")


def test_the_fingerprint_follows_names_and_content() -> None:
    a, b, c = (
        fingerprint([TrafficFile(path, (5,), content)])
        for path, content in [("a.parquet", "1"), ("b.parquet", "1"), ("a.parquet", "2")]
    )
    assert len({a, b, c}) == 3


def test_the_fingerprint_is_the_same_whoever_wrote_the_file() -> None:
    first, second = (
        fingerprint([TrafficFile(f"part-0-{attempt}.parquet", (5,), "1")])
        for attempt in ("0123abcd-01234567", "ffffffff-89abcdef")
    )
    assert first == second


def test_files_that_would_be_left_aside_by_their_name_refuse_the_day(tmp_path: Path) -> None:
    write_traffic(tmp_path, records(2))
    write_traffic(tmp_path, records(2), name="part-1.parq")
    with pytest.raises(DataError, match=r"(?s)not read as Parquet.*part-1\.parq"):
        traffic_paths(Lake(str(tmp_path)), DAY)


@pytest.mark.parametrize("kind", [pa.string_view(), pa.list_(pa.string_view())])
def test_string_views_are_read_as_plain_strings(tmp_path: Path, kind: pa.DataType) -> None:
    values = [["a", None], None, []] if pa.types.is_list(kind) else ["a", None, "b"]
    write_traffic(tmp_path, pa.table({"ad": pa.array(values, kind)}))
    lake, path = Lake(str(tmp_path)), f"traffic/ds={DAY}/part-0.parquet"
    ((_, batch),) = read_split(lake, Split(0, path, row_groups=(0,), first_row=0, rows=1), ["ad"])
    assert batch.take([0, 1, 2])["ad"].to_pylist() == values
