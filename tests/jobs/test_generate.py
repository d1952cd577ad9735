from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from jobs.generate import Amount, generate
from shark_core.lake import Lake, partition
from shark_core.schemas import TRAFFIC, TRAFFIC_TRUTH

START = date(2026, 1, 1)


def fingerprints(lake: Lake) -> list[str]:
    return [lake.marker(partition(TRAFFIC, day)).fingerprint for day in lake.days(TRAFFIC)]


def test_each_day_has_traffic_and_its_truth(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    generate(lake, Amount(START, days=2, impressions_per_day=500, seed=1))
    for day in (START, date(2026, 1, 2)):
        truth = json.loads(lake.read_file(partition(TRAFFIC_TRUTH, day), "truth.json"))
        traffic = lake.read_table(partition(TRAFFIC, day))
        assert truth["impressions"] == traffic.num_rows == 500
        assert truth["positives"] == sum(traffic["label"].to_pylist())
        assert truth["day"] == day.isoformat()


def test_more_days_leave_the_first_ones_as_they_were(tmp_path: Path) -> None:
    few, many = Lake(str(tmp_path / "few")), Lake(str(tmp_path / "many"))
    generate(few, Amount(START, days=1, impressions_per_day=500, seed=1))
    generate(many, Amount(START, days=3, impressions_per_day=500, seed=1))
    assert fingerprints(few) == fingerprints(many)[:1]


def test_a_second_run_gives_the_same_fingerprints(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    found = []
    for _ in range(2):
        generate(lake, Amount(START, days=2, impressions_per_day=500, seed=1))
        found.append(fingerprints(lake))
    assert found[0] == found[1]
