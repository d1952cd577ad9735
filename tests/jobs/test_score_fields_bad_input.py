"""Odd fields and spoilt models through score-fields: a defined score, or nothing is written."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch

from jobs.context import DayContext
from jobs.score_fields import score_fields
from jobs.train import train
from shark_core.errors import ConfigError, PermanentError
from shark_core.importance.report import FILE_NAME, FieldImportance, ImportanceReport
from shark_core.models.checkpoint import load_checkpoint, write_checkpoint
from shark_core.models.ctr_model import CtrModel
from shark_core.schemas import CHECKPOINT, IMPORTANCE
from shark_core.traffic.encoding import MISSING_ROW, FieldEncoder
from shark_core.traffic.examples import ExampleReader
from shark_core.traffic.slices import validation_slice
from tests.example_lake import DAY, examples_table, tiny_config, write_examples

WAYS = [
    {"method": "logit_taylor"},
    {"method": "f_permutation"},
    {"method": "permutation", "replacement": "donors"},
]


def trained(root: Path, user: pa.Array | None = None, **settings: Any) -> DayContext:
    """On a day of 500 examples; `user` replaces that field's row ids."""
    config = tiny_config(root, **settings)
    table = examples_table(config, DAY, 500)
    if user is not None:
        place = table.schema.get_field_index("field_user")
        table = table.set_column(place, table.schema.field(place), user)
    write_examples(config, DAY, table)
    context = DayContext(config, DAY, "test")
    train(context)
    return context


def scores(context: DayContext) -> dict[str, FieldImportance]:
    score_fields(context)
    content = context.lake.read_file(context.partition(IMPORTANCE), FILE_NAME)
    return {entry.field: entry for entry in ImportanceReport.from_json(content).fields}


def nothing_is_written(context: DayContext) -> bool:
    return context.lake.find_marker(context.partition(IMPORTANCE)) is None


def has_no_effect(entry: FieldImportance) -> bool:
    return (entry.score, entry.standard_error, entry.low, entry.high) == (0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("way", WAYS, ids=[way["method"] for way in WAYS])
def test_a_field_that_is_missing_all_day_scores_zero(tmp_path: Path, way: dict[str, str]) -> None:
    user = tiny_config(tmp_path).fields[0]
    missing = FieldEncoder(user).encode(pa.nulls(500, pa.string()))
    assert set(missing.to_pylist()) == {MISSING_ROW}
    found = scores(trained(tmp_path, missing, importance=way))
    assert [name for name, entry in found.items() if has_no_effect(entry)] == ["user"]


@pytest.mark.parametrize("way", WAYS, ids=[way["method"] for way in WAYS])
def test_a_field_of_one_value_scores_zero(tmp_path: Path, way: dict[str, str]) -> None:
    found = scores(trained(tmp_path, pa.array([7] * 500, pa.int32()), importance=way))
    assert [name for name, entry in found.items() if has_no_effect(entry)] == ["user"]


def spoilt(context: DayContext, model: CtrModel) -> None:
    with context.writer(CHECKPOINT, stage="baseline") as writer:
        write_checkpoint(writer, model, context.config, metrics={})
        writer.commit({})


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("read", [True, False], ids=["read", "never read"])
def test_a_row_that_is_not_finite_is_named(tmp_path: Path, read: bool, value: float) -> None:
    context = trained(tmp_path)
    model = load_checkpoint(context.lake, context.partition(CHECKPOINT, stage="baseline"))
    row = a_row(context, read)
    with torch.no_grad():
        model.embeddings.weight("user")[row, 1] = value
    spoilt(context, model)
    refusal = rf"table of field 'user', row {row}\n(.*)lower the learning rates"
    with pytest.raises(PermanentError, match=refusal):
        score_fields(context)
    assert nothing_is_written(context)


def a_row(context: DayContext, read: bool) -> int:
    """Of the field `user`: the first that the scored slice reads, or that it never reads."""
    wanted = validation_slice(context.lake, context.config, DAY)
    (batch,) = ExampleReader(context.lake, context.config, wanted).batches(500)
    rows = set(batch.ids["user"].values.tolist())
    return min(rows if read else set(range(50)) - rows)


def test_a_weight_of_the_head_that_is_not_finite_is_named(tmp_path: Path) -> None:
    context = trained(tmp_path)
    model = load_checkpoint(context.lake, context.partition(CHECKPOINT, stage="baseline"))
    name = [*dict(model.head.named_parameters())][-1]
    with torch.no_grad():
        model.head.get_parameter(name).fill_(math.nan)
    spoilt(context, model)
    with pytest.raises(PermanentError, match=f"where:    head's {name}\n"):
        score_fields(context)
    assert nothing_is_written(context)


@pytest.mark.parametrize("head", ["Sigmoid", "LogSigmoid"])
def test_a_head_that_gives_no_logits_is_refused(tmp_path: Path, head: str) -> None:
    own = {"head": f"tests.importance.own_heads:{head}", "hidden_units": [8]}
    context = trained(tmp_path, model=own)
    with pytest.raises(ConfigError, match="probabilities, not logits"):
        score_fields(context)
    assert nothing_is_written(context)
