"""
### What it does
Says which snapshots no ref needs any more, and which data belongs to no snapshot; with `apply` it
removes them. The weekly run is a dry run; its result is in the XCom of the task.

What a ref pointed to in its last 10 moves or 30 days stays, whatever that is read from stays, and
nothing younger than a day is touched. It may run beside publishes.

### To remove
Read the last dry run, then trigger this DAG with `apply`.

### When it fails
65: a log or a manifest is damaged, and then nothing is removed; `python -m jobs snapshots fsck`
names it.
"""

from __future__ import annotations

from airflow.sdk import DAG, CronDataIntervalTimetable, Param
from shark_airflow.job_task import JobTask
from shark_airflow.params import CONFIG, CONFIG_PARAM
from shark_airflow.schedule import read_schedule, task_defaults

SCHEDULE = read_schedule()

with DAG(
    dag_id="expire_snapshots",
    description="Say weekly which snapshots may go; remove them when asked to.",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable(SCHEDULE.expire_snapshots.schedule, timezone="UTC"),
    start_date=SCHEDULE.start_date,
    catchup=False,
    max_active_runs=1,  # two at once are safe, but leave data to the next
    params={
        "config": CONFIG_PARAM,
        "apply": Param(False, type="boolean", description="Remove; else only say what may go."),
        "keep_entries": Param(10, type="integer", minimum=1, description="Moves of a ref kept."),
        "keep_days": Param(30, type="integer", minimum=0, description="Days of a ref kept."),
    },
    default_args=task_defaults(SCHEDULE),
    tags=["embedding-tables", "upkeep"],
):
    JobTask(
        verb="snapshots expire",
        options={
            "--config": CONFIG,
            "--keep-entries": "{{ params.keep_entries }}",
            "--keep-days": "{{ params.keep_days }}",
        },
        flags=["{{ '--apply' if params.apply else '--dry-run' }}"],
        task_id="expire",
        answers=True,
    )
