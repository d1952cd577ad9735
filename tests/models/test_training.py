"""Fitting: determinism, early stopping, and what a step does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from shark_core.config import PipelineConfig
from shark_core.errors import ConfigError, PermanentError
from shark_core.lake import Lake
from shark_core.models.batch import Batch
from shark_core.models.checkpoint import named_weights
from shark_core.models.ctr_model import CtrModel, build_model
from shark_core.models.device import choose_device
from shark_core.models.predictions import predict
from shark_core.models.step_hooks import StepHooks
from shark_core.models.training import FitResult, FitSettings, fit
from shark_core.traffic.examples import ExampleReader
from shark_core.traffic.slices import Slice, training_slice, validation_slice
from tests.example_lake import DAY, tiny_config


def reader(lake: Lake, config: PipelineConfig, wanted: Slice) -> ExampleReader:
    return ExampleReader(lake, config, wanted)


def trained(
    lake: Lake, config: PipelineConfig, seed: int = 0, **settings: float
) -> tuple[CtrModel, FitResult]:
    model = build_model(config.model_copy(update={"training": replaced(config, seed)}))
    result = fit(
        model,
        reader(lake, config, training_slice(lake, config, DAY)),
        reader(lake, config, validation_slice(lake, config, DAY)),
        replace(FitSettings.of_training(config), seed=seed, **settings),  # type: ignore[arg-type]
    )
    return model, result


def replaced(config: PipelineConfig, seed: int) -> object:
    return config.training.model_copy(update={"seed": seed})


def same_weights(first: CtrModel, second: CtrModel) -> bool:
    left, right = named_weights(first), named_weights(second)
    return list(left) == list(right) and all(torch.equal(left[k], right[k]) for k in left)


def test_the_same_seed_gives_the_same_weights_bit_for_bit(
    lake: Lake, config: PipelineConfig
) -> None:
    torch.manual_seed(1)
    first, _ = trained(lake, config, epochs=2)
    torch.manual_seed(2)
    second, _ = trained(lake, config, epochs=2)
    assert same_weights(first, second)


def test_another_seed_gives_other_weights(lake: Lake, config: PipelineConfig) -> None:
    assert not same_weights(trained(lake, config, seed=0)[0], trained(lake, config, seed=1)[0])


def test_training_learns_what_the_examples_hold(lake: Lake, config: PipelineConfig) -> None:
    _, result = trained(lake, config, epochs=8, embedding_learning_rate=0.05)
    assert result.examples == 400
    assert (
        result.validation.log_loss
        < 0.62
        < 0.69
        < trained(lake, config, epochs=0)[1].validation.log_loss
    )


def test_the_weights_of_the_best_epoch_stay(lake: Lake, config: PipelineConfig) -> None:
    model, result = trained(lake, config, epochs=30, patience=3, embedding_learning_rate=0.5)
    assert result.epochs == result.best_epoch + 3
    held_out = predict(model, reader(lake, config, validation_slice(lake, config, DAY)), 64)
    assert held_out.log_loss == result.validation.log_loss
    up_to_best, _ = trained(
        lake, config, epochs=result.best_epoch, patience=30, embedding_learning_rate=0.5
    )
    assert same_weights(model, up_to_best)


def test_no_epoch_leaves_the_model_as_it_is(lake: Lake, config: PipelineConfig) -> None:
    model, result = trained(lake, config, epochs=0)
    assert same_weights(model, build_model(config))
    assert (result.epochs, result.examples, result.train_log_loss) == (0, 0, None)


class Recorder(StepHooks):
    """What happened, in order; its state is the number of epochs behind it."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.epochs = 0

    def before_step(self, model: CtrModel, batch: Batch) -> None:
        self.seen.append(f"before {len(batch)}")

    def after_step(self, model: CtrModel, batch: Batch) -> None:
        assert model.embeddings.weight("user").grad is not None
        self.seen.append(f"after {len(batch)}")

    def after_epoch(self, model: CtrModel) -> None:
        self.seen.append("epoch")
        self.epochs += 1

    def state(self) -> dict[str, Tensor]:
        return {"epochs": torch.tensor(self.epochs)}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        self.epochs = int(state["epochs"])


def test_hooks_run_before_and_after_each_step_and_after_each_epoch(
    lake: Lake, config: PipelineConfig
) -> None:
    recorder = Recorder()
    wanted = reader(lake, config, training_slice(lake, config, DAY))
    fit(build_model(config), wanted, wanted, FitSettings.of_training(config), hooks=recorder)
    assert recorder.seen == ["before 64", "after 64"] * 6 + ["before 16", "after 16", "epoch"]


def test_hooks_get_the_state_of_the_best_epoch_back(lake: Lake, config: PipelineConfig) -> None:
    recorder = Recorder()
    wanted = reader(lake, config, training_slice(lake, config, DAY))
    held_out = reader(lake, config, validation_slice(lake, config, DAY))
    overfit = {"epochs": 30, "patience": 30, "embedding_learning_rate": 0.5}
    settings = replace(FitSettings.of_training(config), **overfit)
    result = fit(build_model(config), wanted, held_out, settings, hooks=recorder)
    assert recorder.epochs == result.best_epoch < result.epochs


def test_accumulators_continue_from_the_day_before(lake: Lake, config: PipelineConfig) -> None:
    earlier = {"user": torch.full((30,), 100.0)}
    wanted = reader(lake, config, training_slice(lake, config, DAY))
    settings = FitSettings.of_training(config)
    result = fit(build_model(config), wanted, wanted, settings, row_sums=earlier)
    assert (result.row_sums["user"][:30] >= 100).all()
    assert (result.row_sums["user"][30:] < 100).all()


def test_a_loss_that_is_not_finite_is_a_permanent_error(lake: Lake, config: PipelineConfig) -> None:
    with pytest.raises(PermanentError, match="the loss is not finite in training"):
        trained(lake, config, epochs=3, dense_learning_rate=1e30)


def test_constants_of_pruned_fields_are_trained(lake: Lake, config: PipelineConfig) -> None:
    model = build_model(config)
    model.embeddings.prune("tags", torch.zeros(4))
    wanted = ExampleReader(lake, config, training_slice(lake, config, DAY), fields=model.kept)
    fit(model, wanted, wanted, FitSettings.of_training(config))
    assert model.embeddings.constants["tags"].abs().sum() > 0


def test_finetuning_takes_its_own_rates_and_epochs(tmp_path: Path) -> None:
    rates = {"epochs": 3, "embedding_learning_rate": 0.5, "dense_learning_rate": 0.25}
    settings = FitSettings.of_finetuning(tiny_config(tmp_path, finetuning=rates))
    found = (settings.epochs, settings.embedding_learning_rate, settings.dense_learning_rate)
    assert found == (3, 0.5, 0.25)
    assert settings.batch_size == 64


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_cuda_where_there_is_none_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="device is not there"):
        choose_device(tiny_config(tmp_path, training={"device": "cuda"}).training)
