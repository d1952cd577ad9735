"""What of the config a trial depends on, so that recorded trials are reused, and never wrongly."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from shark_core.config import PipelineConfig
from shark_core.pruning.trials import READ_BY_TRIALS, ModelTrials, trial_settings
from tests.example_lake import DAY, tiny_config
from tests.jobs.planned_day import means_of, scored_day

CHANGES: dict[str, Any] = {
    "fields": [{"name": "user", "encoding": "hash", "num_embeddings": 60}],
    "embedding_dim": 5,  # what the fields inherit
    "dense_features": [{"name": "age"}],
    "model": {"head": "dlrm"},
    "training": {"holdout_share": 0.3},
    "finetuning": {"epochs": 2},
    "importance": {"max_examples": 300},
    "pruning": {"max_measured_loss": 0.1},
}


@pytest.mark.parametrize("section", CHANGES)
def test_a_change_of_what_a_trial_reads_is_seen(tmp_path: Path, section: str) -> None:
    changed = tiny_config(tmp_path, **{section: CHANGES[section]})
    assert trial_settings(changed) != trial_settings(tiny_config(tmp_path))


class OnlyForTrials:
    """A config that refuses to be read beyond what trials say they read."""

    def __init__(self, config: PipelineConfig) -> None:
        self.config = config

    def __getattr__(self, name: str) -> Any:
        assert name in READ_BY_TRIALS, f"a trial reads {name}"
        return getattr(self.config, name)


def test_a_trial_reads_nothing_else_of_the_config(tmp_path: Path) -> None:
    day = scored_day(tmp_path)
    config = cast("PipelineConfig", OnlyForTrials(day.config))
    model = ModelTrials(day.lake, config, DAY, means_of(day)).finetune(["user"])
    assert [entry.field for entry in model.importances()] == ["item", "tags"]
