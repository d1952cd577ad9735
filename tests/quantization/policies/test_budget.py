from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shark_core.errors import ConfigError
from shark_core.quantization.policies.table_rows import Assigned, TableRows
from shark_core.quantization.policies.thresholds import by_budget, by_thresholds
from shark_core.quantization.tiers import TIERS
from tests.quantization.policies.table_cases import budget_of, made_up_table

PAPER = {"pruned": 0.0, "int2": 0.0, "int4": 0.0, "int8": 1.0, "fp16": 5.0}
SIX = {"pruned": 0.1, "int2": 0.5, "int4": 1.0, "int8": 2.0, "fp16": 8.0}
TABLES = [made_up_table("user", 400, 16), made_up_table("item", 150, 8, seed=1)]
YESTERDAY = [made_up_table("user", 400, 16, seed=5, previous=True)]


def assigned(
    tables: list[TableRows],
    ratio: float,
    limits: dict[str, float] = SIX,
    hysteresis: float = 0.0,
) -> Assigned:
    return by_budget(tables, limits, hysteresis, budget_of(tables, ratio))


@given(st.floats(1.0, 20.0), st.sampled_from([0.0, 0.1, 0.5]), st.booleans())
def test_all_bytes_fit_the_budget(ratio: float, hysteresis: float, has_before: bool) -> None:
    tables = YESTERDAY if has_before else TABLES
    budget = budget_of(tables, ratio)
    solved = by_budget(tables, SIX, hysteresis, budget)
    assert budget.bytes_of(tables, solved.tier_codes) <= budget.most


@given(st.floats(1.5, 20.0))
def test_a_factor_that_is_a_little_smaller_does_not_fit(ratio: float) -> None:
    solved, budget = assigned(TABLES, ratio), budget_of(TABLES, ratio)
    factor = solved.figures["factor"] * (1 - 1e-9)
    smaller = {tier: limit * factor for tier, limit in SIX.items()}
    assert not budget.fits(TABLES, by_thresholds(TABLES, smaller, 0.0))


@given(st.floats(1.0, 20.0))
def test_tiers_are_those_of_the_limits_times_the_factor(ratio: float) -> None:
    solved = assigned(TABLES, ratio)
    limits = {tier: limit * solved.figures["factor"] for tier, limit in SIX.items()}
    for name, codes in by_thresholds(TABLES, limits, 0.0).items():
        assert (codes == solved.tier_codes[name]).all()


@given(st.floats(1.0, 20.0), st.floats(1.0, 20.0))
def test_a_larger_budget_takes_bits_from_no_row(first: float, second: float) -> None:
    small, large = (assigned(TABLES, max(first, second)), assigned(TABLES, min(first, second)))
    for name, codes in large.tier_codes.items():
        assert (codes <= small.tier_codes[name]).all()


def test_a_ratio_of_one_leaves_all_rows_in_fp32() -> None:
    solved = assigned(TABLES, 1.0)
    assert all((codes == TIERS.index("fp32")).all() for codes in solved.tier_codes.values())
    assert solved.figures["factor"] == 0.0


def test_bytes_that_lie_elsewhere_count() -> None:
    budget = budget_of(TABLES, 6.0, elsewhere=2000)
    solved = by_budget(TABLES, SIX, 0.0, budget)
    assert budget.most - 2000 < budget.bytes_of(TABLES, solved.tier_codes) <= budget.most


def test_a_budget_that_cannot_be_reached_is_refused_with_the_least_possible() -> None:
    """Without int4, int2 and pruned, int8 is the end: 20 bytes a row of 64."""
    table = [made_up_table(rows=100)]
    with pytest.raises(ConfigError, match="at least 2,000 bytes") as caught:
        assigned(table, 4.0, PAPER)
    assert "1,600 bytes" in str(caught.value)


def test_rows_that_were_never_accessed_are_in_the_lowest_tier() -> None:
    rows = TableRows("user", 16, np.array([0.0, 0.0, 3.0, 7.0]))
    codes = assigned([rows], 2.0, PAPER).tier_codes["user"]
    assert [TIERS[code] for code in codes[:2]] == ["int8", "int8"]


def test_the_same_tables_give_the_same_tiers() -> None:
    first, second = assigned(TABLES, 7.0, hysteresis=0.1), assigned(TABLES, 7.0, hysteresis=0.1)
    assert first.figures == second.figures
    assert all((first.tier_codes[name] == codes).all() for name, codes in second.tier_codes.items())
