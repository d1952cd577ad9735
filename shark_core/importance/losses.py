"""How much log-loss changes when logits do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from shark_core.importance.logits import TaskLogits

Changed = dict[str, list[Tensor]]  # by field, each task's logits (B,)


def loss_changes(tasks: list[TaskLogits], changed: Iterable[Changed]) -> dict[str, Tensor]:
    """`Σ_t w_t·(ℓ(changed_t, y_t) − ℓ(logits_t, y_t))` `(B,)` by field, averaged over repeats.

    `changed` gives one entry a repeat. All fields are computed at once: `(fields, B)`.
    """
    by_repeat = list(_summed_over_tasks(tasks, changed))
    names, _ = by_repeat[0]
    changes = torch.stack([change for _, change in by_repeat]).mean(dim=0)  # (fields, B)
    return dict(zip(names, changes, strict=True))


def _summed_over_tasks(
    tasks: list[TaskLogits], changed: Iterable[Changed]
) -> Iterator[tuple[list[str], Tensor]]:
    for by_field in changed:
        total = sum(
            task.weight * _change(task, torch.stack([after[t] for after in by_field.values()]))
            for t, task in enumerate(tasks)
        )
        yield list(by_field), torch.as_tensor(total)  # (fields, B)


def _change(task: TaskLogits, after: Tensor) -> Tensor:
    """Of one task, by its calibration, `(fields, B)`: exactly zero where a logit stays as it was.

    Vector instructions round by the position in memory, so that the loss before is computed in the
    same layout.
    """
    before = task.logits.expand_as(after).contiguous()
    after, before = task.calibration.of(after), task.calibration.of(before)
    return log_loss(after, task.label) - log_loss(before, task.label)


def log_loss(logits: Tensor, label: Tensor) -> Tensor:
    """`softplus(z) − y·z`, elementwise, for logits `(…, B)` and labels `(B,)`."""
    return F.softplus(logits) - label * logits
