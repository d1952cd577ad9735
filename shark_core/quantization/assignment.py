"""From a policy of the config to the tier of every row, and what the rows of a tier share.

priorities ─────────────┐
tiers of the day before ┼─→ policy ─→ tier codes ─→ table params fitted to them
field curvatures ───────┘      ↑______________________│    loss_aware: in rounds
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from shark_core.config_sections import Budget, LossAware, Thresholds
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel
from shark_core.quantization.field_curvature import field_curvatures
from shark_core.quantization.policies.loss_aware import by_loss
from shark_core.quantization.policies.stored_bytes import ByteBudget
from shark_core.quantization.policies.table_rows import Assigned, TableRows
from shark_core.quantization.policies.thresholds import by_budget, by_thresholds
from shark_core.quantization.row_losses import row_losses
from shark_core.quantization.table_params import params_of_any_tier
from shark_core.quantization.tiered_tables import TieredTables

TierPolicy = Thresholds | Budget | LossAware
CONSTANT_BYTES = 4
ROUNDS = 3  # of choosing tiers and fitting what their rows share, in turn


@dataclass(frozen=True)
class Situation:
    """What tiers are assigned to: the pruned model, and its tables' rows.

    `batches()` gives examples, as many as tell a field's curvature. `float_bytes` of all fields in
    fp32, pruned ones too: what ratios are measured against.
    """

    model: CtrModel
    tables: tuple[TableRows, ...]
    batches: Callable[[], Iterable[Batch]]
    float_bytes: int

    def budget(self, policy: Budget | LossAware) -> ByteBudget:
        return ByteBudget(
            self.float_bytes / policy.target_ratio, policy.schemes, self.constant_bytes
        )

    @property
    def constant_bytes(self) -> int:
        constants = self.model.embeddings.constants.values()
        return sum(constant.numel() * CONSTANT_BYTES for constant in constants)

    def stored_bytes(self, assigned: Assigned, schemes: Mapping[str, str]) -> int:
        unlimited = ByteBudget(float("inf"), schemes, self.constant_bytes)
        return unlimited.bytes_of(self.tables, assigned.tier_codes)


@dataclass(frozen=True)
class Outcome:
    """The tables with their tiers and fitted table params; `figures` for people and markers."""

    tables: TieredTables
    figures: dict[str, float]


def assign(policy: TierPolicy, situation: Situation) -> Outcome:
    """Raises `ConfigError` where a byte budget cannot be reached."""
    assigned = POLICIES[type(policy)](policy, situation)
    stored = situation.stored_bytes(assigned, policy.schemes)
    figures = {
        **assigned.figures,
        "bytes": stored,
        "ratio": situation.float_bytes / stored,
    }
    return Outcome(_fitted(policy, situation, assigned), figures)


def _fitted(policy: TierPolicy, situation: Situation, assigned: Assigned) -> TieredTables:
    weights = {table.field: table.priority for table in situation.tables}
    return TieredTables.fitted(situation.model, assigned.tier_codes, policy.schemes, weights)


def _thresholds(policy: Thresholds, situation: Situation) -> Assigned:
    return Assigned(by_thresholds(situation.tables, policy.limits, policy.hysteresis))


def _budget(policy: Budget, situation: Situation) -> Assigned:
    budget = situation.budget(policy)
    return by_budget(situation.tables, policy.limits, policy.hysteresis, budget)


def _loss_aware(policy: LossAware, situation: Situation) -> Assigned:
    """Losses depend on the table params, those on which rows share them: in rounds."""
    curvatures = field_curvatures(situation.model, situation.batches())
    params = _params_of_any_tier(policy, situation)
    for _ in range(ROUNDS):
        tables = [
            _with_losses(rows, policy, situation, curvatures[rows.field], params[rows.field])
            for rows in situation.tables
        ]
        assigned = by_loss(tables, policy.choices, policy.hysteresis, situation.budget(policy))
        fitted = _fitted(policy, situation, assigned).params
        params = {name: params[name] | fitted[name] for name in params}
    return assigned


def _with_losses(
    rows: TableRows,
    policy: LossAware,
    situation: Situation,
    curvature: Tensor,
    params: Mapping[str, Tensor],
) -> TableRows:
    table = situation.model.embeddings.weight(rows.field).detach()
    losses = row_losses(table, rows.priority, curvature, policy.schemes, params, policy.choices)
    return replace(rows, losses=losses)


def _params_of_any_tier(policy: LossAware, situation: Situation) -> dict[str, dict[str, Tensor]]:
    found = {}
    for rows in situation.tables:
        table = situation.model.embeddings.weight(rows.field).detach()
        weights = torch.as_tensor(rows.priority, dtype=torch.float32, device=table.device)
        found[rows.field] = params_of_any_tier(
            rows.field, table, weights, policy.choices, policy.schemes
        )
    return found


POLICIES: dict[type[TierPolicy], Callable[..., Assigned]] = {
    Thresholds: _thresholds,
    Budget: _budget,
    LossAware: _loss_aware,
}
