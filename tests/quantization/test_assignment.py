"""From a policy to tiers and fitted table params, on a model and its examples."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter

from shark_core.config_sections import Tiers
from shark_core.errors import ConfigError, DataError
from shark_core.models.device import batches_on
from shark_core.quantization.assignment import Situation, assign
from shark_core.quantization.field_curvature import field_curvatures
from shark_core.quantization.policies.table_rows import TableRows
from shark_core.quantization.row_losses import row_losses
from shark_core.quantization.tiered_tables import TieredTables
from tests.quantization.tiered_model import CPU, tiny_model, whole_day

LIMITS = {"pruned_below": 1, "int2_below": 2, "int4_below": 3, "int8_below": 4, "fp16_below": 5}


def situation(root: Path) -> Situation:
    """Priorities are what the examples read, so that predicted losses are true to them."""
    config, model = tiny_model(root)
    (batch,) = batches_on(CPU, whole_day(config), 1000)
    tables = tuple(
        TableRows(
            name,
            model.embeddings.weight(name).shape[1],
            np.bincount(batch.ids[name].values.numpy(), minlength=config.field(name).num_embeddings)
            / 10.0,
        )
        for name in model.kept
    )
    return Situation(model, tables, lambda: [batch], config.float_bytes)


def policy(**section: Any) -> Any:
    return TypeAdapter(Tiers).validate_python(section)


def predicted_loss(found: Situation, tables: TieredTables) -> float:
    """Of all rows in the tiers that they have."""
    curvatures, total = field_curvatures(found.model, found.batches()), 0.0
    for rows in found.tables:
        table = found.model.embeddings.weight(rows.field).detach()
        params = tables.params.get(rows.field, {})
        for tier, members in tables.members(rows.field, torch.arange(len(rows))).items():
            losses = row_losses(
                table, rows.priority, curvatures[rows.field], tables.schemes, params, [tier]
            )
            total += float(losses[tier][members.numpy()].sum())
    return total


@pytest.mark.parametrize("name", ["budget", "loss_aware"])
@pytest.mark.parametrize("target", [2.0, 4.0, 6.0])
def test_a_byte_budget_is_kept(name: str, target: float, tmp_path: Path) -> None:
    limits = LIMITS if name == "budget" else {}
    outcome = assign(policy(policy=name, target_ratio=target, **limits), situation(tmp_path))
    assert outcome.figures["ratio"] >= target


@pytest.mark.parametrize("target", [2.0, 4.0, 6.0])
def test_at_equal_bytes_tiers_by_loss_lose_less_than_tiers_by_priority(
    target: float, tmp_path: Path
) -> None:
    found = situation(tmp_path)
    by_priority = assign(policy(policy="budget", target_ratio=target, **LIMITS), found)
    by_loss = assign(policy(policy="loss_aware", target_ratio=target), found)
    assert predicted_loss(found, by_loss.tables) < predicted_loss(found, by_priority.tables)


def test_a_ratio_that_no_tiers_reach_is_refused_with_the_least_bytes(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"at least [\d,]+ bytes"):
        assign(policy(policy="loss_aware", target_ratio=1e6), situation(tmp_path))


def test_thresholds_ask_for_no_examples(tmp_path: Path) -> None:
    found = situation(tmp_path)

    def no_examples() -> list[Any]:
        raise AssertionError("thresholds need no examples")

    quiet = Situation(found.model, found.tables, no_examples, found.float_bytes)
    assert assign(policy(int8_below=1, fp16_below=2), quiet).figures["ratio"] > 1


def test_a_diverged_row_is_refused_with_field_and_row(tmp_path: Path) -> None:
    found = situation(tmp_path)
    with torch.no_grad():
        found.model.embeddings.weight("item")[7, 2] = float("nan")
    with pytest.raises(DataError, match="field 'item', row 7"):
        assign(policy(policy="loss_aware", target_ratio=2.0), found)


def test_table_params_of_another_scheme_are_refused(tmp_path: Path) -> None:
    found = situation(tmp_path)
    tables = assign(policy(policy="loss_aware", target_ratio=6.0), found).tables
    assert "int2" in tables.params["user"]
    tables.check_params("user", 4)
    other = dataclasses.replace(tables, schemes={**tables.schemes, "int2": "int2"})
    with pytest.raises(DataError, match="its scheme 'int2'"):
        other.check_params("user", 4)
