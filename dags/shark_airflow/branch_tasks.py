"""The jobs that train, compress and publish on a branch of the lake, one after another."""

from __future__ import annotations

from collections.abc import Mapping

from airflow.sdk import chain

from shark_airflow.job_task import JobTask
from shark_airflow.needs import needs_of

RUN_ID = "{{ run_id }}"
VERBS = (
    "train",
    "score-fields",
    "validate-importance",
    "plan-pruning",
    "prune-fields",
    "assign-tiers",
    "finetune",
    "quantize",
    "evaluate",
    "publish",
    "report",
)


def branch_tasks(
    config: str, day: str, branch: str, training: Mapping[str, str]
) -> tuple[JobTask, JobTask]:
    """The first and the last of them; `training` are more options of `train`.

    On a branch `plan-pruning` proposes nothing: `prune-fields` carries out what is in force.
    """
    common = {"--config": config, "--date": day, "--branch": branch, "--run-id": RUN_ID}
    tasks = [
        JobTask(
            verb=verb, options={**common, **(training if verb == "train" else {})}, **needs_of(verb)
        )
        for verb in VERBS
    ]
    chain(*tasks)
    return tasks[0], tasks[-1]
