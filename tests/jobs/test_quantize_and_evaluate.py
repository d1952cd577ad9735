from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch

from jobs.assign_tiers import assign_tiers
from jobs.context import DayContext
from jobs.evaluate import evaluate, evaluate_holdout
from jobs.finetune import finetune
from jobs.quantize import quantize
from shark_core.errors import DataError
from shark_core.evaluation.result import FILE_NAME, Evaluation
from shark_core.evaluation.slices import NEW_ROWS, RARE_ROWS
from shark_core.models.checkpoint import load_checkpoint, named_weights
from shark_core.publish.compressed_model import rebuild_model
from shark_core.schemas import (
    CHECKPOINT,
    COMPRESSED,
    EVALUATION,
    VOCABULARY,
    VOCABULARY_SCHEMA,
)
from tests.example_lake import DAY, tiny_config
from tests.jobs.compressed_day import (
    EASY_GATES,
    run_command,
)

ALL_TIERS = {
    "pruned_below": 0.5,
    "int2_below": 1.0,
    "int4_below": 2.0,
    "int8_below": 3.0,
    "fp16_below": 5.0,
}


def evaluation_of(context: DayContext) -> Evaluation:
    content = context.lake.read_file(context.partition(EVALUATION), FILE_NAME)
    return Evaluation.from_json(content)


def test_the_model_rebuilt_from_its_bytes_is_the_finetuned_model(make_context: Any) -> None:
    context = make_context()
    quantize(context)
    finetuned = load_checkpoint(context.lake, context.partition(CHECKPOINT, stage="finetuned"))
    expected = named_weights(finetuned)
    rebuilt = named_weights(rebuild_model(context.config, context.lake, DAY))
    assert rebuilt.keys() == expected.keys()
    assert all(torch.equal(rebuilt[name], expected[name]) for name in expected)


@pytest.mark.parametrize("stored", ["row-wise", "shared"])
def test_rows_of_all_tiers_are_rebuilt_as_they_were_finetuned(
    make_context: Any, stored: str
) -> None:
    schemes = {"int4": "int4", "int2": "int2"}
    if stored == "shared":
        schemes = {"int4": "int4_shared", "int2": "int2_shared"}
    context = make_context(tiers={**ALL_TIERS, "schemes": schemes})
    for job in (assign_tiers, finetune):
        job(context)
    figures = quantize(context).figures
    finetuned = load_checkpoint(context.lake, context.partition(CHECKPOINT, stage="finetuned"))
    rebuilt = rebuild_model(context.config, context.lake, DAY)
    for name in finetuned.kept:
        assert torch.equal(rebuilt.embeddings.weight(name), finetuned.embeddings.weight(name))
    assert min(figures["rows_by_tier"].values()) > 0


def test_quantizing_twice_gives_the_same_content(make_context: Any) -> None:
    context = make_context()
    quantize(context)
    first = context.marker(COMPRESSED).fingerprint
    quantize(context)
    assert context.marker(COMPRESSED).fingerprint == first


def test_published_bytes_are_those_of_tables_their_params_and_the_constants(
    make_context: Any,
) -> None:
    context = make_context()
    figures = quantize(context).figures
    files = [
        entry
        for entry in context.marker(COMPRESSED).files
        if entry.path.endswith(".parquet") or "table_params" in entry.path
    ]
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


def test_the_evaluation_tells_slices_of_the_same_examples(make_context: Any) -> None:
    context = make_context(evaluation={"slice_field": "item", "slice_values": 2})
    quantize(context)
    evaluate(context)
    found = evaluation_of(context)
    assert [each.name for each in found.slices[:2]] == [NEW_ROWS, RARE_ROWS]
    by_item = found.slices[2:]
    assert len(by_item) == 3
    assert sum(each.examples for each in by_item) == found.comparison.examples
    assert sum(each.positives for each in by_item) == found.comparison.positives


def test_an_evaluation_names_the_vocabulary_that_its_slices_are_called_by(
    make_context: Any,
) -> None:
    context = make_context(evaluation={"slice_field": "item"})
    quantize(context)
    values = pa.table([["shoes"], [1]], schema=VOCABULARY_SCHEMA)
    with context.writer(VOCABULARY, field="item") as writer:
        writer.write_table("part-00000.parquet", values)
        named = writer.commit({})
    evaluate(context)
    source = context.partition(VOCABULARY, field="item")
    assert context.marker(EVALUATION).inputs[source.path] == named.fingerprint
    assert "item='shoes'" in {each.name for each in evaluation_of(context).slices}


def test_an_evaluation_names_the_priorities_that_it_judged_rows_by(make_context: Any) -> None:
    context = make_context()
    quantize(context)
    evaluate(context)
    inputs = context.marker(EVALUATION).inputs
    kept = rebuild_model(context.config, context.lake, DAY).kept
    assert {name for name in inputs if name.startswith("row_priority/")} == {
        f"row_priority/{field}" for field in kept
    }


def test_large_slices_have_gates_where_the_config_sets_a_limit(make_context: Any) -> None:
    limits = {**EASY_GATES, "max_slice_auc_drop": 1.0, "min_slice_examples": 300}
    context = make_context(gates=limits, evaluation={"slice_field": "tags", "slice_values": 2})
    quantize(context)
    found = evaluate_holdout(context, [DAY, DAY + timedelta(days=1)]).figures
    gated = {name.removeprefix("auc_drop of ") for name in found["gates"] if " of " in name}
    assert gated == {
        name for name, told in found["slices"].items() if int(told.split(" examples")[0]) >= 300
    }
    assert 0 < len(gated) < len(found["slices"])


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
