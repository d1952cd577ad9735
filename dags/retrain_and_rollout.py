"""
### What it does
Weekly, for the last whole day D of the week:

1. waits until `daily_compression` is done with D;
2. trains on the last `window_days` days, from what `production` was before them, on the branch
   `retrain-<D>` of the lake, and compresses, measures and publishes it to the ref of that name;
3. canary: judges it against what `production` is, on examples of D that neither was trained on;
   it must be shown to be no worse, by the config's gates;
4. asks a person, under Required Actions;
5. promotes it, if `production` is still what it was judged against;
6. watches: judges both on the whole of the day after D, or of the promotion where that is later,
   and rolls `production` back if the new one is shown to be worse.

The daily runs neither see the branch nor wait for it. It belongs with `release.promotion: manual`:
with `automatic`, the next day that passes its gates moves `production` on to its own snapshot.

### When a task has failed
| task | what it means | what you do |
|---|---|---|
| wait-for-day | the daily run of D is not done in time | mend it, clear this task |
| train, 78 | no move of `production` from before the window is kept | trigger with another \
`warm_start`, or an empty one |
| canary, 79 | a gate of its own failed, or it is not shown to be no worse | nothing: `production` \
stays; its report is on the branch |
| canary, 78 | `production` was trained on D or later days | trigger with a later `date` |
| promote, 76 | `production` was moved since the canary | trigger a new run |
| wait-for-traffic, watch | not known how the new one does; `production` stays | mend, clear the \
task, or roll back by the DAG `release` |
| rollback, 75 or 76 | not known whether it is rolled back | look at `release history` |
| broken | the new one was shown to be worse; `production` is rolled back already | look at both \
reports |

### By hand
Trigger it with `date` for another last day, with `window_days` for another window.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG, CronDataIntervalTimetable, Param, task
from airflow.sdk.exceptions import AirflowFailException
from shark_airflow.assets import PRODUCTION
from shark_airflow.branch_tasks import branch_tasks
from shark_airflow.job_task import JobTask
from shark_airflow.needs import GPU
from shark_airflow.params import CONFIG, CONFIG_PARAM, WARM_START, WARM_START_PARAM, day_param
from shark_airflow.schedule import minutes, read_schedule, task_defaults
from shark_airflow.waiting import wait_for

SCHEDULE = read_schedule()
A_DAY = timedelta(days=1)  # it may have begun only now
ROLLOUT = SCHEDULE.retrain_and_rollout
LAST = (
    "(params.date or macros.ds_add(data_interval_end | default(dag_run.run_after, true) | ds, -1))"
)
DAY = "{{ " + LAST + " }}"
FIRST_DAY = "{{ macros.ds_add(" + LAST + ", 1 - params.window_days) }}"
DAY_TO_WATCH = "{{ ti.xcom_pull(task_ids='day-to-watch') }}"
BRANCH = f"retrain-{DAY}"
NEW = "{{ ti.xcom_pull(task_ids='canary').snapshot }}"
OLD = "{{ ti.xcom_pull(task_ids='canary').against }}"
QUESTION = """\
{% set c = ti.xcom_pull(task_ids='canary') %}\
Snapshot **{{ c.snapshot }}**, retrained on {{ params.window_days }} days, against \
**{{ c.against }}**, which is production now; {{ '{:,}'.format(c.examples) }} examples of its last \
day, which neither was trained on.

| | production | retrained | difference |
|---|---|---|---|
| AUC | {{ '%.4f' % c.auc_against }} | {{ '%.4f' % c.auc }} | {{ '%+.5f' % c.auc_difference }} |
| log-loss | {{ '%.4f' % c.log_loss_against }} | {{ '%.4f' % c.log_loss }} \
| {{ '%+.5f' % c.log_loss_difference }} |

{% for name, said in c.guards.items() %}- {{ name }}: {{ said }}
{% endfor %}"""

with DAG(
    dag_id="retrain_and_rollout",
    description="Retrain on a window, compress, prove, ask, promote, watch, roll back if broken.",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable(ROLLOUT.schedule, timezone="UTC"),
    start_date=SCHEDULE.start_date,
    catchup=False,
    max_active_runs=1,  # one candidate for production at a time
    params={
        "config": CONFIG_PARAM,
        "date": day_param("Last day", "The last day to train on. Empty: that of the interval."),
        "window_days": Param(
            ROLLOUT.window_days, type="integer", minimum=1, description="How many days to train on."
        ),
        "warm_start": WARM_START_PARAM,
        "watch_date": day_param(
            "Day to watch", "Later than the last day. Empty: the day of the promotion, at least."
        ),
    },
    default_args=task_defaults(SCHEDULE),
    tags=["compression", "embedding-tables", "rollout", "approval"],
):
    wait_for_day = wait_for("wait-for-day", DAY, "report", ROLLOUT)
    first, last = branch_tasks(
        CONFIG, DAY, BRANCH, {"--since": FIRST_DAY, "--warm-start": WARM_START}
    )
    canary = JobTask(
        verb="shadow-evaluate",
        options={
            "--config": CONFIG,
            "--snapshot": BRANCH,
            "--against": "production",
            "--date": DAY,
        },
        task_id="canary",
        **GPU,
        answers=True,
    )
    ask = ApprovalOperator(
        task_id="ask",
        subject=f"Roll out the model retrained up to {DAY}?",
        body=QUESTION,
        defaults=ApprovalOperator.REJECT,
        response_timeout=minutes(ROLLOUT.approval_minutes),
    )
    promote = JobTask(
        verb="release promote",
        options={"--config": CONFIG, "--ref": "production", "--snapshot": NEW, "--expect": OLD},
        task_id="promote",
        outlets=[PRODUCTION],
    )

    @task(task_id="day-to-watch")
    def day_to_watch(last_day: str, chosen: str) -> str:
        """A person may take days to answer: the day of the promotion, not one before it."""
        following = date.fromisoformat(last_day) + timedelta(days=1)
        return chosen or str(max(following, datetime.now(UTC).date()))

    wait_for_traffic = wait_for("wait-for-traffic", DAY_TO_WATCH, "ingest", ROLLOUT, extra=A_DAY)
    watch = JobTask(
        verb="shadow-evaluate",
        options={"--config": CONFIG, "--snapshot": NEW, "--against": OLD, "--date": DAY_TO_WATCH},
        flags=["--not-broken"],
        task_id="watch",
        **GPU,
        judges=True,
    )

    @task.branch(task_id="guard")
    def guard(verdict: Any) -> str:
        return "rolled-out" if verdict["passed"] else "rollback"

    # `expect`: had somebody moved production since, this would take back their move.
    rollback = JobTask(
        verb="release rollback",
        options={"--config": CONFIG, "--ref": "production", "--expect": NEW},
        task_id="rollback",
        outlets=[PRODUCTION],
        retries=0,  # where it was done although its reply was lost, another attempt is refused
    )

    @task(task_id="broken", retries=0)
    def broken(verdict: Any) -> None:
        """The run has failed, and people are told, although production is safe again."""
        raise AirflowFailException(f"production was rolled back\n{verdict['said']}")

    wait_for_day >> first
    last >> canary >> ask >> promote
    promote >> day_to_watch(DAY, "{{ params.watch_date or '' }}") >> wait_for_traffic >> watch
    guard(watch.output) >> [EmptyOperator(task_id="rolled-out"), rollback]
    rollback >> broken(watch.output)
