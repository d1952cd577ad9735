"""Keeps a model's tables on their tiers' grids while it is finetuned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Self

import numpy as np
import torch

from shark_core.access.dense_priorities import load_priority
from shark_core.config import PipelineConfig
from shark_core.lake import Lake
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel
from shark_core.quantization.snapping import snap_rows
from shark_core.quantization.tiers import assign_tiers


@dataclass(frozen=True)
class RowSnapper:
    """`tier_codes`: uint8 `(num_embeddings,)` by field, for every field that has a table.

    A row leaves its grid only when a step updates it, so that snapping a batch's rows after its
    step keeps all of the table on the grid.
    """

    tier_codes: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, lake: Lake, config: PipelineConfig, day: date, fields: Sequence[str]) -> Self:
        """From the day's row priorities. Raises `DataError` where they are missing."""
        priorities = {name: load_priority(lake, config, name, day) for name in fields}
        return cls({name: assign_tiers(p, config.tiers) for name, p in priorities.items()})

    def snap_all(self, model: CtrModel) -> None:
        for name, codes in self.tier_codes.items():
            weight = model.embeddings.weight(name)
            snap_rows(weight, torch.arange(len(weight)), codes, field=name)

    def after_step(self, model: CtrModel, batch: Batch) -> None:
        """Snap the rows that the batch read."""
        for name, codes in self.tier_codes.items():
            rows = torch.unique(batch.ids[name].values)
            snap_rows(model.embeddings.weight(name), rows, codes, field=name)
