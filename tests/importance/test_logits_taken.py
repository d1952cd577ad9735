"""Logits that look like probabilities or their logarithms, and are neither."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from shark_core.importance.logits import ONLY_LOGIT
from tests.importance.small_models import Logit, batches, by_hand, giving, scored, setting


@pytest.mark.parametrize(
    "probability",
    [
        pytest.param(lambda z: (0.1 * z - 5.0).sigmoid(), id="calibrated"),
        pytest.param(lambda z: (0.1 * z - 5.0).exp(), id="as if they were logarithms"),
    ],
)
def test_logits_of_rare_labels_are_all_below_zero_and_taken(
    tmp_path: Path, probability: Logit
) -> None:
    model, parts = giving(tmp_path, lambda z: 0.1 * z - 5.0, probability)
    found = scored(model, parts, "logit_taylor")
    assert found.outputs[ONLY_LOGIT].highest < 0 < found.outputs[ONLY_LOGIT].positives


def test_logits_below_zero_are_taken_on_a_day_with_more_positives_than_learned(
    tmp_path: Path,
) -> None:
    """Read as logarithms they would fit this day far better: 0.27 where 0.21 was learned."""
    model, parts = giving(tmp_path, lambda z: 0.01 * z - 1.3, lambda z: (0.01 * z - 1.3).exp())
    seen = scored(model, parts, "logit_taylor").outputs[ONLY_LOGIT]
    assert (seen.highest < 0, round(seen.positives / seen.examples, 1)) == (True, 0.3)


@pytest.mark.parametrize(
    "output",
    [
        pytest.param(lambda z: 0.4 + 0.02 * z, id="as far as inputs go"),
        pytest.param(lambda z: 0.4 + 0.2 * z.tanh(), id="and no further"),
    ],
)
def test_logits_in_a_narrow_range_of_0_to_1_are_taken_where_labels_fit(
    tmp_path: Path, output: Logit
) -> None:
    """A weak model of labels of which 0.6 are positive predicts 0.55 to 0.65: rare but right."""
    model, parts = giving(tmp_path, output, lambda z: output(z).sigmoid())
    seen = scored(model, parts, "logit_taylor").outputs[ONLY_LOGIT]
    assert 0.2 <= seen.lowest < seen.highest <= 0.6


def test_logits_in_a_narrow_range_that_vary_less_than_the_truth_are_taken(tmp_path: Path) -> None:
    """As of a model that has not learned much yet."""
    model, parts = giving(tmp_path, lambda z: 0.4 + 0.02 * z, lambda z: (0.4 + z).sigmoid())
    assert scored(model, parts, "logit_taylor").outputs[ONLY_LOGIT].highest < 1


@pytest.mark.parametrize("rate", [0.02, 0.5, 0.9])
@pytest.mark.parametrize("constant", [-3.0, 0.0, 0.02, 0.5])
def test_a_constant_is_a_logit(tmp_path: Path, constant: float, rate: float) -> None:
    """Nothing matters to such a model, whatever it means by its output."""
    model, parts = giving(
        tmp_path, lambda z: 0.0 * z + constant, lambda z: torch.full_like(z, rate)
    )
    found = scored(model, parts, "logit_taylor")
    assert [found.score(name) for name in model.kept] == [0.0] * 3


def test_an_ordinary_models_head_is_not_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, model = setting(tmp_path)
    parts, calls, forward = batches(config, model, 30), [], model.head.forward

    def counted(pooled: dict[str, Tensor], dense: Tensor) -> Tensor:
        calls.append(len(dense))
        return forward(pooled, dense)

    monkeypatch.setattr(model.head, "forward", counted)
    scored(model, parts, "logit_taylor")
    assert calls == [30, 30, 30]


def test_logits_of_replaced_embeddings_are_not_taken_for_probabilities(tmp_path: Path) -> None:
    """Of a field that says all, only its mean's logit is left: 0.55 of everybody."""
    model, batch = by_hand(tmp_path)
    with torch.no_grad():
        model.embeddings.weight("f").copy_(torch.tensor([[4.1], [-3.0]]))
    rows = batch.ids["f"]
    many = replace(
        batch,
        label=batch.label.repeat(1000),
        dense=batch.dense.repeat(1000, 1),
        ids={"f": replace(rows, values=rows.values.repeat(1000), offsets=torch.arange(2001))},
    )
    assert scored(model, [many], "permutation").score("f") > 0.5
