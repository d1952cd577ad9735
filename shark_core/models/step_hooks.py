"""What may happen around the steps of a training, besides the steps."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel


class StepHooks:
    """Nothing happens; subclasses override what they need.

        for each epoch:
            for each batch: before_step → forward, backward, update → after_step
            after_epoch → validation

    `state` is kept with an epoch's weights and given back by `load_state` where they are restored.
    """

    def before_step(self, model: CtrModel, batch: Batch) -> None:
        """Before the forward pass of a batch."""

    def after_step(self, model: CtrModel, batch: Batch) -> None:
        """After the update: tables still hold the step's gradients."""

    def after_epoch(self, model: CtrModel) -> None:
        """Before the model is tried on the validation slice."""

    def state(self) -> dict[str, Tensor]:
        """What belongs to the present weights, by name."""
        return {}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """The inverse of `state`."""


NO_HOOKS = StepHooks()
