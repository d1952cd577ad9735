"""Row-wise Adagrad for embedding tables with sparse gradients."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


class RowWiseAdagrad(torch.optim.Optimizer):
    """FBGEMM's `EXACT_ROWWISE_ADAGRAD`: one accumulator per row instead of one per weight.

    For each row r that the batch reads, with `g` its gradient summed over the batch `(D,)`:

        s_r ← s_r + mean_d g_d²          w_r ← w_r − lr · g / (√s_r + ε)

    Rows that the batch does not read are not touched. State: `sums` `(N,)`, 1/D of what
    `torch.optim.Adagrad` keeps.
    """

    def __init__(self, tables: Iterable[Tensor], learning_rate: float, eps: float = 1e-8) -> None:
        super().__init__(tables, {"lr": learning_rate, "eps": eps})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for table in group["params"]:
                if table.grad is not None:
                    table.grad = table.grad.coalesce()  # kept: who looks at it need not again
                    self._update(table, table.grad, group["lr"], group["eps"])

    def _update(self, table: Tensor, gradient: Tensor, learning_rate: float, eps: float) -> None:
        rows, values = gradient.indices()[0], gradient.values()  # (K,), (K, D)
        sums = self.sums(table)  # (N,)
        total = sums[rows] + values.square().mean(dim=1)  # (K,)
        sums[rows] = total
        scale = -learning_rate / (total.sqrt() + eps)  # (K,)
        table.index_put_((rows,), values * scale.unsqueeze(1), accumulate=True)

    def sums(self, table: Tensor) -> Tensor:
        """The accumulators of a table `(N,)`."""
        state = self.state[table]
        if "sums" not in state:
            state["sums"] = torch.zeros(len(table), dtype=table.dtype, device=table.device)
        sums: Tensor = state["sums"]
        return sums
