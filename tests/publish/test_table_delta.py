"""Changes from one table to the next: composed on the old one they are the new one, to the byte."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from shark_core.errors import DataError
from shark_core.publish.table_delta import TableDelta, composed, delta_between
from shark_core.quantization.mixed_precision_table import MixedPrecisionTable
from shark_core.quantization.tier_block import TierBlock
from shark_core.quantization.tiers import PRUNED, TIERS
from tests.publish.stored_tables import DIM, MIX, SCHEMES_OF_TIERS, changed, make_table, same_tables

ROWS = 60
Rows = st.lists(
    st.tuples(st.integers(0, ROWS - 1), st.integers(0, len(TIERS) - 1), st.booleans()),
    max_size=ROWS,
)


def compose(before: MixedPrecisionTable, after: MixedPrecisionTable) -> MixedPrecisionTable:
    delta = delta_between(before, after)
    assert delta is not None
    return composed(before, delta, after.schemes, after.params, "here")


@given(days=st.lists(Rows, min_size=1, max_size=4), seed=st.integers(0, 5))
def test_changes_of_many_days_compose_to_the_table_of_the_last(
    days: list[list[tuple[int, int, bool]]], seed: int
) -> None:
    stored = today = make_table(MIX, ROWS, seed)
    for rows in days:
        before, today = today, changed(today, rows)
        stored = compose(stored, today) if delta_between(stored, today) else today
        assert same_tables(stored, today)
        del before


@given(rows=Rows)
def test_a_delta_holds_no_row_that_stayed(rows: list[tuple[int, int, bool]]) -> None:
    before = make_table(MIX, ROWS)
    after = changed(before, rows)
    delta = delta_between(before, after)
    assert delta is not None
    held = {int(row) for block in delta.blocks.values() for row in block.row_ids}
    held |= set(delta.tombstones.tolist())
    assert held <= {row for row, _, _ in rows}


def test_tombstones_are_the_rows_that_were_stored_and_are_pruned() -> None:
    before = make_table([0, 0, 0.5, 0, 0, 0.5], ROWS)
    codes = before.tier_codes.tolist()
    stored, pruned = codes.index(2), codes.index(PRUNED)
    delta = delta_between(
        before, changed(before, [(stored, PRUNED, False), (pruned, PRUNED, True)])
    )
    assert delta is not None
    assert delta.tombstones.tolist() == [stored]


def test_new_table_params_alone_are_no_change_of_rows() -> None:
    before = make_table([0, 0, 0, 0, 1.0], ROWS)
    learned = {"int2": torch.tensor([0.3, -0.2])}
    after = MixedPrecisionTable(
        DIM, before.row_map, before.blocks, before.schemes, before.params | learned
    )
    delta = delta_between(before, after)
    assert delta == TableDelta({}, delta.tombstones if delta else torch.empty(0))
    assert same_tables(compose(before, after), after)


@pytest.mark.parametrize("other", ["rows", "dimension", "scheme"])
def test_another_shape_or_scheme_cannot_be_built_upon(other: str) -> None:
    before = make_table([0, 0, 0, 1.0], ROWS)
    schemes = {**SCHEMES_OF_TIERS, "int4": "int4"} if other == "scheme" else SCHEMES_OF_TIERS
    rows, dim = ROWS + (other == "rows"), DIM // (1 + (other == "dimension"))
    codes = np.full(rows, 3, dtype=np.uint8)
    params = {"int4": torch.tensor([0.04, -0.3])} if other != "scheme" else {}
    after = MixedPrecisionTable.from_float(torch.zeros(rows, dim), codes, schemes, params, "a")
    assert delta_between(before, after) is None


def block(before: MixedPrecisionTable, *rows: int) -> TierBlock:
    found = before.tier_block("int8")
    return TierBlock(torch.tensor(rows), found.packed[: len(rows)], found.scheme, found.params)


@pytest.mark.parametrize("wrong", ["in two tiers", "stored and pruned"])
def test_changes_that_contradict_each_other_are_refused(wrong: str) -> None:
    before = make_table([0.5, 0, 0.5], ROWS)
    blocks, tombstones = {"int8": block(before, 3)}, torch.tensor([3])
    if wrong == "in two tiers":
        fp32 = before.tier_block("fp32")
        blocks["fp32"] = TierBlock(torch.tensor([3]), fp32.packed[:1], "fp32", fp32.params)
        tombstones = torch.empty(0, dtype=torch.int64)
    params = {"pruned": torch.zeros(DIM)}
    schemes = {**before.schemes, "pruned": "pruned"}
    with pytest.raises(DataError, match="do not fit what they build upon"):
        composed(before, TableDelta(blocks, tombstones), schemes, params, "here")


def test_rows_kept_from_a_tier_of_another_scheme_are_refused() -> None:
    before = make_table([0, 0, 0, 1.0], ROWS)
    nothing = TableDelta({}, torch.empty(0, dtype=torch.int64))
    with pytest.raises(DataError, match="rows stored as int4"):
        composed(before, nothing, {"int4": "int4"}, {}, "here")
