"""Which traffic, days and config a demo uses."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from infra.demo import plan
from infra.demo.failure import DemoFailed
from infra.demo.plan import plan_demo
from shark_core.config import load_config


@pytest.fixture(autouse=True)
def _demo_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "FOLDER", tmp_path)


def test_generated_traffic_is_three_days_into_the_lake_of_its_config() -> None:
    demo = plan_demo("generated", "")
    assert demo.each_day == [date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 3)]
    assert plan.CHECKOUT / load_config(demo.config).lake == plan.LAKE
    assert str(plan.LAKE) in demo.make_traffic


def test_kuairand_is_its_eleven_days_by_its_own_config_into_the_demos_lake(tmp_path: Path) -> None:
    demo = plan_demo("kuairand", str(tmp_path))
    assert (demo.first_day, demo.last_day) == (date(2022, 4, 25), date(2022, 5, 5))
    ours, theirs = load_config(demo.config), load_config(plan.CONFIGS / "kuairand.yaml")
    assert plan.CHECKOUT / ours.lake == plan.LAKE
    assert ours.config_hash == theirs.config_hash


@pytest.mark.parametrize(
    ("traffic", "source", "said"),
    [
        ("kuairand", "", "needs SOURCE"),
        ("kuairand", "/nowhere", "found: /nowhere"),
        ("generated", "somewhere", "generated traffic has none"),
        ("avazu", "", "generated or kuairand"),
    ],
)
def test_what_cannot_be_run_is_refused_with_what_can(traffic: str, source: str, said: str) -> None:
    with pytest.raises(DemoFailed, match=said):
        plan_demo(traffic, source)
