"""
### What it does
Asks a person about the newest pruning plan that waits. It runs when a day's report is there, or by
hand. Airflow shows the request under Required Actions: fields, bytes, predicted loss, warnings, and
the report. Approve: the plan is in force, and the next day's `prune-fields` carries it out. Reject:
its set of fields is not proposed again; `note` is the reason. No answer within
`review_pruning.approval_minutes` of schedule.toml rejects it.

Who, when and why are kept with the plan:

    python -m jobs plans show --config FILE --plan ID

### To carry an approved plan out at once
Clear `prune-fields` of the day's run of `daily_compression`, with everything downstream.

### To change a decision
`python -m jobs plans approve` takes a rejected plan too, `plans reject` withdraws an approved one.

### When it fails
76: somebody decided on the plan in the meantime, on a shell perhaps. Nothing to do.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import DAG, Param, task
from shark_airflow.assets import REPORT
from shark_airflow.job_task import JobTask
from shark_airflow.params import CONFIG, CONFIG_PARAM
from shark_airflow.schedule import minutes, read_schedule, task_defaults

SCHEDULE = read_schedule()
HOURS = SCHEDULE.review_pruning.approval_minutes / 60
NO_ANSWER = f"Without an answer within {HOURS:g} hours it is rejected."
APPROVE, REJECT = "Approve", "Reject"
TASK_OF = {APPROVE: "approve", REJECT: "reject"}
# The config of the day whose report is there; a run by hand has no such event.
CONFIG_OF_DAY = (
    "{% set events = triggering_asset_events.values() | first | default([]) %}"
    "{{ (events | last).extra.config if events else '' }}"
)
ANSWER = "ti.xcom_pull(task_ids='ask')"
PLAN = "{{ ti.xcom_pull(task_ids='find-plan').plan }}"
# Airflow names nobody where it has taken the default, since the time was over.
WHO = "{{ (%s.responded_by_user or {}).get('name') or 'nobody: no answer in time' }}" % ANSWER  # noqa: UP031
WHY = "{{ %s.params_input.get('note') or 'in Airflow, run ' ~ run_id }}" % ANSWER  # noqa: UP031

with DAG(
    dag_id="review_pruning",
    description="Ask a person about the pruning plan that waits.",
    doc_md=__doc__,
    schedule=[REPORT],
    start_date=SCHEDULE.start_date,
    catchup=False,
    max_active_runs=1,  # a plan is asked about once
    params={"config": CONFIG_PARAM},
    default_args=task_defaults(SCHEDULE),
    tags=["embedding-tables", "pruning", "approval"],
):
    config = CONFIG_OF_DAY + "{% if not events %}" + CONFIG + "{% endif %}"
    find_plan = JobTask(
        verb="plans waiting", options={"--config": config}, task_id="find-plan", answers=True
    )

    @task.short_circuit(task_id="is-there-one")
    def is_there_one(plan: Any) -> bool:
        return plan not in (None, "None")

    ask = HITLOperator(
        task_id="ask",
        subject="{{ ti.xcom_pull(task_ids='find-plan').subject }}",
        body="{{ ti.xcom_pull(task_ids='find-plan').body }}\n\n" + NO_ANSWER,
        options=[APPROVE, REJECT],
        defaults=REJECT,
        response_timeout=minutes(SCHEDULE.review_pruning.approval_minutes),
        params={
            "note": Param("", type=["string", "null"], title="Why", description="Kept with it.")
        },
    )

    @task.branch(task_id="choose")
    def choose(answer: Any) -> str:
        return TASK_OF[answer["chosen_options"][0]]

    decision = {"--config": config, "--plan": PLAN, "--by": WHO, "--note": WHY}
    approve = JobTask(verb="plans approve", options=decision, task_id="approve", answers=True)
    reject = JobTask(verb="plans reject", options=decision, task_id="reject", answers=True)

    find_plan >> is_there_one(PLAN) >> ask
    choose(ask.output) >> [approve, reject]
