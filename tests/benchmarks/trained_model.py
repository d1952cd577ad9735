"""Models trained on days of a lake and tried on later days, as the benchmarks of fields need them.

    training days ── shuffled together, once an epoch ──→ model ──→ logits on the held-out days

No early stopping: what more epochs do to a model is what the benchmarks look at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import count, islice

from torch import Tensor

from shark_core.config import PipelineConfig
from shark_core.lake import Lake
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel, build_model
from shark_core.models.device import batches_on, choose_device
from shark_core.models.predictions import Predictions, predict
from shark_core.models.seeds import derived_seed
from shark_core.models.training import FitSettings, fit
from shark_core.traffic.examples import ExampleReader
from shark_core.traffic.slices import Slice, SlicePart


@dataclass(frozen=True)
class Dataset:
    """Examples in `config.lake`, and what is known of the fields.

    `noise_fields` say nothing about the label; `copies`: copied field by the name of its copy;
    `informative`: the fields, copies and copied ones included, that do say something; empty where
    nobody knows.
    """

    name: str
    config: PipelineConfig
    training_days: tuple[date, ...]
    held_out_days: tuple[date, ...]
    noise_fields: tuple[str, ...]
    copies: Mapping[str, str] = field(default_factory=dict)
    informative: tuple[str, ...] = ()

    @property
    def fields(self) -> list[str]:
        return [field.name for field in self.config.fields]

    def reader(
        self,
        days: Sequence[date],
        fields: Sequence[str] | None = None,
        max_examples: int | None = None,
    ) -> ExampleReader:
        wanted = Slice("benchmark", tuple(SlicePart(day) for day in days))
        return ExampleReader(Lake(self.config.lake), self.config, wanted, fields, max_examples)

    def held_out_batches(self, batch_size: int, max_examples: int | None = None) -> list[Batch]:
        """In memory, so that timings hold no reading; on the device of the training."""
        reader = self.reader(self.held_out_days, max_examples=max_examples)
        return list(batches_on(choose_device(self.config.training), reader, batch_size))


@dataclass(frozen=True)
class Trained:
    """`row_sums`: the accumulators of its row-wise Adagrad, by field."""

    model: CtrModel
    row_sums: Mapping[str, Tensor]


def trained_by_epoch(dataset: Dataset, fields: Sequence[str], seed: int) -> Iterator[Trained]:
    """A fresh model of `fields` alone after 1, 2, 3 … epochs: one model, trained on and on."""
    config = _config_of(dataset.config, fields, seed)
    model = build_model(config).to(choose_device(config.training))
    examples = dataset.reader(dataset.training_days, fields)
    barely = dataset.reader(
        dataset.held_out_days, fields, max_examples=1
    )  # nothing is chosen by it
    row_sums: dict[str, Tensor] = {}
    for epoch in count(1):
        options = FitSettings.of_training(config).__dict__
        settings = FitSettings(**{**options, "epochs": 1, "seed": derived_seed(seed, epoch)})
        row_sums = fit(model, examples, barely, settings, row_sums).row_sums
        yield Trained(model, row_sums)


def trained(dataset: Dataset, fields: Sequence[str], seed: int, epochs: int = 1) -> Trained:
    """As `trained_by_epoch` after `epochs` ≥ 1 epochs."""
    return next(islice(trained_by_epoch(dataset, fields, seed), epochs - 1, None))


def held_out_predictions(dataset: Dataset, model: CtrModel) -> Predictions:
    """On all examples of the held-out days, in one order for all models."""
    reader = dataset.reader(dataset.held_out_days, model.kept)
    return predict(model, reader, dataset.config.importance.batch_size)


def _config_of(config: PipelineConfig, fields: Sequence[str], seed: int) -> PipelineConfig:
    """The same pipeline with no other fields, in the config's order."""
    chosen = tuple(field for field in config.fields if field.name in set(fields))
    training = config.training.model_copy(update={"seed": seed})
    return config.model_copy(update={"fields": chosen, "training": training})
