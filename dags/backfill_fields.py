"""
### What it does
Gives fields that were added to the config their past, and shows what a model would be that had
always had them:

1. `plan` says which (field, day) partitions lack counts, how many records that are, and how many
   bytes of traffic are to be read; with `dry_run` that is all;
2. `count`, a task for each such day, counts the fields in the day's traffic: `daily_compression`
   takes these counts in with its next `update-priorities`;
3. `examples`, a task for each day from `start` on, writes the day's examples with the new fields to
   the branch `backfill-<run>` of the lake;
4. on that branch: priorities, training over the days from `start` on, compression, gates,
   publication to the ref `backfill-<run>`;
5. `compare` judges it against what `production` was by then, on examples that neither was trained
   on; its XCom says whether it is shown to be no worse.

`daily_compression` is not disturbed: the branch is beside its days, refs of daily runs do not move.

### Before
The fields are in the config. A field with encoding `vocabulary` needs a day that was ingested with
it: its values get their rows there.

### After
A person compares, and promotes or does not:

    python -m jobs snapshots diff  --config FILE production backfill-<run>
    python -m jobs release promote --config FILE --ref production --snapshot backfill-<run>

### When a task has failed
Clear it: what is counted and written already is not made again. 65 says that a day's traffic is not
what it was, or is gone: restore it, or begin later. Of `train`, 78 says that no move of
`production` from before `start` is kept, 65 that there is no `production` at all: trigger with
another `warm_start`, or an empty one. Where only `compare` fails so, the snapshot is published.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from airflow.sdk import DAG, Param, task
from shark_airflow.branch_tasks import RUN_ID, branch_tasks
from shark_airflow.job_task import JobTask
from shark_airflow.needs import GPU, SPARK
from shark_airflow.params import (
    CONFIG,
    CONFIG_PARAM,
    DAY,
    REASON_PARAM,
    WARM_START,
    WARM_START_PARAM,
)
from shark_airflow.schedule import read_schedule, task_defaults

SCHEDULE = read_schedule()
AT_ONCE = SCHEDULE.backfill_fields.days_at_once
BRANCH = "backfill-{{ dag_run.run_after | ts_nodash | lower }}"
LAST_DAY = "{{ macros.ds_add(params.end, -1) }}"
FIELDS = {"--config": CONFIG, "--fields": "{{ params.fields | join(',') }}", "--run-id": RUN_ID}
INTERVAL = {"--start": "{{ params.start }}", "--end": "{{ params.end }}"}


def a_day(description: str) -> Param:
    return Param(type="string", pattern=f"^{DAY}$", description=description)


with DAG(
    dag_id="backfill_fields",
    description="Count new fields in the past, train with them beside the daily runs, publish.",
    doc_md=__doc__,
    schedule=None,
    start_date=SCHEDULE.start_date,
    max_active_runs=1,  # each on its own branch, but they would wait for the same slots
    params={
        "config": CONFIG_PARAM,
        "fields": Param(
            type="array",
            items={"type": "string"},
            minItems=1,
            description="Names of fields of the config, one a line.",
        ),
        "start": a_day("The first day."),
        "end": a_day("The day after the last one; the last is the day that is compressed."),
        "reason": REASON_PARAM,
        "warm_start": WARM_START_PARAM,
        "dry_run": Param(
            True, type="boolean", description="Only say what would be done, and what it costs."
        ),
    },
    default_args=task_defaults(SCHEDULE),
    tags=["compression", "embedding-tables", "backfill"],
):
    plan = JobTask(
        verb="backfill-counts",
        options={**FIELDS, **INTERVAL},
        flags=["--dry-run"],
        task_id="plan",
        answers=True,
        **SPARK,
    )
    plan_examples = JobTask(
        verb="backfill-examples",
        options={**FIELDS, **INTERVAL, "--branch": BRANCH},
        flags=["--dry-run"],
        task_id="plan-examples",
        answers=True,
        **SPARK,
    )

    @task.short_circuit(task_id="for-real")
    def for_real(dry_run: str) -> bool:
        return dry_run != "True"

    @task
    def each_day(figures: dict[str, Any], common: dict[str, str]) -> list[dict[str, str]]:
        """Options of a mapped task for each day that misses something."""
        following = {day: date.fromisoformat(day) + timedelta(1) for day in figures["missing_days"]}
        return [{**common, "--start": day, "--end": str(following[day])} for day in following]

    def mapped(verb: str, task_id: str, figures: Any, common: dict[str, str]) -> Any:
        task_of_a_day = JobTask.partial(
            task_id=task_id,
            verb=verb,
            max_active_tis_per_dagrun=AT_ONCE,
            map_index_template="{{ task.options['--start'] }}",
            **SPARK,
        )
        days = each_day.override(task_id=f"days-of-{task_id}")(figures, common)
        for_the_real_run >> days
        return task_of_a_day.expand(options=days)

    for_the_real_run = for_real("{{ params.dry_run }}")
    [plan, plan_examples] >> for_the_real_run
    count = mapped("backfill-counts", "count", plan.output, FIELDS)
    examples = mapped(
        "backfill-examples", "examples", plan_examples.output, {**FIELDS, "--branch": BRANCH}
    )
    of_last_day = {"--config": CONFIG, "--date": LAST_DAY, "--branch": BRANCH, "--run-id": RUN_ID}
    # Where nothing was missing, `count` and `examples` have no task and count as skipped.
    count_accesses = JobTask(
        verb="count-accesses", options=of_last_day, trigger_rule="none_failed", **SPARK
    )
    update_priorities = JobTask(verb="update-priorities", options=of_last_day, **SPARK)
    first, last = branch_tasks(
        CONFIG,
        LAST_DAY,
        BRANCH,
        {"--since": "{{ params.start }}", "--warm-start": WARM_START},
    )
    compare = JobTask(
        verb="shadow-evaluate",
        options={
            "--config": CONFIG,
            "--snapshot": BRANCH,
            "--against": "production",
            "--date": LAST_DAY,
            "--branch": BRANCH,  # where the examples have the fields
        },
        flags=["--as-of"],
        task_id="compare",
        judges=True,
        **GPU,
    )
    [count, examples] >> count_accesses >> update_priorities >> first
    last >> compare
