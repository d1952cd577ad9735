"""A model's logits on a slice of examples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from shark_core.models.ctr_model import CtrModel
from shark_core.models.device import batches_on
from shark_core.traffic.examples import ExampleReader


@dataclass(frozen=True)
class Predictions:
    """`labels` and `logits` `(N,)` float32, in the reader's order."""

    labels: np.ndarray
    logits: np.ndarray

    @property
    def log_loss(self) -> float:
        """Mean over the examples."""
        logits = torch.from_numpy(self.logits).double()
        labels = torch.from_numpy(self.labels).double()
        return F.binary_cross_entropy_with_logits(logits, labels).item()


@torch.no_grad()
def predict(model: CtrModel, reader: ExampleReader, batch_size: int) -> Predictions:
    """Logits in eval mode; the model is left in the mode in which it came."""
    training = model.training
    model.eval()
    try:
        parts = [
            (batch.label.cpu().numpy(), model(batch).cpu().numpy())
            for batch in batches_on(model.device, reader, batch_size)
        ]
    finally:
        model.train(training)
    return Predictions(
        labels=np.concatenate([labels for labels, _ in parts]),
        logits=np.concatenate([logits for _, logits in parts]),
    )
