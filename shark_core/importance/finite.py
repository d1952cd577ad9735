"""Is everything finite, and if not, which table's row or which weight of the head is to blame?"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from shark_core.errors import PermanentError
from shark_core.models.ctr_model import CtrModel

CHUNK_NUMBERS = 1 << 22  # looked at together: 16 MiB of float32
REMEDY = "the training diverged: lower the learning rates and train the day again"


def check_tables(model: CtrModel) -> None:
    """Raises `PermanentError` with the field and the first row that is not finite.

    All rows, once a scoring: one that no example of the slice reads spoils no score, yet a plan
    made of these scores would send the model on.
    """
    for name in model.kept:
        row = first_row_not_finite(model.embeddings.weight(name))
        if row is not None:
            raise PermanentError(
                "a table of the model is not finite",
                expected="finite numbers in every row",
                found=model.embeddings.weight(name)[row].tolist(),
                where=f"table of field {name!r}, row {row}",
                remedy=REMEDY,
            )


def check_finite(model: CtrModel, figures: Mapping[str, float]) -> None:
    """Raises `PermanentError` that names the tables, or the head, where a figure is not finite."""
    bad = [name for name, figure in figures.items() if not math.isfinite(figure)]
    if not bad:
        return
    tables = {f"table of field {name!r}": model.embeddings.weight(name) for name in model.kept}
    head = {f"head's {name}": weight for name, weight in model.head.named_parameters()}
    weights = {**tables, **head}
    culprits = [
        name for name, weight in weights.items() if first_row_not_finite(weight) is not None
    ]
    raise PermanentError(
        "scores are not finite",
        expected="finite weights and logits",
        found=f"not finite for {bad}",
        where=", ".join(culprits) or "the logits: all weights are finite",
        remedy=REMEDY,
    )


@torch.no_grad()
def first_row_not_finite(weight: Tensor) -> int | None:
    """Of a table `(N, D)`; a vector's numbers are its rows.

    By each chunk's lowest and highest number, which are not finite where any is not: `isfinite` of
    the numbers themselves takes 16 times as long, and memory.
    """
    if not weight.numel():
        return None
    rows = weight.reshape(len(weight) if weight.ndim else 1, -1)
    step = max(1, CHUNK_NUMBERS // rows.shape[1])
    for start in range(0, len(rows), step):
        chunk = rows[start : start + step]
        if not torch.isfinite(torch.stack(chunk.aminmax())).all():
            return start + int((~torch.isfinite(chunk).all(dim=1)).nonzero()[0])
    return None
