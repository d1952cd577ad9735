from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from shark_core.spark.batches import ROWS_WORTH_A_FILE, divided


@dataclass(frozen=True)
class Piece:
    number: int
    size: float

    @property
    def weight(self) -> float:
        return self.size + ROWS_WORTH_A_FILE


@given(st.lists(st.floats(0, 10**7), max_size=60), st.integers(1, 9))
def test_work_is_divided_in_order_and_evenly(sizes: list[float], batches: int) -> None:
    pieces = [Piece(number, size) for number, size in enumerate(sizes)]
    found = divided(pieces, batches)
    assert [piece for batch in found for piece in batch] == pieces
    assert len(found) <= batches
    weights = [piece.weight for piece in pieces]
    limit = sum(weights) / batches + max(weights, default=0.0)
    assert all(sum(piece.weight for piece in batch) <= limit * (1 + 1e-9) for batch in found)
