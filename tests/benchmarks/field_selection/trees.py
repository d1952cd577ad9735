"""Boosted trees (LightGBM) on the training days; fields ranked by the total gain of their splits.

A row id becomes the share of positives among the examples of the *other* training days that read
it, drawn towards the base rate (`PRIOR` examples' worth); of a list, the mean. With row ids as
categories, noise of many values gains much: trees learn it by heart. The dense features are columns
too, so that a field's gain comes on top of them, but they are not ranked.
"""

from __future__ import annotations

from dataclasses import dataclass

import lightgbm
import numpy as np

from shark_core.config_sections import Field
from shark_core.traffic.examples import FieldIds
from tests.benchmarks.field_selection.rankings import RANKING_EPOCHS, Rankings, by_score
from tests.benchmarks.trained_model import Dataset

ALL = 10_000_000  # more examples than a day has
PRIOR = 20.0  # examples
ROUNDS = 100
PARAMETERS = {
    "objective": "binary",
    "learning_rate": 0.1,
    "num_leaves": 31,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "num_threads": 1,
    "deterministic": True,
    "verbosity": -1,
}


def tree_rankings(dataset: Dataset, seed: int) -> Rankings:
    """The same for both numbers of epochs: no ranking model takes part."""
    days = [_Day.of(dataset, number) for number in range(len(dataset.training_days))]
    fields = [_shares(days, field) for field in dataset.config.fields]  # (N,) each
    columns = np.column_stack([*fields, np.concatenate([day.dense for day in days])])
    examples = lightgbm.Dataset(columns, np.concatenate([day.label for day in days]))
    trees = lightgbm.train({**PARAMETERS, "seed": seed}, examples, ROUNDS)
    gains = trees.feature_importance("gain")[: len(fields)]
    ranking = by_score(dict(zip(dataset.fields, gains.tolist(), strict=True)))
    return {(epochs, "gbdt"): ranking for epochs in RANKING_EPOCHS}


@dataclass(frozen=True)
class _Day:
    """`ids`: by field, the examples that read a row `(R,)` and the rows `(R,)`."""

    label: np.ndarray  # (B,)
    dense: np.ndarray  # (B, F)
    ids: dict[str, tuple[np.ndarray, np.ndarray]]

    @classmethod
    def of(cls, dataset: Dataset, number: int) -> _Day:
        (batch,) = dataset.reader(dataset.training_days[number : number + 1]).batches(ALL)
        return cls(batch.label, batch.dense, {name: _reads(ids) for name, ids in batch.ids.items()})


def _reads(ids: FieldIds) -> tuple[np.ndarray, np.ndarray]:
    lengths = np.diff(ids.offsets)
    return np.repeat(np.arange(len(lengths)), lengths), ids.values


def _shares(days: list[_Day], field: Field) -> np.ndarray:
    """The field's column `(N,)`: its examples' shares, each from the other days."""
    counted = [_counts(day, field) for day in days]
    positives, reads = (sum(counts) for counts in zip(*counted, strict=True))
    base = positives.sum() / reads.sum()
    columns = []
    for day, (own_positives, own_reads) in zip(days, counted, strict=True):
        other = reads - own_reads
        share = (positives - own_positives + PRIOR * base) / (other + PRIOR)  # (rows,)
        columns.append(_means(day, field, share, base))
    return np.concatenate(columns)


def _counts(day: _Day, field: Field) -> tuple[np.ndarray, np.ndarray]:
    """Positives and reads `(num_embeddings,)` of each row."""
    examples, rows = day.ids[field.name]
    size = field.num_embeddings
    return np.bincount(rows, day.label[examples], size), np.bincount(rows, minlength=size)


def _means(day: _Day, field: Field, share: np.ndarray, base: float) -> np.ndarray:
    """`(B,)`: each example's mean over its rows; the base rate for none."""
    examples, rows = day.ids[field.name]
    size = len(day.label)
    lengths = np.bincount(examples, minlength=size)
    totals = np.bincount(examples, share[rows], size)
    return np.where(lengths, totals / np.maximum(lengths, 1), base)
