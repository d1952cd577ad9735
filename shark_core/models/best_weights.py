"""The weights of the best epoch, kept while later epochs are tried."""

from __future__ import annotations

from torch import Tensor

from shark_core.models.ctr_model import CtrModel
from shark_core.models.optimizers import Optimizers
from shark_core.models.predictions import Predictions
from shark_core.models.step_hooks import StepHooks


class BestWeights:
    """Best by log-loss on the validation slice; an equal later epoch does not replace it.

    Without `keep_copies` (one epoch only) nothing is copied, so that large tables are held once.
    """

    def __init__(
        self, model: CtrModel, optimizers: Optimizers, hooks: StepHooks, keep_copies: bool
    ) -> None:
        self.epoch = 0
        self.validation: Predictions | None = None
        self._model = model
        self._optimizers = optimizers
        self._hooks = hooks
        self._keep_copies = keep_copies
        self._weights: dict[str, Tensor] = {}
        self._row_sums: dict[str, Tensor] = {}
        self._hook_state: dict[str, Tensor] = {}

    def offer(self, epoch: int, validation: Predictions) -> None:
        """Take over the model's present weights where they are the best so far."""
        if self.validation is not None and validation.log_loss >= self.validation.log_loss:
            return
        self.epoch, self.validation = epoch, validation
        if self._keep_copies:
            self._weights = _copies(self._model.state_dict())
            self._row_sums = _copies(self._optimizers.row_sums)
            self._hook_state = _copies(self._hooks.state())

    def restore(self) -> None:
        """Give the model the best weights back, and optimizers and hooks their state of then."""
        if self._weights:
            self._model.load_state_dict(self._weights)
            self._optimizers.load_row_sums(self._row_sums)
            self._hooks.load_state(self._hook_state)


def _copies(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}
