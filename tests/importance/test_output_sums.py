"""What the outputs and labels of a slice say, where a trial of the head says nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from shark_core.errors import ConfigError
from shark_core.importance.logits import ONLY_LOGIT, TaskLogits
from shark_core.importance.output_sums import OutputSums
from shark_core.importance.probability_checks import check_are_logits
from shark_core.models.ctr_model import CtrModel
from tests.importance.small_models import Gives, by_hand, drawn


def sums_of(output: Tensor, label: Tensor) -> OutputSums:
    return OutputSums.of(TaskLogits(1.0, output, label))


def narrow(root: Path) -> CtrModel:
    """A trial of it says nothing."""
    model, _ = by_hand(root)
    model.head = Gives(lambda z: 0.5 + 0.1 * z.tanh())
    return model


def is_refused(model: CtrModel, output: Tensor, label: Tensor) -> bool:
    try:
        check_are_logits(model, {ONLY_LOGIT: sums_of(output, label)})
    except ConfigError:
        return True
    return False


@pytest.mark.parametrize("low", [0.0, 0.3, 0.6])
def test_logits_that_fit_are_taken_for_probabilities_in_no_slice_of_twenty(
    tmp_path: Path, low: float
) -> None:
    model = narrow(tmp_path)
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        logits = low + 0.4 * torch.rand(100, generator=generator)
        assert not is_refused(model, logits, drawn(logits.sigmoid(), seed))


def test_a_few_outputs_say_nothing(tmp_path: Path) -> None:
    few = torch.linspace(0.01, 0.03, 20)
    many = few.repeat(10)
    assert not is_refused(narrow(tmp_path), few, torch.zeros(20))
    assert is_refused(narrow(tmp_path), many, torch.zeros(200))


@pytest.mark.parametrize("other", [-0.01, 1.01])
def test_a_single_output_outside_0_and_1_shows_that_they_are_logits(
    tmp_path: Path, other: float
) -> None:
    output, label = torch.linspace(0.01, 0.03, 200), torch.zeros(200)
    assert is_refused(narrow(tmp_path), output, label)
    output[0] = other
    assert not is_refused(narrow(tmp_path), output, label)


@pytest.mark.parametrize("wrong", [0, 1])
def test_probabilities_that_are_certain_and_wrong_are_still_seen(
    tmp_path: Path, wrong: int
) -> None:
    output = torch.tensor([0.0, 1.0]).repeat(100)
    label = output.clone()
    label[wrong] = 1 - label[wrong]
    assert is_refused(narrow(tmp_path), output, label)


def test_sums_of_parts_are_those_of_the_whole() -> None:
    output = torch.linspace(-2.0, 3.0, 50)
    label = drawn(output.sigmoid())
    whole, first, rest = (sums_of(output[s], label[s]) for s in (slice(50), slice(9), slice(9, 50)))
    merged = first.merge(rest)
    assert (merged.examples, merged.positives) == (50, label.sum())
    for either in (merged, rest.merge(first)):
        assert (either.lowest, either.highest) == (whole.lowest, whole.highest) == (-2.0, 3.0)
    assert merged.as_logits == pytest.approx(whole.as_logits, rel=1e-5)
    assert merged.as_probabilities == pytest.approx(whole.as_probabilities, rel=1e-5)


def test_losses_by_hand() -> None:
    found = sums_of(torch.tensor([0.5, 0.0, 1.0]), torch.tensor([1.0, 0.0, 1.0]))
    certain = torch.tensor(0.99).log()
    expected = -(torch.tensor(0.5).log() + 2 * certain)
    assert found.as_probabilities == pytest.approx(expected.item(), rel=1e-4)
    as_logits = F.softplus(torch.tensor([-0.5, 0.0, -1.0])).sum()
    assert found.as_logits == pytest.approx(as_logits.item(), rel=1e-6)
