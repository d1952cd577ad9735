from __future__ import annotations

import numpy as np
import pytest

from shark_core.traffic.synthetic.effects import day_effects, hashed_normal, ids_of_day
from shark_core.traffic.synthetic.spec import PlantedField

ITEM = PlantedField(name="item", cardinality=10_000, strength=0.7, drift=0.1)


def test_a_share_of_the_ids_retires_each_day_for_new_ones() -> None:
    days = [set(ids_of_day(ITEM, seed=1, day_number=n).tolist()) for n in range(3)]
    assert len(days[0] - days[1]) / ITEM.cardinality == pytest.approx(0.1, abs=0.01)
    assert (days[1] - days[0]).isdisjoint(range(ITEM.cardinality))


def test_a_retired_id_does_not_come_back() -> None:
    days = [set(ids_of_day(ITEM, seed=1, day_number=n).tolist()) for n in range(30)]
    assert (days[0] - days[10]).isdisjoint(days[29])


def test_an_id_that_stays_keeps_its_effect() -> None:
    first, later = day_effects(ITEM, 1, 0), day_effects(ITEM, 1, 5)
    _, a, b = np.intersect1d(first.ids, later.ids, return_indices=True)
    assert 4000 < a.size < 6000
    assert (first.effects[a] == later.effects[b]).all()


def test_without_drift_ids_are_row_ids_for_ever() -> None:
    field = PlantedField(name="user", cardinality=100)
    assert ids_of_day(field, seed=1, day_number=400).tolist() == list(range(100))


def test_effects_deviate_by_the_strength_over_impressions() -> None:
    day = day_effects(ITEM, 1, 0)
    p = day.law.probabilities()
    assert p @ day.effects == pytest.approx(0.0, abs=1e-12)
    assert np.sqrt(p @ day.effects**2) == pytest.approx(0.7)


def test_hashed_numbers_are_normal() -> None:
    x = hashed_normal(3, "item", np.arange(200_000))
    moments = [x.mean(), x.std(), (x**3).mean(), (x**4).mean()]
    np.testing.assert_allclose(moments, [0.0, 1.0, 0.0, 3.0], atol=0.05)
