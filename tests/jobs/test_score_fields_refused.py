"""Slices that score-fields refuses, through the job: nothing is written then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from jobs.context import DayContext
from jobs.score_fields import score_fields
from jobs.train import train
from shark_core.errors import DataError
from shark_core.schemas import IMPORTANCE
from tests.example_lake import DAY, examples_table, tiny_config, tiny_lake, write_examples

HELD_OUT = 50  # of the tiny lake's 500 examples the last fifth, every second one


def trained(root: Path, **importance: Any) -> DayContext:
    context = DayContext(tiny_config(root, importance=importance), DAY, "test")
    train(context)
    return context


def nothing_is_written(context: DayContext) -> bool:
    return context.lake.find_marker(context.partition(IMPORTANCE)) is None


def test_too_few_examples(tmp_path: Path) -> None:
    tiny_lake(tiny_config(tmp_path), DAY)
    context = trained(tmp_path, min_examples=HELD_OUT + 1)
    figures = r"at least 51 \(importance.min_examples\)\n  found:    50 examples"
    with pytest.raises(DataError, match=figures):
        score_fields(context)
    assert nothing_is_written(context)


def test_as_many_examples_as_are_asked_for_are_scored(tmp_path: Path) -> None:
    tiny_lake(tiny_config(tmp_path), DAY)
    context = trained(tmp_path, min_examples=HELD_OUT)
    assert score_fields(context).figures["examples"] == HELD_OUT


@pytest.mark.parametrize("label", [0, 1])
def test_one_label_only_among_those_that_are_scored(tmp_path: Path, label: int) -> None:
    """The first 20 that are held out; training sees both labels."""
    config = tiny_config(tmp_path)
    table = examples_table(config, DAY, 500)
    labels = table["label"].to_numpy().copy()
    labels[400:440] = label
    column = pa.array(labels.astype(np.int8))
    write_examples(config, DAY, table.set_column(0, table.schema.field(0), column))
    context = trained(tmp_path, min_examples=10, max_examples=20)
    with pytest.raises(DataError, match="examples of both labels"):
        score_fields(context)
    assert nothing_is_written(context)
