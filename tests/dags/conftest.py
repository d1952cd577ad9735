"""Airflow for the tests in this folder: a home of its own, and `dags/` on the path."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from airflow.sdk import DAG

DAGS = Path(__file__).parents[2] / "dags"


@pytest.fixture(scope="session")
def airflow_path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
        patch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
        patch.setattr(sys, "path", [str(DAGS), *sys.path])
        yield DAGS


@pytest.fixture(scope="session")
def dag(airflow_path: Path) -> DAG:
    """The DAG, found as Airflow finds it: by parsing the folder."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(str(airflow_path))
    assert bag.import_errors == {}
    assert list(bag.dags) == ["daily_compression"]
    return bag.dags["daily_compression"]
