from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch

from jobs.evaluate import evaluate, evaluate_holdout
from jobs.quantize import quantize
from shark_core.errors import DataError
from shark_core.models.checkpoint import load_checkpoint, named_weights
from shark_core.publish.compressed_model import rebuild_model
from shark_core.schemas import (
    CHECKPOINT,
    COMPRESSED,
    EVALUATION,
)
from tests.example_lake import DAY, tiny_config
from tests.jobs.compressed_day import (
    run_command,
)


def test_the_model_rebuilt_from_its_bytes_is_the_finetuned_model(make_context: Any) -> None:
    context = make_context()
    result = quantize(context)
    finetuned = load_checkpoint(context.lake, context.partition(CHECKPOINT, stage="finetuned"))
    expected = named_weights(finetuned)
    rebuilt = named_weights(rebuild_model(context.config, context.lake, DAY))
    assert rebuilt.keys() == expected.keys()
    assert all(torch.equal(rebuilt[name], expected[name]) for name in expected)
    assert result.figures["rows_moved_by_quantizing"] == 0


def test_quantizing_twice_gives_the_same_content(make_context: Any) -> None:
    context = make_context()
    quantize(context)
    first = context.marker(COMPRESSED).fingerprint
    quantize(context)
    assert context.marker(COMPRESSED).fingerprint == first


def test_published_bytes_are_the_files_of_tables_and_the_constants(make_context: Any) -> None:
    context = make_context()
    figures = quantize(context).figures
    files = [e for e in context.marker(COMPRESSED).files if e.path.endswith(".parquet")]
    finetuned = load_checkpoint(context.lake, context.partition(CHECKPOINT, stage="finetuned"))
    (pruned,) = finetuned.pruned
    constant = 4 * context.config.field(pruned).embedding_dim
    assert figures["bytes_after"] == sum(entry.bytes for entry in files) + constant
    assert figures["bytes_before"] == 4 * (50 * 4 + 20 * 6 + 8 * 4)


def test_a_compressed_model_of_another_config_is_refused(make_context: Any) -> None:
    context = make_context()
    quantize(context)
    other = tiny_config(Path(context.config.lake), model={"head": "dlrm"})
    with pytest.raises(DataError, match="compressed model cannot be used"):
        rebuild_model(other, context.lake, DAY)


def test_the_evaluation_says_what_it_judged(make_context: Any) -> None:
    context = make_context()
    quantize(context)
    result = evaluate(context)
    facts = context.marker(EVALUATION).facts
    assert facts["examples"] == 50  # every second one of the latest fifth of 500
    assert facts["failed_gates"] == []
    assert result.headline.endswith("all gates passed")


def test_holdout_days_are_judged_whole_and_nothing_is_written(make_context: Any) -> None:
    context = make_context()
    quantize(context)
    before = sorted(Path(context.config.lake).rglob("*"))
    result = evaluate_holdout(context, [DAY + timedelta(days=1), DAY])
    assert result.figures["examples"] == 1000
    assert sorted(Path(context.config.lake).rglob("*")) == before


def test_holdout_days_are_given_on_the_command_line(make_context: Any) -> None:
    context = make_context()
    quantize(context)
    days = [argument for day in range(2) for argument in ("--holdout-day", f"2026-01-0{2 + day}")]
    found = run_command(context, "evaluate", "--date", str(DAY), *days)
    assert (found["examples"], "baseline_auc" in found) == (1000, True)
