from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shark_core.errors import DataError
from shark_core.traffic.raw.kuairand import open_kuairand
from tests.traffic.raw.samples import impression, write_kuairand

DAY = date(2022, 4, 25)
NEXT = date(2022, 4, 26)


def read(folder: Path) -> dict[date, pa.Table]:
    return {day: pa.Table.from_batches([batch]) for day, batch in open_kuairand(folder).batches}


def test_event_time_is_chinas_wall_clock(tmp_path: Path) -> None:
    write_kuairand(tmp_path, [impression(0, 0, DAY, "2022-04-25 23:52")])
    assert f"{read(tmp_path)[DAY]['event_time'][0].as_py():%m-%d %H:%M%z}" == "04-25 23:52+0000"


def test_an_impression_logged_after_midnight_gets_midnight(tmp_path: Path) -> None:
    log = [
        impression(0, 0, DAY, "2022-04-25 12:00"),
        impression(1, 0, NEXT, "2022-04-25 23:05"),
        impression(2, 0, DAY, "2022-04-25 23:30"),
    ]
    days = read(write_kuairand(tmp_path, log))
    assert days[DAY]["user_id"].to_pylist() == [0, 2]
    assert f"{days[NEXT]['event_time'][0].as_py():%m-%d %H:%M}" == "04-26 00:00"


@pytest.mark.parametrize("served", ["2022-04-26 00:00", "2022-04-24 17:00"])
def test_a_time_far_from_its_date_is_refused(tmp_path: Path, served: str) -> None:
    write_kuairand(tmp_path, [impression(0, 0, DAY, served)])
    with pytest.raises(DataError, match="on the day that date names"):
        read(tmp_path)


def test_features_are_joined_and_missing_ones_are_null(tmp_path: Path) -> None:
    log = [impression(user, video, DAY, "2022-04-25 12:00") for user, video in [(2, 0), (9, 1)]]
    table = read(write_kuairand(tmp_path, log))[DAY]
    assert table["onehot_feat4"].to_pylist() == [5, None]
    assert table["tag"].to_pylist() == ["1,2", None]


def test_doubles_become_integers(tmp_path: Path) -> None:
    write_kuairand(tmp_path, [impression(0, 0, DAY, "2022-04-25 12:00")])
    schema = read(tmp_path)[DAY].schema
    assert schema.field("video_duration").type == pa.int64()


def test_a_double_with_a_fraction_is_refused(tmp_path: Path) -> None:
    write_kuairand(tmp_path, [impression(0, 0, DAY, "2022-04-25 12:00")])
    pq.write_table(
        pa.table({"user_id": [0], "onehot_feat4": [0.5]}), tmp_path / "user_features.parquet"
    )
    with pytest.raises(DataError, match=r"user_features\.parquet"):
        read(tmp_path)


def test_features_given_twice_are_refused(tmp_path: Path) -> None:
    write_kuairand(tmp_path, [impression(0, 0, DAY, "2022-04-25 12:00")])
    pq.write_table(pa.table({"user_id": [0, 0]}), tmp_path / "user_features.parquet")
    with pytest.raises(DataError, match="each user_id once"):
        read(tmp_path)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    write_kuairand(tmp_path, [impression(0, 0, DAY, "2022-04-25 12:00")])
    (tmp_path / "video_features_basic.parquet").unlink()
    with pytest.raises(DataError, match=r"video_features_basic\.parquet"):
        read(tmp_path)
