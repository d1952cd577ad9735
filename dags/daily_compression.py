"""
### What it does
One run compresses one UTC day of one model: it reads `traffic/ds=<day>` and ends with a published
snapshot of the model's tables, its report, and, if the gates pass and the config allows, the ref
`production` moved to it. Each task is one job, which you can run by hand with the command that
opens its log:

    python -m jobs ingest --config infra/config/demo.yaml --date 2026-01-01

Jobs overwrite exactly their own partition and switch readers over last, so a task can be cleared
and run again at any time. A day's content depends on that day and on the days before it.

### When a task has failed
The last lines of its log say what was expected, what was found, where, and what to do.

| exit code | meaning | what you do |
|---|---|---|
| 65 | data missing, malformed or outside its contract | repair it, clear the task |
| 76 | somebody moved a ref, or decided on a plan | `release show`, `plans list`; clear the task |
| 78, 2 | pipeline config or argument not valid | correct the file named, clear the task |
| 79 | a gate failed: not within its limit | read the report; `production` is unchanged |
| 70 | a defect in SHARK | file it with the log |
| 75, −9, others | storage or cluster trouble, killed | clear the task when it is over |

Clear a task with everything downstream: what failed behind it does not run again by itself.

Only those of the last line are retried, three times, waiting longer each time.

Bad records do not fail a day before their share passes `ingest.max_quarantined_share`; they lie in
`quarantine/ds=<day>` with a reason each.

### To approve a pruning plan
`plan-pruning` proposes; with `pruning.approval: manual` (the default) nothing is pruned before a
person has decided. The DAG `review_pruning` asks, when the day's report is there: Airflow shows the
request under Required Actions. Or by hand:

    python -m jobs plans list    --config FILE
    python -m jobs plans show    --config FILE --plan ID
    python -m jobs plans approve --config FILE --plan ID
    python -m jobs plans reject  --config FILE --plan ID --note "why"

The newest approved plan is in force from its day on, until a newer one is approved or it is
rejected. To carry it out on a day that has run already, clear that run's `prune-fields` with
everything downstream. `prune-fields` keeps fields whose removal, measured, costs too much.

### To run a day again, or days of the past
For one day, trigger this DAG with that day at midnight (UTC) as its logical date, once the day is
over; Airflow shows the day before as its data interval. Any other moment, or none, means the last
day that was over by then, and neither later days nor rollouts wait for that run. Of a day that has
run, clear the run's `ingest` with everything downstream, oldest day first: later days build on
earlier ones (row ids, priorities, warm start, tiers). Or, for a range of days:

    airflow backfill create --dag-id daily_compression --from-date 2026-01-01 \\
        --to-date 2026-01-03 --reprocess-behavior completed

Nothing is caught up by itself after a pause, unless schedule.toml says `catchup = true`: backfill
the days that you want. Priorities alone
need no order: the next `update-priorities` adds counts that came late or were made again, decays
by calendar days, and warns of days that have no counts.

### To roll back
    python -m jobs release history --config FILE --ref production
    python -m jobs release rollback --config FILE --ref production

One small write; tables stay where they are. Then pause this DAG, or set `release.promotion: manual`
in the config, so that the next day does not move `production` again.

The DAG `release` does the same, for those who have Airflow only.

### To free space
The DAG `expire_snapshots` says weekly what may go; trigger it with `apply` to remove it, or

    python -m jobs branches  expire --config FILE --apply
    python -m jobs snapshots expire --config FILE --apply

What a ref pointed to lately stays, and what is young.

### To be told
Failures and missed deadlines are logged as `alert`, and sent to where the Airflow connection
`shark_alerts` points: `http`, `https` (a POST of JSON) or `smtp`, `smtps` (a mail to its `to`). Of
missed deadlines it tells only where it comes from the environment, AIRFLOW_CONN_SHARK_ALERTS.

### Pools
Spark's jobs wait for a slot of the pool `spark`, those on models for one of `gpu`. Without these
pools no task runs: `airflow pools import infra/airflow/pools.json`.

### Order
`ingest`, `update-priorities`, `train`, `plan-pruning`, `assign-tiers` and `publish` wait for their
own run of the day before. A day that can never succeed holds the later ones: mark its failed task
and everything downstream as success to let them go on without it. Where it has not trained, the
next one trains from scratch.
`release-candidate` waits for nobody: a day whose gates failed does not hold the next one. Up to
`max_active_runs` days are under way at once, each behind the one before; times, retries and limits
are in `dags/schedule.toml`.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, CronDataIntervalTimetable
from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference
from shark_airflow.alerts import alert_deadline
from shark_airflow.assets import MADE_BY
from shark_airflow.branch_tasks import RUN_ID
from shark_airflow.job_task import JobTask
from shark_airflow.needs import needs_of
from shark_airflow.params import CONFIG, CONFIG_PARAM
from shark_airflow.schedule import minutes, read_schedule, task_defaults

SCHEDULE = read_schedule()
DAILY = SCHEDULE.daily_compression
A_DAY = timedelta(days=1)
# A run is of the day that begins at its logical date, as scheduled and backfilled ones are. By hand
# it may be any moment, or none, which is now: then it is of the last day that was over by then.
MOMENT = "(logical_date | default(dag_run.run_after, true))"
AT_MIDNIGHT = f"not {MOMENT}.strftime('%H%M%S%f') | int"
DAY = f"{{{{ macros.ds_add({MOMENT} | ds, 0 if {AT_MIDNIGHT} else -1) }}}}"
OPTIONS = {"--config": CONFIG, "--date": DAY, "--run-id": RUN_ID}


def day_task(verb: str, depends_on_past: bool = False) -> JobTask:
    outlets = [MADE_BY[verb]] if verb in MADE_BY else []
    return JobTask(
        verb=verb,
        options=OPTIONS,
        **needs_of(verb),
        outlets=outlets,
        depends_on_past=depends_on_past,
    )


with DAG(
    dag_id="daily_compression",
    description="Prune fields, quantize rows, prove, publish: one day of one model.",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable("@daily", timezone="UTC"),
    start_date=SCHEDULE.start_date,
    catchup=DAILY.catchup,
    max_active_runs=DAILY.max_active_runs,
    # Not DAGRUN_QUEUED_AT: Airflow 3.3 then clears no run whose deadline is to come (apache/airflow
    # issue 70368). `alert_deadline` says nothing of days of the past.
    deadline=DeadlineAlert(
        reference=DeadlineReference.DAGRUN_LOGICAL_DATE,
        interval=A_DAY + minutes(DAILY.deadline_minutes),
        callback=SyncCallback(alert_deadline, kwargs={"minutes": DAILY.deadline_minutes}),
    ),
    params={"config": CONFIG_PARAM},
    default_args=task_defaults(SCHEDULE, priority=10),  # before backfills and rollouts
    tags=["compression", "embedding-tables", "daily"],
):
    ingest = day_task("ingest", depends_on_past=True)  # row ids are append-only
    count_accesses = day_task("count-accesses")
    update_priorities = day_task("update-priorities", depends_on_past=True)
    train = day_task("train", depends_on_past=True)  # warm start
    score_fields = day_task("score-fields")
    validate_importance = day_task("validate-importance")
    plan_pruning = day_task("plan-pruning", depends_on_past=True)  # plan log
    prune_fields = day_task("prune-fields")
    assign_tiers = day_task("assign-tiers", depends_on_past=True)  # hysteresis
    finetune = day_task("finetune")
    quantize = day_task("quantize")
    evaluate = day_task("evaluate")
    publish = day_task("publish", depends_on_past=True)  # has a parent snapshot
    report = day_task("report")
    release_candidate = day_task("release-candidate")

    ingest >> count_accesses >> update_priorities >> assign_tiers
    ingest >> train >> score_fields >> validate_importance >> plan_pruning
    plan_pruning >> prune_fields >> assign_tiers
    assign_tiers >> finetune >> quantize >> evaluate >> publish >> report >> release_candidate
