"""Airflow for the tests in this folder: a home of its own, and `dags/` on the path."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.dags.fake_jobs import FAKE_JOBS

if TYPE_CHECKING:
    from airflow.sdk import DAG
    from shark_airflow.job_task import JobTask

DAGS = Path(__file__).parents[2] / "dags"
DAG_IDS = (
    "backfill_fields",
    "daily_compression",
    "expire_snapshots",
    "release",
    "retrain_and_rollout",
    "review_pruning",
)


@pytest.fixture(scope="session")
def airflow_path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
        patch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
        patch.delenv("SHARK_SCHEDULE", raising=False)
        patch.setattr(sys, "path", [str(DAGS), *sys.path])
        yield DAGS


@pytest.fixture(scope="session")
def dags(airflow_path: Path) -> Mapping[str, DAG]:
    """The DAGs by id, found as Airflow finds them: by parsing the folder."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(str(airflow_path))
    assert bag.import_errors == {}
    assert sorted(bag.dags) == [*DAG_IDS]
    return bag.dags


@pytest.fixture
def dag(dags: Mapping[str, DAG]) -> DAG:
    return dags["daily_compression"]


@pytest.fixture
def job(airflow_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type[JobTask]:
    """The launcher, in a checkout whose `jobs` is `FAKE_JOBS`."""
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "__main__.py").write_text(FAKE_JOBS)
    monkeypatch.setenv("JOBS_FOLDER", str(tmp_path))
    monkeypatch.setenv("FAKE_EXIT_CODE", "0")
    from shark_airflow.job_task import JobTask

    return JobTask
