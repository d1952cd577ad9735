"""importance.json."""

from __future__ import annotations

import pytest
import torch

from shark_core.errors import DataError
from shark_core.importance.report import FieldImportance, ImportanceReport
from shark_core.importance.score_sums import MeanEmbeddings, ScoreSums


def report() -> ImportanceReport:
    means = MeanEmbeddings({"a": torch.tensor([0.3, 0.1], dtype=torch.float64)}, 3, {"": 1})
    return ImportanceReport.of("f_permutation", means, ScoreSums({"a": 0.3}, {"a": 0.09}, 3))


def test_it_comes_back_from_json_as_it_was() -> None:
    assert ImportanceReport.from_json(report().to_json()) == report()


def test_mean_embeddings_keep_every_bit_of_float32() -> None:
    mean = torch.tensor([0.3, 0.1], dtype=torch.float64).div(3).float()
    back = ImportanceReport.from_json(report().to_json())
    assert torch.equal(torch.tensor(back.mean_embeddings["a"]), mean)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"method": "x", "fields": [{}]}'])
def test_a_damaged_document_is_refused(text: str) -> None:
    with pytest.raises(DataError, match=r"importance\.json is damaged"):
        ImportanceReport.from_json(text)


def test_the_interval_is_1_96_standard_errors_on_either_side() -> None:
    entry = FieldImportance("a", score=0.01, standard_error=0.002, examples=100)
    assert entry.low == pytest.approx(0.0060801, abs=1e-7)  # 0.01 − 1.959964 · 0.002
    assert entry.high == pytest.approx(0.0139199, abs=1e-7)


def test_one_example_leaves_everything_open() -> None:
    entry = FieldImportance("a", score=0.01, standard_error=float("inf"), examples=1)
    assert (entry.low, entry.high) == (-float("inf"), float("inf"))
