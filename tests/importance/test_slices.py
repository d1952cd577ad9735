"""Which examples are fit to score fields on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from shark_core.errors import DataError, PermanentError
from shark_core.importance.logits import ONLY_LOGIT
from shark_core.importance.score_sums import MeanEmbeddings, ScoreSums
from shark_core.importance.slices import ScoredSlice, check_examples
from shark_core.lake import Lake
from shark_core.traffic.examples import ExampleBatch, ExampleReader
from shark_core.traffic.slices import Slice, SlicePart
from tests.example_lake import DAY
from tests.importance.small_models import Gives, setting


def counted(examples: int, positives: int) -> MeanEmbeddings:
    return MeanEmbeddings({}, examples, {ONLY_LOGIT: positives})


def of_tasks(**positives: int) -> MeanEmbeddings:
    return MeanEmbeddings({}, 50, positives)


def refused(means: MeanEmbeddings, minimum: int) -> bool:
    try:
        check_examples(means, minimum, "validation")
    except DataError:
        return True
    return False


def test_too_few_examples_are_refused_with_how_many_there_are() -> None:
    figures = r"at least 50 \(importance.min_examples\)\n  found:    49 examples"
    with pytest.raises(DataError, match=figures):
        check_examples(counted(49, 9), 50, "validation")


def test_as_many_examples_as_are_asked_for_are_enough() -> None:
    assert [refused(counted(examples, 1), 50) for examples in (49, 50)] == [True, False]


@pytest.mark.parametrize("positives", [0, 50])
def test_examples_of_one_label_only_are_refused(positives: int) -> None:
    figures = rf"both labels\n(.|\n)*{positives} positives, {50 - positives} negatives"
    with pytest.raises(DataError, match=rf"{figures}\n  where:    the validation slice\n"):
        check_examples(counted(50, positives), 50, "validation")


@pytest.mark.parametrize("positives", [0, 50])
def test_every_task_that_is_scored_needs_both_labels(positives: int) -> None:
    means = of_tasks(click=20, like=positives)
    refusal = rf"{positives} positives, {50 - positives} negatives\n(.*)slice, task 'like'\n"
    for tasks in (None, ["like"], ["click", "like"]):
        with pytest.raises(DataError, match=refusal):
            check_examples(means, 50, "validation", tasks)


def test_a_task_that_is_not_scored_may_have_one_label_only() -> None:
    means = of_tasks(click=20, like=0)
    check_examples(means, 50, "validation", ["click"])
    with pytest.raises(DataError, match="task 'like'"):
        check_examples(means, 50, "validation", ["like"])


class TwoLabels(ExampleReader):
    """The lake's label for the first task; the second never happens."""

    def batches(self, *arguments: Any, **options: Any) -> Iterator[ExampleBatch]:
        for batch in super().batches(*arguments, **options):
            never = np.zeros_like(batch.label)
            yield replace(batch, label=np.stack([batch.label, never], axis=1))


def sliced(root: Path, **tasks: float) -> ScoredSlice:
    config, model = setting(root)
    model.head = Gives(lambda z: torch.stack([z, -z], dim=1), tasks=("click", "like"))
    whole = Slice("whole", (SlicePart(DAY),))
    reader = TwoLabels(Lake(config.lake), config, whole)
    return ScoredSlice(model, reader, config.importance, seed=0, tasks=tasks)


def test_a_slice_of_several_tasks_is_scored_by_those_with_a_weight(tmp_path: Path) -> None:
    examples = sliced(tmp_path, click=1.0, like=0.0)
    found = examples.scores(examples.means())
    assert (list(found.outputs), found.examples) == (["click"], 90)


def test_a_slice_is_refused_where_a_task_with_a_weight_never_happens(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the whole slice, task 'like'"):
        sliced(tmp_path, click=1.0, like=0.1).means()


def test_a_row_that_no_example_reads_is_looked_at_before_a_slice_is_scored(tmp_path: Path) -> None:
    examples = sliced(tmp_path, click=1.0)
    (batch,) = examples.examples.batches(90)
    unread = set(range(50)) - set(batch.ids["user"].values.tolist())
    row = min(unread)
    with torch.no_grad():
        examples.model.embeddings.weight("user")[row] = math.nan
    with pytest.raises(PermanentError, match=f"table of field 'user', row {row}\n"):
        examples.means()


def test_parts_with_different_numbers_of_examples_count_by_their_examples() -> None:
    merged = ScoreSums({"f": 3.0}, {"f": 5.0}, 2).merge(ScoreSums({"f": 6.0}, {"f": 36.0}, 1))
    # of 1, 2 and 6: the mean is 3, the sample variance (4 + 1 + 9) / 2
    assert merged.score("f") == 3.0
    assert merged.standard_error("f") == pytest.approx((7 / 3) ** 0.5)
