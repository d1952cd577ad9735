"""Fixtures of tests on past days: `pytest_plugins = ["tests.access.past_fixtures"]`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.access.past_days import DAYS, PastDays, always, came_later


@pytest.fixture(scope="session")
def lakes(tmp_path_factory: pytest.TempPathFactory, spark: object) -> tuple[PastDays, PastDays]:
    """Five days with the fields, and five days of which the first three are without them."""
    made = (always(tmp_path_factory.mktemp("always")), came_later(tmp_path_factory.mktemp("later")))
    for past in made:
        past.write_traffic()
        for number in range(len(DAYS)):
            past.run_day(number)
    return made


@pytest.fixture
def history(lakes: tuple[PastDays, PastDays]) -> PastDays:
    """The lake in which the fields were there from the first day; not to be changed."""
    return lakes[0]


@pytest.fixture
def later(lakes: tuple[PastDays, PastDays], tmp_path: Path) -> PastDays:
    """A copy of the lake in which the fields came later."""
    shutil.copytree(lakes[1].lake, tmp_path / "lake")
    return came_later(tmp_path / "lake")
