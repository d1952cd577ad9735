"""What prune-fields refuses: other importances, spoiled models, days that are too small."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.prune_fields import prune_fields
from jobs.train import train
from shark_core.errors import DataError, PermanentError
from shark_core.pruning.finetuning import baseline_without
from shark_core.schemas import PRUNING
from tests.example_lake import DAY, examples_table, write_examples
from tests.jobs.planned_day import MakeDay, approve, steps_on_lake


def test_importances_of_another_checkpoint_are_refused(make_scored_day: MakeDay) -> None:
    day = make_scored_day()
    approve(day)
    longer = make_scored_day(config={"training": {"seed": 8}})
    train(longer)
    with pytest.raises(DataError, match=r"another checkpoint(.|\n)*score-fields"):
        prune_fields(longer)


def test_a_diverging_trial_is_named_by_its_fields(
    make_scored_day: MakeDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = make_scored_day()
    approve(day)
    original = baseline_without

    def spoiled(*arguments: Any) -> Any:
        model = original(*arguments)
        if "user" in model.pruned:
            model.embeddings.weight("item").data.fill_(1e38)
        return model

    monkeypatch.setattr("shark_core.pruning.trials.baseline_without", spoiled)
    with pytest.raises(PermanentError, match=r"step 01(.|\n)*not finite(.|\n)*without user"):
        prune_fields(day)
    assert steps_on_lake(day) == ["step=00"]
    assert day.lake.find_marker(day.partition(PRUNING)) is None


def test_predictions_that_are_not_finite_are_refused(
    make_scored_day: MakeDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = make_scored_day(config={"finetuning": {"epochs": 0}})
    approve(day)
    original = baseline_without

    def spoiled(*arguments: Any) -> Any:
        model = original(*arguments)
        model.embeddings.weight("item").data.fill_(float("nan"))
        return model

    monkeypatch.setattr("shark_core.pruning.trials.baseline_without", spoiled)
    with pytest.raises(PermanentError, match=r"step 00(.|\n)*not finite(.|\n)*nothing pruned"):
        prune_fields(day)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (0, "a day has no examples"),
        (1, "the training slice has no example"),
        (2, "too few held-out examples(.|\n)*found: +1"),
    ],
)
def test_a_day_with_too_few_examples_is_refused(
    rows: int, said: str, make_scored_day: MakeDay
) -> None:
    day = make_scored_day()
    approve(day)
    write_examples(day.config, DAY, examples_table(day.config, DAY, rows))
    with pytest.raises(DataError, match=said):
        prune_fields(day)
