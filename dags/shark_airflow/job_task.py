"""An Airflow task that runs one job as a process of its own, and heeds its exit code.

    JobTask(verb="ingest", options={"--config": CONFIG, "--date": DAY}, **SPARK)

runs `python -m jobs ingest --config … --date …` as `shark_airflow.launch` starts it. Jobs bring
torch or Spark, Airflow needs neither: the command line is all they share.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from shark_airflow.exit_codes import GATE_FAILED, PERMANENT
from shark_airflow.job_process import JobProcess
from shark_airflow.launch import Job, LaunchError, launch
from shark_airflow.needs import PLAIN


def command_line(verb: str, options: Mapping[str, str], flags: Sequence[str]) -> list[str]:
    """What follows `python -m jobs`; an option whose value is empty is left out, so is such a flag.

    `release promote`, {"--ref": "production", "--expect": ""}, ["--json", ""]
        → release promote --ref production --json
    """
    given = [word for name, value in options.items() if value for word in (name, value)]
    return [*verb.split(), *given, *filter(None, flags)]


class JobTask(BaseOperator):
    """Run the job `verb` with `options` (name → value) and `flags`, all of them templates.

    `answers`: its result, the JSON object that `--json` prints, is the task's XCom. `judges`: a
    failed gate is an answer too, not a failure: the XCom then has `passed`, and `said`, the job's
    last lines. Raises `AirflowFailException` (no retry) for exit codes in `PERMANENT`,
    `AirflowException` (retry) for all others.
    """

    template_fields: Sequence[str] = ("options", "flags")
    ui_color = "#dce9f7"

    def __init__(
        self,
        *,
        verb: str,
        options: Mapping[str, str],
        flags: Sequence[str] = (),
        answers: bool = False,
        judges: bool = False,
        task_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(task_id=task_id or verb.replace(" ", "-"), **{**PLAIN, **kwargs})
        self.verb = verb
        # The very object: Airflow knows by it that a mapped task's options are rendered already.
        self.options = options
        self.answers = answers or judges
        self.judges = judges
        self.flags = [*flags, *(["--json"] if self.answers else [])]
        self._process: JobProcess | None = None

    @property
    def arguments(self) -> list[str]:
        return command_line(self.verb, self.options, self.flags)

    def execute(self, context: Any) -> dict[str, Any] | None:
        job = Job(self.arguments, self.pool, instance_name(context), self.execution_timeout)
        try:
            shown = shlex.join(["python", "-m", "jobs", *job.arguments])
            self._process = JobProcess(launch(job, os.environ), shown, self.log)
        except LaunchError as error:
            raise AirflowFailException(f"the launcher: {error}") from error
        answer = self._answer(self._process.run(), self._process)
        self._tell_assets(context)
        return answer

    def _answer(self, exit_code: int, process: JobProcess) -> dict[str, Any] | None:
        if self.judges and exit_code == GATE_FAILED:
            return {"passed": False, "said": process.last_lines()}
        if exit_code in PERMANENT:
            raise AirflowFailException(
                f"{self.verb} ended with {exit_code}: {PERMANENT[exit_code]}; not retried, the log "
                f"and the runbook of this DAG say what to do\n{process.last_lines()}"
            )
        if exit_code != 0:
            raise AirflowException(f"{self.verb} ended with {exit_code}; retried as the DAG allows")
        if not self.answers:
            return None
        return {"passed": True, **result_of(process.lines)}

    def _tell_assets(self, context: Any) -> None:
        """Whoever waits for an asset learns of which config and day it is."""
        for asset in self.outlets:
            context["outlet_events"][asset].extra = {
                name.lstrip("-"): value
                for name, value in self.options.items()
                if name in ("--config", "--date")
            }

    def on_kill(self) -> None:
        if self._process is not None:
            self._process.end()


def instance_name(context: Any) -> str:
    """The same for every attempt of a task instance."""
    instance = context["ti"]
    return f"{instance.dag_id} {instance.run_id} {instance.task_id} {instance.map_index}"


def result_of(lines: Sequence[str]) -> dict[str, Any]:
    """The last line that is a JSON object. Raises `AirflowFailException` where there is none."""
    for line in reversed(lines):
        if line.startswith("{"):
            try:
                return dict(json.loads(line))
            except ValueError:
                continue
    raise AirflowFailException("expected a JSON object in the job's output, found none")
