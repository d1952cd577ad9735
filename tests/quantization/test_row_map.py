"""The compact row map against a plain dictionary."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from shark_core.quantization.row_map import NO_PLACE, RowMap, row_map_bytes
from shark_core.quantization.tiers import FP32, INT2, INT4, INT8, PRUNED, TIERS


@st.composite
def tier_codes(draw: st.DrawFn) -> np.ndarray:
    """uint8 (N,): any tiers, sizes around the borders of blocks."""
    rows = draw(st.integers(0, 5) | st.integers(120, 135) | st.integers(250, 700))
    present = draw(st.lists(st.sampled_from(range(len(TIERS))), min_size=1, unique=True))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return random.choice(present, rows, p=random.dirichlet(np.ones(len(present)))).astype(np.uint8)


def row_map(codes: np.ndarray) -> RowMap:
    return RowMap.of(torch.from_numpy(codes))


def shuffled(rows: int) -> torch.Tensor:
    return torch.randperm(rows, generator=torch.Generator().manual_seed(1))


def places_of(codes: np.ndarray) -> dict[int, int]:
    """Row → how many rows of its tier lie before it, one after the other."""
    seen = dict.fromkeys(range(len(TIERS)), 0)
    places = {}
    for row, code in enumerate(codes.tolist()):
        places[row] = NO_PLACE if code == PRUNED else seen[code]
        seen[code] += 1
    return places


@given(codes=tier_codes())
def test_the_place_of_a_row_is_how_many_of_its_tier_come_before(codes: np.ndarray) -> None:
    rows, expected = shuffled(len(codes)), places_of(codes)
    assert row_map(codes).places(rows).tolist() == [expected[row] for row in rows.tolist()]


@given(codes=tier_codes())
def test_tiers_are_those_it_was_made_of_for_all_rows_and_for_some(codes: np.ndarray) -> None:
    rows = shuffled(len(codes))[: len(codes) // 2]
    assert row_map(codes).tier_codes().tolist() == codes.tolist()
    assert row_map(codes).tier_codes(rows).tolist() == codes[rows.numpy()].tolist()


@given(codes=tier_codes())
def test_its_bytes_are_those_of_the_closed_form(codes: np.ndarray) -> None:
    found = row_map(codes)
    present = [TIERS[code] for code in np.unique(codes)]
    assert found.nbytes == row_map_bytes(len(codes), present)
    assert found.nbytes == found.packed.nbytes + found.ranks.nbytes


@pytest.mark.parametrize(
    ("present", "bytes_of_a_block"),
    [
        ([FP32], 0),
        ([PRUNED], 0),
        ([INT8, PRUNED], 16 + 4),
        ([INT8, INT4], 16 + 8),
        ([INT8, INT4, INT2], 32 + 12),
        ([INT8, INT4, INT2, PRUNED], 32 + 12),
        (range(6), 64 + 20),
    ],
)
def test_the_bytes_of_a_block_of_128_rows(present: list[int], bytes_of_a_block: int) -> None:
    tiers = [TIERS[code] for code in present]
    assert row_map_bytes(128, tiers) == bytes_of_a_block
    assert row_map_bytes(129, tiers) == 2 * bytes_of_a_block


def test_more_rows_than_are_looked_at_together_have_their_places() -> None:
    codes = np.random.default_rng(2).integers(0, 6, 50_000).astype(np.uint8)
    rows, expected = shuffled(len(codes)), places_of(codes)
    assert row_map(codes).places(rows).tolist() == [expected[row] for row in rows.tolist()]


@pytest.mark.parametrize("row", [-1, 130])
@pytest.mark.parametrize("present", [[INT8], [PRUNED], [INT8, INT2]])
def test_rows_that_the_table_has_not_are_refused(row: int, present: list[int]) -> None:
    found = row_map(np.resize(np.array(present, dtype=np.uint8), 130))
    with pytest.raises(IndexError, match=f"from {min(row, 5)} to {max(row, 5)} in a table of 130"):
        found.places(torch.tensor([5, row]))
    with pytest.raises(IndexError, match="130 rows"):
        found.tier_codes(torch.tensor([5, row]))
