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
from shark_core.importance.logit_checks import check_is_logit, check_labels, check_shape
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel

Embeddings = dict[str, Tensor]


@dataclass(frozen=True)
class TaskLogits:
    """One task's part of the loss: `weight · ℓ(logits, label)`, both `(B,)` float32."""

    weight: float
    logits: Tensor
    label: Tensor


@dataclass(frozen=True)
class Logits:
    tasks: Mapping[str, float] = field(default_factory=dict)
    bf16: bool = False

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
            return [TaskLogits(1.0, output.float(), batch.label)]
        return [
            TaskLogits(weight, output[:, number].float().contiguous(), batch.label[:, number])
            for number, name in enumerate(names)
            if (weight := self.tasks.get(name, 0.0))
        ]

    def observed(self, model: CtrModel, pooled: Embeddings, batch: Batch) -> list[TaskLogits]:
        """As `of`, where nothing is replaced: `ConfigError` for what looks like probabilities too.

        Nothing of the kind can be said of what a model gives for replaced embeddings.
        """
        found = self.of(model, pooled, batch)
        for task in found:
            check_is_logit(task.logits.detach(), task.label)
        return found

    def _names(self, head: torch.nn.Module) -> list[str]:
        names = list(getattr(head, "tasks", ()))
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
