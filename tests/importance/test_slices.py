"""Which examples are fit to score fields on."""

from __future__ import annotations

import pytest

from shark_core.errors import DataError
from shark_core.importance.score_sums import MeanEmbeddings, ScoreSums
from shark_core.importance.slices import check_examples


def counted(examples: int, positives: int) -> MeanEmbeddings:
    return MeanEmbeddings({}, examples, positives)


def refused(means: MeanEmbeddings, minimum: int) -> bool:
    try:
        check_examples(means, minimum, "validation")
    except DataError:
        return True
    return False


def test_too_few_examples_are_refused_with_how_many_there_are() -> None:
    figures = r"at least 50 \(importance.min_examples\)\n(.*)49, 'positives': 9, 'negatives': 40"
    with pytest.raises(DataError, match=figures):
        check_examples(counted(49, 9), 50, "validation")


def test_as_many_examples_as_are_asked_for_are_enough() -> None:
    assert [refused(counted(examples, 1), 50) for examples in (49, 50)] == [True, False]


@pytest.mark.parametrize("positives", [0, 50])
def test_examples_of_one_label_only_are_refused(positives: int) -> None:
    figures = rf"both labels\n(.|\n)*'positives': {positives}, 'negatives': {50 - positives}\}}"
    with pytest.raises(DataError, match=rf"{figures}\n  where:    the validation slice"):
        check_examples(counted(50, positives), 50, "validation")


def test_parts_with_different_numbers_of_examples_count_by_their_examples() -> None:
    merged = ScoreSums({"f": 3.0}, {"f": 5.0}, 2).merge(ScoreSums({"f": 6.0}, {"f": 36.0}, 1))
    # of 1, 2 and 6: the mean is 3, the sample variance (4 + 1 + 9) / 2
    assert merged.score("f") == 3.0
    assert merged.standard_error("f") == pytest.approx((7 / 3) ** 0.5)
