"""assign-tiers on a small lake: policies, the day before, what it records, what it refuses."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from jobs.assign_tiers import assign_tiers
from jobs.context import DayContext
from jobs.plan_pruning import plan_pruning
from jobs.prune_fields import prune_fields
from jobs.score_fields import score_fields
from jobs.train import train
from jobs.validate_importance import validate_importance
from shark_core.access.dense_priorities import load_priority
from shark_core.errors import ConfigError, DataError
from shark_core.models.table_params_file import load_table_params
from shark_core.quantization.row_tiers import read_row_tiers
from shark_core.quantization.tiers import TIERS
from shark_core.schemas import ROW_PRIORITY, ROW_PRIORITY_SCHEMA, ROW_TIERS
from tests.example_lake import DAY, tiny_config, tiny_lake
from tests.jobs.compressed_day import PRUNE_ONE

AFTER = DAY + timedelta(days=1)
PRUNING = {**PRUNE_ONE, "keep": ["user", "item"]}
LIMITS = {"int8_below": 2.0, "fp16_below": 5.0}
SIX = {"pruned_below": 0.3, "int2_below": 0.6, "int4_below": 1.2, **LIMITS}
BUDGET = {"policy": "budget", "target_ratio": 4.0, **SIX}
LOSS_AWARE = {"policy": "loss_aware", "target_ratio": 4.0}

Contexts = Callable[..., DayContext]


def write_priorities(context: DayContext, wander: float = 0.0) -> None:
    """Drawn once; each moved by up to a share, which the day decides."""
    moves = np.random.default_rng(context.day.toordinal())
    for field in context.config.fields:
        rows = field.num_embeddings
        priority = np.random.default_rng(4).exponential(3.0, rows)
        priority *= moves.uniform(1.0 - wander, 1.0 + wander, rows)
        with context.writer(ROW_PRIORITY, field=field.name) as writer:
            table = pa.table([np.arange(rows), priority], schema=ROW_PRIORITY_SCHEMA)
            writer.write_table("part-00000.parquet", table)
            writer.commit({})


@pytest.fixture(scope="module")
def pruned_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two days up to prune-fields, `tags` the only field that may go."""
    root = tmp_path_factory.mktemp("pruned")
    config = tiny_config(root, pruning=PRUNING)
    tiny_lake(config, DAY, AFTER)
    for day in (DAY, AFTER):
        context = DayContext(config, day, "test")
        write_priorities(context, wander=0.05)
        for job in (train, score_fields, validate_importance, plan_pruning, prune_fields):
            job(context)
    return root


@pytest.fixture
def contexts(pruned_lake: Path, tmp_path: Path) -> Contexts:
    root = tmp_path / "lake"
    shutil.copytree(pruned_lake, root)

    def of(tiers: dict[str, Any], day: date = DAY, **changes: Any) -> DayContext:
        config = tiny_config(root, pruning=PRUNING, tiers=tiers, **changes)
        return DayContext(config, day, "test")

    return of


def tiers_of(context: DayContext, field: str) -> np.ndarray:
    return read_row_tiers(context.lake, context.config, field, context.day)


def test_limits_decide_by_the_priority_of_each_row(contexts: Contexts) -> None:
    context = contexts(SIX)
    assign_tiers(context)
    priority = load_priority(context.lake, context.config, "user", DAY)
    codes = tiers_of(context, "user")
    limits = [0.3, 0.6, 1.2, 2.0, 5.0]
    expected = [len(TIERS) - 1 - np.searchsorted(limits, each, side="right") for each in priority]
    assert codes.tolist() == expected


def test_fields_that_pruning_took_have_no_tiers(contexts: Contexts) -> None:
    context = contexts(LIMITS)
    assign_tiers(context)
    with pytest.raises(DataError, match="tiers of field 'tags'"):
        tiers_of(context, "tags")


@pytest.mark.parametrize("tiers", [LIMITS, BUDGET, LOSS_AWARE], ids=["limits", "budget", "loss"])
def test_running_it_again_gives_the_same_content(contexts: Contexts, tiers: dict[str, Any]) -> None:
    for day in (DAY, AFTER):
        context = contexts(tiers, day)
        assign_tiers(context)
        first = context.marker(ROW_TIERS).fingerprint
        assign_tiers(context)
        assert context.marker(ROW_TIERS).fingerprint == first


