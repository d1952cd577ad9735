"""Rows on their grids: what each way of rounding keeps of an update."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from shark_core.errors import DataError
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel
from shark_core.models.optimizers import Optimizers
from shark_core.models.step_hooks import StepHooks
from shark_core.models.training import FitSettings, fit
from shark_core.quantization.mixed_precision_table import MixedPrecisionTable
from shark_core.quantization.rounding import NearestRounding, StochasticRounding
from shark_core.quantization.rounding_choice import rounding_hooks
from shark_core.quantization.straight_through import StraightThrough
from shark_core.quantization.tiered_tables import TieredTables
from shark_core.quantization.tiers import INT2, INT4, INT8, PRUNED, TIERS
from tests.quantization.tiered_model import (
    SCHEMES,
    one_batch,
    tier_turns,
    tiered,
    tiny_model,
    whole_day,
)

Make = Callable[[CtrModel, TieredTables], StepHooks]
ROUNDINGS: dict[str, Make] = {
    "nearest": NearestRounding,
    "stochastic": lambda model, tables: StochasticRounding(model, tables, seed=0),
    "straight_through": lambda model, tables: StraightThrough(model, tables, param_rate=0.01),
}
every_rounding = pytest.mark.parametrize("make", ROUNDINGS.values(), ids=ROUNDINGS)


def tables_of(model: CtrModel) -> dict[str, Tensor]:
    return {name: model.embeddings.weight(name).detach().clone() for name in model.kept}


def published(model: CtrModel, tables: TieredTables, name: str) -> Tensor:
    codes, params = tier_turns(model)[name], tables.params[name]
    weight = model.embeddings.weight(name).detach()
    return MixedPrecisionTable.from_float(weight, codes, SCHEMES, params, name).dequantize()


@every_rounding
@pytest.mark.parametrize("epochs", [1, 3])
def test_published_tables_decode_to_exactly_the_finetuned_weights(
    make: Make, epochs: int, tmp_path: Path
) -> None:
    config, model = tiny_model(tmp_path)
    tables, before = tiered(model), tables_of(model)
    rates = {"epochs": epochs, "embedding_learning_rate": 0.05}
    tuned = config.model_copy(update={"finetuning": config.finetuning.model_copy(update=rates)})
    settings = FitSettings.of_finetuning(tuned)
    fit(model, whole_day(config), whole_day(config), settings, hooks=make(model, tables))
    for name in model.kept:
        weight = model.embeddings.weight(name)
        assert torch.equal(published(model, tables, name), weight), name
        assert not torch.equal(before[name], weight), name


@every_rounding
def test_tables_are_on_their_grids_before_the_first_step(make: Make, tmp_path: Path) -> None:
    _, model = tiny_model(tmp_path)
    tables = tiered(model)
    make(model, tables)
    for name in model.kept:
        assert torch.equal(published(model, tables, name), model.embeddings.weight(name)), name


@every_rounding
def test_a_step_changes_no_row_that_its_batch_does_not_read(make: Make, tmp_path: Path) -> None:
    config, model = tiny_model(tmp_path)
    hooks = make(model, tiered(model))
    batch, before = one_batch(config, size=8), tables_of(model)
    step(model, hooks, config.finetuning.embedding_learning_rate, batch)
    for name in model.kept:
        changed = (model.embeddings.weight(name) != before[name]).any(dim=1).nonzero().flatten()
        assert set(changed.tolist()) <= set(batch.ids[name].values.tolist()), name


def step(model: CtrModel, hooks: StepHooks, rate: float, batch: Batch) -> None:
    optimizers = Optimizers(model, rate, rate)
    hooks.before_step(model, batch)
    torch.autograd.backward(model(batch).sum())
    optimizers.step()
    hooks.after_step(model, batch)


@every_rounding
def test_a_diverged_row_is_refused_with_field_and_row(make: Make, tmp_path: Path) -> None:
    config, model = tiny_model(tmp_path)
    hooks, batch = make(model, tiered(model)), one_batch(config)
    row = int(batch.ids["item"].values[0])
    with torch.no_grad():
        model.embeddings.weight("item")[row, 0] = float("nan")
    if isinstance(hooks, StraightThrough):
        hooks._latent["item"][row, 0] = float("nan")
    with pytest.raises(DataError, match=f"field 'item', row {row}"):
        around_a_step(hooks, model, batch)


def around_a_step(hooks: StepHooks, model: CtrModel, batch: Batch) -> None:
    hooks.before_step(model, batch)
    hooks.after_step(model, batch)


UPDATES = 400  # each of 1/400 of a step


def after_small_updates(make: Make, tmp_path: Path) -> Tensor:
    """How far 400 small updates take inner values of int8 and int4 rows, in steps of their grid."""
    config, model = tiny_model(tmp_path)
    rows = torch.tensor([row for row in range(50) if row % len(TIERS) in (INT8, INT4)])
    table = model.embeddings.weight("user")
    with torch.no_grad():  # ends of the grid far away on both sides of the inner values
        table[rows] = torch.tensor([-8.0, -0.01, 0.01, 8.0])
    tables = tiered(model)
    hooks = make(model, tables)
    steps = torch.where(rows % len(TIERS) == INT8, 16 / 255, 16 / 15).unsqueeze(1)  # (K, 1)
    batch = one_batch(config, size=300)
    begin = table.detach()[rows].clone()
    for _ in range(UPDATES):
        table.grad = None
        hooks.before_step(model, batch)
        table.grad = sparse_ones(rows)
        with torch.no_grad():
            inner = torch.tensor([0.0, 1.0, 1.0, 0.0]) / UPDATES
            table.index_add_(0, rows, steps * inner)
        hooks.after_step(model, batch)
    return ((table.detach()[rows] - begin) / steps)[:, 1:3]


def sparse_ones(rows: Tensor) -> Tensor:
    ones = torch.ones(len(rows), 4)
    return torch.sparse_coo_tensor(
        rows.unsqueeze(0), ones, (50, 4), check_invariants=True
    ).coalesce()


def test_nearest_rounding_loses_small_updates(tmp_path: Path) -> None:
    moved = after_small_updates(ROUNDINGS["nearest"], tmp_path)
    assert torch.equal(moved, torch.zeros_like(moved))


@pytest.mark.parametrize("name", ["stochastic", "straight_through"])
def test_small_updates_add_up(name: str, tmp_path: Path) -> None:
    moved = after_small_updates(ROUNDINGS[name], tmp_path)
    assert float(moved.mean()) == pytest.approx(1.0, abs=0.5)


def test_stochastic_rounding_is_right_on_average(tmp_path: Path) -> None:
    _, model = tiny_model(tmp_path)
    tables = tiered(model)
    rounding = StochasticRounding(model, tables, seed=3)
    rows = torch.full((4000,), INT4)
    values = torch.tensor([-8.0, 0.3, -0.2, 8.0]).repeat(4000, 1)
    stored = tables.snapped("user", rows, rounding._dithered("user", rows, values))
    assert stored.mean(dim=0).tolist() == pytest.approx([-8.0, 0.3, -0.2, 8.0], abs=0.03)
    assert stored[:, 1].unique().numel() == 2


@pytest.mark.parametrize(
    "row", [(0.30, 0.31, 0.32, 0.33), (-0.7, 0.3, 0.3, 0.4), (0.2, 0.2, 0.2, 0.2)]
)
def test_stochastic_rounding_on_a_shared_grid_is_right_for_a_rows_ends_too(
    row: tuple[float, ...], tmp_path: Path
) -> None:
    _, model = tiny_model(tmp_path)
    tables = tiered(model)
    tables.params["user"]["int2"] = torch.tensor([1.0, -1.0])  # −1, 0, 1, 2
    rounding = StochasticRounding(model, tables, seed=3)
    rows, values = torch.full((4000,), INT2), torch.tensor(row).repeat(4000, 1)
    stored = tables.snapped("user", rows, rounding._dithered("user", rows, values))
    assert stored.mean(dim=0).tolist() == pytest.approx(row, abs=0.03)


def test_the_same_seed_rounds_the_same_way(tmp_path: Path) -> None:
    results = []
    for _ in range(2):
        config, model = tiny_model(tmp_path)
        hooks = StochasticRounding(model, tiered(model), seed=1)
        settings = FitSettings.of_finetuning(config)
        fit(model, whole_day(config), whole_day(config), settings, hooks=hooks)
        results.append(tables_of(model))
    assert all(torch.equal(results[0][name], results[1][name]) for name in results[0])


def test_a_pruned_row_reads_the_fallback_row(tmp_path: Path) -> None:
    _, model = tiny_model(tmp_path)
    tables = tiered(model)
    NearestRounding(model, tables)
    assert torch.equal(model.embeddings.weight("item")[PRUNED], tables.params["item"]["pruned"])


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("nearest", NearestRounding),
        ("stochastic", StochasticRounding),
        ("straight_through", StraightThrough),
    ],
)
def test_the_config_names_the_rounding(name: str, kind: type[StepHooks], tmp_path: Path) -> None:
    config, model = tiny_model(tmp_path)
    finetuning = config.finetuning.model_copy(update={"rounding": name})
    named = config.model_copy(update={"finetuning": finetuning})
    assert type(rounding_hooks(named, model, tiered(model))) is kind
