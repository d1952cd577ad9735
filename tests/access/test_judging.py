from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from shark_core.access.judging import (
    NO_LABEL,
    JudgedSplit,
    JudgeTask,
    judge_split,
    read_labels,
)
from shark_core.access.past_splits import PastSplit
from shark_core.errors import DataError
from shark_core.lake import Lake
from shark_core.partition_writer import AttemptFiles
from shark_core.traffic.traffic_files import inspect_file, plan_splits
from tests.traffic.day_lake import DAY, records, tiny_config, with_values, write_traffic

CONFIG = tiny_config()
USER = CONFIG.field("user")


def judge(folder: Path, table: pa.Table, quarantined: list[int], *judges: str) -> JudgedSplit:
    """The second split of the table's file, which begins at its record 30."""
    write_traffic(folder, table, row_group_size=30)
    lake, path = Lake(str(folder)), f"traffic/ds={DAY}/part-0.parquet"
    _, split, *_ = plan_splits([inspect_file(lake, CONFIG, path)], split_rows=30)
    fields = tuple(map(CONFIG.field, judges))
    files = AttemptFiles(lake, "access_counts", "0123abcd")
    past = PastSplit(lake, "clicked", fields, split, np.array(quarantined, np.int64))
    return judge_split(JudgeTask(past, files))


def test_labels_are_those_of_the_records_that_count(tmp_path: Path) -> None:
    table = with_values(records(100), "user", {29: 50, 33: 50, 40: None, 59: -1, 60: 50})
    judged = judge(tmp_path, table, [31, 40], "user")
    expected = [int(clicked) for clicked in table["clicked"].to_pylist()[30:60]]
    positives = sum(expected) - expected[1] - expected[10]
    for place in (1, 3, 10, 29):
        expected[place] = NO_LABEL
    assert read_labels(Lake(str(tmp_path)), judged).tolist() == expected
    assert (judged.examples, judged.positives, judged.unfit) == (28, positives, 2)


def test_without_judges_every_record_that_was_taken_counts(tmp_path: Path) -> None:
    judged = judge(tmp_path, with_values(records(100), "user", {33: 50}), [31])
    labels = read_labels(Lake(str(tmp_path)), judged)
    assert np.flatnonzero(labels == NO_LABEL).tolist() == [1]


@pytest.mark.parametrize("label", [None, 9, -1])
def test_a_label_that_is_none_counts_in_no_way(tmp_path: Path, label: int | None) -> None:
    table = with_values(records(100), "clicked", {31: label, 32: label})
    assert judge(tmp_path, table, [31, 32]).examples == 28
    with pytest.raises(DataError, match=r"(?s)have no label.*0 or 1 in column 'clicked'"):
        judge(tmp_path, table, [31])
