"""Tables that are not finite, in rows that the slice reads and in others."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from shark_core.errors import PermanentError
from shark_core.importance import finite
from shark_core.importance.finite import check_tables, first_row_not_finite
from tests.importance.small_models import setting


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("row", [0, 13, 19])
def test_the_field_and_its_first_bad_row_are_named(tmp_path: Path, row: int, value: float) -> None:
    _, model = setting(tmp_path)
    with torch.no_grad():
        model.embeddings.weight("item")[row:, 2] = value
    refusal = rf"table of the model is not finite\n(.|\n)*field 'item', row {row}\n(.*)train the"
    with pytest.raises(PermanentError, match=refusal):
        check_tables(model)


def test_finite_tables_are_taken_up_to_the_largest_number(tmp_path: Path) -> None:
    _, model = setting(tmp_path)
    with torch.no_grad():
        model.embeddings.weight("item").fill_(torch.finfo(torch.float32).max)
    check_tables(model)
    assert first_row_not_finite(model.embeddings.weight("item")) is None


def test_a_pruned_field_has_no_table_to_check(tmp_path: Path) -> None:
    _, model = setting(tmp_path)
    with torch.no_grad():
        model.embeddings.weight("item")[3] = math.nan
    with pytest.raises(PermanentError, match="row 3"):
        check_tables(model)
    model.embeddings.prune("item", torch.zeros(6))
    check_tables(model)
    assert "item" not in model.kept


@pytest.mark.parametrize("numbers", [1, 4, 12, 10_000])
@pytest.mark.parametrize("row", [0, 2, 3, 4, 9])
def test_a_row_is_found_in_whatever_chunk_it_is(
    monkeypatch: pytest.MonkeyPatch, row: int, numbers: int
) -> None:
    monkeypatch.setattr(finite, "CHUNK_NUMBERS", numbers)
    table = torch.zeros(10, 4)
    assert first_row_not_finite(table) is None
    table[row, 3] = math.nan
    assert first_row_not_finite(table) == row


@pytest.mark.parametrize("shape", [(), (0,), (0, 4), (5, 0)])
def test_weights_of_other_shapes_are_looked_at_too(shape: tuple[int, ...]) -> None:
    weight = torch.full(shape, math.nan)
    assert first_row_not_finite(weight) == (0 if weight.numel() else None)
