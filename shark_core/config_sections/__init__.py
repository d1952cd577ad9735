"""The sections of a pipeline config: what each key means and what it may be.

`shark_core.config` puts them together; users read these files to see what they can set.

    traffic      label, event_time, fields, dense_features, ingest, priority
    training     model, training, finetuning
    pruning      importance, pruning
    tiers        tiers
    evaluation   evaluation, gates
    release      release
    registry     registry
    spark        spark
"""

from shark_core.config_sections.evaluation import Evaluation, Gates
from shark_core.config_sections.pruning import Importance, Pruning, Validation
from shark_core.config_sections.registry import Registry
from shark_core.config_sections.release import MOST_DELTAS, Release
from shark_core.config_sections.section import (
    Count,
    Memory,
    Name,
    NonNegative,
    Positive,
    Section,
    Share,
)
from shark_core.config_sections.spark import Spark
from shark_core.config_sections.tiers import Budget, LossAware, Thresholds, Tiers
from shark_core.config_sections.traffic import (
    DenseFeature,
    EventTime,
    Field,
    Ingest,
    Label,
    Priority,
)
from shark_core.config_sections.training import Finetuning, Model, Training

__all__ = [
    "MOST_DELTAS",
    "Budget",
    "Count",
    "DenseFeature",
    "Evaluation",
    "EventTime",
    "Field",
    "Finetuning",
    "Gates",
    "Importance",
    "Ingest",
    "Label",
    "LossAware",
    "Memory",
    "Model",
    "Name",
    "NonNegative",
    "Positive",
    "Priority",
    "Pruning",
    "Registry",
    "Release",
    "Section",
    "Share",
    "Spark",
    "Thresholds",
    "Tiers",
    "Training",
    "Validation",
]
