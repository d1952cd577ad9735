"""Donors: by hand where they are known, and how they are drawn."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from shark_core.importance.logits import Embeddings, Logits
from shark_core.importance.replacements import DonorReplacement, MeanReplacement
from shark_core.importance.scoring import METHODS, score_sums
from tests.importance.small_models import Gives, batches, by_hand, scored, setting

BY_DONORS = ["logit_taylor", "permutation"]
EXAMPLES = 64  # two draws of so many are never the same by chance


@dataclass(frozen=True)
class Known:
    """The examples in these orders, one a repeat."""

    orders: tuple[tuple[int, ...], ...]
    way: str = "known donors"

    def of(self, pooled: Embeddings, number: int) -> Iterator[Embeddings]:
        for order in self.orders:
            yield {name: embedding[list(order)] for name, embedding in pooled.items()}


@dataclass(frozen=True)
class OneDraw:
    """Only the draw `repeat` of what `donors` draws."""

    donors: DonorReplacement
    repeat: int
    way: str = "one draw"

    def of(self, pooled: Embeddings, number: int) -> Iterator[Embeddings]:
        yield list(self.donors.of(pooled, number))[self.repeat]


def log_loss(logit: float, label: int) -> float:
    return math.log1p(math.exp(-logit if label else logit))


# z = e²: 0 where e = 0 and y = 1, and 4 where e = 2 and y = 0
TRULY = (log_loss(4.0, 1) - log_loss(0.0, 1) + log_loss(0.0, 0) - log_loss(4.0, 0)) / 2
# ∂z/∂e = 2e: the first logit stays, the second becomes 4 + 4·(0 − 2)
LINEARISED = (0.0 + log_loss(-4.0, 0) - log_loss(4.0, 0)) / 2


@pytest.mark.parametrize(
    ("method", "expected"), [("permutation", TRULY), ("logit_taylor", LINEARISED)]
)
@pytest.mark.parametrize(
    ("orders", "share"),
    [
        pytest.param(((1, 0),), 1.0, id="swapped"),
        pytest.param(((0, 1),), 0.0, id="each its own donor"),
        pytest.param(((1, 0), (0, 1), (0, 1)), 1 / 3, id="one repeat of three swapped"),
    ],
)
def test_known_donors_by_hand(
    tmp_path: Path,
    method: str,
    expected: float,
    orders: tuple[tuple[int, ...], ...],
    share: float,
) -> None:
    model, batch = by_hand(tmp_path)
    model.head = Gives(torch.square)
    found = score_sums(model, [batch], METHODS[method]({}, Known(orders), Logits()))
    assert found.score("f") == pytest.approx(share * expected, rel=1e-6)


def donors(repeats: int = 1, seed: int = 0, number: int = 0) -> list[list[int]]:
    """Whose embedding each example gets, by repeat."""
    pooled = {"f": torch.arange(EXAMPLES)[:, None]}
    drawn = DonorReplacement(repeats, seed).of(pooled, number)
    return [replaced["f"][:, 0].tolist() for replaced in drawn]


def test_every_example_is_the_donor_of_one() -> None:
    for drawn in donors(repeats=3):
        assert sorted(drawn) == list(range(EXAMPLES))


def test_donors_are_not_in_the_examples_order() -> None:
    (drawn,) = donors()
    assert sum(donor == example for example, donor in enumerate(drawn)) < EXAMPLES / 8


def test_there_are_as_many_draws_as_repeats() -> None:
    assert [len(donors(repeats)) for repeats in (1, 2, 5)] == [1, 2, 5]


def test_repeats_draw_other_donors() -> None:
    first, second, third = donors(repeats=3)
    assert first != second != third != first


def test_batches_draw_other_donors() -> None:
    assert donors(number=0) != donors(number=1)


def test_seeds_draw_other_donors() -> None:
    assert donors(seed=0) != donors(seed=1)


def test_the_same_seed_batch_and_repeat_draw_the_same_donors() -> None:
    assert donors(repeats=2, seed=3, number=5) == donors(repeats=2, seed=3, number=5)


def test_more_repeats_keep_the_draws_of_fewer() -> None:
    assert donors(repeats=4)[:2] == donors(repeats=2)


def test_one_draw_serves_all_fields() -> None:
    pooled = {"a": torch.arange(EXAMPLES)[:, None], "b": torch.arange(EXAMPLES)[:, None] + 1000}
    (replaced,) = DonorReplacement(1, seed=0).of(pooled, 0)
    assert torch.equal(replaced["a"] + 1000, replaced["b"])


@pytest.mark.parametrize("method", BY_DONORS)
def test_repeats_average_their_draws(tmp_path: Path, method: str) -> None:
    config, model = setting(tmp_path)
    parts, three = batches(config, model, 30), DonorReplacement(3, seed=0)
    whole = score_sums(model, parts, METHODS[method]({}, three, Logits()))
    draws = [
        score_sums(model, parts, METHODS[method]({}, OneDraw(three, repeat), Logits()))
        for repeat in range(3)
    ]
    for name in model.kept:
        each = [draw.score(name) for draw in draws]
        assert len(set(each)) == 3
        assert whole.score(name) == pytest.approx(sum(each) / 3, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("method", BY_DONORS)
def test_the_configured_donors_are_those_that_score(tmp_path: Path, method: str) -> None:
    config, model = setting(tmp_path)
    parts = batches(config, model, 30)
    four = METHODS[method]({}, DonorReplacement(4, seed=0), Logits())  # the config's default
    assert scored(model, parts, method, "donors") == score_sums(model, parts, four)


def vectors(value: float) -> dict[str, Tensor]:
    return {"a": torch.tensor([value, 1.0]), "b": torch.tensor([2.0])}


def test_the_way_of_means_tells_other_means() -> None:
    ways = [MeanReplacement(vectors(value)).way for value in (0.5, 0.5, 0.5000001)]
    assert ways[0] == ways[1] != ways[2]


def test_the_way_of_donors_tells_repeats_and_seed() -> None:
    ways = {DonorReplacement(repeats, seed).way for repeats in (1, 2) for seed in (0, 1)}
    assert len(ways) == 4
