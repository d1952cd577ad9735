"""How a job is started on each platform: the command lines, and what settings they need."""

from __future__ import annotations

import json
import shlex
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from shark_airflow.launch import Job, Launch

pytestmark = pytest.mark.airflow

ARGUMENTS = ("train", "--config", "my.yaml", "--date", "2026-01-02")
LOCAL = {"JOBS_PYTHON": "/opt/jobs/bin/python", "JOBS_FOLDER": "/opt/shark"}
SUBMIT = {**LOCAL, "JOBS_LAUNCHER": "spark-submit", "JOBS_SPARK_SUBMIT": "--master yarn"}
PODS = {
    **LOCAL,
    "JOBS_LAUNCHER": "kubernetes",
    "JOBS_IMAGE": "shark/jobs:1",
    "JOBS_NAMESPACE": "ml",
}


@pytest.fixture(autouse=True)
def _path(airflow_path: Path) -> None:
    """`shark_airflow` can be imported."""


def job(pool: str = "default_pool", instance: str = "daily r train -1") -> Job:
    from shark_airflow.launch import Job

    return Job(ARGUMENTS, pool, instance, timedelta(hours=1))


def launched(environment: dict[str, str], *of: str) -> Launch:
    from shark_airflow.launch import launch

    return launch(job(*of), environment)


def option(command: list[str], name: str) -> str:
    return next(word for word in command if word.startswith(f"{name}=")).partition("=")[2]


def test_local_runs_the_jobs_own_python_in_the_checkout() -> None:
    found = launched(LOCAL)
    assert shlex.join(found.command) == f"/opt/jobs/bin/python -m jobs {shlex.join(ARGUMENTS)}"
    assert (found.folder, found.end) == ("/opt/shark", None)


def test_sparks_jobs_are_submitted_and_the_others_are_not() -> None:
    command = shlex.join(launched(SUBMIT, "spark").command)
    assert command == (
        f"/opt/jobs/bin/spark-submit --master yarn jobs/__main__.py {shlex.join(ARGUMENTS)}"
    )
    assert launched(SUBMIT, "spark").environment["PYTHONPATH"] == "/opt/shark"
    assert launched(SUBMIT, "gpu").command == launched(LOCAL, "gpu").command


def test_each_task_instance_has_a_pod_of_its_own_and_its_attempts_the_same() -> None:
    first, again = launched(PODS), launched(PODS)
    other = launched(PODS, "default_pool", "daily r train 7")
    assert first.command == again.command
    assert first.command[2] != other.command[2]
    assert len(first.command[2]) <= 63


def test_what_is_left_of_an_earlier_attempt_goes_first() -> None:
    found = launched(PODS)
    assert found.end is not None
    assert found.end[:4] == ["kubectl", "delete", "pod", found.command[2]]
    assert {"--namespace=ml", "--ignore-not-found", "--wait"} <= {*found.end}


def test_a_pod_has_the_image_and_the_resources_of_its_pool(tmp_path: Path) -> None:
    limits = {"container": {"resources": {"limits": {"nvidia.com/gpu": 1}}}}
    pods = tmp_path / "pods.json"
    pods.write_text(json.dumps({"default": {"serviceAccountName": "jobs"}, "gpu": limits}))
    settings = {**PODS, "JOBS_PODS": str(pods), "JOBS_GPU_IMAGE": "shark/jobs:1-cuda"}
    gpu, plain = launched(settings, "gpu").command, launched(settings).command
    assert option(gpu, "--image") == "shark/jobs:1-cuda"
    assert option(plain, "--image") == "shark/jobs:1"
    (container,) = json.loads(option(gpu, "--overrides"))["spec"]["containers"]
    assert container == {"name": gpu[2], "resources": {"limits": {"nvidia.com/gpu": 1}}}
    assert json.loads(option(plain, "--overrides"))["spec"]["serviceAccountName"] == "jobs"
    assert gpu[gpu.index("--") + 1 :] == ["python", "-m", "jobs", *ARGUMENTS]


def test_a_pod_ends_by_itself_after_its_tasks_time_limit() -> None:
    spec = json.loads(option(launched(PODS).command, "--overrides"))["spec"]
    assert spec["activeDeadlineSeconds"] == 65 * 60


def test_a_pod_does_not_put_its_secrets_into_arguments() -> None:
    from shark_airflow.launch import Job, launch

    hostile = Job(("train", "--config", "$(AWS_SECRET_ACCESS_KEY)"), "gpu", "i", None)
    assert launch(hostile, PODS).command[-1] == "$$(AWS_SECRET_ACCESS_KEY)"


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"JOBS_LAUNCHER": "nomad"}, "expected one of .'local', 'spark-submit', 'kubernetes'."),
        ({"JOBS_LAUNCHER": "kubernetes"}, "JOBS_IMAGE is not set"),
        ({"JOBS_LAUNCHER": "spark-submit"}, "JOBS_SPARK_SUBMIT is not set"),
        ({**SUBMIT, "JOBS_SPARK_SUBMIT": "--deploy-mode client"}, "expected --master"),
    ],
)
def test_settings_that_are_missing_or_unknown_are_told(
    environment: dict[str, str], message: str
) -> None:
    from shark_airflow.launch import LaunchError

    with pytest.raises(LaunchError, match=message):
        launched(environment, "spark")


KUBECTL = """\
#!/bin/sh
echo "$1 $2 $3" >> "$CALLS"
[ "$1" = delete ] && exit 0
echo '{"headline": "of the pod"}'
exit 75
"""


def test_the_exit_code_of_the_pod_is_the_jobs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`kubectl run --attach` ends with what the container ended with; a script stands for it."""
    import logging

    from shark_airflow.job_process import JobProcess
    from shark_airflow.launch import launch

    kubectl = tmp_path / "kubectl"
    kubectl.write_text(KUBECTL)
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    process = JobProcess(
        launch(job(), {**PODS, "JOBS_FOLDER": str(tmp_path)}), "jobs train", logging.getLogger()
    )
    assert process.run() == 75
    assert [*process.lines] == ['{"headline": "of the pod"}']
    name = launched(PODS).command[2]
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls == [f"delete pod {name}", f"run {name} --namespace=ml"]
