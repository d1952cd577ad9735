"""Models that cannot be scored: numbers that are not finite, outputs that are no logits."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from shark_core.errors import ConfigError, PermanentError
from shark_core.importance.logit_checks import check_is_logit
from shark_core.importance.scoring import METHODS
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel
from tests.importance.small_models import Gives, batches, by_hand, scored, setting


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("method", METHODS)
def test_a_table_that_is_not_finite_is_named(tmp_path: Path, method: str, value: float) -> None:
    config, model = setting(tmp_path)
    parts = batches(config, model, 32)
    with torch.no_grad():
        model.embeddings.weight("item")[parts[-1].ids["item"].values[0], 2] = value
    refusal = r"not finite for \['item'\]\n  where:    table of field 'item'\n"
    with pytest.raises(PermanentError, match=refusal):
        scored(model, parts, method)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("method", METHODS)
def test_a_weight_of_the_head_that_is_not_finite_is_named(
    tmp_path: Path, method: str, precision: str
) -> None:
    config, model = setting(tmp_path)
    spoilt = [*dict(model.head.named_parameters())][-1]
    with torch.no_grad():
        model.head.get_parameter(spoilt).fill_(math.nan)
    with pytest.raises(PermanentError, match=f"where:    head's {spoilt}\n"):
        scored(model, batches(config, model, 32), method, precision=precision)


@pytest.mark.parametrize("method", METHODS)
def test_logits_that_overflow_are_told_from_weights_that_do(tmp_path: Path, method: str) -> None:
    model, batch = by_hand(tmp_path)
    model.head = Gives(lambda z: z * 1e38 * 1e38)
    with pytest.raises(PermanentError, match="the logits: all weights are finite"):
        scored(model, [batch], method)


@pytest.mark.parametrize(
    ("output", "found"),
    [
        pytest.param(lambda z: z[:, None], r"torch.float32 \(90, 1\)", id="one column"),
        pytest.param(lambda z: torch.stack([z, z], 1), r"float32 \(90, 2\)", id="two columns"),
        pytest.param(lambda z: z.mean(), r"torch.float32 \(\)", id="one for the batch"),
        pytest.param(lambda z: z.round().long(), r"torch.int64 \(90,\)", id="integers"),
        pytest.param(lambda z: z > 0, r"torch.bool \(90,\)", id="decisions"),
        pytest.param(lambda z: z.tolist(), "list", id="a list"),
        pytest.param(lambda z: {"logit": z}, "dict", id="a dict"),
        pytest.param(lambda z: None, "NoneType", id="nothing"),
    ],
)
def test_an_output_that_is_not_one_number_an_example_is_refused(
    tmp_path: Path, output: Callable[[Tensor], Any], found: str
) -> None:
    config, model = setting(tmp_path)
    model.head = Gives(output)
    refusal = rf"is not a logit\n(.*)shape \(90,\)\n  found:    (.*){found}"
    with pytest.raises(ConfigError, match=refusal):
        scored(model, batches(config, model, 90), "logit_taylor")


def test_an_output_of_one_column_only_is_refused_where_tasks_are_named(tmp_path: Path) -> None:
    model, batch = by_hand(tmp_path)
    model.head = Gives(lambda z: z, tasks=("click", "like"))
    batch = replace(batch, label=torch.stack([batch.label, batch.label], dim=1))
    with pytest.raises(ConfigError, match=r"shape \(2, 2\)(.|\n)*float32 \(2,\)"):
        scored(model, [batch], "permutation", tasks={"click": 1.0})


def drawn(probabilities: Tensor, seed: int = 0) -> Tensor:
    """Labels of these probabilities."""
    return torch.bernoulli(probabilities, generator=torch.Generator().manual_seed(seed))


def is_refused(outputs: Tensor, label: Tensor) -> bool:
    try:
        check_is_logit(outputs, label)
    except ConfigError:
        return True
    return False


def labelled(model: CtrModel, batch: Batch, logit: Callable[[Tensor], Tensor]) -> Batch:
    """The batch with labels as the sum's `logit` would have them."""
    z = Gives(logit)(model.embeddings(batch), batch.dense).detach()
    return replace(batch, label=drawn(z.sigmoid()))


@pytest.mark.parametrize("rare", [0.0, 3.0])
@pytest.mark.parametrize("method", METHODS)
def test_a_head_that_ends_in_a_sigmoid_is_refused(tmp_path: Path, method: str, rare: float) -> None:
    config, model = setting(tmp_path, rows=200)
    (batch,) = batches(config, model, 200)
    model.head = Gives(lambda z: (z - rare).sigmoid())
    batch = labelled(model, batch, lambda z: z - rare)
    with pytest.raises(ConfigError, match=r"probabilities, not logits(.|\n)*200 outputs from 0\."):
        scored(model, [batch], method)


@pytest.mark.parametrize("method", METHODS)
def test_one_task_that_ends_in_a_sigmoid_is_refused(tmp_path: Path, method: str) -> None:
    config, model = setting(tmp_path, rows=200)
    (batch,) = batches(config, model, 200)
    model.head = Gives(lambda z: torch.stack([z, z.sigmoid()], dim=1), tasks=("click", "like"))
    batch = labelled(model, batch, lambda z: z)
    batch = replace(batch, label=torch.stack([batch.label, batch.label], dim=1))
    assert scored(model, [batch], method, tasks={"click": 1.0}).examples == 200
    with pytest.raises(ConfigError, match="probabilities, not logits"):
        scored(model, [batch], method, tasks={"like": 1.0})


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("low", [0.0, 0.3, 0.6])
def test_logits_that_all_lie_between_0_and_1_are_taken_where_they_fit(
    low: float, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = low + 0.4 * torch.rand(100, generator=generator)
    assert not is_refused(logits, drawn(logits.sigmoid(), seed))


@pytest.mark.parametrize("output", [0.0, 0.02, 0.5, 1.0])
def test_a_few_outputs_say_nothing(output: float) -> None:
    label = torch.full((20,), float(output > 0.5))
    assert not is_refused(torch.full((20,), output), label)
    assert is_refused(torch.full((200,), 0.02), torch.zeros(200))


def test_a_single_logit_outside_0_and_1_shows_that_they_are_logits() -> None:
    outputs, label = torch.full((100,), 0.02), torch.zeros(100)
    with pytest.raises(ConfigError, match="probabilities"):
        check_is_logit(outputs, label)
    outputs[0] = -0.01
    check_is_logit(outputs, label)


@pytest.mark.parametrize("wrong", [0.0, 1.0])
def test_probabilities_that_are_certain_and_wrong_are_still_seen(wrong: float) -> None:
    outputs = torch.tensor([0.0, 1.0]).repeat(100)
    label = outputs.clone()
    label[0 if wrong else 1] = wrong
    with pytest.raises(ConfigError, match="probabilities"):
        check_is_logit(outputs, label)


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
