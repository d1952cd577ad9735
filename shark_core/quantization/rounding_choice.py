"""The way of rounding that the config names, ready for a model."""

from __future__ import annotations

from collections.abc import Callable

from shark_core.config import PipelineConfig
from shark_core.models.ctr_model import CtrModel
from shark_core.models.step_hooks import StepHooks
from shark_core.quantization.rounding import NearestRounding, StochasticRounding
from shark_core.quantization.straight_through import StraightThrough
from shark_core.quantization.tiered_tables import TieredTables

Make = Callable[[PipelineConfig, CtrModel, TieredTables], StepHooks]

ROUNDINGS: dict[str, Make] = {
    "nearest": lambda config, model, tables: NearestRounding(model, tables),
    "stochastic": lambda config, model, tables: StochasticRounding(
        model, tables, config.training.seed
    ),
    "straight_through": lambda config, model, tables: StraightThrough(
        model, tables, config.finetuning.table_param_learning_rate
    ),
}


def rounding_hooks(config: PipelineConfig, model: CtrModel, tables: TieredTables) -> StepHooks:
    """For a training of `model`; its tables are put on their grids at once."""
    return ROUNDINGS[config.finetuning.rounding](config, model, tables)
