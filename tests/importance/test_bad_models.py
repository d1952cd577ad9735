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
from shark_core.importance.scoring import METHODS
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
