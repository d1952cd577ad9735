"""How a job is started on each platform, as command lines; `JOBS_LAUNCHER` names one.

local         <JOBS_PYTHON> -m jobs VERB …                in JOBS_FOLDER
spark-submit  spark-submit <JOBS_SPARK_SUBMIT> jobs VERB …   Spark's jobs; the others as local
kubernetes    kubectl run POD … -- python -m jobs VERB …    a pod each, of JOBS_IMAGE

All settings are the environment of Airflow's workers, read when a task runs: DAG files do not know
the platform. Whatever it is, the exit code of the command is the job's.

JOBS_PYTHON        local: interpreter with the jobs' requirements; default: Airflow's own
JOBS_FOLDER        local: the checkout; default: this one
JOBS_SPARK_SUBMIT  arguments of spark-submit, such as --master spark://HOST:7077; Spark itself reads
                   JAVA_HOME, such as <JOBS_PYTHON's prefix>/share/shark-java
JOBS_IMAGE, JOBS_GPU_IMAGE, JOBS_NAMESPACE   of the pods; without the second, all have the first
JOBS_PODS          a JSON file: pool → fragment of a PodSpec, its key `container` of the container
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
TIME_TO_END = timedelta(minutes=5)  # Airflow ends what takes too long before Kubernetes does
NAME_LENGTH = 63  # of a pod, so that it can be its host's name too

Environment = Mapping[str, str]


class LaunchError(Exception):
    """The launcher's settings do not say how to start a job."""


@dataclass(frozen=True)
class Job:
    """`arguments` of the command line; `pool` says what it needs: spark, gpu, or anything else.

    `instance` names the task instance, the same for each of its attempts, which may take `limit`.
    """

    arguments: Sequence[str]
    pool: str
    instance: str
    limit: timedelta | None


@dataclass(frozen=True)
class Launch:
    """`command` runs the job, in `folder`; `end` ends what of it may run elsewhere.

    `end` is run before the command too: of an attempt whose worker died, the job may still run.
    `environment` goes on top of the worker's own.
    """

    command: list[str]
    folder: str
    end: list[str] | None = None
    environment: Environment = field(default_factory=dict)


def launch(job: Job, environment: Environment) -> Launch:
    """Raises `LaunchError` where a setting is missing or unknown."""
    name = environment.get("JOBS_LAUNCHER") or "local"
    if name not in LAUNCHERS:
        raise LaunchError(f"JOBS_LAUNCHER: expected one of {[*LAUNCHERS]}, found {name!r}")
    return LAUNCHERS[name](job, environment)


def _local(job: Job, environment: Environment) -> Launch:
    return Launch([_python(environment), "-m", "jobs", *job.arguments], _folder(environment))


def _spark_submit(job: Job, environment: Environment) -> Launch:
    if job.pool != "spark":
        return _local(job, environment)
    given = shlex.split(_required(environment, "JOBS_SPARK_SUBMIT"))
    if "--master" not in given:
        raise LaunchError(f"JOBS_SPARK_SUBMIT: expected --master, found {shlex.join(given)!r}")
    submit, folder = Path(_python(environment)).with_name("spark-submit"), _folder(environment)
    command = [str(submit), *given, "jobs/__main__.py", *job.arguments]
    # spark-submit runs a file, whose folder alone Python would look in.
    path = os.pathsep.join(filter(None, [folder, environment.get("PYTHONPATH")]))
    own = {"PYTHONPATH": path, "PYSPARK_PYTHON": _python(environment)}
    return Launch(command, folder, environment=own)


def _kubernetes(job: Job, environment: Environment) -> Launch:
    image = _required(environment, "JOBS_IMAGE")
    if job.pool == "gpu":
        image = environment.get("JOBS_GPU_IMAGE") or image
    name, namespace = pod_name(job), f"--namespace={environment.get('JOBS_NAMESPACE') or 'default'}"
    run = ["kubectl", "run", name, namespace, f"--image={image}", "--restart=Never"]
    run += ["--attach", "--rm", "--quiet", "--pod-running-timeout=30m"]
    run += ["--override-type=strategic", f"--overrides={json.dumps(_overrides(job, environment))}"]
    # Kubernetes puts variables of the container, and so its secrets, in the place of `$(NAME)`.
    arguments = [word.replace("$(", "$$(") for word in job.arguments]
    command = [*run, "--command", "--", "python", "-m", "jobs", *arguments]
    end = ["kubectl", "delete", "pod", name, namespace, "--ignore-not-found", "--wait"]
    return Launch(command, _folder(environment), end)


LAUNCHERS: dict[str, Callable[[Job, Environment], Launch]] = {
    "local": _local,
    "spark-submit": _spark_submit,
    "kubernetes": _kubernetes,
}


def pod_name(job: Job) -> str:
    """Readable, valid, and of this task instance alone."""
    digest = hashlib.sha256(job.instance.encode()).hexdigest()[:10]
    words = re.sub(r"[^a-z0-9]+", "-", " ".join(job.arguments[:1]).lower()).strip("-")
    return f"shark-{words[: NAME_LENGTH - 17]}-{digest}"


def _overrides(job: Job, environment: Environment) -> dict[str, Any]:
    path = environment.get("JOBS_PODS")
    pods = json.loads(Path(path).read_text(encoding="utf-8")) if path else {}
    spec = dict(pods.get(job.pool) or pods.get("default") or {})
    container = {"name": pod_name(job), **spec.pop("container", {})}
    if job.limit is not None:  # a pod whose worker is lost ends by itself
        spec["activeDeadlineSeconds"] = int((job.limit + TIME_TO_END).total_seconds())
    return {"apiVersion": "v1", "spec": {**spec, "containers": [container]}}


def _python(environment: Environment) -> str:
    return environment.get("JOBS_PYTHON") or sys.executable


def _folder(environment: Environment) -> str:
    return environment.get("JOBS_FOLDER") or str(CHECKOUT)


def _required(environment: Environment, name: str) -> str:
    if not environment.get(name):
        launcher = environment.get("JOBS_LAUNCHER")
        raise LaunchError(f"{name} is not set: JOBS_LAUNCHER={launcher} needs it")
    return environment[name]
