"""A `jobs` that ends as it is told, and a task that runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shark_airflow.job_task import JobTask

FAKE_JOBS = """\
import os, subprocess, sys, time
verb, day = sys.argv[1], sys.argv[sys.argv.index("--date") + 1]
print("out", verb, day, flush=True)
print("err", sorted(n for n in os.environ if n.startswith("AIRFLOW")), file=sys.stderr, flush=True)
if verb == "ingest":
    if "--json" in sys.argv:
        print('{"headline": "done", "snapshot": "3f9a1c"}')
        print("a line after it", file=sys.stderr)
    sys.exit(int(os.environ["FAKE_EXIT_CODE"]))
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open("child.pid", "w").write(str(child.pid))
time.sleep(600)
"""

OPTIONS = {"--config": "c.yaml", "--date": "2026-01-02", "--run-id": "r", "--branch": ""}


class Instance:
    dag_id, run_id, task_id, map_index = "daily", "r", "ingest", -1


CONTEXT = {"ti": Instance()}


def ingest(job: type[JobTask], **more: Any) -> Any:
    return job(verb="ingest", options=OPTIONS, **more).execute(CONTEXT)
