from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs.assign_tiers import assign_tiers
from jobs.context import DayContext
from jobs.finetune import finetune
from jobs.plan_pruning import plan_pruning
from jobs.prune_fields import prune_fields
from jobs.score_fields import score_fields
from jobs.train import train
from jobs.validate_importance import validate_importance
from tests.example_lake import DAY, tiny_config, tiny_lake
from tests.jobs.compressed_day import (
    EASY_GATES,
    PRUNE_ONE,
    write_examples_facts,
    write_priorities,
)


@pytest.fixture(scope="session")
def finetuned_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("finetuned")
    config = tiny_config(root, pruning=PRUNE_ONE)
    tiny_lake(config, DAY, DAY + timedelta(days=1))
    write_priorities(config)
    write_examples_facts(config)
    context = DayContext(config, DAY, "test")
    pruning = (score_fields, validate_importance, plan_pruning, prune_fields)
    for job in (train, *pruning, assign_tiers, finetune):
        job(context)
    return root


@pytest.fixture
def make_context(finetuned_lake: Path, tmp_path: Path) -> Any:
    """A context on a copy of the finetuned lake; keywords change the config."""

    def make(**changes: Any) -> DayContext:
        root = tmp_path / "lake"
        shutil.copytree(finetuned_lake, root, dirs_exist_ok=True)
        settings = {"pruning": PRUNE_ONE, "gates": EASY_GATES, **changes}
        return DayContext(tiny_config(root, **settings), DAY, "test")

    return make
