"""How much log-loss changes when logits do."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor


def loss_changes(
    logits: Tensor, changed: Iterable[dict[str, Tensor]], label: Tensor
) -> dict[str, Tensor]:
    """`ℓ(changed, y) − ℓ(logits, y)` `(B,)` by field, averaged over the repeats of `changed`."""
    before = F.binary_cross_entropy_with_logits(logits, label, reduction="none")
    by_repeat = [
        {
            name: F.binary_cross_entropy_with_logits(after, label, reduction="none") - before
            for name, after in by_field.items()
        }
        for by_field in changed
    ]
    return {
        name: torch.stack([changes[name] for changes in by_repeat]).mean(dim=0)
        for name in by_repeat[0]
    }
