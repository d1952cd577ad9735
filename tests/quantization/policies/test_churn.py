from __future__ import annotations

import numpy as np
import pytest

from shark_core.quantization.policies.churn import Churn, churn, total
from shark_core.quantization.tiers import FP16, INT8


def codes(*tiers: int) -> np.ndarray:
    return np.array(tiers, dtype=np.uint8)


def test_rows_that_changed_their_tier_are_counted_by_field_and_over_all() -> None:
    today = {"user": codes(INT8, INT8, FP16, FP16), "item": codes(INT8, INT8)}
    before = {"user": codes(INT8, FP16, FP16, INT8), "item": codes(INT8, INT8)}
    found = churn(today, before)
    assert found == {"user": Churn(rows=4, changed=2), "item": Churn(rows=2, changed=0)}
    assert total(found).share == pytest.approx(2 / 6)


def test_rows_and_fields_of_one_day_only_count_on_neither_side() -> None:
    today = {"grown": codes(INT8, FP16, FP16), "shrunk": codes(INT8), "new": codes(INT8)}
    before = {"grown": codes(FP16), "shrunk": codes(INT8, INT8), "gone": codes(INT8)}
    assert churn(today, before) == {"grown": Churn(1, 1), "shrunk": Churn(1, 0)}


def test_without_a_day_before_there_is_no_churn_to_tell() -> None:
    assert total(churn({"user": codes(INT8)}, {})).share is None
