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
| 65 | data missing, malformed or outside its contract | repair the traffic, clear `ingest` |
| 76 | somebody moved a ref, or decided on a plan | `release show`, `plans list`; clear the task |
| 78, 2 | pipeline config or argument not valid | correct the file named, clear the task |
| 79 | a gate failed: not within its limit | read the report; `production` is unchanged |
| 70 | a defect in SHARK | file it with the log |
| 75, −9, others | storage or cluster trouble, killed | clear the task when it is over |

Only those of the last line are retried, three times, waiting longer each time.

Bad records do not fail a day before their share passes `ingest.max_quarantined_share`; they lie in
`quarantine/ds=<day>` with a reason each.

### To approve a pruning plan
`plan-pruning` proposes; with `pruning.approval: manual` (the default) nothing is pruned before a
person has decided:

    python -m jobs plans list    --config FILE
    python -m jobs plans show    --config FILE --plan ID
    python -m jobs plans approve --config FILE --plan ID
    python -m jobs plans reject  --config FILE --plan ID --note "why"

The newest approved plan is in force from its day on, until a newer one is approved or it is
rejected. To carry it out on a day that has run already, clear that run's `prune-fields` with
everything downstream. `prune-fields` keeps fields whose removal, measured, costs too much.

### To run a day again, or days of the past
Clear the run's `ingest` task with everything downstream, oldest day first: later days build on
earlier ones (row ids, priorities, warm start, tiers). Or, for a range of days:

    airflow backfill create --dag-id daily_compression --from-date 2026-01-01 \\
        --to-date 2026-01-03 --reprocess-behavior completed

Nothing is caught up by itself after a pause: backfill the days that you want. Priorities alone
need no order: the next `update-priorities` adds counts that came late or were made again, decays
by calendar days, and warns of days that have no counts.

### To roll back
    python -m jobs release history --config FILE --ref production
    python -m jobs release rollback --config FILE --ref production

One small write; tables stay where they are. Then pause this DAG, or set `release.promotion: manual`
in the config, so that the next day does not move `production` again.

### To free space
    python -m jobs snapshots expire --config FILE
    python -m jobs snapshots expire --config FILE --apply

Without `--apply` it only says what would go. What a ref pointed to lately stays, and what is young.

### Order
`ingest`, `update-priorities`, `train`, `plan-pruning`, `assign-tiers` and `publish` wait for their
own run of the day before. A day that can never succeed holds the later ones: mark its failed task
as success to let them go on without it. `release-candidate` waits for nobody: a day whose gates
failed does not hold the next one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, CronDataIntervalTimetable, Param
from job_task import JobTask

CONFIG = "{{ params.config or var.value.get('shark_config', 'infra/config/demo.yaml') }}"

with DAG(
    dag_id="daily_compression",
    description="Prune fields, quantize rows, prove, publish: one day of one model.",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable("@daily", timezone="UTC"),
    start_date=datetime(2022, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=3,
    params={
        "config": Param(
            "",
            type="string",
            title="Pipeline config",
            description=(
                "YAML file of the model, relative to the checkout. Empty: the Airflow Variable "
                "shark_config, else infra/config/demo.yaml."
            ),
        )
    },
    default_args={
        "owner": "recommender-platform",
        "retries": 3,
        "retry_delay": timedelta(minutes=1),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=30),
    },
    tags=["compression", "embedding-tables", "daily"],
):
    ingest = JobTask(verb="ingest", config=CONFIG, depends_on_past=True)  # row ids are append-only
    count_accesses = JobTask(verb="count-accesses", config=CONFIG)
    update_priorities = JobTask(verb="update-priorities", config=CONFIG, depends_on_past=True)
    train = JobTask(verb="train", config=CONFIG, depends_on_past=True)  # warm start
    score_fields = JobTask(verb="score-fields", config=CONFIG)
    validate_importance = JobTask(verb="validate-importance", config=CONFIG)
    plan_pruning = JobTask(verb="plan-pruning", config=CONFIG, depends_on_past=True)  # plan log
    prune_fields = JobTask(verb="prune-fields", config=CONFIG)
    assign_tiers = JobTask(verb="assign-tiers", config=CONFIG, depends_on_past=True)  # hysteresis
    finetune = JobTask(verb="finetune", config=CONFIG)
    quantize = JobTask(verb="quantize", config=CONFIG)
    evaluate = JobTask(verb="evaluate", config=CONFIG)
    publish = JobTask(verb="publish", config=CONFIG, depends_on_past=True)  # has a parent snapshot
    report = JobTask(verb="report", config=CONFIG)
    release_candidate = JobTask(verb="release-candidate", config=CONFIG)

    ingest >> count_accesses >> update_priorities >> assign_tiers
    ingest >> train >> score_fields >> validate_importance >> plan_pruning
    plan_pruning >> prune_fields >> assign_tiers
    assign_tiers >> finetune >> quantize >> evaluate >> publish >> report >> release_candidate
