"""Models trained anew on chosen fields, and how good they are on examples that scored no field."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice

import numpy as np

from shark_core.evaluation.auc import auc
from shark_core.evaluation.log_loss import log_loss
from shark_core.models.ctr_model import CtrModel
from tests.benchmarks.field_selection.rankings import HELD_OUT_BATCH
from tests.benchmarks.trained_model import Dataset, held_out_predictions, trained_by_epoch


@dataclass(frozen=True)
class Quality:
    auc: float
    log_loss: float


def retrained(
    dataset: Dataset, fields: Collection[str], seed: int, epochs: int
) -> tuple[Quality, ...]:
    """From scratch, on these fields and the dense features: after 1, 2 … `epochs` epochs."""
    models = islice(trained_by_epoch(dataset, list(fields), seed), epochs)
    return tuple(_quality(dataset, found.model) for found in models)


def _quality(dataset: Dataset, model: CtrModel) -> Quality:
    """On the batches of held-out examples that `scoring_batches` leaves out."""
    found = held_out_predictions(dataset, model)
    chosen = np.arange(len(found.labels)) // HELD_OUT_BATCH % 2 == 1
    label, logit = found.labels[chosen], found.logits[chosen]
    return Quality(auc(label, logit), log_loss(label, logit))
