"""Checking the day's way of scoring against true mean-replacement, and what happens then."""

from __future__ import annotations

import logging
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs import cli
from jobs.context import DayContext
from jobs.score_fields import score_fields
from jobs.train import train
from jobs.validate_importance import validate_importance
from shark_core.errors import DataError, GateFailed
from shark_core.importance.agreement import FILE_NAME, Agreement
from shark_core.schemas import AGREEMENT, CHECKPOINT, EXAMPLES, IMPORTANCE
from tests.example_lake import DAY, tiny_config, tiny_lake

HELD_OUT = 50  # of the tiny lake's 500 examples the last fifth, every second one
EXACT = {"method": "permutation", "replacement": "mean", "precision": "fp32"}
DISAGREES = {"method": "f_permutation"}  # on the tiny lake it ranks user above tags


@pytest.fixture(scope="module")
def trained_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("trained")
    tiny_lake(tiny_config(root), DAY)
    train(DayContext(tiny_config(root), DAY, "test"))
    return root


@pytest.fixture
def make_day(trained_lake: Path, tmp_path: Path) -> Any:
    """A day that is scored, not yet validated, with these settings of `importance`."""

    def make(**importance: Any) -> DayContext:
        root = tmp_path / "lake"
        shutil.copytree(trained_lake, root)
        enough = {**importance, "min_examples": 10}
        score_fields(DayContext(tiny_config(root, importance=enough), DAY, "test"))
        return DayContext(tiny_config(root, importance=importance), DAY, "test")

    return make


def written(context: DayContext) -> Agreement:
    return Agreement.from_json(context.lake.read_file(context.partition(AGREEMENT), FILE_NAME))


def test_it_writes_the_agreement_and_its_figures_as_facts(make_day: Any) -> None:
    context = make_day()
    result = validate_importance(context)
    found, marker = written(context), context.marker(AGREEMENT)
    facts = {
        "spearman": found.spearman,
        "min_spearman": 0.9,
        "top_k": 3,
        "overlap": found.overlap,
        "examples": HELD_OUT,
        "trusted": found.trusted,
    }
    assert [pair.field for pair in found.fields] == ["user", "item", "tags"]
    assert marker.facts == facts
    assert facts.items() <= result.figures.items()
    assert marker.inputs == {
        "examples": context.marker(EXAMPLES).fingerprint,
        "checkpoint": context.marker(CHECKPOINT, stage="baseline").fingerprint,
        "importance": context.marker(IMPORTANCE).fingerprint,
    }


@pytest.mark.parametrize(
    ("sample", "slice_", "examples"), [(20, 1000, 20), (1000, 30, 30), (1000, 1000, HELD_OUT)]
)
def test_it_takes_no_more_examples_than_either_limit_allows(
    make_day: Any, sample: int, slice_: int, examples: int
) -> None:
    limits = {"max_examples": slice_, "validation": {"max_examples": sample}}
    context = make_day(min_examples=10, **limits)
    validate_importance(context)
    assert written(context).examples == examples


def test_true_mean_replacement_agrees_with_itself_exactly(make_day: Any) -> None:
    checks = {"min_spearman": 1.0, "on_disagreement": "stop"}
    context = make_day(method="permutation", validation=checks)
    validate_importance(context)
    found = written(context)
    assert found.spearman == found.overlap == 1.0
    assert [pair.score for pair in found.fields] == [pair.true_loss for pair in found.fields]


def test_the_truth_is_the_mean_in_fp32_whatever_is_configured(make_day: Any) -> None:
    context = make_day(replacement="donors", precision="bf16")
    validate_importance(context)
    found = written(context)
    yardstick = replace(context, config=tiny_config(Path(context.config.lake), importance=EXACT))
    score_fields(yardstick)
    validate_importance(yardstick)
    exact = written(yardstick)
    assert [pair.true_loss for pair in found.fields] == [pair.score for pair in exact.fields]
    assert [pair.score for pair in found.fields] != [pair.score for pair in exact.fields]


def test_scores_that_disagree_are_told_in_the_log(
    make_day: Any, caplog: pytest.LogCaptureFixture
) -> None:
    context = make_day(**DISAGREES)
    with caplog.at_level(logging.WARNING, logger="shark"):
        result = validate_importance(context)
    (record,) = [record for record in caplog.records if record.name == "shark"]
    assert record.getMessage() == written(context).warning
    assert result.figures["trusted"] is False


def test_scores_that_agree_are_not_warned_of(
    make_day: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="shark"):
        validate_importance(make_day(method="permutation"))
    assert not [record for record in caplog.records if record.name == "shark"]


def test_stopping_is_a_failed_gate_that_leaves_its_figures(make_day: Any) -> None:
    context = make_day(**DISAGREES, validation={"on_disagreement": "stop"})
    with pytest.raises(GateFailed, match=r"Spearman 0.9 at least(.|\n)*Spearman 0.500 only"):
        validate_importance(context)
    assert not written(context).trusted
    assert context.marker(AGREEMENT).facts["trusted"] is False


def test_the_command_line_ends_with_the_code_of_a_failed_gate(
    make_day: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    context = make_day(**DISAGREES, validation={"on_disagreement": "stop"})
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(context.config.model_dump(mode="json", exclude_none=True)))
    command = ["validate-importance", "--config", str(config), "--date", DAY.isoformat()]
    monkeypatch.setattr(sys, "argv", ["jobs", *command])
    monkeypatch.setattr(logging.root, "handlers", logging.root.handlers[:])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 79
    assert "not to be trusted" in capsys.readouterr().err


def under(context: DayContext, **importance: Any) -> DayContext:
    """The same day under another section `importance`, not scored again."""
    return replace(context, config=tiny_config(Path(context.config.lake), importance=importance))


@pytest.mark.parametrize(
    "changed", [{"method": "f_permutation"}, {"replacement": "donors"}, {"precision": "bf16"}]
)
def test_scores_made_in_another_way_are_not_validated(
    make_day: Any, changed: dict[str, str]
) -> None:
    context = under(make_day(), **changed)
    with pytest.raises(DataError, match=r"in another way(.|\n)*jobs score-fields"):
        validate_importance(context)
    assert context.lake.find_marker(context.partition(AGREEMENT)) is None


def test_what_does_not_change_the_way_of_scoring_needs_no_scoring_again(make_day: Any) -> None:
    context = under(make_day(), validation={"min_spearman": 0.5, "max_examples": 100})
    validate_importance(context)
    assert written(context).min_spearman == 0.5
    assert written(context).examples <= 100


def test_an_agreement_with_donors_says_to_take_the_mean(make_day: Any) -> None:
    context = make_day(replacement="donors")
    validate_importance(context)
    assert written(context).scoring.nearer_the_truth == "importance.replacement to mean"


def test_scores_of_another_checkpoint_are_not_validated(make_day: Any) -> None:
    context = make_day()
    config = tiny_config(Path(context.config.lake), training={"seed": 8})
    train(replace(context, config=config))
    with pytest.raises(DataError, match="importance was made from another checkpoint"):
        validate_importance(context)


def test_too_few_examples_leave_nothing_written(make_day: Any) -> None:
    context = make_day(min_examples=HELD_OUT + 1)
    with pytest.raises(DataError, match=r"at least 51 \(importance.min_examples\)"):
        validate_importance(context)
    assert context.lake.find_marker(context.partition(AGREEMENT)) is None
