"""The set of least cost under linear limits: HiGHS' branch and bound, checked against exact limits.

HiGHS works with tolerances of about 1e-6. Each set that it finds is checked exactly; one past a
limit is cut off, and HiGHS looks on. Its work is bounded by a number of nodes, not by a time, so
that the answer is the same on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, OptimizeResult, milp

from shark_core.pruning.native_output import native_output_on_stderr

NODES = 2_000  # of one search, over all its rounds
ACCURACY = 1e-6  # of the least cost: the last millionth takes most of the time
CUTS = 25  # sets past a limit that are cut off before the search gives up

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Found:
    """`bound`: no set has a lower cost. `chosen` may be past a limit where that is not proven."""

    chosen: Flags
    bound: float
    proven: bool


def search(
    costs: Floats,
    rows: list[LinearConstraint],
    past_a_limit: Callable[[Flags], LinearConstraint | None],
) -> Found:
    """The set of least cost. `past_a_limit`: the row that cuts off a set past an exact limit."""
    chosen: Flags = np.zeros(len(costs), dtype=np.bool_)
    bound, nodes = float(np.minimum(costs, 0.0).sum()), NODES
    for _ in range(CUTS):
        result = _solved(costs, rows, nodes)
        if result.x is None:
            break
        chosen, bound = result.x > 0.5, float(result.mip_dual_bound)
        cut = past_a_limit(chosen)
        if cut is None:
            return Found(chosen, bound, proven=result.status == 0)
        rows, nodes = [*rows, cut], nodes - result.mip_node_count
        if nodes <= 0:
            break
    return Found(chosen, bound, proven=False)


def _solved(costs: Floats, rows: list[LinearConstraint], nodes: int) -> OptimizeResult:
    """Without presolve, which costs more here than it saves."""
    options: dict[str, Any] = {"mip_rel_gap": ACCURACY, "node_limit": nodes, "presolve": False}
    with native_output_on_stderr():
        return milp(costs, integrality=1, bounds=Bounds(0, 1), constraints=rows, options=options)


def extended_cover(weights: Sequence[float], members: Flags) -> Floats:
    """1 for the members of a set that weighs too much, and for all as heavy as its heaviest.

    Any as many of them weigh too much too: Σ cover·x ≤ |set| − 1 (Balas, 1975).
    """
    heaviest = max((w for w, member in zip(weights, members, strict=True) if member), default=0.0)
    return np.where(members | (np.array(weights) >= heaviest), 1.0, 0.0)
