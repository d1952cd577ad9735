"""importance.json."""

from __future__ import annotations

import pytest
import torch

from shark_core.errors import DataError
from shark_core.importance.report import ImportanceReport
from shark_core.importance.score_sums import MeanEmbeddings, ScoreSums


def report() -> ImportanceReport:
    means = MeanEmbeddings({"a": torch.tensor([0.3, 0.1], dtype=torch.float64)}, 3)
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
