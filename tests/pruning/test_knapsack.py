"""The knapsack holds its limits exactly, where HiGHS alone holds them to a tolerance."""

from __future__ import annotations

from random import Random

import pytest

from shark_core.pruning import branch_and_bound
from shark_core.pruning.candidates import Candidate
from shark_core.pruning.knapsack import Capacity, least_loss, most_bytes


def candidate(name: str, size: int, loss: float) -> Candidate:
    return Candidate((name,), size, loss, loss, (loss,), keepers=())


def ordered(candidates: list[Candidate]) -> list[Candidate]:
    return sorted(candidates, key=lambda each: each.order)


def test_a_limit_that_is_missed_by_less_than_the_solvers_tolerance_holds() -> None:
    small = 1.0 + 1e-13
    open_ = ordered([candidate(f"f{number:03}", 40, small) for number in range(100)])
    choice = most_bytes([], open_, Capacity(high=50.0, fields=100))
    assert len(choice.candidates) == 49


def test_a_sum_that_is_the_limit_to_the_last_bit_fits() -> None:
    open_ = ordered([candidate(name, 4, loss) for name, loss in (("a", 0.1), ("b", 0.2))])
    more = candidate("c", 4, 0.9)
    limit = 0.1 + 0.2
    assert len(most_bytes([], [*open_, more], Capacity(limit, 3)).candidates) == 2
    assert len(most_bytes([], [*open_, more], Capacity(limit * (1 - 1e-15), 3)).candidates) == 1


def test_bytes_that_are_missed_by_one_are_missed() -> None:
    a, b, c = candidate("a", 10**9 - 1, 1.0), candidate("b", 10**9, 1.1), candidate("c", 7, 9.0)
    capacity = Capacity(high=99.0, fields=3)
    assert least_loss([], [a, b, c], capacity, 10**9 - 1, known=[b]).candidates == (a,)
    assert least_loss([], [a, b, c], capacity, 10**9, known=[b]).candidates == (b,)


def test_what_is_taken_counts_against_the_limits() -> None:
    a, b, c = candidate("a", 4, 0.1), candidate("b", 8, 0.2), candidate("c", 16, 0.3)
    assert most_bytes([a], [b, c], Capacity(0.45, 3)).candidates == (c,)
    assert most_bytes([a], [b, c], Capacity(9.0, 2)).candidates == (c,)
    assert most_bytes([a], [b, c], Capacity(0.25, 3)).candidates == ()


def hard(count: int) -> list[Candidate]:
    """Bytes that follow the losses: sets differ by little, and bounds tell them apart late."""
    random = Random(3)
    sizes = [random.randint(10_000, 100_000) * 64 for _ in range(count)]
    return ordered([candidate(f"f{i:03}", size, size + 6e6) for i, size in enumerate(sizes)])


def test_a_search_that_ends_early_says_how_near_it_is_and_holds_the_limits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(branch_and_bound, "NODES", 1)
    open_ = hard(60)
    capacity = Capacity(high=0.3 * sum(each.loss for each in open_), fields=60)
    choice = most_bytes([], open_, capacity)
    assert 0 < choice.gap < 0.05
    assert capacity.holds(choice.candidates)
    left = [each for each in open_ if each not in choice.candidates]
    assert not any(capacity.holds([*choice.candidates, each]) for each in left)
    assert choice == most_bytes([], open_, capacity)


def test_a_search_that_ends_early_still_has_the_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(branch_and_bound, "CUTS", 0)
    open_ = hard(60)
    capacity = Capacity(high=0.3 * sum(each.loss for each in open_), fields=60)
    most = most_bytes([], open_, capacity)
    choice = least_loss([], open_, capacity, most.bytes // 2, most.candidates)
    assert choice.bytes >= most.bytes // 2
    assert capacity.holds(choice.candidates)
    assert choice.gap > 0


def test_the_solver_prints_nothing_on_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    random = Random(1)
    open_ = ordered(
        [
            candidate(f"f{i:03}", int(10 ** random.uniform(1, 7)) * 64, random.random() ** 3)
            for i in range(300)
        ]
    )
    most = most_bytes([], open_, Capacity(high=5.0, fields=300))
    least_loss([], open_, Capacity(high=5.0, fields=300), most.bytes, most.candidates)
    assert capfd.readouterr().out == ""
