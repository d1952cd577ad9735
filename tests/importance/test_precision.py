"""Scoring in bf16: as fp32 says, or not at all."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from shark_core.errors import PermanentError
from shark_core.importance.logits import Logits
from shark_core.importance.method import ExampleScores
from shark_core.importance.precision import LARGEST_DEVIATION, CheckedBf16
from shark_core.importance.replacements import MeanReplacement
from shark_core.importance.scoring import METHODS, mean_embeddings
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel
from tests.importance.small_models import Sum, batches, by_hand, scored, setting

TOLERANCE = 0.02  # of the largest score


@dataclass
class Says:
    """A method whose every example scores the same; it counts how often it is asked."""

    scores: dict[str, float]
    asked: int = 0
    way: str = "said"

    def example_scores(self, model: CtrModel, batch: Batch, number: int) -> ExampleScores:
        self.asked += 1
        by_field = {name: torch.full((len(batch),), score) for name, score in self.scores.items()}
        return ExampleScores(by_field, [])


class Cancels(nn.Module):
    """`z = (w·e + 4096) − 4096`: bf16 has no number between 4096 and 4128."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(dim, 1)
        with torch.no_grad():
            self.linear.weight.fill_(1.0)
            self.linear.bias.fill_(4096.0)

    def forward(self, pooled: dict[str, Tensor], dense: Tensor) -> Tensor:
        shifted: Tensor = self.linear(torch.cat([*pooled.values()], dim=1)).squeeze(1)
        return shifted.float() - 4096.0


class Records(Sum):
    """What autocast runs its matrix products in, at every call; None outside of autocast."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[torch.dtype | None] = []

    def forward(self, pooled: dict[str, Tensor], dense: Tensor) -> Tensor:
        device = dense.device.type
        active = torch.is_autocast_enabled(device)
        self.seen.append(torch.get_autocast_dtype(device) if active else None)
        return super().forward(pooled, dense)


@pytest.mark.parametrize("method", METHODS)
def test_scores_in_bf16_are_near_those_in_fp32(tmp_path: Path, method: str) -> None:
    config, model = setting(tmp_path)
    parts = batches(config, model, 32)
    exact, rough = (scored(model, parts, method, precision=p) for p in ("fp32", "bf16"))
    largest = max(abs(exact.score(name)) for name in model.kept)
    for name in model.kept:
        assert rough.score(name) == pytest.approx(exact.score(name), abs=TOLERANCE * largest)


@pytest.mark.parametrize("method", METHODS)
def test_bf16_does_run_the_head_in_bf16(tmp_path: Path, method: str) -> None:
    config, model = setting(tmp_path)
    parts = batches(config, model, 32)
    assert scored(model, parts, method, precision="bf16").sums != scored(model, parts, method).sums


@pytest.mark.parametrize(
    ("precision", "expected"), [("fp32", {None}), ("bf16", {torch.bfloat16, None})]
)
@pytest.mark.parametrize("method", METHODS)
def test_the_head_runs_under_autocast_to_bfloat16_alone(
    tmp_path: Path, method: str, precision: str, expected: set[torch.dtype | None]
) -> None:
    """And outside of it for the first batch of bf16, to compare."""
    model, batch = by_hand(tmp_path)
    model.head = Records()
    scored(model, [batch], method, precision=precision)
    assert set(model.head.seen) == expected


@pytest.mark.parametrize("method", METHODS)
def test_later_batches_run_under_autocast_only(tmp_path: Path, method: str) -> None:
    model, batch = by_hand(tmp_path)
    model.head = Records()
    means = mean_embeddings(model, [batch]).means()
    way = METHODS[method](means, MeanReplacement(means), Logits(bf16=True))
    way.example_scores(model, batch, 1)
    assert set(model.head.seen) == {torch.bfloat16}


@pytest.mark.parametrize("method", METHODS)
def test_examples_scores_come_out_in_float32_whatever_the_head_ran_in(
    tmp_path: Path, method: str
) -> None:
    config, model = setting(tmp_path)
    (batch,) = batches(config, model, 90)
    means = mean_embeddings(model, [batch]).means()
    way = METHODS[method](means, MeanReplacement(means), Logits(bf16=True))
    for scores in way.example_scores(model, batch, 0).by_field.values():
        assert scores.dtype == torch.float32
        assert torch.isfinite(scores).all()


@pytest.mark.parametrize("method", ["logit_taylor", "permutation"])
def test_a_head_that_loses_its_logits_in_bf16_is_refused(tmp_path: Path, method: str) -> None:
    config, model = setting(tmp_path)
    model.head = Cancels(sum(model.spec.field_dims.values()))
    parts = batches(config, model, 90)
    assert scored(model, parts, method).examples == 90
    with pytest.raises(PermanentError, match="scores in bf16 are not those in fp32"):
        scored(model, parts, method, precision="bf16")


@pytest.mark.parametrize(
    "lie", [1.0 + 1.1 * LARGEST_DEVIATION, 1.0 - 1.1 * LARGEST_DEVIATION, math.nan, math.inf]
)
def test_the_field_whose_score_differs_most_is_named(tmp_path: Path, lie: float) -> None:
    model, batch = by_hand(tmp_path)
    exact = {"a": 0.5, "b": 1.0, "c": -1.0}
    method = CheckedBf16(Says({**exact, "b": lie}), Says(exact))
    with pytest.raises(PermanentError, match=r"for field 'b', whose score is 1(.|\n)*to fp32"):
        method.example_scores(model, batch, 0)


def test_a_field_may_differ_by_a_share_of_the_largest_score_of_all(tmp_path: Path) -> None:
    model, batch = by_hand(tmp_path)
    exact, rough = {"a": 0.001, "b": -1.0}, {"a": 0.9 * LARGEST_DEVIATION, "b": -1.0}
    found = CheckedBf16(Says(rough), Says(exact)).example_scores(model, batch, 0)
    assert found.by_field["a"].tolist() == pytest.approx([rough["a"]] * 2)


def test_only_the_first_batch_is_scored_twice(tmp_path: Path) -> None:
    model, batch = by_hand(tmp_path)
    rough, exact = Says({"f": 1.0}), Says({"f": 1.0})
    method = CheckedBf16(rough, exact)
    for number in range(3):
        method.example_scores(model, batch, number)
    assert (rough.asked, exact.asked) == (3, 1)


def test_a_batch_that_was_refused_does_not_count_as_checked(tmp_path: Path) -> None:
    model, batch = by_hand(tmp_path)
    method = CheckedBf16(Says({"f": 2.0}), Says({"f": 1.0}))
    for number in range(2):
        with pytest.raises(PermanentError, match="bf16"):
            method.example_scores(model, batch, number)
