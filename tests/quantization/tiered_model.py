"""A tiny model whose rows take turns in the six tiers, and the examples that it reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from shark_core.config import PipelineConfig
from shark_core.lake import Lake
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel
from shark_core.models.device import batches_on
from shark_core.quantization.tiered_tables import TieredTables
from shark_core.quantization.tiers import TIERS
from shark_core.traffic.examples import ExampleReader
from shark_core.traffic.slices import Slice, SlicePart
from tests.example_lake import DAY
from tests.importance.small_models import setting

SCHEMES = {tier: tier for tier in TIERS} | {"int2": "int2_shared"}
CPU = torch.device("cpu")


def tiny_model(root: Path, rows: int = 300) -> tuple[PipelineConfig, CtrModel]:
    """Its tables are far from zero, so that grids are coarse."""
    return setting(root, rows=rows)


def tier_turns(model: CtrModel) -> dict[str, np.ndarray]:
    """Row r is in tier r mod 6."""
    sizes = {name: len(model.embeddings.weight(name)) for name in model.kept}
    return {name: (np.arange(size) % len(TIERS)).astype(np.uint8) for name, size in sizes.items()}


def tiered(model: CtrModel) -> TieredTables:
    codes = tier_turns(model)
    weights = {name: np.ones(len(of_table)) for name, of_table in codes.items()}
    return TieredTables.fitted(model, codes, SCHEMES, weights)


def whole_day(config: PipelineConfig) -> ExampleReader:
    return ExampleReader(Lake(config.lake), config, Slice("whole", (SlicePart(DAY),)))


def one_batch(config: PipelineConfig, size: int = 64) -> Batch:
    return next(iter(batches_on(CPU, whole_day(config), size)))
