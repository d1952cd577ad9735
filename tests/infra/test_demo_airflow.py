"""The demo's Airflow, for real: scheduler, api-server, SQLite; only the jobs are light ones."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import psutil
import pytest

from infra.airflow.readiness import connect
from infra.airflow.services import AirflowServices
from infra.airflow.settings import AirflowSettings
from infra.demo.__main__ import backfill
from infra.demo.failure import DemoFailed
from infra.demo.plan import DAG_ID
from infra.demo.progress import Progress, follow
from jobs.registry import DAY_VERBS

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

LIGHT_JOBS = """\
import sys
verb, day = sys.argv[1], sys.argv[sys.argv.index("--date") + 1]
with open("ran.txt", "a") as ran:
    ran.write(f"{day} {verb}\\n")
if (verb, day) == ("publish", "2026-01-02"):
    print("ConflictError: somebody else moved the ref", file=sys.stderr)
    sys.exit(76)
"""


def ran(folder: Path) -> list[str]:
    return (folder / "ran.txt").read_text().splitlines()


def processes_of(home: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("AIRFLOW_HOME") == str(home):
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_days_run_in_order_a_permanent_failure_is_not_retried_and_nothing_stays_behind(
    tmp_path: Path,
) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "__main__.py").write_text(LIGHT_JOBS)
    settings = AirflowSettings(tmp_path / "airflow", jobs_folder=tmp_path)
    shown: list[str] = []
    progress = Progress(len(DAY_VERBS), 2, settings.home / "logs", shown.append)
    with AirflowServices(settings) as services:
        services.migrate()
        services.start()
        client = connect(services, [DAG_ID])
        assert backfill(client, date(2026, 1, 1), date(2026, 1, 2), "any.yaml") == 2
        with pytest.raises(DemoFailed, match="somebody else moved the ref"):
            follow(progress, lambda: client.tasks(DAG_ID), services.check)
        assert processes_of(settings.home)
    assert processes_of(settings.home) == []
    lines = ran(tmp_path)
    assert lines.count("2026-01-02 publish") == 1
    assert "2026-01-02 report" not in lines
    for verb in ("ingest", "update-priorities", "train", "publish"):
        assert lines.index(f"2026-01-01 {verb}") < lines.index(f"2026-01-02 {verb}")
    first_day = [line.split()[1] for line in lines if line.startswith("2026-01-01")]
    assert first_day.index("update-priorities") < first_day.index("finetune")
