from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from shark_core.access import traffic_count_tasks
from shark_core.access.count_files import FieldCounts, FieldOutput
from shark_core.access.counts import add_counts
from shark_core.access.judging import JudgeTask, judge_split
from shark_core.access.past_splits import PastSplit
from shark_core.access.row_ranges import RowRange
from shark_core.access.traffic_count_tasks import TrafficCountTask, count_traffic
from shark_core.lake import Lake
from shark_core.partition_writer import AttemptFiles
from shark_core.traffic.traffic_files import inspect_file, plan_splits
from tests.traffic.day_lake import DAY, records, tiny_config, write_traffic

CONFIG = tiny_config()
NAMES = ("user", "ad", "tags")


def task(folder: Path) -> TrafficCountTask:
    """All of a day's traffic, in several splits of one file."""
    write_traffic(folder, records(600), row_group_size=70)
    lake, path = Lake(str(folder)), f"traffic/ds={DAY}/part-0.parquet"
    files = AttemptFiles(lake, "access_counts", "0123abcd")
    nothing = np.empty(0, np.int64)
    judged = [
        judge_split(JudgeTask(PastSplit(lake, "clicked", (), split, nothing), files))
        for split in plan_splits([inspect_file(lake, CONFIG, path)], split_rows=140)
    ]
    outputs = tuple(FieldOutput(CONFIG.field(name), files) for name in NAMES)
    return TrafficCountTask(lake, outputs, {}, tuple(judged), number=0, alone=True)


def totals(lake: Lake, counts: list[FieldCounts]) -> dict[str, pa.Table]:
    tables: dict[str, list[pa.Table]] = {name: [] for name in NAMES}
    for part in counts:
        tables[part.field.name] += [lake.read_parquet(entry.path) for entry in part.entries]
    return {name: add_counts(parts, RowRange(0, 101)) for name, parts in tables.items()}


def test_values_beyond_the_memory_are_counted_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = task(tmp_path)
    at_once = count_traffic(whole)
    assert [[Path(e.path).name[:10] for e in part.entries] for part in at_once] == [
        ["part-00000"]
    ] * 3
    monkeypatch.setattr(traffic_count_tasks, "bytes_each", lambda counters: 1000)
    in_parts = count_traffic(whole)
    assert all(len(part.entries) > 1 for part in in_parts)
    assert all("/partial-" in entry.path for part in in_parts for entry in part.entries)
    assert totals(whole.lake, in_parts) == totals(whole.lake, at_once)


def test_a_field_without_any_record_has_an_empty_file(tmp_path: Path) -> None:
    whole = task(tmp_path)
    none = TrafficCountTask(whole.lake, whole.outputs, {}, (), number=0, alone=True)
    for part in count_traffic(none):
        (entry,) = part.entries
        assert (entry.rows, part.positives, part.negatives) == (0, 0, 0)
