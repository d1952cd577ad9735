"""The logits that are scored: of one task or several, in fp32 or under bf16's autocast.

A head gives `(B,)`, or, with several tasks, `(B, T)` and their names as its attribute `tasks`.
Labels are `(B,)` or `(B, T)` alike. What is scored then is one task, or a weighted sum of tasks'
losses:

    Logits()                                       a model of one logit
    Logits(tasks={"click": 1.0})                   one task of several
    Logits(tasks={"click": 1.0, "like": 0.2})      ℓ = 1.0·ℓ_click + 0.2·ℓ_like
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from shark_core.errors import ConfigError
from shark_core.importance.calibration import NONE, Calibration
from shark_core.importance.shape_checks import check_labels, check_shape
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel

Embeddings = dict[str, Tensor]
ONLY_LOGIT = ""  # the name of the logit of a head without tasks


def task_names(head: torch.nn.Module) -> list[str]:
    """In the order of the columns; none where the head gives one logit."""
    return list(getattr(head, "tasks", ()))


@dataclass(frozen=True)
class TaskLogits:
    """One task's part of the loss: `weight · ℓ(logits, label)`, both `(B,)` float32.

    `calibration`: for methods that look at how the loss changes, not at its gradient.
    """

    weight: float
    logits: Tensor
    label: Tensor
    name: str = ONLY_LOGIT
    calibration: Calibration = NONE


@dataclass(frozen=True)
class Logits:
    tasks: Mapping[str, float] = field(default_factory=dict)
    bf16: bool = False
    calibrations: Mapping[str, Calibration] = field(default_factory=dict)

    @property
    def way(self) -> str:
        """Says which tasks count, with which weight, how they are calibrated, and in which
        precision the head runs.
        """
        weighted = {task: weight for task, weight in sorted(self.tasks.items()) if weight}
        fitted = {task: str(found) for task, found in sorted(self.calibrations.items())}
        of_tasks, calibrated = f" of {weighted}", f" calibrated by {fitted}"
        precision = "bf16" if self.bf16 else "fp32"
        return f"{precision}{of_tasks if weighted else ''}{calibrated if fitted else ''}"

    def of(self, model: CtrModel, pooled: Embeddings, batch: Batch) -> list[TaskLogits]:
        """Of the tasks with a weight other than zero.

        Raises `ConfigError` for tasks that the head does not have, for outputs of the wrong shape
        and for labels that do not fit them.
        """
        with torch.autocast(model.device.type, torch.bfloat16, enabled=self.bf16):
            output = model.head(pooled, batch.dense)
        names = self._names(model.head)
        check_shape(output, len(batch), names)
        check_labels(batch.label, len(batch), names)
        if not names:
            calibration = self.calibrations.get(ONLY_LOGIT, NONE)
            return [TaskLogits(1.0, output.float(), batch.label, calibration=calibration)]
        return [
            TaskLogits(
                weight,
                output[:, number].float().contiguous(),
                batch.label[:, number],
                name,
                self.calibrations.get(name, NONE),
            )
            for number, name in enumerate(names)
            if (weight := self.tasks.get(name, 0.0))
        ]

    def _names(self, head: torch.nn.Module) -> list[str]:
        names = task_names(head)
        chosen = [weight for weight in self.tasks.values() if weight]
        known = set(self.tasks) <= set(names) and bool(chosen) == bool(names)
        if not known or not all(map(math.isfinite, chosen)):
            several = f"finite weights for some of {names}"
            raise ConfigError(
                "the tasks to score are not the model's",
                expected=several if names else "no tasks: one logit only",
                found=dict(self.tasks),
                where=f"head {type(head).__name__}",
                remedy="name tasks of the head's attribute `tasks`, one with a weight at least",
            )
        return names
