"""
### What it does
Says which branches of the lake nobody has written to for 30 days (of rollouts and backfills), which
snapshots no ref needs any more, and which data belongs to no snapshot; with `apply` it removes
them. The weekly run is a dry run; its results are in the XComs of the tasks.

A branch goes with its ref, and stays while another ref, such as `production`, has its snapshot.
What a ref pointed to in its last 10 moves or 30 days stays, whatever that is read from stays, and
no snapshot younger than a day is touched. It may run beside publishes.

### To remove
Read the last dry run, then trigger this DAG with `apply`. In the dry run the snapshots of branches
that go are kept, as their refs are there still; with `apply` they go too.

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
    description="Say weekly which branches and snapshots may go; remove them when asked to.",
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
        # More than a rollout or a backfill may wait for a person.
        "keep_branch_days": Param(
            30, type="integer", minimum=7, description="Days since a branch was written to."
        ),
    },
    default_args=task_defaults(SCHEDULE),
    tags=["embedding-tables", "upkeep"],
):
    APPLY = ["{{ '--apply' if params.apply else '--dry-run' }}"]
    branches = JobTask(
        verb="branches expire",
        options={"--config": CONFIG, "--keep-days": "{{ params.keep_branch_days }}"},
        flags=APPLY,
        task_id="expire-branches",
        answers=True,
    )
    snapshots = JobTask(
        verb="snapshots expire",
        options={
            "--config": CONFIG,
            "--keep-days": "{{ params.keep_days }}",
            "--keep-entries": "{{ params.keep_entries }}",
        },
        flags=APPLY,
        task_id="expire-snapshots",
        answers=True,
    )
    branches >> snapshots
