"""Rank agreement against its definition, and agreement.json."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from shark_core.errors import DataError
from shark_core.importance.agreement import (
    Agreement,
    FieldAgreement,
    WayOfScoring,
    spearman,
)

VALUES = st.integers(-5, 5).map(float)  # few of them, so that many tie
RANKED = st.lists(VALUES, min_size=1, max_size=30)
PAIRS = st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=30).map(
    lambda pairs: ([first for first, _ in pairs], [second for _, second in pairs])
)
DISTINCT = st.lists(st.integers(-1000, 1000).map(float), min_size=2, max_size=60, unique=True)


@given(PAIRS)
def test_it_lies_between_minus_one_and_one_and_is_symmetric(
    pair: tuple[list[float], list[float]],
) -> None:
    found = spearman(*pair)
    assert -1.0 <= found <= 1.0
    assert spearman(*reversed(pair)) == found


@given(PAIRS)
def test_it_is_scipys_where_that_is_defined(pair: tuple[list[float], list[float]]) -> None:
    assume(all(len(set(values)) > 1 for values in pair))
    assert spearman(*pair) == pytest.approx(spearmanr(*pair).statistic, abs=1e-12)


@given(RANKED)
def test_any_increasing_transform_agrees_exactly(values: list[float]) -> None:
    """Exactly, since `min_spearman: 1` asks for the very same order."""
    assert spearman(values, [value**3 + 2.0 * value for value in values]) == 1.0


@given(DISTINCT)
def test_the_opposite_order_is_exactly_minus_one(values: list[float]) -> None:
    assert spearman(values, [-value for value in values]) == -1.0


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param([1.0, 2.0, 3.0], [1.0, 3.0, 2.0], 0.5, id="three, two swapped"),
        # ranks 1.5 1.5 3 and 1 2 3: covariance 1.5, variances 1.5 and 2
        pytest.param([1.0, 1.0, 2.0], [1.0, 2.0, 3.0], 1.5 / 3.0**0.5, id="a tie"),
        pytest.param([1.0, 2.0], [5.0, 7.0], 1.0, id="two fields in order"),
        pytest.param([1.0, 2.0], [7.0, 5.0], -1.0, id="two fields in reverse"),
        pytest.param([1.0, 2.0], [5.0, 5.0], 0.0, id="one constant"),
        pytest.param([3.0, 3.0], [5.0, 5.0], 1.0, id="both constant"),
        pytest.param([3.0], [-5.0], 1.0, id="one field"),
    ],
)
def test_by_hand(first: list[float], second: list[float], expected: float) -> None:
    assert spearman(first, second) == pytest.approx(expected, abs=1e-15)


SCORES = {"a": 0.4, "b": 0.3, "c": 0.2, "d": 0.1}
TRUE = {"a": 0.4, "b": 0.1, "c": 0.3, "d": 0.2}  # ranks 4 1 3 2 against 4 3 2 1


FAST = WayOfScoring("logit_taylor", "mean", "fp32")


def agreement(top_k: int = 2, min_spearman: float = 0.9, scoring: WayOfScoring = FAST) -> Agreement:
    return Agreement.of(SCORES, TRUE, 12_345, top_k, min_spearman, scoring)


def test_it_holds_both_of_every_field_in_the_models_order() -> None:
    assert agreement().fields == (
        FieldAgreement("a", 0.4, 0.4),
        FieldAgreement("b", 0.3, 0.1),
        FieldAgreement("c", 0.2, 0.3),
        FieldAgreement("d", 0.1, 0.2),
    )


def test_fields_are_matched_by_name_not_by_position() -> None:
    backwards = dict(reversed(TRUE.items()))
    assert Agreement.of(SCORES, backwards, 12_345, 2, 0.9, FAST) == agreement()


@pytest.mark.parametrize(
    ("top_k", "overlap"),
    [(1, 1.0), (2, 0.5), (3, 2 / 3), (4, 1.0)],  # {a}; {a, b} and {a, c}; {a, b, c} and {a, c, d}
)
def test_the_overlap_of_the_top(top_k: int, overlap: float) -> None:
    assert agreement(top_k).overlap == overlap


def test_the_top_is_at_most_all_fields() -> None:
    assert (agreement(10).top_k, agreement(10).overlap) == (4, 1.0)


@pytest.mark.parametrize(("truly", "overlap"), [("a", 1.0), ("b", 0.0)])
def test_fields_of_one_score_come_by_name(truly: str, overlap: float) -> None:
    tied = {"b": 1.0, "a": 1.0}
    other = {"b": 0.0, "a": 0.0, truly: 1.0}
    assert Agreement.of(tied, other, 10, 1, 0.9, FAST).overlap == overlap


def test_below_zero_is_less_important_than_zero() -> None:
    found = Agreement.of({"a": -5.0, "b": 0.1}, {"a": 0.0, "b": 3.0}, 10, 1, 0.9, FAST)
    assert found.overlap == 1.0


def test_it_comes_back_from_json_as_it_was() -> None:
    assert Agreement.from_json(agreement().to_json()) == agreement()


def without(key: str) -> str:
    document: dict[str, Any] = json.loads(agreement().to_json())
    del document[key]
    return json.dumps(document)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        without("fields"),
        without("min_spearman"),
        without("scoring"),
        agreement().to_json()[:-1],
        agreement().to_json().replace('"true_loss"', '"loss"'),
        agreement().to_json().replace('"top_k"', '"top"'),
    ],
)
def test_a_damaged_document_is_refused(text: str) -> None:
    with pytest.raises(DataError, match=r"agreement\.json is damaged(.|\n)*validate-importance"):
        Agreement.from_json(text)
