"""Whole days of generated traffic, through every job in its order, in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from jobs.context import DayContext
from jobs.generate import Amount, generate
from jobs.registry import DAY_VERBS
from shark_core.config import PipelineConfig, load_config
from shark_core.evaluation.slices import NEW_ROWS
from shark_core.lake import Lake, Marker
from shark_core.publish.catalog import Catalog
from shark_core.publish.lake_store import store_for
from shark_core.report.stored import read_report
from shark_core.traffic.examples import ExampleReader
from shark_core.traffic.slices import Slice, SlicePart, held_out_test_slice, holdout_cut
from tests.jobs.lake_contents import contents

pytestmark = [pytest.mark.spark, pytest.mark.slow]

CONFIG = Path(__file__).parents[2] / "infra" / "config" / "demo.yaml"
DAYS = (date(2026, 1, 1), date(2026, 1, 2))
LOOSE = {"max_auc_drop": 1.0, "max_log_loss_increase": 1.0, "min_compression_ratio": 2.5}


def config_for(root: Path) -> PipelineConfig:
    config = load_config(CONFIG)
    gates = config.gates.model_copy(update=LOOSE)
    return config.model_copy(update={"lake": str(root), "gates": gates})


def run_days(root: Path) -> PipelineConfig:
    config = config_for(root)
    generate(Lake(config.lake), Amount(DAYS[0], len(DAYS), 4000, seed=11))
    for day in DAYS:
        run_day(config, day)
    return config


def run_day(config: PipelineConfig, day: date) -> None:
    for verb in DAY_VERBS:
        verb.load()(DayContext(config, day, run_id="test"))


def markers(root: Path) -> Iterator[tuple[str, Marker]]:
    for path in sorted(root.rglob("_marker.json")):
        yield str(path.relative_to(root).parent), Marker.from_json(path.read_text())


def fingerprints(root: Path) -> dict[str, str]:
    return {name: marker.fingerprint for name, marker in markers(root)}


def production(config: PipelineConfig) -> list[str]:
    catalog = Catalog(store_for(config), config.name)
    return [entry.snapshot_id for entry in catalog.history("production")]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, spark: object) -> PipelineConfig:
    return run_days(tmp_path_factory.mktemp("first"))


def test_two_runs_over_the_same_traffic_give_the_same_contents(
    finished: PipelineConfig, tmp_path: Path
) -> None:
    again = run_days(tmp_path)
    assert contents(tmp_path) == contents(Path(finished.lake))
    assert production(again) == production(finished)


def test_running_a_finished_day_again_changes_nothing(finished: PipelineConfig) -> None:
    root = Path(finished.lake)
    before, released = fingerprints(root), production(finished)
    run_day(finished, DAYS[-1])
    assert fingerprints(root) == before
    assert production(finished) == released


def test_every_record_is_an_example_or_in_quarantine(finished: PipelineConfig) -> None:
    for day in DAYS:
        facts = {
            name: marker.facts
            for name, marker in markers(Path(finished.lake))
            if name.endswith(f"ds={day}")
        }
        counts = facts[f"examples/ds={day}"]
        assert counts["records"] == 4000
        assert counts["examples"] + sum(counts["quarantined"].values()) == 4000


def test_each_day_becomes_the_production_snapshot_of_its_turn(finished: PipelineConfig) -> None:
    lake = Lake(finished.lake)
    reports = [read_report(lake, day) for day in DAYS]
    assert production(finished) == [report.snapshot_id for report in reversed(reports)]


def test_only_listed_files_remain_in_the_lake(finished: PipelineConfig) -> None:
    root = Path(finished.lake)
    listed = {root / entry.path for _, marker in markers(root) for entry in marker.files}
    listed |= set(root.rglob("_marker.json"))
    present = {path for path in root.rglob("*") if path.is_file() and "registry" not in path.parts}
    assert present == listed


def test_the_second_day_starts_from_the_first(finished: PipelineConfig) -> None:
    baseline = json.loads(
        (Path(finished.lake) / f"checkpoint/ds={DAYS[1]}/stage=baseline/_marker.json").read_text()
    )
    assert f"checkpoint/ds={DAYS[1] - timedelta(days=1)}/stage=baseline" in baseline["inputs"]


def test_new_rows_are_those_that_no_training_read(finished: PipelineConfig) -> None:
    lake, day = Lake(finished.lake), DAYS[1]
    report = read_report(lake, day)
    kept = [field.field for field in report.fields if field.decision != "pruned"]
    head = SlicePart(day, end=holdout_cut(lake, finished, day))
    trained = Slice("trained", (SlicePart(DAYS[0]), head))
    known = {name: np.concatenate(ids) for name, ids in read_rows(finished, trained, kept).items()}
    test_slice = read_rows(finished, held_out_test_slice(lake, finished, day), kept)
    new = [[not np.isin(ids, known[name]).all() for ids in test_slice[name]] for name in kept]
    (found,) = [each for each in report.slices if each.name == NEW_ROWS]
    assert found.examples == np.any(new, axis=0).sum() > 0


def read_rows(
    config: PipelineConfig, wanted: Slice, fields: list[str]
) -> dict[str, list[np.ndarray]]:
    """Each field's row ids, example by example."""
    reader = ExampleReader(Lake(config.lake), config, wanted, fields=fields)
    batches = list(reader.batches(1000))
    return {
        name: [
            ids
            for batch in batches
            for ids in np.split(batch.ids[name].values, batch.ids[name].offsets[1:-1])
        ]
        for name in fields
    }
