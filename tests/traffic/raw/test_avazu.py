from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from shark_core.errors import DataError
from shark_core.traffic.raw.avazu import open_avazu
from tests.traffic.raw.samples import AVAZU_HEADER, avazu_line, write_lines

HOURS = ["14102100", "14102100", "14102123", "14102200", "14102205"]


def test_each_row_goes_to_the_day_of_its_hour(tmp_path: Path) -> None:
    lines = [avazu_line(number, hour) for number, hour in enumerate(HOURS)]
    raw = open_avazu(write_lines(tmp_path / "train.csv", [AVAZU_HEADER, *lines]))
    found = [(day, batch["id"].to_pylist()) for day, batch in raw.batches]
    assert found == [
        (date(2014, 10, 21), [str(10**19 + number) for number in range(3)]),
        (date(2014, 10, 22), [str(10**19 + number) for number in range(3, 5)]),
    ]


def test_event_time_is_the_start_of_the_hour(tmp_path: Path) -> None:
    lines = [avazu_line(0, "14102123")]
    raw = open_avazu(write_lines(tmp_path / "train.csv.gz", [AVAZU_HEADER, *lines]))
    (_, batch), *_ = raw.batches
    assert batch["event_time"].to_pylist() == [datetime(2014, 10, 21, 23, tzinfo=UTC)]


def test_a_log_without_labels_is_refused(tmp_path: Path) -> None:
    header = AVAZU_HEADER.replace("click,", "")
    with pytest.raises(DataError, match="not Avazu's"):
        open_avazu(write_lines(tmp_path / "test.csv", [header]))


def test_a_malformed_line_is_refused_with_its_line_number(tmp_path: Path) -> None:
    lines = [AVAZU_HEADER, avazu_line(0, "14102100"), "1,2,3"]
    raw = open_avazu(write_lines(tmp_path / "train.csv", lines))
    with pytest.raises(DataError, match=r"train\.csv, line 3\b"):
        list(raw.batches)


@pytest.mark.parametrize("hour", ["14102124", "", "7"])
def test_an_impossible_hour_is_refused(tmp_path: Path, hour: str) -> None:
    raw = open_avazu(write_lines(tmp_path / "train.csv", [AVAZU_HEADER, avazu_line(0, hour)]))
    with pytest.raises(DataError, match="not an hour"):
        list(raw.batches)
