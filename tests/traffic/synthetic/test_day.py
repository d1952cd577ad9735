from __future__ import annotations

import math
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from shark_core.config import parse_section
from shark_core.interval import Interval
from shark_core.traffic.synthetic.day import SyntheticDay
from shark_core.traffic.synthetic.effects import day_effects
from shark_core.traffic.synthetic.spec import TrafficSpec

DAY = date(2026, 1, 1)
ROWS = 100_000
Generated = tuple[pa.Table, dict[str, Any]]
SPEC = parse_section(
    {
        "base_rate": 0.3,
        "fields": [
            {"name": "item", "cardinality": 500, "strength": 0.9, "drift": 0.1},
            {"name": "brand", "cardinality": 50, "strength": 0.3, "text": True, "missing": 0.2},
            {"name": "tags", "cardinality": 100, "strength": 0.6, "max_values": 3},
            {"name": "noise", "cardinality": 5},
        ],
        "copies": [{"name": "item_twin", "copies": "item"}],
        "dense_features": [{"name": "age", "strength": 0.4, "log": True, "missing": 0.1}],
    },
    "the test",
    TrafficSpec,
)


def generate(
    rows: int = ROWS, seed: int = 5, number: int = 0, chunk: int = 30_000, spec: TrafficSpec = SPEC
) -> Generated:
    day = SyntheticDay(spec, seed, DAY, number, rows)
    table = pa.Table.from_batches(day.batches(chunk), day.schema)
    return table.combine_chunks(), day.truth()


@pytest.fixture(scope="module")
def traffic() -> Generated:
    return generate()


def true_logit(table: pa.Table) -> np.ndarray:
    """Adds the planted effects up again, from the logged values."""
    fields = {field.name: field for field in SPEC.fields}
    tables = {}
    for name, field in fields.items():
        effects = day_effects(field, 5, 0)
        tables[name] = dict(zip(effects.ids.tolist(), effects.effects.tolist(), strict=True))
    logit = np.full(table.num_rows, SPEC.bias)
    logit += [tables["item"][value] for value in table["item"].to_pylist()]
    for row, value in enumerate(table["brand"].to_pylist()):
        logit[row] += 0.0 if value is None else tables["brand"][int(value.split("_")[1])]
    for row, values in enumerate(table["tags"].to_pylist()):
        logit[row] += sum(tables["tags"][value] for value in values) / max(len(values), 1)
    age = table["age"].fill_null(0.0).to_numpy()
    logit += 0.4 * np.sign(age) * np.log1p(np.abs(age))
    return logit


def auc(score: np.ndarray, label: np.ndarray) -> float:
    ranks = np.empty(score.size)
    ranks[np.argsort(score)] = np.arange(1, score.size + 1)
    positives = label.sum()
    above = ranks[label == 1].sum() - positives * (positives + 1) / 2
    return float(above / (positives * (label.size - positives)))


@pytest.mark.parametrize("chunk", [1, 7, 999])
def test_how_rows_are_cut_into_chunks_changes_nothing(chunk: int) -> None:
    assert generate(rows=1000, chunk=chunk) == generate(rows=1000, chunk=1000)


def test_another_seed_gives_other_traffic() -> None:
    assert generate(rows=100, seed=5)[0] != generate(rows=100, seed=6)[0]


def test_a_column_does_not_depend_on_the_others() -> None:
    fewer = SPEC.model_copy(update={"fields": SPEC.fields[1:2], "copies": ()})
    alone, _ = generate(rows=1000, spec=fewer)
    assert alone["brand"] == generate(rows=1000)[0]["brand"]


def test_the_stated_auc_is_that_of_the_true_probability(traffic: Generated) -> None:
    table, truth = traffic
    measured = auc(true_logit(table), table["label"].to_numpy())
    assert measured == pytest.approx(truth["bayes_auc"], abs=0.005)


def test_the_stated_log_loss_is_that_of_the_true_probability(
    traffic: Generated,
) -> None:
    table, truth = traffic
    logit, label = true_logit(table), table["label"].to_numpy()
    measured = (np.logaddexp(0, logit) - label * logit).mean()
    assert measured == pytest.approx(truth["bayes_log_loss"], abs=0.005)


def test_the_stated_importance_is_the_loss_of_mean_replacement(
    traffic: Generated,
) -> None:
    table, truth = traffic
    effects = day_effects(SPEC.fields[0], 5, 0)
    by_id = dict(zip(effects.ids.tolist(), effects.effects.tolist(), strict=True))
    effect = np.array([by_id[value] for value in table["item"].to_pylist()])
    logit, label = true_logit(table), table["label"].to_numpy()
    without = logit - effect + effect.mean()
    lost = (np.logaddexp(0, without) - np.logaddexp(0, logit) - label * (without - logit)).mean()
    assert lost == pytest.approx(truth["features"]["item"]["importance"], rel=0.05)


def test_each_part_of_the_logit_deviates_by_its_strength(traffic: Generated) -> None:
    features = traffic[1]["features"]
    assert features["item"]["deviation"] == pytest.approx(0.9, rel=0.02)
    assert features["tags"]["deviation"] == pytest.approx(0.6, rel=0.1)
    assert features["brand"]["deviation"] == pytest.approx(0.3 * math.sqrt(0.8), rel=0.1)


def test_positives_come_at_about_the_base_rate(traffic: Generated) -> None:
    assert pc.mean(traffic[0]["label"]).as_py() == pytest.approx(0.3, abs=0.02)


def test_a_noise_field_says_nothing_about_the_label(traffic: Generated) -> None:
    table, truth = traffic
    rates = table.group_by("noise").aggregate([("label", "mean"), ("label", "count")])
    z = (rates["label_mean"].to_numpy() - truth["mean_probability"]) * np.sqrt(
        rates["label_count"].to_numpy() / (0.3 * 0.7)
    )
    assert np.abs(z).max() < 4.5
    assert truth["features"]["noise"]["role"] == "noise"


def test_a_copy_repeats_its_source(traffic: Generated) -> None:
    table, truth = traffic
    assert table["item_twin"] == table["item"]
    assert truth["features"]["item_twin"]["role"] == "redundant"


def test_values_are_missing_at_the_share_asked_for(traffic: Generated) -> None:
    table, _ = traffic
    assert table["brand"].null_count / ROWS == pytest.approx(0.2, abs=0.01)
    assert table["age"].null_count / ROWS == pytest.approx(0.1, abs=0.01)


def test_lists_have_every_length_down_to_none(traffic: Generated) -> None:
    lengths = pc.list_value_length(traffic[0]["tags"]).to_numpy()
    shares = np.bincount(lengths) / ROWS
    np.testing.assert_allclose(shares, [0.25] * 4, atol=0.01)


def test_event_times_ascend_within_the_day(traffic: Generated) -> None:
    times = traffic[0]["event_time"].to_numpy().astype(np.int64)
    interval = Interval.of_day(DAY)
    assert (np.diff(times) > 0).all()
    assert times[0] == interval.start.timestamp() * 1e6
    assert times[-1] < interval.end.timestamp() * 1e6


def test_new_ids_appear_on_later_days() -> None:
    later, _ = generate(rows=10_000, number=3)
    assert pc.max(later["item"]).as_py() >= 500
    assert pc.max(later["noise"]).as_py() < 5
