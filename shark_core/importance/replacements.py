"""What a field's pooled embedding is replaced by, to see what the model loses without it.

mean      ē_f, the mean over the examples: what a pruned field becomes
donors    e_f(x') of other examples of the batch, `repeats` times: keeps the field's distribution
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch

from shark_core.importance.logits import Embeddings
from shark_core.models.seeds import derived_seed


class Replacement(Protocol):
    """Of the batch `number` with `pooled` embeddings (B, D_f) by field."""

    @property
    def way(self) -> str:
        """Two of the same way replace alike."""

    def of(self, pooled: Embeddings, number: int) -> Iterator[Embeddings]:
        """By field `(D_f,)` or `(B, D_f)`, for each repeat."""


@dataclass(frozen=True, eq=False)
class MeanReplacement:
    means: Embeddings  # (D_f,) by field

    @property
    def way(self) -> str:
        """Tells means of some examples from those of all: their scores do not add up."""
        digest = hashlib.sha256()
        for name, mean in sorted(self.means.items()):
            digest.update(name.encode() + mean.cpu().numpy().tobytes())
        return f"mean {digest.hexdigest()[:8]}"

    def of(self, pooled: Embeddings, number: int) -> Iterator[Embeddings]:
        yield {name: self.means[name] for name in pooled}


@dataclass(frozen=True)
class DonorReplacement:
    """Each repeat draws one order of the batch for all fields; the same seed draws the same."""

    repeats: int
    seed: int

    @property
    def way(self) -> str:
        return f"{self.repeats} donors of seed {self.seed}"

    def of(self, pooled: Embeddings, number: int) -> Iterator[Embeddings]:
        first = next(iter(pooled.values()))
        for repeat in range(self.repeats):
            generator = torch.Generator().manual_seed(
                derived_seed(self.seed, "donors", number, repeat)
            )
            donors = torch.randperm(len(first), generator=generator).to(first.device)
            yield {name: embedding[donors] for name, embedding in pooled.items()}
