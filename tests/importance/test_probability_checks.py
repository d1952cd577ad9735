"""Heads that give probabilities or their logarithms are refused, however they were trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from shark_core.errors import ConfigError
from shark_core.importance.probability_checks import check_are_logits
from shark_core.importance.scoring import METHODS
from shark_core.lake import Lake
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import build_model
from shark_core.models.head_factory import HEADS
from shark_core.models.training import FitSettings, fit
from shark_core.traffic.examples import ExampleReader
from shark_core.traffic.slices import training_slice, validation_slice
from tests.example_lake import DAY, tiny_config, tiny_lake
from tests.importance.small_models import (
    CPU,
    Gives,
    Logit,
    batches,
    giving,
    labelled,
    scored,
    setting,
)

PROBABILITIES = "looks like probabilities, not logits"
LOGARITHMS = "looks like logarithms of probabilities, not logits"
SQUASHED = [(torch.sigmoid, PROBABILITIES), (F.logsigmoid, LOGARITHMS)]


@pytest.mark.parametrize("epochs", [1, 3, 10])
@pytest.mark.parametrize("head", ["Sigmoid", "LogSigmoid"])
def test_a_squashed_head_that_the_pipeline_trained_is_refused(
    tmp_path: Path, head: str, epochs: int
) -> None:
    """It learns outputs whose sigmoid fits the labels: no comparison with them finds it out."""
    own = {"head": f"tests.importance.own_heads:{head}", "hidden_units": [8]}
    config = tiny_config(tmp_path, model=own)
    lake, model = Lake(config.lake), build_model(config)
    tiny_lake(config, DAY, rows=2000)
    learn, held_out = training_slice(lake, config, DAY), validation_slice(lake, config, DAY)
    reader = ExampleReader(lake, config, held_out)
    settings = replace(FitSettings.of_training(config), epochs=epochs)
    fit(model, ExampleReader(lake, config, learn), reader, settings)
    parts = [Batch.of(part, CPU) for part in reader.batches(64)]
    with pytest.raises(ConfigError, match="probabilities, not logits"):
        scored(model, parts, "logit_taylor")


@pytest.mark.parametrize(("squash", "refusal"), SQUASHED)
@pytest.mark.parametrize("head", HEADS)
def test_every_built_in_head_is_found_out_behind_a_squashing_function(
    tmp_path: Path, head: str, squash: Logit, refusal: str
) -> None:
    config, model = setting(tmp_path, head)
    model.head.register_forward_hook(lambda _, __, logits: squash(logits))
    with pytest.raises(ConfigError, match=refusal):
        scored(model, batches(config, model, 90), "logit_taylor")


@pytest.mark.parametrize("rare", [0.0, 3.0])
@pytest.mark.parametrize("method", METHODS)
def test_a_calibrated_sigmoid_in_small_batches_is_refused(
    tmp_path: Path, method: str, rare: float
) -> None:
    def output(z: Tensor) -> Tensor:
        return (z - rare).sigmoid()

    model, parts = giving(tmp_path, output, output, size=16)
    refusal = rf"{PROBABILITIES}(.|\n)*2000 outputs from 0\.(.|\n)*leave the sigmoid out"
    with pytest.raises(ConfigError, match=refusal):
        scored(model, parts, method)


@pytest.mark.parametrize(
    ("output", "refusal"),
    [
        pytest.param(lambda z: z.sigmoid().clamp(0.01, 0.99), PROBABILITIES, id="clipped"),
        pytest.param(lambda z: (1 + z.tanh()) / 2, PROBABILITIES, id="tanh"),
        pytest.param(lambda z: z.sigmoid().clamp(1e-7, 1 - 1e-7).log(), LOGARITHMS, id="log"),
    ],
)
def test_other_ways_to_squash_are_refused(tmp_path: Path, output: Logit, refusal: str) -> None:
    """Though the labels are as if the outputs were logits: such a head learns that."""
    model, parts = giving(tmp_path, output, lambda z: output(z).sigmoid())
    with pytest.raises(ConfigError, match=refusal):
        scored(model, parts, "logit_taylor")


def test_evidence_adds_up_over_batches_where_the_trial_says_nothing(tmp_path: Path) -> None:
    """Outputs stay near one half whatever the head reads; only the labels tell what they mean."""

    def output(z: Tensor) -> Tensor:
        return z.tanh().sigmoid()

    model, parts = giving(tmp_path, output, output, size=16)
    assert scored(model, parts[:1], "logit_taylor").examples == 16
    with pytest.raises(ConfigError, match=PROBABILITIES):
        scored(model, parts, "logit_taylor")


def test_parts_that_each_say_nothing_are_refused_once_merged(tmp_path: Path) -> None:
    def output(z: Tensor) -> Tensor:
        return z.tanh().sigmoid()

    model, parts = giving(tmp_path, output, output, size=40)
    found = [scored(model, [part], "permutation", "donors") for part in parts[:10]]
    merged = found[0]
    for part in found[1:]:
        merged = merged.merge(part)
    with pytest.raises(ConfigError, match=PROBABILITIES):
        check_are_logits(model, merged.outputs)


@pytest.mark.parametrize("method", METHODS)
def test_one_task_that_is_squashed_is_refused_by_name(tmp_path: Path, method: str) -> None:
    config, model = setting(tmp_path, rows=200)
    model.head = Gives(lambda z: torch.stack([z, z.sigmoid()], dim=1), tasks=("click", "like"))
    both = [
        replace(part, label=torch.stack([part.label, part.label], dim=1))
        for part in labelled(model, batches(config, model, 200), lambda z: z.sigmoid().sigmoid())
    ]
    assert scored(model, both, method, tasks={"click": 1.0}).examples == 200
    with pytest.raises(ConfigError, match=rf"{PROBABILITIES}(.|\n)*forward, task 'like'"):
        scored(model, both, method, tasks={"click": 1.0, "like": 1.0})


def test_a_narrow_range_is_refused_where_labels_fit_it_as_probabilities(tmp_path: Path) -> None:
    def output(z: Tensor) -> Tensor:
        return 0.4 + 0.2 * z.tanh()

    model, parts = giving(tmp_path, output, output)
    with pytest.raises(ConfigError, match=rf"{PROBABILITIES}(.|\n)*0\.2 to 0\.6 for any other"):
        scored(model, parts, "logit_taylor")
