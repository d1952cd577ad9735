from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shark_core.evaluation.comparison import Comparison
from shark_core.evaluation.slices import (
    Members,
    SliceComparison,
    by_value,
    compare_slices,
    most_read,
    reads_any,
)
from shark_core.traffic.examples import FieldIds

RANDOM = np.random.default_rng(8)
LABEL = (RANDOM.random(60) < 0.4).astype(np.float32)
BASELINE = RANDOM.normal(size=60).astype(np.float32)
COMPRESSED = (BASELINE + RANDOM.normal(size=60) / 9).astype(np.float32)

LISTS = st.lists(st.lists(st.integers(0, 5), max_size=4), min_size=1, max_size=12)


def jagged(rows: list[list[int]]) -> FieldIds:
    values = np.array([row for each in rows for row in each], dtype=np.int64)
    return FieldIds(values, np.cumsum([0, *(len(each) for each in rows)]))


def compare(mask: np.ndarray) -> SliceComparison:
    (found,) = compare_slices((Members("some", mask),), LABEL, BASELINE, COMPRESSED)
    return found


def test_a_slice_of_everything_is_the_whole_comparison() -> None:
    whole, found = Comparison.of(LABEL, BASELINE, COMPRESSED), compare(np.ones(60, bool))
    assert (found.examples, found.positives) == (whole.examples, whole.positives)
    assert found.auc_difference == whole.auc_difference
    assert found.log_loss_difference == whole.log_loss_difference
    assert found.baseline_calibration == whole.baseline.calibration
    assert found.compressed_calibration == whole.compressed.calibration


def test_a_slice_is_compared_on_its_own_examples_only() -> None:
    mask = np.arange(60) % 3 == 0
    alone = SliceComparison.of("some", LABEL[mask], BASELINE[mask], COMPRESSED[mask])
    assert compare(mask) == alone
    assert alone.examples == 20


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_slice_with_one_label_only_has_no_auc_but_a_log_loss(value: float) -> None:
    found = compare(value == LABEL)
    assert found.auc_difference is None
    assert found.log_loss_difference is not None
    assert (found.baseline_calibration is None) == (value == 0.0)


def test_an_empty_slice_has_no_result() -> None:
    assert compare(np.zeros(60, bool)) == SliceComparison("some", 0, 0, None, None, None, None)


def test_one_example_has_no_interval() -> None:
    found = compare(np.arange(60) == 7)
    assert (found.auc_difference, found.log_loss_difference) == (None, None)


@given(LISTS, st.sets(st.integers(0, 5)))
def test_an_example_reads_any_marked_row_that_is_in_its_list(
    rows: list[list[int]], marked: set[int]
) -> None:
    ids = jagged(rows)
    found = reads_any(ids, np.isin(ids.values, list(marked)))
    assert found.tolist() == [bool(marked & set(each)) for each in rows]


@given(LISTS, st.integers(1, 7))
def test_the_most_read_rows_are_in_the_most_examples(rows: list[list[int]], number: int) -> None:
    readers = {row: sum(row in each for each in rows) for each in rows for row in each}
    expected = sorted(readers, key=lambda row: (-readers[row], row))[:number]
    assert most_read(jagged(rows), number).tolist() == expected


@given(LISTS)
def test_slices_by_value_and_the_others_hold_every_example(rows: list[list[int]]) -> None:
    *named, others = by_value(jagged(rows), {1: "one", 4: "four"}, "others")
    assert [each.name for each in named] == ["one", "four"]
    assert named[0].mask.tolist() == [1 in each for each in rows]
    assert others.mask.tolist() == [not {1, 4} & set(each) for each in rows]


def test_slices_of_a_single_valued_field_share_no_example() -> None:
    slices = by_value(jagged([[1], [4], [1], [2]]), {1: "one", 4: "four"}, "others")
    assert sum(each.mask.astype(int) for each in slices).tolist() == [1, 1, 1, 1]
