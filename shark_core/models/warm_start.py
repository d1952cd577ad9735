"""Starting a day's model from an earlier one: the day before's, or a published snapshot's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from shark_core.models.ctr_model import CtrModel
from shark_core.models.model_spec import rows_that_stay


@dataclass(frozen=True)
class WarmStart:
    """What was taken over: leading rows of each field's table, and the head or not."""

    rows: dict[str, int]
    head: bool

    def __str__(self) -> str:
        fresh = [name for name, rows in self.rows.items() if rows == 0]
        head = "the head" if self.head else "no head (fields or model changed: fresh weights)"
        tables = f"{sum(self.rows.values()):,} rows of {len(self.rows) - len(fresh)} tables"
        return f"warm start with {tables}, {head}" + (f"; fresh tables: {fresh}" if fresh else "")


@torch.no_grad()
def warm_start(model: CtrModel, previous: CtrModel) -> WarmStart:
    """Copy into `model` the weights of `previous` that still mean the same.

    A table that grew keeps its rows and has fresh ones after them; a field that is new or whose
    encoding changed has a fresh table. So has one that `previous` pruned to a constant: a new one.
    The head is taken over where its inputs are the same.
    """
    kept = set(previous.kept)
    old_fields = {field.name: field for field in previous.spec.fields if field.name in kept}
    rows: dict[str, int] = {}
    for field in model.spec.fields:
        old = old_fields.get(field.name)
        rows[field.name] = rows_that_stay(old, field) if old else 0
        if old and rows[field.name]:
            stay = slice(rows[field.name])
            model.embeddings.weight(field.name)[stay] = previous.embeddings.weight(old.name)[stay]
    head = model.spec.same_head(previous.spec)
    if head:
        model.head.load_state_dict(previous.head.state_dict())
    return WarmStart(rows, head)


def continued_row_sums(sums: Mapping[str, Tensor], start: WarmStart) -> dict[str, Tensor]:
    """Row-wise Adagrad's accumulators for the rows that were taken over."""
    return {name: sums[name][:rows] for name, rows in start.rows.items() if rows and name in sums}
