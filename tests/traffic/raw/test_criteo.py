from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from shark_core.errors import ConfigError, DataError
from shark_core.traffic.raw import delimited
from shark_core.traffic.raw.criteo import open_criteo
from shark_core.traffic.raw.source import DealtDays
from tests.traffic.raw.samples import criteo_line, write_lines

START = date(2026, 1, 1)


def read(path: Path, days: int = 1) -> dict[date, pa.Table]:
    raw = open_criteo(path, DealtDays(START, days))
    found: dict[date, list[pa.RecordBatch]] = {}
    for day, batch in raw.batches:
        found.setdefault(day, []).append(batch)
    return {day: pa.Table.from_batches(batches) for day, batches in found.items()}


@pytest.mark.parametrize("name", ["train.tsv", "train.tsv.gz"])
def test_rows_are_dealt_to_days_in_file_order(tmp_path: Path, name: str) -> None:
    path = write_lines(tmp_path / name, [criteo_line(n) for n in range(11)])
    days = read(path, days=3)
    assert [table["i1"].to_pylist() for table in days.values()] == [
        [0, 1, 2],
        [3, 4, 5, 6],
        [7, 8, 9, 10],
    ]


def test_every_row_arrives_once_where_days_cut_through_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 1000)
    path = write_lines(tmp_path / "train.tsv", [criteo_line(n) for n in range(100)])
    days = read(path, days=7)
    assert pa.concat_tables(days.values())["i1"].to_pylist() == list(range(100))


def test_event_times_spread_evenly_over_the_day(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "train.tsv", [criteo_line(n) for n in range(8)])
    times = read(path, days=2)[date(2026, 1, 2)]["event_time"].to_pylist()
    assert [f"{time:%m-%d %H:%M}" for time in times] == [
        "01-02 00:00",
        "01-02 06:00",
        "01-02 12:00",
        "01-02 18:00",
    ]


def test_an_empty_column_is_null(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "train.tsv", [criteo_line(1)])
    row = read(path)[START].to_pylist()[0]
    assert (row["i2"], row["i3"], row["c1"], row["c2"]) == (-1, None, "00000001", None)


@pytest.mark.parametrize(
    "bad",
    [
        "1\t2\t3",
        criteo_line(7) + "\t0",
        criteo_line(7).replace("-1", "x", 1),
        criteo_line(7).replace("-1", "1.5", 1),
        "",
        "\t" + criteo_line(7).split("\t", 1)[1],
    ],
    ids=["too few", "too many", "a word for a number", "a fraction", "blank", "no label"],
)
def test_a_malformed_line_is_refused_with_file_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: str
) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 1000)
    good = [criteo_line(n) for n in range(20)]
    path = write_lines(tmp_path / "train.tsv", [*good, bad, *good])
    with pytest.raises(DataError, match=r"train\.tsv, line 21\b"):
        read(path)


def test_rows_beyond_the_counted_lines_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "train.tsv"
    path.write_text(f"{criteo_line(1)}\r{criteo_line(2)}\n", newline="")
    with pytest.raises(DataError, match="more rows than lines"):
        read(path)


def test_a_truncated_archive_is_refused(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "train.tsv.gz", [criteo_line(n) for n in range(500)])
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match="cannot be read to its end"):
        read(path)


def test_more_days_than_rows_are_refused(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "train.tsv", [criteo_line(1)])
    with pytest.raises(ConfigError, match="more days than rows"):
        read(path, days=2)


def test_a_folder_with_two_logs_is_refused(tmp_path: Path) -> None:
    for name in ("a.tsv", "b.tsv"):
        write_lines(tmp_path / name, [criteo_line(1)])
    with pytest.raises(ConfigError, match=r"\['a\.tsv', 'b\.tsv'\]"):
        read(tmp_path)
