from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from jobs.prepare import dealt_days, prepare
from shark_core.errors import ConfigError, DataError
from shark_core.interval import Interval
from shark_core.lake import Lake, partition
from shark_core.schemas import TRAFFIC
from shark_core.traffic.raw.source import DealtDays
from tests.real_traffic import CRITEO, KUAIRAND, needs_criteo, needs_kuairand
from tests.traffic.raw.samples import AVAZU_HEADER, avazu_line, criteo_line, write_lines

START = date(2026, 1, 1)


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_second_run_gives_the_same_fingerprint(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "train.tsv", [criteo_line(n) for n in range(50)])
    lake = Lake(str(tmp_path / "lake"))
    fingerprints = []
    for _ in range(2):
        prepare("criteo", path, lake, DealtDays(START, 2))
        fingerprints.append(lake.marker(partition(TRAFFIC, START)).fingerprint)
    assert fingerprints[0] == fingerprints[1]


def test_the_marker_knows_the_source_by_its_content(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path / "lake"))
    inputs = []
    for name in ("train.tsv", "train.tsv.gz"):
        path = write_lines(tmp_path / name, [criteo_line(1)])
        prepare("criteo", path, lake, DealtDays(START, 1))
        inputs.append(lake.marker(partition(TRAFFIC, START)).inputs)
    assert inputs[0]["train.tsv"] == inputs[1]["train.tsv.gz"]


def test_a_bad_line_leaves_nothing_behind(tmp_path: Path) -> None:
    lines = [*(criteo_line(n) for n in range(50)), "1\t2"]
    path = write_lines(tmp_path / "train.tsv", lines)
    with pytest.raises(DataError):
        prepare("criteo", path, Lake(str(tmp_path / "lake")), DealtDays(START, 3))
    assert files_in(tmp_path / "lake") == []


def test_a_log_that_gives_other_rows_than_counted_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    rows = [avazu_line(n, "14102100") for n in range(2)]
    path.write_text(f"{AVAZU_HEADER}\n{rows[0]}\r{rows[1]}\n", newline="")
    with pytest.raises(DataError, match=r"expected: 1 rows(.|\n)*found: +2 rows"):
        prepare("avazu", path, Lake(str(tmp_path / "lake")))
    assert files_in(tmp_path / "lake") == []


def test_days_out_of_order_are_refused(tmp_path: Path) -> None:
    lines = [avazu_line(n, f"1410{day}00") for n, day in enumerate([21, 22, 21])]
    path = write_lines(tmp_path / "train.csv", [AVAZU_HEADER, *lines])
    with pytest.raises(DataError, match="2014-10-21 again after 2014-10-22"):
        prepare("avazu", path, Lake(str(tmp_path / "lake")))


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"avazu.*criteo.*kuairand"):
        prepare("movielens", tmp_path, Lake(str(tmp_path)))


def test_a_log_with_times_takes_no_days(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="do not go with the format"):
        prepare("kuairand", tmp_path, Lake(str(tmp_path)), DealtDays(START, 3))


def test_start_day_and_days_go_together() -> None:
    with pytest.raises(ConfigError, match="--days missing"):
        dealt_days("2026-01-01", None)


@needs_kuairand
def test_kuairand_arrives_whole_on_its_eleven_days(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    prepare("kuairand", KUAIRAND, lake)
    log = pq.read_table(next(KUAIRAND.glob("log_*.parquet")))
    days = list(lake.days(TRAFFIC))
    assert days == [date(2022, 4, 25) + timedelta(days=n) for n in range(11)]
    total = 0
    for day in days:
        traffic = lake.read_table(partition(TRAFFIC, day))
        interval = Interval.of_day(day)
        bounds = pc.min_max(traffic["event_time"]).as_py()
        assert interval.start <= bounds["min"] <= bounds["max"] < interval.end
        published = log.filter(pc.equal(log["date"], int(f"{day:%Y%m%d}")))
        keys = [(name, "ascending") for name in log.column_names]
        assert traffic.select(log.column_names).sort_by(keys) == published.sort_by(keys)
        total += traffic.num_rows
    assert total == 180_384


@needs_criteo
def test_the_criteo_sample_arrives_whole_and_in_order(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    prepare("criteo", CRITEO, lake, DealtDays(START, 3))
    rows = [
        row
        for day in lake.days(TRAFFIC)
        for row in lake.read_table(partition(TRAFFIC, day)).drop(["event_time"]).to_pylist()
    ]
    lines = ["\t".join("" if v is None else str(v) for v in row.values()) for row in rows]
    assert lines == CRITEO.read_text().splitlines()
