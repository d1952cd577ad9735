"""
### What it does
Moves a ref of a model, `production` as a rule: to a snapshot (`promote`), or back to what it
pointed to before (`rollback`). One small write; no table is copied. Serving sees it at its next
look.

### When
For those on call who have Airflow and no shell. On a shell:

    python -m jobs release promote  --config FILE --ref production --snapshot 3f9a1c
    python -m jobs release rollback --config FILE --ref production

### After a rollback
Pause `daily_compression`, or set `release.promotion: manual` in the config: else the next day that
passes its gates moves the ref again.

### When it fails
76: the ref was moved in the meantime; look at `release history` and decide again. 79: a gate of the
snapshot failed; promote another one, or, on a shell, with `--despite-failed-gates`. 65: there is no
such snapshot, or nothing to roll back to. 78: not a name of a ref.
"""

from __future__ import annotations

from airflow.sdk import DAG, Param, task
from shark_airflow.assets import PRODUCTION
from shark_airflow.job_task import JobTask
from shark_airflow.params import CONFIG, CONFIG_PARAM, REASON_PARAM
from shark_airflow.schedule import read_schedule, task_defaults

SCHEDULE = read_schedule()
COMMON = {
    "--config": CONFIG,
    "--ref": "{{ params.ref }}",
    "--expect": "{{ params.expect or '' }}",
}

with DAG(
    dag_id="release",
    description="Promote a snapshot, or roll a ref back.",
    doc_md=__doc__,
    schedule=None,
    start_date=SCHEDULE.start_date,
    max_active_runs=1,  # one move at a time
    params={
        "config": CONFIG_PARAM,
        "action": Param("promote", enum=["promote", "rollback"], description="What to do."),
        "ref": Param(
            "production",
            type="string",
            pattern="^[a-z][a-z0-9._-]{0,99}$",
            description="The ref to move.",
        ),
        "snapshot": Param(
            "candidate",
            type="string",
            description="To promote: an id, at least 6 digits that it begins with, or a ref.",
        ),
        "expect": Param(
            "",
            type=["string", "null"],
            pattern="^([0-9a-f]{16})?$",
            description="Refuse unless the ref points to this snapshot now. Empty: any.",
        ),
        "reason": REASON_PARAM,
    },
    default_args=task_defaults(SCHEDULE),
    tags=["embedding-tables", "release"],
):

    @task.branch(task_id="choose")
    def choose(action: str) -> str:
        return action

    promote = JobTask(
        verb="release promote",
        options={**COMMON, "--snapshot": "{{ params.snapshot }}"},
        task_id="promote",
        outlets=[PRODUCTION],
        answers=True,
        retries=0,
    )
    # Neither is repeated by itself: somebody may have moved the ref since, and a rollback whose
    # reply was lost would go back twice.
    rollback = JobTask(
        verb="release rollback",
        options=COMMON,
        task_id="rollback",
        outlets=[PRODUCTION],
        answers=True,
        retries=0,
    )
    choose("{{ params.action }}") >> [promote, rollback]
