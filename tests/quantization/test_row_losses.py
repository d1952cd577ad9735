"""The predicted loss of a tier, against loops over rows and against the true change of log-loss."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from shark_core.models.device import batches_on
from shark_core.quantization import row_losses as module
from shark_core.quantization.field_curvature import field_curvatures
from shark_core.quantization.rounding import snap_rows
from shark_core.quantization.row_losses import row_losses
from shark_core.quantization.schemes import NO_PARAMS
from shark_core.quantization.tiers import TIERS
from tests.quantization.tiered_model import CPU, SCHEMES, tiered, tiny_model, whole_day


@pytest.mark.parametrize("rows_at_once", [7, 1000])
def test_losses_are_those_of_the_formula(
    rows_at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROWS_AT_ONCE", rows_at_once)
    _, model = tiny_model(tmp_path)
    tables, table = tiered(model), model.embeddings.weight("user").detach()
    random = np.random.default_rng(0)
    half = torch.from_numpy(random.normal(size=(4, 4))).float()
    curvature, priority = half @ half.T, random.uniform(0, 5, size=50)
    found = row_losses(table, priority, curvature, SCHEMES, tables.params["user"], TIERS)
    for tier in TIERS:
        params = tables.params["user"].get(tier, NO_PARAMS)
        change = (tables.scheme(tier).snap(table, params) - table).double()
        expected = [
            priority[row] * float(change[row] @ curvature.double() @ change[row])
            for row in range(50)
        ]
        assert found[tier] == pytest.approx(expected, rel=1e-3, abs=1e-7), tier


def test_the_prediction_is_near_the_true_change_of_log_loss(tmp_path: Path) -> None:
    """Against the model's own predictions as labels: the first-order term is then zero."""
    config, model = tiny_model(tmp_path, rows=20_000)
    tables, table = tiered(model), model.embeddings.weight("user")
    (batch,) = batches_on(CPU, whole_day(config), 100_000)
    curvature = field_curvatures(model, [batch])["user"]
    reads = torch.bincount(batch.ids["user"].values, minlength=50).numpy()
    params = tables.params["user"]
    predicted = row_losses(table.detach(), reads, curvature, SCHEMES, params, ["int2"])["int2"]
    with torch.no_grad():
        p = torch.sigmoid(model(batch))
        before = F.binary_cross_entropy_with_logits(model(batch), p, reduction="sum")
        tables.tier_codes["user"].fill_(TIERS.index("int2"))
        snap_rows(tables, "user", table, torch.arange(50))
        after = F.binary_cross_entropy_with_logits(model(batch), p, reduction="sum")
    assert float(after - before) == pytest.approx(float(predicted.sum()), rel=0.3)


def test_a_row_without_priority_costs_nothing_in_any_tier(tmp_path: Path) -> None:
    _, model = tiny_model(tmp_path)
    table, params = model.embeddings.weight("item").detach(), tiered(model).params["item"]
    found = row_losses(table, np.zeros(20), torch.eye(6), SCHEMES, params, TIERS)
    assert all((losses == 0).all() for losses in found.values())
