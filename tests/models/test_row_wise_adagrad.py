"""Row-wise Adagrad against its formula, one row at a time."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from shark_core.models.row_wise_adagrad import RowWiseAdagrad

EPS = 1e-8


def stepped(steps: list[list[int]], rate: float = 0.1) -> tuple[Tensor, Tensor, Tensor]:
    """The table before, after, and the accumulators; each step reads rows with gradient 1, 2, 3."""
    table = nn.Embedding(5, 3, sparse=True)
    before = table.weight.detach().clone()
    optimizer = RowWiseAdagrad([table.weight], rate)
    for rows in steps:
        optimizer.zero_grad()
        (table(torch.tensor(rows)) * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
        optimizer.step()
    return before, table.weight.detach(), optimizer.sums(table.weight)


def test_one_step_follows_the_formula() -> None:
    before, after, sums = stepped([[2]])
    gradient = torch.tensor([1.0, 2.0, 3.0])
    expected = before[2] - 0.1 * gradient / (torch.tensor(14 / 3).sqrt() + EPS)
    torch.testing.assert_close(after[2], expected)
    torch.testing.assert_close(sums, torch.tensor([0, 0, 14 / 3, 0, 0]))


def test_gradients_of_a_repeated_row_are_added_before_they_are_squared() -> None:
    _, _, sums = stepped([[2, 2]])
    torch.testing.assert_close(sums[2], torch.tensor(4 * 14 / 3))


def test_later_steps_of_a_row_are_smaller() -> None:
    before, after, _ = stepped([[1], [1]])
    gradient = torch.tensor([1.0, 2.0, 3.0])
    first, second = torch.tensor(14 / 3).sqrt(), torch.tensor(28 / 3).sqrt()
    torch.testing.assert_close(after[1], before[1] - 0.1 * gradient * (1 / first + 1 / second))


def test_rows_that_are_not_read_stay_bit_for_bit() -> None:
    before, after, sums = stepped([[0, 4], [4]])
    assert torch.equal(before[1:4], after[1:4])
    assert torch.equal(sums[1:4], torch.zeros(3))
