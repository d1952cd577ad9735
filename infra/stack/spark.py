"""SPARK=standalone: the cluster of `infra.spark` as a part of the stack."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping

from infra.airflow.settings import CHECKOUT, LOOPBACK
from infra.processes.service import Command
from infra.spark.options import DEFAULT_SIZE
from infra.stack.folder import StackFolder
from infra.stack.part import Part
from infra.stack.ports import answers


def spark_part(folder: StackFolder, port: int, environment: Mapping[str, str]) -> Part:
    """Executors inherit `environment`: it says which S3 they read."""
    files = folder.path / "spark"

    def prepare() -> None:
        """What a cluster leaves that was killed goes; this folder holds nothing else."""
        shutil.rmtree(files, ignore_errors=True)
        files.mkdir()

    command = Command(
        name="spark",
        arguments=[
            *(sys.executable, "-m", "infra.spark"),
            *("--port", str(port), "--folder", str(files)),
        ],
        folder=CHECKOUT,
        log=folder.log("spark"),
        environment={**environment, "PYTHONUNBUFFERED": "1"},
        stop_first_only=True,  # it ends master and workers itself, and removes their files
    )
    return Part(command, lambda: answers(port), port="spark_port", prepare=prepare)


def section(port: int) -> dict[str, object]:
    """Of a pipeline config; executors have the whole memory of a worker."""
    return {"master": url(port), "executor_memory": DEFAULT_SIZE.memory}


def url(port: int) -> str:
    return f"spark://{LOOPBACK}:{port}"
