"""Logit-Taylor and true permutation, against each other and by hand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from shark_core.importance.logits import TaskLogits
from shark_core.importance.losses import loss_changes
from tests.importance.small_models import Sum, batches, by_hand, scored, setting


def log_loss(logit: float, label: int) -> float:
    return math.log1p(math.exp(-logit if label else logit))


@pytest.mark.parametrize("method", ["logit_taylor", "permutation"])
def test_a_hand_computed_model(tmp_path: Path, method: str) -> None:
    model, batch = by_hand(tmp_path)
    sums = scored(model, [batch], method)
    changes = [log_loss(1.0, 1) - log_loss(0.0, 1), log_loss(1.0, 0) - log_loss(2.0, 0)]
    assert sums.score("f") == pytest.approx(sum(changes) / 2, rel=1e-6)
    spread = abs(changes[0] - changes[1])
    assert sums.standard_error("f") == pytest.approx((spread**2 / 2 / 2) ** 0.5, rel=1e-5)


@pytest.mark.parametrize("replacement", ["mean", "donors"])
def test_both_are_the_same_where_the_logit_is_linear(tmp_path: Path, replacement: str) -> None:
    config, model = setting(tmp_path)
    parts = batches(config, model, 30)
    model.head = Sum()
    taylor, true = (
        scored(model, parts, method, replacement) for method in ("logit_taylor", "permutation")
    )
    assert taylor.sums == pytest.approx(true.sums, rel=1e-4)
    assert taylor.squares == pytest.approx(true.squares, rel=1e-4)


def test_taylor_orders_fields_as_true_replacement_does(tmp_path: Path) -> None:
    config, model = setting(tmp_path)
    parts = batches(config, model, 90)
    orders = [
        sorted(model.kept, key=scored(model, parts, method).score)
        for method in ("logit_taylor", "permutation")
    ]
    assert orders[0] == orders[1]


def test_changes_are_averaged_over_the_repeats() -> None:
    label, logits = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 0.0])
    changed = [{"f": [torch.tensor([1.0, 0.0])]}, {"f": [torch.tensor([0.0, 2.0])]}]
    found = loss_changes([TaskLogits(1.0, logits, label)], changed)["f"].tolist()
    before = log_loss(0.0, 1)
    expected = [(log_loss(1.0, 1) - before) / 2, (log_loss(2.0, 0) - before) / 2]
    assert found == pytest.approx(expected, rel=1e-5)