@pytest.mark.parametrize("tiers", [BUDGET, LOSS_AWARE], ids=["budget", "loss"])
def test_all_bytes_fit_the_target_ratio(contexts: Contexts, tiers: dict[str, Any]) -> None:
    context = contexts(tiers)
    figures = assign_tiers(context).figures
    assert figures["ratio"] == pytest.approx(context.config.float_bytes / figures["bytes"])
    assert figures["ratio"] >= 4.0


@pytest.mark.parametrize(
    ("tiers", "solved"), [(LIMITS, set()), (BUDGET, {"factor"}), (LOSS_AWARE, {"price"})]
)
def test_figures_say_what_was_solved_for(
    contexts: Contexts, tiers: dict[str, Any], solved: set[str]
) -> None:
    figures = assign_tiers(contexts(tiers)).figures
    assert {"factor", "price"} & set(figures) == solved
    assert sum(figures["rows_by_tier"].values()) == 50 + 20
    assert [*figures["rows_by_tier"]] == [*TIERS]


def test_table_params_are_there_for_each_tier_that_shares_them(contexts: Contexts) -> None:
    context = contexts({**SIX, "schemes": {"int4": "int4_shared"}})
    assign_tiers(context)
    params = load_table_params(context.lake, context.partition(ROW_TIERS))["user"]
    present = {TIERS[code] for code in tiers_of(context, "user").tolist()}
    assert set(params) == present & {"pruned", "int2", "int4"}
    assert {tier: len(numbers) for tier, numbers in params.items()} == {
        "pruned": 4,
        "int2": 2,
        "int4": 2,
    }


def test_the_first_day_has_no_churn(contexts: Contexts) -> None:
    figures = assign_tiers(contexts(LIMITS)).figures
    assert figures["churn"] is None
    assert figures["churn_by_field"] == {}


def churn_of_the_second_day(contexts: Contexts, tiers: dict[str, Any]) -> float:
    assign_tiers(contexts(tiers))
    churn: float = assign_tiers(contexts(tiers, AFTER)).figures["churn"]
    return churn


def test_priorities_that_move_less_than_the_hysteresis_move_no_row(contexts: Contexts) -> None:
    """By at most a tenth from the first day to the second."""
    assert churn_of_the_second_day(contexts, {**SIX, "hysteresis": 0.0}) > 0
    assert churn_of_the_second_day(contexts, {**SIX, "hysteresis": 0.11}) == 0


def test_hysteresis_lowers_the_churn_of_a_model_that_learns_on(contexts: Contexts) -> None:
    without, with_it = (
        churn_of_the_second_day(contexts, {**LOSS_AWARE, "hysteresis": share})
        for share in (0.0, 0.3)
    )
    assert with_it < without


def test_churn_is_told_for_the_fields_that_have_some(contexts: Contexts) -> None:
    assign_tiers(contexts(LIMITS))
    context = contexts({"int8_below": 0.0, "fp16_below": 0.0}, AFTER)
    before = np.concatenate([tiers_of(contexts(LIMITS), name) for name in ("user", "item")])
    figures = assign_tiers(context).figures
    moved = int((before != TIERS.index("fp32")).sum())
    assert figures["churn"] == pytest.approx(moved / 70)
    assert set(figures["churn_by_field"]) == {"user", "item"}


def test_the_marker_names_what_was_read(contexts: Contexts) -> None:
    base = {"checkpoint", "importance", "pruning", "row_priority/item", "row_priority/user"}
    assign_tiers(contexts(LIMITS))
    assert set(contexts(LIMITS).marker(ROW_TIERS).inputs) == base
    assign_tiers(contexts(LOSS_AWARE, AFTER))
    assert set(contexts(LIMITS, AFTER).marker(ROW_TIERS).inputs) == base | {
        "row_tiers/ds=2026-01-02",
        "examples/ds=2026-01-02",
        "examples/ds=2026-01-03",
    }


def test_a_budget_that_cannot_be_reached_is_a_matter_of_the_config(contexts: Contexts) -> None:
    context = contexts({"policy": "budget", "target_ratio": 50.0, **LIMITS})
    with pytest.raises(ConfigError, match=r"tiers\.target_ratio"):
        assign_tiers(context)
    assert context.lake.find_marker(context.partition(ROW_TIERS)) is None


def test_importances_of_another_checkpoint_are_refused(contexts: Contexts) -> None:
    context = contexts(LIMITS, training={"batch_size": 64, "seed": 9})
    train(context)
    with pytest.raises(DataError, match="made from another checkpoint"):
        assign_tiers(context)
