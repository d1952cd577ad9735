from __future__ import annotations

import shutil
from dataclasses import replace
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
from tests.jobs.planned_day import LIMITS, MakeDay, scored_day
from tests.jobs.proposed_day import TAGS_TOO, scored_by_hand


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


@pytest.fixture(scope="session")
def scored_lake(tmp_path_factory: pytest.TempPathFactory) -> DayContext:
    return scored_day(tmp_path_factory.mktemp("scored"))


@pytest.fixture
def make_scored_day(scored_lake: DayContext, tmp_path: Path) -> MakeDay:
    """The scored day on a lake of its own; keywords change `pruning`, `config` the rest."""

    def make(config: dict[str, Any] | None = None, **limits: Any) -> DayContext:
        root = tmp_path / "lake"
        if not root.exists():
            shutil.copytree(scored_lake.config.lake, root)
        document = scored_lake.config.model_dump(mode="json")
        document |= {"lake": str(root), "pruning": {**LIMITS, **limits}, **(config or {})}
        return replace(scored_lake, config=type(scored_lake.config).model_validate(document))

    return make


@pytest.fixture
def planned(tmp_path: Path) -> DayContext:
    """Two plans wait: of the second day, and of the first."""
    plan_pruning(scored_by_hand(tmp_path))
    context = scored_by_hand(tmp_path, DAY + timedelta(days=1), TAGS_TOO)
    plan_pruning(context)
    return context
